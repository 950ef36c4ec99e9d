import { library } from '../../tsup.base.ts';

export default library({ entry: { index: 'src/index.ts', 'loader-worker': 'src/loader/worker.ts' } });
