/** What an MSR does when it is read and written. */
import type { Partition } from './partition';
import type { VirtualProcessor } from './virtual-processor';

/** An architectural MSR's behaviour. A read that returns undefined and a write that returns false raise #GP. */
export interface MsrBehaviour {
  read(processor: VirtualProcessor, timeNs: number): bigint | undefined;
  write(processor: VirtualProcessor, value: bigint, timeNs: number): boolean;
}

/** What an access to a synthetic MSR is about. */
export interface SyntheticMsrAccess {
  readonly partition: Partition;
  readonly processor: VirtualProcessor;
  readonly timeNs: number;
}

/** An operation that is absent, a read that returns undefined, and a write that returns false raise #GP. */
export interface SyntheticMsrBehaviour {
  read?(access: SyntheticMsrAccess): bigint | undefined;
  write?(access: SyntheticMsrAccess, value: bigint): boolean;
}
