import { expect, it } from 'vitest';
import { html } from './html.ts';

it('shows markup, quotes and control characters of names as text', () => {
  expect(
    html`<p title="${'"\x1b[2J'}">${'<b>\x00&\u202e'}
${[html`<i>x</i>`, null, 5]}</p>`.markup,
  ).toBe('<p title="&#34;\\u001b[2J">&#60;b&#62;\\u0000&#38;\\u202e\n<i>x</i>5</p>');
});
