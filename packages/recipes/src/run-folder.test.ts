import { expect, it } from 'vitest';
import { resumeCommand } from './run-folder.ts';

it('resumeCommand is a command to type, whatever the folder is called', () => {
  expect(resumeCommand('my runs/x')).toMatch(/ --out "my runs\/x" --resume$/);
  expect(resumeCommand('runs/x', 'my run.ts')).toMatch(/ "my run\.ts" --out runs\/x --resume$/);
});
