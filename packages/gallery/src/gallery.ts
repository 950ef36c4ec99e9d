import type { Answer, Calibration, Thresholds } from './calibration.ts';
import type { ModelIdentity } from './format.ts';
import type { IdentifyOptions, JudgeOptions } from './gallery-options.ts';

/** Images of one person. */
export interface Enrolment {
  /** Name or id, which tells people apart. */
  readonly person: string;
  readonly images: readonly {
    /** Tells images of a person apart, such as a file's name: one that is there is replaced. Default: none is, and its number is its name. */
    readonly image?: string;
    /** Of the gallery's width, of any length but 0. */
    readonly embedding: ArrayLike<number>;
  }[];
}

/** What became of enrolled images. */
export interface Enrolled {
  readonly added: number;
  /** In the place of one of the same name. */
  readonly replaced: number;
  /** There already, with the same embedding: nothing was written. */
  readonly unchanged: number;
}

/** Somebody in the gallery who may be the one that is asked for. */
export interface Candidate {
  readonly person: string;
  /** Cosine, -1 ... 1. */
  readonly score: number;
  /** Absent where the gallery has no calibration. */
  readonly answer?: Answer;
}

/** What a search found. */
export interface Identified {
  /** For each query, the most alike people, the most alike first. */
  readonly results: readonly (readonly Candidate[])[];
  /** What the answers mean; absent where the gallery has no calibration. */
  readonly thresholds?: Thresholds;
}

/** Somebody in the gallery. */
export interface Person {
  readonly person: string;
  readonly images: readonly string[];
}

/** Known people and their embeddings. Calls may overlap: they are carried out one after the other. */
export interface Gallery {
  readonly name: string;
  readonly width: number;
  readonly model: ModelIdentity;
  readonly template: 'mean' | 'best';
  readonly people: number;
  readonly images: number;
  /** Bytes of memory that vectors take, without an approximate index. */
  readonly vectorBytes: number;
  readonly calibration: Calibration | undefined;
  /** What opening found that has to be said, a line each. */
  readonly notes: readonly string[];
  /**
   * Adds images. They are safe when this resolves; should the process be killed before, each person has all of these images
   * or none, unless theirs take more than 128 MiB (some 60,000 embeddings of 512).
   */
  enrol(people: readonly Enrolment[]): Promise<Enrolled>;
  /** Who is most alike. @param queries `[n, width]`, of any length but 0. */
  identify(queries: Float32Array, options?: IdentifyOptions): Promise<Identified>;
  /** Whether faces are those of one person: `results` has one candidate a query. @param queries `[n, width]`. */
  verify(person: string, queries: Float32Array, options?: JudgeOptions): Promise<Identified>;
  /**
   * Removes a person, or one image; the last image takes the person along. Their vectors are in the storage until
   * {@link compact}.
   *
   * @returns the number of images removed.
   */
  remove(person: string, image?: string): Promise<number>;
  /** In the order of enrolment. */
  list(): readonly Person[];
  find(person: string): Person | undefined;
  /** Keeps what a test says about cosines, which answers come from. */
  calibrate(calibration: Calibration): Promise<void>;
  /** Writes the gallery anew, without what was removed or replaced: nothing happens where nothing was. */
  compact(): Promise<void>;
  /** Compacts, and lets go of the storage. */
  close(): Promise<void>;
}
