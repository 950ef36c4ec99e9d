// For `pnpm pack`: what all packages say of where they come from stands once, in the root's package.json.
const { readFileSync } = require('node:fs');
const { join, relative } = require('node:path');

const root = join(__dirname, '../..');

module.exports = {
  hooks: {
    beforePacking(manifest, folder) {
      const { author, repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
      // Neither builds nor tests are run where a package is installed.
      const { devDependencies: _, scripts: __, ...kept } = manifest;
      if (!repository) return { ...kept, author };
      const page = repository.url.replace(/^git\+/, '').replace(/\.git$/, '');
      const directory = relative(root, folder).replaceAll('\\', '/');
      return {
        ...kept,
        author,
        repository: { ...repository, directory },
        homepage: `${page}/tree/main/${directory}#readme`,
        bugs: `${page}/issues`,
      };
    },
  },
};
