/** What an architectural MSR does when it is read and written. */
import type { VirtualProcessor } from './virtual-processor';

/** One MSR's behaviour. Reads cannot fail once the MSR exists; a write that returns false raises #GP. */
export interface MsrBehaviour {
  read(processor: VirtualProcessor, timeNs: number): bigint;
  write(processor: VirtualProcessor, value: bigint, timeNs: number): boolean;
}
