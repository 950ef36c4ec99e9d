import type { ReportMemory } from '../report-data.ts';

/** A head that is trained in this run: its name, and the folder with its log. */
interface LiveHead {
  readonly name: string;
  readonly out: string;
}

/** What the page's process gets when it begins. */
export interface LiveRun {
  readonly title: string;
  /** Command line's terms: `127.0.0.1` and this port; 0 is any free one. */
  readonly port: number;
  /** Steps of each head. */
  readonly steps: number;
  readonly heads: readonly LiveHead[];
}

/** A face as the encoder took it. */
export interface LiveFace {
  readonly identity: string;
  readonly name: string;
  /** RGB, `side * side * 3`. */
  readonly pixels: Uint8Array;
}

/** Two identities that look alike, by the files of an image of each. */
export interface LivePair {
  readonly first: { readonly name: string; readonly bytes: Uint8Array };
  readonly second: { readonly name: string; readonly bytes: Uint8Array };
  readonly score: number;
}

/** The inside of a head in training at one step: what the log does not have. */
export interface LiveSnapshot {
  /** Position in the run's heads. */
  readonly head: number;
  readonly step: number;
  readonly side: number;
  readonly faces: readonly LiveFace[];
  readonly memory?: ReportMemory;
  /** Identities of this batch that the miner holds for alike. */
  readonly doppelgangers: readonly LivePair[];
  readonly lookAlikes: readonly LivePair[];
  readonly suspects: readonly LivePair[];
}

/** To the page's process. */
export type ToLive =
  | { readonly kind: 'begin'; readonly run: LiveRun }
  | { readonly kind: 'snapshot'; readonly snapshot: LiveSnapshot }
  | { readonly kind: 'over'; readonly text: string };

/** From the page's process. */
export type FromLive =
  | { readonly kind: 'listening'; readonly url: string }
  | { readonly kind: 'refused'; readonly code: string }
  /** Whether anybody looks: nothing is sent to a page that nobody has open. */
  | { readonly kind: 'watched'; readonly watched: boolean };
