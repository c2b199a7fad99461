/** What an architectural MSR does when it is read and written. */
import type { VirtualProcessor } from './virtual-processor';

/** One MSR's behaviour. A read that returns undefined and a write that returns false raise #GP. */
export interface MsrBehaviour {
  read(processor: VirtualProcessor, timeNs: number): bigint | undefined;
  write(processor: VirtualProcessor, value: bigint, timeNs: number): boolean;
}
