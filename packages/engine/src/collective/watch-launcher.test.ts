import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';

const module = JSON.stringify(new URL('./watch-launcher.ts', import.meta.url).pathname);

it('leaves modules behind links to be found, and ends the process in order when the other end closes', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'protomem-watch-')));
  mkdirSync(join(folder, 'real'));
  for (const name of ['a.js', 'b.js']) writeFileSync(join(folder, 'real', name), '');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(join(folder, 'real'), join(folder, 'node_modules', 'linked'));
  const script = `
    import { createRequire } from 'node:module';
    import { watchLauncher } from ${module};
    const require = createRequire(${JSON.stringify(join(folder, 'main.js'))});
    require.resolve('linked/a.js');
    watchLauncher({ PROTOMEM_LAUNCHER_FD: '3', RANK: '1', WORLD_SIZE: '2' });
    console.log(require.resolve('linked/b.js'));
    process.once('SIGTERM', () => process.exit(7));
    setTimeout(() => 0, 60_000);`;
  const args = ['--import', 'tsx', '--conditions=@protomem/source', '--input-type=module', '-e', script];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const [said, ended] = [text(child.stderr!), once(child, 'exit')];
  const [found] = (await once(child.stdout!, 'data')) as [Buffer];
  expect(found.toString().trim()).toBe(join(folder, 'real', 'b.js'));
  child.stdio[3]!.destroy();
  expect((await ended)[0]).toBe(7);
  expect(await said).toContain('rank 1 of 2: the launcher is gone; this process ends in order.');
  rmSync(folder, { recursive: true });
});
