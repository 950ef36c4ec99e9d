import { findInstalls, ownBinding } from '@protomem/engine/installs';
import { packageOf } from './requirements.ts';
import { findTfjsNode } from './tfjs-node.ts';

/** Which native TensorFlow is installed, in a line; nothing is loaded, so that it takes no time. `doctor` says whether it works. */
export function installedTensorFlow(): string {
  const found = [true, false].flatMap((gpu) => {
    const tfjs = findTfjsNode(gpu);
    const library = tfjs && (findInstalls(tfjs)[0]?.folder ?? ownBinding(tfjs));
    return library ? [`${packageOf(gpu).replace('@tensorflow/', '')} ${tfjs.version} (${library})`] : [];
  });
  return found.length > 0
    ? `TensorFlow: ${found.join(', ')}`
    : 'TensorFlow: not installed, WebAssembly takes its place; protomem engine install gets it';
}
