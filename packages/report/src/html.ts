import { printableLines } from '@protomem/core';

/** Markup that goes into a page as it is. Made by {@link html}, which escapes everything else. */
export class Html {
  readonly markup: string;
  constructor(markup: string) {
    this.markup = markup;
  }
}

/** What a template may hold: text and numbers are escaped, markup and lists of it are not, the rest is nothing. */
export type HtmlPart = Html | string | number | false | null | undefined | readonly HtmlPart[];

/**
 * Template tag for markup; nothing from outside gets in unescaped.
 *
 * @example
 * ```ts
 * html`<p>${'<b>'}</p>`.markup; // <p>&lt;b&gt;</p>
 * ```
 */
export function html(literals: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html {
  return new Html(literals.reduce((text, literal, i) => text + markupOf(parts[i - 1]) + literal));
}

function markupOf(part: HtmlPart): string {
  if (part instanceof Html) return part.markup;
  if (Array.isArray(part)) return part.map(markupOf).join('');
  if (part === undefined || part === null || part === false) return '';
  return escapeText(String(part));
}

/** Text for the inside of an element or of a quoted attribute; control characters, which no page may hold, are shown. */
export function escapeText(text: string): string {
  return printableLines(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
