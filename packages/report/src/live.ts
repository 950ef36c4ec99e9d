export { DEFAULT_LIVE_PORT, type Live, startLive } from './live/live.ts';
export type { LiveFace, LivePair, LiveSnapshot } from './live/live-data.ts';
