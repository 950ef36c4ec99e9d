import type { Json } from '@protomem/core';
import type { VerificationReport } from '@protomem/evaluation';
import type { LoggedChange, LoggedEvaluation, LoggedStep } from '@protomem/training';

/** An image inside the page. `bytes` are the file's own (JPEG, PNG or WebP; the type is read off them). */
export interface ReportImage {
  readonly bytes: Uint8Array;
  /** Read out by screen readers and shown on hover: the image's name. */
  readonly name: string;
}

/** Two faces that were compared. */
export interface ReportPair {
  readonly first: ReportImage;
  readonly second: ReportImage;
  /** Cosine. */
  readonly score: number;
}

/** Cosine between prototypes as stored and as the encoder would make them now, for slots of one range of ages. */
export interface StalenessBin {
  /** Age in steps, inclusive. */
  readonly from: number;
  /** Age in steps, inclusive. */
  readonly to: number;
  /** Prototypes probed. */
  readonly count: number;
  readonly meanCosine: number;
  /** 10th and 90th percentile, for the band. */
  readonly low?: number;
  readonly high?: number;
}

/** The memory at the end of training. */
export interface ReportMemory {
  readonly slots: number;
  readonly used: number;
  /** Mean over the run (or its end); 0 ... 1. */
  readonly hitRate?: number;
  /** What was to be expected; 0 ... 1. */
  readonly expectedHitRate?: number;
  readonly refreshed?: number;
  readonly evicted?: number;
  /** Steps since last refresh of every used slot. */
  readonly ages?: ArrayLike<number>;
  readonly staleness?: readonly StalenessBin[];
}

/** One trained head: what it did on the way and what came out. */
export interface ReportHead {
  /** Legend entry: `Prototype Memory`, `Full softmax`. Unique in a report. */
  readonly name: string;
  readonly description?: string;
  /** Wall time of training, seconds. */
  readonly seconds: number;
  /** Over the whole of training, waiting included. */
  readonly imagesPerSecond: number;
  readonly steps: readonly LoggedStep[];
  readonly evaluations?: readonly LoggedEvaluation[];
  /** What its run was told to do otherwise when it went on. */
  readonly changes?: readonly LoggedChange[];
  /** What `verificationReport` of `@protomem/evaluation` returns. */
  readonly verification?: VerificationReport;
  /** What else came out, in sentences. */
  readonly outcome?: readonly string[];
  /** Different people that score highest, worst first. */
  readonly falseMatches?: readonly ReportPair[];
  /** Same people that score lowest, worst first. */
  readonly falseNonMatches?: readonly ReportPair[];
  readonly memory?: ReportMemory;
  /** Pairs of training identities that looked most alike late in training, by an image of each. */
  readonly lookAlikes?: readonly ReportPair[];
  /** Pairs of training identities that may be one person, by an image of each. */
  readonly duplicates?: readonly ReportPair[];
}

/**
 * Everything that a report shows. Parts that are absent or empty are left out of the page.
 * Plain data: no tensors, nothing that lives.
 */
export interface ReportData {
  /** `Prototype Memory on synthetic faces`. */
  readonly title: string;
  /** One or two sentences: what was trained and what it was tested on. */
  readonly summary?: string;
  /** ISO 8601, end of the run. */
  readonly finishedAt: string;
  /** Time of training, of all heads, over all calls that went on with the run, seconds. */
  readonly seconds: number;
  readonly seed: number;
  /** Protocol by its full name: `LFW View 1 DevTest, trained on the rest of LFW`. */
  readonly protocol?: string;
  /** What `loadEngine` returned (`EngineInfo`). */
  readonly engine: {
    readonly engine: string;
    readonly backend: string;
    readonly device: string;
    readonly version: string;
    readonly threads: number;
    readonly precision: string;
    readonly rejected?: readonly { readonly engine: string; readonly reason: string }[];
  };
  /** `{ CPU: '…', Cores: 2, System: 'Linux 6.1', 'Node.js': 'v20.20.2' }`: label and value, shown as given. */
  readonly machine: Readonly<Record<string, string | number>>;
  /** `{ Identities: 4786, Images: 10492 }`: label and value, shown as given. */
  readonly dataset?: Readonly<Record<string, string | number>>;
  /** At least one; the first is the subject, others are what it is compared with. */
  readonly heads: readonly ReportHead[];
  /** What was said of the run before its first step, in sentences. */
  readonly plan?: readonly string[];
  /** Rows of the grid of sample faces: one identity each. */
  readonly faces?: readonly { readonly identity: string; readonly images: readonly ReportImage[] }[];
  /** The resolved configuration. */
  readonly config: Json;
  /** Images that could not be read. */
  readonly skipped?: readonly { readonly name: string; readonly reason: string }[];
}
