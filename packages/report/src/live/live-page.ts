import { createHash } from 'node:crypto';
import { Html, html } from '../html.ts';
import { style } from '../style.ts';

/** Parts of the page that are drawn anew while it is open, from top to bottom. */
export const liveParts = ['now', 'training', 'memory', 'batch'] as const;
export type LivePart = (typeof liveParts)[number];

const liveStyle = `
.state { display: inline-flex; align-items: center; gap: 8px; }
.state::before { content: ""; width: 9px; height: 9px; border-radius: 50%; background: var(--same); }
.state:is([data-state=away], [data-state=slow])::before { background: none; border: 2px solid var(--head-1); }
.state[data-state=over]::before { background: var(--different); border-radius: 2px; }
progress { display: block; width: 100%; height: 6px; margin: 20px 0 16px; accent-color: var(--head-0); appearance: none;
  border: 0; border-radius: 3px; overflow: hidden; background: var(--line); }
progress::-webkit-progress-bar { background: var(--line); }
progress::-webkit-progress-value { background: var(--head-0); }
progress::-moz-progress-bar { background: var(--head-0); }
#batch .faces { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 500px), 1fr)); gap: 10px 32px; }
#batch .identity { margin: 0; }
#now .lead { font-size: 13px; max-width: none; overflow-wrap: anywhere; }
main > div:not(:empty) + div > section { margin-top: 48px; }
`;

/** Keeps the page's parts as the server sends them; says so when it is gone, and waits for it to come back. */
const script = `
const state = document.querySelector('.state');
const say = (name, text) => { state.dataset.state = name; state.textContent = text; };
let over = false;
function connect() {
  const events = new EventSource('events');
  events.addEventListener('part', ({ data }) => {
    const { id, markup } = JSON.parse(data);
    const part = document.getElementById(id);
    const open = [...part.querySelectorAll('details')].map((details) => details.open);
    part.innerHTML = markup;
    part.querySelectorAll('details').forEach((details, i) => { details.open = open[i] ?? details.open; });
    if (id === 'now') document.title = part.querySelector('[data-title]')?.dataset.title ?? document.title;
  });
  events.addEventListener('open', () => { over = false; say('on', 'training'); });
  events.addEventListener('over', ({ data }) => { over = true; say('over', JSON.parse(data)); });
  events.addEventListener('error', () => {
    if (!over) say('away', 'no connection: what is below is the last that came; the page goes on when the run does');
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  });
}
connect();
// By a clock that nobody sets.
let lastTime, since;
setInterval(() => {
  if (over || state.dataset.state === 'away') return;
  const { time, patience } = document.querySelector('[data-time]')?.dataset ?? {};
  if (time !== lastTime) [lastTime, since] = [time, performance.now()];
  const age = Math.round((performance.now() - since) / 1000);
  if (age > patience) say('slow', 'no step for ' + age + ' s: an evaluation or a checkpoint may take this long');
  else say('on', 'training');
}, 1000);
`;

const digest = createHash('sha256').update(script).digest('base64');

/** Nothing from anywhere else, one script, no frames: whatever a data set's names hold, nothing of it runs. */
export const contentPolicy = [
  "default-src 'none'",
  `script-src 'sha256-${digest}'`,
  // Charts have their styles in place.
  "style-src 'unsafe-inline'",
  'img-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The whole page with its parts as they are now. */
export function livePage(title: string, parts: ReadonlyMap<LivePart, string>): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${new Html(style + liveStyle)}</style>
</head>
<body>
<header>
<p class="eyebrow">protomem, live</p>
<h1>${title}</h1>
<p class="lead"><span class="state" role="status" data-state="on">training</span></p>
</header>
<main>
${liveParts.map((part) => html`<div id="${part}">${new Html(parts.get(part) ?? '')}</div>\n`)}
</main>
<script>${new Html(script)}</script>
</body>
</html>
`.markup;
}
