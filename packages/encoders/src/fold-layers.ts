import type { Layer, Norm } from './layer.ts';

type Linear = Extract<Layer, { kind: 'convolution' | 'depthwise' | 'dense' | 'linear' }>;

/** A layer with weights that takes over what norms beside it do. */
export interface Fold {
  readonly layer: Linear;
  /** A norm whose outputs the layer takes; only where no padding lies between them. */
  readonly before?: Norm;
  readonly after?: Norm;
}

const isLinear = (layer: Layer): layer is Linear =>
  ['convolution', 'depthwise', 'dense', 'linear'].includes(layer.kind);

/**
 * The same network for inference, without the norms that neighbours can take over, and without dropout of any kind. A norm before a
 * padded convolution stays: the padding is zeros after the norm, which no weights before it can make.
 */
export function foldLayers(layers: readonly Layer[]): { readonly layers: Layer[]; readonly folds: Fold[] } {
  const kept = layers.filter(({ kind }) => kind !== 'dropout' && kind !== 'drop-path');
  const folds: Fold[] = [];
  const result: Layer[] = [];
  for (let i = 0; i < kept.length; i++) {
    const [layer, next] = [kept[i]!, kept[i + 1]];
    if (layer.kind === 'norm' && next?.kind === 'dense') continue;
    if (layer.kind === 'residual') {
      const [body, shortcut] = [foldLayers(layer.body), foldLayers(layer.shortcut)];
      folds.push(...body.folds, ...shortcut.folds);
      result.push({ ...layer, body: body.layers, shortcut: shortcut.layers });
    } else if (layer.kind === 'gate' || layer.kind === 'concatenation') {
      const body = foldLayers(layer.body);
      folds.push(...body.folds);
      result.push({ ...layer, body: body.layers });
    } else if (isLinear(layer)) {
      const previous = kept[i - 1];
      const isFree = previous?.kind === 'norm' && folds.at(-1)?.after !== previous;
      const before = layer.kind === 'dense' && isFree ? { before: previous } : {};
      const after = next?.kind === 'norm' ? { after: next } : {};
      if (next?.kind === 'norm') i++;
      folds.push({ layer, ...before, ...after });
      result.push(layer.kind === 'dense' || !after.after ? layer : { ...layer, bias: true });
    } else {
      result.push(layer);
    }
  }
  return { layers: result, folds };
}
