import type { Tensor1D, Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs';
import type { LookAlike } from './mining.ts';
import type { State, Stateful } from './state.ts';

/** What a user of an encoder has to know before feeding it. */
export interface EncoderCard {
  readonly name: string;
  /** Height and width of an input image, pixels. */
  readonly inputSize: readonly [number, number];
  /** Width D of an embedding. */
  readonly embeddingSize: number;
  /** What `apply` does to RGB values in [0, 255] first: (x - mean) / std. */
  readonly normalization: { readonly mean: number; readonly std: number };
  /** Learnt parameters (running statistics of batch norm are not counted). */
  readonly parameters: number;
  /** Multiply-accumulate operations for one image. */
  readonly macs: number;
  /** Paper and reference implementation. */
  readonly source: string;
}

/** A variable and what an optimizer may do to it. */
export interface Parameter {
  /** Path such as `stage1.block0.conv1.weight`; unique in its part, stable between versions. */
  readonly name: string;
  readonly variable: Variable;
  /** False for running statistics, and what is frozen: saved, never differentiated. */
  readonly trainable: boolean;
  /** A weight that stays as it is, in training and among processes, where running statistics do not. Default false. */
  readonly frozen?: boolean;
  /** Weight decay applies (not on norms, biases and PReLU slopes). */
  readonly decay: boolean;
  /** What the learning rate is multiplied by for this one. Default 1. */
  readonly rate?: number;
}

/** How images pass an encoder: see `apply` of {@link Encoder}. */
export interface ApplyOptions {
  readonly training?: boolean;
  readonly seed?: number;
  readonly synchronizeNorms?: boolean;
}

/** An image batch in, embeddings out. */
export interface Encoder {
  readonly card: EncoderCard;
  readonly parameters: readonly Parameter[];
  /**
   * @param images `[B, H, W, 3]`, RGB in [0, 255], float32 or int32; normalized inside as the card says. Not disposed.
   * @param options.training batch statistics instead of running ones, which are updated; dropout on. Default false.
   * @param options.seed of this step's dropout. Default 0.
   * @param options.synchronizeNorms in training over several processes, batch statistics of all their images. Default false.
   * @returns embeddings `[B, D]`, float32, not normalized to unit length; owned by the caller.
   */
  apply(images: Tensor4D, options?: ApplyOptions): Tensor2D;
  dispose(): void;
}

/** What a head tells a loss besides cosines and targets. */
export interface LossContext {
  /** Lengths that the embeddings had before they were scaled to 1, `[B]`, float32; differentiable. Not disposed. */
  readonly norms: Tensor1D;
}

/**
 * A classification loss on cosines, and the place where a user's own loss is plugged in: any function will do.
 *
 * @param cosines `[B, M]`, float32: each embedding against each class column.
 * @param targets `[B]`, int32: the column of each sample's own class.
 * @param context every head gives it; a loss that needs it says so when it is missing.
 * @returns one loss per sample, `[B]`; differentiable in `cosines`; owned by the caller.
 */
export interface CosineLoss {
  (cosines: Tensor2D, targets: Tensor1D, context?: LossContext): Tensor1D;
  /** Columns of each class, side by side, that it pools into one. Default: not known; 1 of a {@link SoftmaxLoss}. */
  readonly centers?: number;
  /** Running statistics and the like, where the loss has any: heads save them with their own state. */
  state?(): State;
  restore?(state: State): void;
}

/** What a sample's own class contributes to a {@link SoftmaxLoss}. */
export interface TargetTerms {
  /** `[B]`, differentiable. */
  readonly logit: Tensor1D;
  /** Whatever else about each sample the loss needs later, each `[B]`, differentiable. */
  readonly values?: readonly Tensor1D[];
}

/**
 * How a {@link SoftmaxLoss} is made up: enough to evaluate it over blocks of columns, never holding all cosines at once.
 * With `c` the cosines of a sample and `y` its column:
 * `loss = combine(target(c[y]), log(sum over j != y of exp(negative(c[j]))))`.
 */
export interface SoftmaxForm {
  /** @param cosines `[B]`: to each sample's own class. */
  target(cosines: Tensor1D, context?: LossContext): TargetTerms;
  /**
   * Logits of the other classes: a number s stands for `s * cosines`, which is fastest; a function works element by
   * element, on any part `[B, m]` of the columns, and may use the target's terms.
   */
  readonly negative: number | ((cosines: Tensor2D, terms: TargetTerms) => Tensor2D);
  /**
   * One loss per sample `[B]` from the target's terms and the log of the summed exponentials `[B]`. Default: softmax
   * cross-entropy, `softplus(negatives - terms.logit)`.
   */
  combine?(terms: TargetTerms, negatives: Tensor1D): Tensor1D;
}

/** A loss in which the other classes meet in one sum of exponentials, as in every margin softmax. */
export interface SoftmaxLoss extends CosineLoss {
  readonly name: string;
  readonly form: SoftmaxForm;
}

/** Numbers that a head reports for the logs: occupancy, hit rate and the like. */
export type HeadMetrics = Readonly<Record<string, number>>;

/**
 * What turns embeddings and identities into a loss: Prototype Memory, full softmax, and the rest.
 * A head may own parameters, which the trainer's optimizer moves together with the encoder's.
 */
export interface Head extends Stateful {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  /**
   * One training step of the head: may admit prototypes, then returns the loss of every sample, `[B]`, differentiable
   * in `embeddings` and in the head's own parameters. Called inside the trainer's gradient scope and tidy; calls no
   * async API.
   *
   * @param embeddings `[B, D]`, float32, not normalized. Not disposed.
   * @param labels B identities, safe integers.
   * @param images what the embeddings were made from, as the encoder took it; for heads with an encoder of their own.
   *   Not disposed.
   */
  loss(embeddings: Tensor2D, labels: ArrayLike<number>, images?: Tensor4D): Tensor1D;
  /**
   * Called after each step of the optimizer, outside of any gradient scope: for heads that follow the encoder or move
   * their own weights row by row.
   */
  afterStep?(step: { readonly encoder: Encoder; readonly learningRate: number }): void;
  /** Who looked like whom in the last `loss`, for a miner; heads that see no other identities have none. */
  lastLookAlikes?(): readonly LookAlike[];
  /** Identities that the head dropped in the last `loss`. */
  lastEvicted?(): readonly number[];
  /** At most `count` identities whose columns were written longest ago, the stalest first; age in steps. */
  stalest?(count: number): readonly { readonly id: number; readonly age: number }[];
  /**
   * Makes columns of identities anew, from embeddings that the present encoder makes of images of them; not a step. Heads
   * that have this have `stalest` too.
   *
   * @param embeddings `[B, D]`, float32, not normalized. Not disposed.
   * @param labels B identities; those without a column are left out.
   * @param ratio share of what is made anew, in [0, 1]; 1 when left out.
   * @returns for each column its age before, in steps, and its cosine to what the embeddings alone make
   */
  refreshFrom?(
    embeddings: Tensor2D,
    labels: ArrayLike<number>,
    ratio?: number,
  ): readonly { readonly id: number; readonly age: number; readonly cosine: number }[];
  /**
   * What of its state is the same on all processes that a head is divided among. Heads that have this have it for `state` to be
   * called by all of them together: it is whole on rank 0 then, and others get what this returns.
   */
  commonState?(): State | Promise<State>;
  /** Numbers about the last step and the present state; cheap. */
  metrics(): HeadMetrics;
  dispose(): void;
}
