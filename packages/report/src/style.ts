/** The page's style sheet. Colours are variables, because the charts use them too. */
export const style = `
:root {
  color-scheme: light;
  --page: #f6f6f4; --card: #ffffff; --ink: #1b1d22; --muted: #5f646d; --line: #e7e7e3; --axis: #b9bbb9;
  --head-0: #2457c5; --head-1: #c2560c; --head-2: #1d7f4e; --head-3: #8a3fb8;
  --same: #0b7d74; --different: #8b8f98;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    color-scheme: dark;
    --page: #121316; --card: #1a1c20; --ink: #eceae6; --muted: #a2a7b0; --line: #2a2d33; --axis: #4b4f57;
    --head-0: #82aaff; --head-1: #f59f5a; --head-2: #6fcf97; --head-3: #cda2f5;
    --same: #4fc9bb; --different: #7d828c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: clamp(20px, 4vw, 56px) clamp(16px, 4vw, 48px) 64px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
}
header, main { max-width: 1220px; margin: 0 auto; }
h1, h2, h3, h4, p, figure, dl, dd, ul { margin: 0; padding: 0; }
h1 { font-size: clamp(26px, 3.4vw, 38px); line-height: 1.15; letter-spacing: -0.02em; font-weight: 650; text-wrap: balance; }
h2 { font-size: 21px; letter-spacing: -0.01em; font-weight: 620; }
h3, h4 { font-size: 15px; font-weight: 620; }
.eyebrow { color: var(--muted); font-size: 13px; letter-spacing: 0.02em; margin-bottom: 6px; }
.lead { color: var(--muted); max-width: 68ch; margin-top: 8px; text-wrap: pretty; }
.muted { color: var(--muted); }
section { margin-top: 56px; }
section > * + * { margin-top: 16px; }
section > h2 + .lead { margin-top: 4px; }

.facts { display: flex; flex-wrap: wrap; gap: 10px 32px; }
.facts dt { color: var(--muted); font-size: 12.5px; }
.facts dd { overflow-wrap: anywhere; }
header .facts { margin: 20px 0 28px; }

.tiles { display: flex; flex-wrap: wrap; gap: 1px; overflow: hidden;
  border: 1px solid var(--line); border-radius: 12px; background: var(--line); }
.tile { flex: 1 1 150px; background: var(--card); padding: 16px 18px; }
.tile .label { color: var(--muted); font-size: 12.5px; }
.tile .value { font-size: 27px; line-height: 1.3; letter-spacing: -0.02em; font-weight: 600; white-space: nowrap; }
.tile .value small { font-size: 14px; font-weight: 450; letter-spacing: 0; color: var(--muted); }
.tile .error { font-size: 13px; font-weight: 450; letter-spacing: 0; color: var(--muted); }
.tile .other { font-size: 13px; color: var(--muted); white-space: nowrap; }
main > .legend { margin-bottom: 10px; }

.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: 13px; }
.legend span { display: inline-flex; align-items: center; }
.swatch { width: 22px; height: 6px; margin-right: 8px; flex: none; vertical-align: 2px; overflow: visible; }
.swatch path { stroke-width: 2; fill: none; }
.head-0 path { stroke: var(--head-0); }
.head-1 path { stroke: var(--head-1); stroke-dasharray: 6 3; }
.head-2 path { stroke: var(--head-2); stroke-dasharray: 2 3; }
.head-3 path { stroke: var(--head-3); stroke-dasharray: 8 3 2 3; }
.box { width: 11px; height: 11px; margin-right: 7px; border-radius: 2px; opacity: 0.7; }
.box.same { background: var(--same); }
.box.different { background: var(--different); }

.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: 16px; }
/* Two rows a card, so that plots beside each other begin at one height, however long their captions are. */
.grid > .card { grid-row: span 2; }
.grid > figure { display: grid; grid-template-rows: subgrid; row-gap: 12px; }
.halves { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px; min-width: 0; }
.card > h3, .card > h4 { margin-bottom: 12px; }
figcaption p { color: var(--muted); font-size: 13px; line-height: 1.4; margin-top: 2px; text-wrap: pretty; }
figure .legend { margin-bottom: 8px; }
figure .panel { font-size: 12.5px; color: var(--muted); }
figure > div > svg { display: block; width: 100%; max-width: 520px; height: auto; }
figure > div > svg + svg { margin-top: 10px; }
svg text { font-family: inherit; font-variant-numeric: tabular-nums; }

.table { overflow-x: auto; }
section > .table, details > .table { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 18px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
caption { text-align: left; font-weight: 620; font-size: 15px; padding-bottom: 8px; }
details caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th { text-align: left; font-weight: 500; }
thead th { color: var(--muted); font-size: 12.5px; font-weight: 450; white-space: nowrap; }
th, td { padding: 7px 18px 7px 0; vertical-align: baseline; }
th:last-child, td:last-child { padding-right: 0; }
tbody tr { border-top: 1px solid var(--line); }
td { overflow-wrap: break-word; }
section > .table tbody th { min-width: 160px; }
.card .table :is(th, td) { padding-right: 12px; }
.card .table thead th { white-space: normal; vertical-align: bottom; }
th small { display: block; color: var(--muted); font-weight: 400; font-size: 12.5px; }
code { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
summary { cursor: pointer; font-weight: 500; padding: 4px 0; }
details > .table { margin-top: 8px; }
summary:focus-visible, .table:focus-visible { outline: 2px solid var(--head-0); outline-offset: 2px; border-radius: 6px; }

img { display: block; width: 100%; height: auto; aspect-ratio: 1; object-fit: cover; background: var(--line); border-radius: 6px; }
.pairs { list-style: none; display: grid; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); gap: 16px 12px; }
.pairs li { display: grid; grid-template-columns: 1fr 1fr; gap: 2px; }
.pairs img:first-child { border-radius: 6px 0 0 6px; }
.pairs img:nth-child(2) { border-radius: 0 6px 6px 0; }
.pairs .score { grid-column: 1 / -1; font-size: 13px; color: var(--muted); }
.identity + .identity { margin-top: 10px; }
.identity { display: grid; grid-template-columns: minmax(0, 170px) 1fr; gap: 4px 16px; align-items: center; }
.identity > span { font-size: 13px; color: var(--muted); overflow-wrap: anywhere; }
.identity > div { display: grid; grid-template-columns: repeat(auto-fill, minmax(52px, 72px)); gap: 6px; }
@media (max-width: 620px) { .identity { grid-template-columns: 1fr; } }

@media print {
  :root { --page: #fff; }
  body { padding: 0; font-size: 11pt; }
  .card, .tile, tr, .identity, .pairs li { break-inside: avoid; }
  h2, h3, h4, .lead { break-after: avoid; }
  .card.faces { break-inside: auto; }
  section { margin-top: 24px; }
  .grid { grid-template-columns: 1fr 1fr; }
  details::details-content { content-visibility: visible; block-size: auto; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
