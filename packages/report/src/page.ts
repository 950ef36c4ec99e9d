import { Html, type HtmlPart, html } from './html.ts';
import { style } from './style.ts';

/** A whole page that needs nothing else: style inside, no script. */
export function wholePage(title: string, head: HtmlPart, main: HtmlPart): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${new Html(style)}</style>
</head>
<body>
<header>
<p class="eyebrow">protomem</p>
<h1>${title}</h1>
${head}
</header>
<main>
${main}
</main>
</body>
</html>
`.markup;
}
