import { shellWord } from '@protomem/core';
import { command } from '../command-line.ts';
import { initProject, isReleased } from '../init-project.ts';

/** `protomem init`. */
export const make = () =>
  command('init', 'Writes a small project that trains: train.ts with a loss of your own, package.json, tsconfig.json.')
    .argument('[folder]', 'where; nothing in it is overwritten', '.')
    .action(async (folder) => {
      const files = await initProject(folder);
      console.log(`written to ${folder}: ${files.join(', ')}. Next:`);
      console.log([...(folder === '.' ? [] : [`cd ${shellWord(folder)}`]), 'npm install', 'npm run train'].join('\n'));
      // From a clone.
      if (!isReleased()) console.log('This version is not on npm: npm install will find it once it is released.');
    });
