import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-backend-webgpu';
import { heatMap, lines } from './draw.ts';
import { type EngineName, engines, imageSize, type Moment, train } from './session.ts';

const defaultSteps = 300;

/**
 * Puts the page's controls and pictures into an element.
 *
 * @param wasm where the files of `@tensorflow/tfjs-backend-wasm` are served, by their names
 * @returns ends a run that goes on
 */
export function mount(element: HTMLElement, wasm: Record<string, string>): () => void {
  setWasmPaths(wasm);
  element.innerHTML = `
    <form>
      <label>Engine <select name="engine">${engines.map((name) => `<option>${name}</option>`).join('')}</select></label>
      <label>Steps <input name="steps" type="number" min="10" max="5000" value="${defaultSteps}" /></label>
      <button>Train</button>
    </form>
    <p role="status">Ready.</p>
    <div class="curves">
      <figure><figcaption>Loss by step</figcaption><canvas data-of="loss"></canvas></figure>
      <figure><figcaption>Cosine of stored to new prototype, by age in steps</figcaption><canvas data-of="staleness"></canvas></figure>
    </div>
    <figure><figcaption>Cosines of the batch (rows) to the prototypes in memory (columns); framed: the own person</figcaption><canvas data-of="map"></canvas></figure>`;
  const find = <T extends Element>(selector: string): T => element.querySelector<T>(selector)!;
  const canvas = (name: string) => find<HTMLCanvasElement>(`canvas[data-of=${name}]`);
  const [form, button, status] = [
    find<HTMLFormElement>('form'),
    find<HTMLButtonElement>('button'),
    find('[role=status]'),
  ];

  const losses: number[] = [];
  let moment: Moment | undefined;
  const draw = (): void => {
    lines(
      canvas('loss'),
      losses.map((y, step) => ({ x: step + 1, y })),
      { low: 0 },
    );
    const points = moment?.staleness.map(({ age, cosine }) => ({ x: age, y: cosine })) ?? [];
    lines(canvas('staleness'), points, { low: 0, high: 1, dots: true });
    if (moment) heatMap(canvas('map'), moment, imageSize);
  };
  // Colours are the page's: drawn anew when these change.
  const watch = new MutationObserver(draw);
  watch.observe(document.documentElement, { attributeFilter: ['class'] });
  const resized = new ResizeObserver(draw);
  resized.observe(element);

  let running = false;
  let stopping = false;
  async function start(): Promise<void> {
    running = true;
    stopping = false;
    losses.length = 0;
    button.textContent = 'Stop';
    status.textContent = 'Starting the engine, drawing faces ...';
    const steps = Number(find<HTMLInputElement>('input').value);
    const engine = find<HTMLSelectElement>('select').value as EngineName;
    let taken = '';
    let drawn = 0;
    try {
      await train({
        ...{ engine, steps },
        onEngine: (name) => {
          taken = name;
        },
        onStep(now) {
          moment = now;
          losses.push(now.loss);
          const { step, loss, tensors, hitRate } = now;
          status.textContent = `${taken}: step ${step} of ${steps}, loss ${loss.toFixed(3)}, ${Math.round(100 * hitRate)} % of the batch's people found in memory, ${tensors} tensors`;
          element.dispatchEvent(new CustomEvent<Moment>('step', { detail: now }));
          if (performance.now() - drawn > 100 || step === steps) {
            draw();
            drawn = performance.now();
          }
          return stopping ? 'stop' : undefined;
        },
      });
      status.textContent += stopping ? '; stopped.' : '; done.';
    } catch (error) {
      status.textContent = `${engine}: ${error instanceof Error ? error.message : error}`;
      element.dispatchEvent(new CustomEvent('failure', { detail: status.textContent }));
    } finally {
      running = false;
      button.textContent = 'Train';
      element.dispatchEvent(new CustomEvent('end'));
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (running) stopping = true;
    else void start();
  });
  draw();
  return () => {
    stopping = true;
    watch.disconnect();
    resized.disconnect();
  };
}
