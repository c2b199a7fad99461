/** Exits 31 and 32: RDMSR and WRMSR. */
import { ExceptionNumber } from '../../spec/x86/exceptions';
import { msrByName } from '../../spec/x86/msrs';
import { present } from '../../support/assert';
import { injectException } from '../inject-exception';
import { readMsr, writeMsr } from '../msr-access';
import { resume, type ExitContext, type ExitHandler, type ExitOutcome } from './exit-handler';

const u32 = 0xffffffffn;
const numberOf = (name: string): number => present(msrByName.get(name), name).number;
const crashControl = numberOf('HV_X64_MSR_CRASH_CTL');
const guestIdle = numberOf('HV_X64_MSR_GUEST_IDLE');
const reset = numberOf('HV_X64_MSR_RESET');

export const handleMsrRead: ExitHandler = ({ partition, processor, services }) => {
  const { state, core } = processor;
  const number = Number(state.gpr(1) & u32);
  const timeNs = partition.clock.read(services.timeNs());
  const value = readMsr(partition, processor, number, timeNs);
  services.trace.offer('msr-access', () => ({
    kind: 'msr-access',
    partition: partition.id,
    processor: processor.index,
    msr: number,
    isWrite: false,
    value: value ?? 0n,
    isRefused: value === undefined,
  }));
  if (value === undefined) {
    injectException(processor, ExceptionNumber.GP);
    return resume;
  }
  state.setGpr(0, value & u32);
  state.setGpr(2, value >> 32n);
  core.completeInstruction();
  if (number === guestIdle) processor.idle();
  return resume;
};

export const handleMsrWrite: ExitHandler = (context) => {
  const { partition, processor, services } = context;
  const { state, core } = processor;
  const number = Number(state.gpr(1) & u32);
  const value = ((state.gpr(2) & u32) << 32n) | (state.gpr(0) & u32);
  const timeNs = partition.clock.read(services.timeNs());
  const isTaken = writeMsr(partition, processor, number, value, timeNs);
  services.trace.offer('msr-access', () => ({
    kind: 'msr-access',
    partition: partition.id,
    processor: processor.index,
    msr: number,
    isWrite: true,
    value,
    isRefused: !isTaken,
  }));
  if (!isTaken) {
    injectException(processor, ExceptionNumber.GP);
    return resume;
  }
  core.completeInstruction();
  if (number === crashControl) return reportCrash(context, value);
  return number === reset && value !== 0n ? { kind: 'partition-reset' } : resume;
};

/** Only a guest's own write reports a crash; setting the register by other ways does not. */
function reportCrash(
  { partition, processor, services }: ExitContext,
  control: bigint,
): ExitOutcome {
  const report = partition.synthetic.crash.report(control, partition.memory);
  if (report === undefined) return resume;
  const at = { partition: partition.id, processor: processor.index };
  services.trace.emit({ kind: 'guest-crash', ...at, ...report });
  return { kind: 'guest-crash', report };
}
