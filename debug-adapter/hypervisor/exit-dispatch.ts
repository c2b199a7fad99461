/** Which handler answers which exit: one table. */
import { exitReasonByNumber, ExitReasonNumber } from '../spec/x86/exit-reasons';
import { ExceptionNumber } from '../spec/x86/exceptions';
import { handleCpuid } from './exits/cpuid';
import { handleCrAccess } from './exits/cr-access';
import { handleEptViolation } from './exits/ept-violation';
import { handleBoundary, handleEventWindow } from './exits/event-window';
import type { ExitContext, ExitHandler, ExitOutcome } from './exits/exit-handler';
import { handleHlt } from './exits/hlt';
import { completeWithoutEffect, refuseAs } from './exits/refused-instruction';
import { handleIoInstruction } from './exits/io-instruction';
import { handleMsrRead, handleMsrWrite } from './exits/msr';
import { passOn, reflectException } from './exits/passed-on';
import { handleTaskSwitch } from './exits/task-switch';
import { handleTripleFault } from './exits/triple-fault';
import { handleVmcall } from './exits/vmcall';
import { findEntryProblem } from './vm-entry-checks';

/** Instructions that run as if they had not exited. */
const passedOn = [
  ExitReasonNumber.INVLPG,
  ExitReasonNumber.RDPMC,
  ExitReasonNumber.RDTSC,
  ExitReasonNumber.RDTSCP,
  ExitReasonNumber.DR_ACCESS,
  ExitReasonNumber.GDTR_IDTR,
  ExitReasonNumber.LDTR_TR,
  ExitReasonNumber.WBINVD,
  ExitReasonNumber.RDRAND,
  ExitReasonNumber.RDSEED,
  ExitReasonNumber.INVPCID,
];

/** By basic exit reason. */
const handlers: readonly (ExitHandler | undefined)[] = byReason([
  [ExitReasonNumber.TRIPLE_FAULT, handleTripleFault],
  [ExitReasonNumber.TASK_SWITCH, handleTaskSwitch],
  [ExitReasonNumber.INTERRUPT_WINDOW, handleEventWindow],
  [ExitReasonNumber.NMI_WINDOW, handleEventWindow],
  [ExitReasonNumber.CR_ACCESS, handleCrAccess],
  [ExitReasonNumber.CPUID, handleCpuid],
  [ExitReasonNumber.HLT, handleHlt],
  // Nothing is cached that could be lost (SDM vol. 2, INVD).
  [ExitReasonNumber.INVD, completeWithoutEffect],
  // CPUID offers neither.
  [ExitReasonNumber.MWAIT, refuseAs(ExceptionNumber.UD)],
  [ExitReasonNumber.MONITOR, refuseAs(ExceptionNumber.UD)],
  [ExitReasonNumber.VMCALL, handleVmcall],
  [ExitReasonNumber.IO_INSTRUCTION, handleIoInstruction],
  [ExitReasonNumber.MSR_READ, handleMsrRead],
  [ExitReasonNumber.MSR_WRITE, handleMsrWrite],
  [ExitReasonNumber.EPT_VIOLATION, handleEptViolation],
  // What only a person asks for.
  [ExitReasonNumber.EXCEPTION_NMI, reflectException],
  [ExitReasonNumber.MONITOR_TRAP_FLAG, handleBoundary],
  [ExitReasonNumber.TPR_BELOW_THRESHOLD, handleBoundary],
  [ExitReasonNumber.PREEMPTION_TIMER, handleBoundary],
  [ExitReasonNumber.PAUSE, completeWithoutEffect],
  ...passedOn.map((reason) => [reason, passOn] as const),
]);

function byReason(
  rows: readonly (readonly [number, ExitHandler])[],
): readonly (ExitHandler | undefined)[] {
  const byNumber = new Map(rows);
  const last = Math.max(...byNumber.keys());
  return Array.from({ length: last + 1 }, (_, reason) => byNumber.get(reason));
}

/** Basic exit reasons that this hypervisor has an answer to; failed VM entries are told to the person. */
export const answeredExits: ReadonlySet<number> = new Set([
  ...handlers.flatMap((handler, reason) => (handler === undefined ? [] : [reason])),
  ExitReasonNumber.INVALID_STATE,
]);

const entryFailure = 0x80000000;

/** Handles the exit of `context`; the caller has ended its pending state before. */
export function dispatchExit(context: ExitContext): ExitOutcome {
  const { reason } = context.exit;
  if (reason >= entryFailure) return describeEntryFailure(context);
  const handler = handlers[reason & 0xffff];
  return handler === undefined ? describeUnhandled(context) : handler(context);
}

function describeUnhandled({ exit }: ExitContext): ExitOutcome {
  const reason = exit.reason & 0xffff;
  const name = exitReasonByNumber.get(reason)?.text ?? `reason ${reason}`;
  return {
    kind: 'unhandled',
    message: `This hypervisor has no answer to the VM exit "${name}" at RIP 0x${exit.rip.toString(16)}.`,
  };
}

function describeEntryFailure({ processor }: ExitContext): ExitOutcome {
  const problem = findEntryProblem(processor.core) ?? 'the guest state was not valid';
  return { kind: 'unhandled', message: `VM entry failed: ${problem}.` };
}
