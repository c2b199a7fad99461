/** System instructions: privileged, serialising or intercepted ones go to routines that know the VMCS. */
import { vmcsEncoding, vmcsSlotOffset } from '../../machine/processor-state';
import { runOffsets } from '../memory-map';
import { immediatePort } from '../port-operand';
import { define, defineRare, operandAt, widthOf, type Definition } from './definition';

const invalidOpcode = 6;

function nothing(mnemonic: string): Definition {
  return define(mnemonic, () => undefined);
}

function byRoutine(mnemonic: string, routine: string): Definition {
  return defineRare(mnemonic, (b) => b.routine(routine));
}

/** CLFLUSH is checked like a byte read (SDM vol. 2, CLFLUSH); there is no cache to flush. */
const flushLine = defineRare('CLFLUSH', (b, operands) => {
  b.read(operandAt(operands, 0));
});

const undefinedInstruction = defineRare('UD', (b) => b.raise(invalidOpcode));

function loadSelector(mnemonic: string, routine: string): Definition {
  return defineRare(mnemonic, (b, operands) => {
    b.setState(runOffsets.operand, 8, b.read(operandAt(operands, 0)));
    b.routine(routine);
  });
}

function storeSelector(mnemonic: string, field: string): Definition {
  const offset = vmcsSlotOffset(vmcsEncoding(field));
  return defineRare(mnemonic, (b, operands) => {
    b.write(operandAt(operands, 0), b.widen(b.state(offset, 2)));
  });
}

/** The port goes to the routine as its operand; the accumulator's width is part of the routine's name. */
function portAccess(mnemonic: 'IN' | 'OUT', accumulator: 0 | 1): Definition {
  return defineRare(mnemonic, (b, operands) => {
    const port = operandAt(operands, 1 - accumulator);
    const isImmediate = port.kind === 'immediate';
    const value = b.and(b.read(port), b.i64(isImmediate ? 0xff : 0xffff));
    b.setState(runOffsets.operand, 8, isImmediate ? b.or(value, b.i64(immediatePort)) : value);
    const name = mnemonic === 'IN' ? 'input' : 'output';
    b.routine(`${name}${widthOf(operandAt(operands, accumulator))}`);
  });
}

export const systemDefinitions: readonly Definition[] = [
  nothing('NOP'),
  nothing('LFENCE'),
  nothing('MFENCE'),
  nothing('SFENCE'),
  flushLine,
  undefinedInstruction,
  byRoutine('PAUSE', 'pause'),
  byRoutine('CPUID', 'cpuid'),
  byRoutine('HLT', 'halt'),
  byRoutine('VMCALL', 'vmcall'),
  byRoutine('VMMCALL', 'vmmcall'),
  byRoutine('RDMSR', 'readMsr'),
  byRoutine('WRMSR', 'writeMsr'),
  byRoutine('RDTSC', 'readTimeStamp'),
  byRoutine('RDTSCP', 'readTimeStampAndProcessor'),
  portAccess('IN', 0),
  portAccess('OUT', 1),
  byRoutine('INVLPG', 'invalidatePage'),
  byRoutine('INVD', 'invalidateCaches'),
  byRoutine('WBINVD', 'writeBackCaches'),
  byRoutine('CLTS', 'clearTaskSwitched'),
  byRoutine('LGDT', 'loadGlobalDescriptorTable'),
  byRoutine('LIDT', 'loadInterruptDescriptorTable'),
  byRoutine('SGDT', 'storeGlobalDescriptorTable'),
  byRoutine('SIDT', 'storeInterruptDescriptorTable'),
  loadSelector('LLDT', 'loadLocalDescriptorTable'),
  loadSelector('LTR', 'loadTaskRegister'),
  storeSelector('SLDT', 'GUEST_LDTR_SELECTOR'),
  storeSelector('STR', 'GUEST_TR_SELECTOR'),
  byRoutine('SWAPGS', 'swapGs'),
];
