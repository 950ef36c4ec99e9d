import { createHash } from 'node:crypto';

const style = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; }
#drop { display: block; border: 2px dashed currentColor; border-radius: 8px; padding: 1.5rem; text-align: center; cursor: pointer; }
#drop.over { border-style: solid; }
#photo { position: relative; display: inline-block; margin: 1rem 0; }
#photo img { display: block; max-width: 100%; max-height: 60vh; }
.box { position: absolute; border: 2px solid #e0a100; }
.box span { position: absolute; left: -2px; top: 100%; background: #e0a100; color: #000; padding: 0 .3rem; white-space: nowrap; font-size: .8rem; }
form { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0; align-items: end; }
label { display: flex; flex-direction: column; font-size: .85rem; }
#said { white-space: pre-wrap; }
`;

// Text of others reaches the page as text only; places of boxes are set through the object model, which the policy allows.
const script = `
const get = (id) => document.getElementById(id);
let photo;
const say = (text) => { get('said').textContent = text; };
async function ask(path, method, body) {
  const headers = body ? { 'content-type': body.type || 'application/octet-stream' } : {};
  if (get('token').value) headers.authorization = 'Bearer ' + get('token').value;
  const response = await fetch(path, { method, headers, body });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  return answer;
}
const trying = (work) => work().catch((error) => say(error.message));
const words = ({ person, score, answer }) => (answer ? answer + ': ' : '') + person + ' ' + score.toFixed(3);
async function identify() {
  say('looking ...');
  const image = get('image');
  if (image.src) URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(photo);
  document.querySelectorAll('.box').forEach((box) => box.remove());
  const { faces } = await ask('identify?top=3', 'POST', photo);
  await image.decode();
  const lines = faces.map(({ box, faults, people }, i) => {
    const best = people[0] ? words(people[0]) : 'nobody is enrolled';
    const drawn = get('photo').appendChild(document.createElement('div'));
    drawn.className = 'box';
    const { left, top, side } = box ?? { left: 0, top: 0, side: Math.min(image.naturalWidth, image.naturalHeight) };
    const place = { left: left / image.naturalWidth, top: top / image.naturalHeight, width: side / image.naturalWidth, height: side / image.naturalHeight };
    for (const [name, share] of Object.entries(place)) drawn.style[name] = 100 * share + '%';
    drawn.appendChild(document.createElement('span')).textContent = best;
    return ['face ' + (i + 1) + ': ' + (people.map(words).join(', ') || best), ...faults.map((fault) => '  ' + fault)].join('\\n');
  });
  say(lines.join('\\n') || 'no face');
}
function take(file) {
  if (!file) return;
  photo = file;
  get('enrol').disabled = false;
  trying(identify);
}
get('file').addEventListener('change', ({ target }) => take(target.files[0]));
const drop = get('drop');
for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) drop.addEventListener(name, (event) => {
  event.preventDefault();
  drop.classList.toggle('over', name === 'dragenter' || name === 'dragover');
  if (name === 'drop') take(event.dataTransfer.files[0]);
});
get('form').addEventListener('submit', (event) => {
  event.preventDefault();
  trying(async () => {
    const name = encodeURIComponent(get('person').value);
    const { person, images } = await ask('people/' + name + '/images?name=' + encodeURIComponent(photo.name), 'POST', photo);
    await identify();
    say(person + ' has ' + images + ' images now\\n' + get('said').textContent);
  });
});
`;

const digest = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Nothing from anywhere else, one script, one style, no frames: whatever names and answers hold, nothing of it runs. */
export const pagePolicy = [
  "default-src 'none'",
  `script-src ${digest(script)}`,
  `style-src ${digest(style)}`,
  'img-src blob: data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The page to try the server: drop a photo, see boxes, names and scores. */
export const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>protomem</title><link rel="icon" href="data:,">
<style>${style}</style></head>
<body>
<h1>Who is in a photo</h1>
<label id="drop"><span>Drop a photo here, or choose one. It is not kept.</span><input id="file" type="file" accept="image/*"></label>
<div id="photo"><img id="image" alt=""></div>
<p id="said" role="status"></p>
<form id="form"><label>Name <input id="person" required maxlength="4096"></label><button id="enrol" disabled>Enrol this face</button>
<label>Token, where the server has one <input id="token" type="password" autocomplete="off"></label></form>
<p><a href="docs">The API</a></p>
<script>${script}</script>
</body>
</html>
`;
