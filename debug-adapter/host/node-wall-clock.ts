/** The wall clock of this process. */
import { performance } from 'node:perf_hooks';
import type { WallClock } from '../backends/wall-clock';

/** Monotonic time of the process. */
export const nodeWallClock: WallClock = { nowMs: () => performance.now() };
