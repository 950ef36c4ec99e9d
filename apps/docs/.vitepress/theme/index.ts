import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import type { Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme';
import { defineComponent, h, onBeforeUnmount, onMounted, ref } from 'vue';
import './style.css';

const wasm = {
  'tfjs-backend-wasm.wasm': plain,
  'tfjs-backend-wasm-simd.wasm': simd,
  'tfjs-backend-wasm-threaded-simd.wasm': threaded,
};

/** A place in a page for a program, which is fetched, with TensorFlow.js, only where it stands. What it returns ends it. */
const program = (run: (place: HTMLElement) => Promise<(() => void) | undefined>) =>
  defineComponent(() => {
    const place = ref<HTMLElement>();
    let stop: (() => void) | undefined;
    let left = false;
    onMounted(async () => {
      stop = await run(place.value!);
      if (left) stop?.();
    });
    onBeforeUnmount(() => {
      left = true;
      stop?.();
    });
    return () => h('div', { ref: place, class: 'train' });
  });

const TrainInPage = program(async (place) => (await import('../../page/mount.ts')).mount(place, wasm));
const PeopleInPage = program(async (place) => {
  // @boundaries-ignore the example is the page's program
  const { mount } = await import('../../../../examples/people-in-page.ts');
  await mount(place, wasm, 'auto');
  return undefined;
});

export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => {
    app.component('TrainInPage', TrainInPage);
    app.component('PeopleInPage', PeopleInPage);
  },
} satisfies Theme;
