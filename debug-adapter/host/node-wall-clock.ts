/** The wall clock of this process. */
import { hrtime } from 'node:process';
import type { WallClock } from '../backends/wall-clock';

/** Monotonic time. `node:perf_hooks` has it too, and takes milliseconds to load. */
export const nodeWallClock: WallClock = {
  nowMs: () => {
    const [seconds, nanoseconds] = hrtime();
    return seconds * 1e3 + nanoseconds / 1e6;
  },
};
