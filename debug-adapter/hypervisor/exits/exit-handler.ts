/** The contract of exit handlers. */
import type { ExitInformation } from '../exit-information';
import type { Partition } from '../partition';
import type { HypervisorServices } from '../services';
import type { CrashReport } from '../synthetic/crash-registers';
import type { AwaitedAnswer, VirtualProcessor } from '../virtual-processor';

/** What a handler works with. */
export interface ExitContext {
  readonly partition: Partition;
  readonly processor: VirtualProcessor;
  readonly exit: ExitInformation;
  readonly services: HypervisorServices;
}

/** How handling ended. */
export type ExitOutcome =
  /** The guest can go on: the instruction is completed, or an exception waits for VM entry. */
  | { readonly kind: 'resume' }
  /** The parent has been told and must answer before the processor runs again. */
  | { readonly kind: 'awaits-parent'; readonly answer: AwaitedAnswer }
  | { readonly kind: 'triple-fault' }
  /** The guest asked for a reset of its partition. */
  | { readonly kind: 'partition-reset' }
  /** The guest reported a crash; it can go on. */
  | { readonly kind: 'guest-crash'; readonly report: CrashReport }
  /** The parent has mapped the page without the right; running again repeats the access. */
  | {
      readonly kind: 'access-refused';
      readonly message: string;
      readonly gpaPage: number;
    }
  /** Nothing here can answer; running again repeats the exit. */
  | { readonly kind: 'unhandled'; readonly message: string };

/** What is left of it once the hypervisor has done its part. */
export type HandledExit = Exclude<ExitOutcome, { readonly kind: 'partition-reset' }>;

export type ExitHandler = (context: ExitContext) => ExitOutcome;

export const resume: HandledExit = { kind: 'resume' };
