/** Exits 31 and 32: RDMSR and WRMSR. */
import { ExceptionNumber } from '../../spec/x86/exceptions';
import { injectException } from '../inject-exception';
import { readMsr, writeMsr } from '../msr-access';
import { resume, type ExitHandler } from './exit-handler';

const u32 = 0xffffffffn;

export const handleMsrRead: ExitHandler = ({ partition, processor, services }) => {
  const { state, core } = processor;
  const number = Number(state.gpr(1) & u32);
  const timeNs = partition.clock.read(services.timeNs());
  const value = readMsr(partition, processor, number, timeNs);
  if (value === undefined) {
    injectException(processor, ExceptionNumber.GP);
    return resume;
  }
  state.setGpr(0, value & u32);
  state.setGpr(2, value >> 32n);
  core.completeInstruction();
  return resume;
};

export const handleMsrWrite: ExitHandler = ({ partition, processor, services }) => {
  const { state, core } = processor;
  const number = Number(state.gpr(1) & u32);
  const value = ((state.gpr(2) & u32) << 32n) | (state.gpr(0) & u32);
  const timeNs = partition.clock.read(services.timeNs());
  if (writeMsr(partition, processor, number, value, timeNs)) core.completeInstruction();
  else injectException(processor, ExceptionNumber.GP);
  return resume;
};
