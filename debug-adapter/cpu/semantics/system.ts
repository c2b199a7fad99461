/** System instructions: privileged, serialising or intercepted ones go to routines that know the VMCS. */
import {
  msrSlots,
  stateOffsets,
  vmcsEncoding,
  vmcsSlotOffset,
} from '../../machine/processor-state';
import type { Builder } from '../ir/builder';
import type { Expression } from '../ir/ir';
import { runOffsets } from '../memory-map';
import { immediatePort } from '../port-operand';
import { segmentOffsets, vmcsOffsets } from '../vmcs-offsets';
import { primaryControl, secondaryControl } from '../vmx/vm-exits';
import { requireCanonicalBase } from './canonical';
import {
  define,
  defineRare,
  defineSizedRoutine,
  operandAt,
  widthOf,
  type Definition,
} from './definition';
import { requireProtectedMode } from './protected-mode';

const invalidOpcode = 6;
const generalProtection = 13;
const kernelGsBase = stateOffsets.msr + msrSlots.IA32_KERNEL_GS_BASE * 8;

function nothing(mnemonic: string): Definition {
  return define(mnemonic, () => undefined);
}

function byRoutine(mnemonic: string, routine: string): Definition {
  return defineRare(mnemonic, (b) => b.routine(routine));
}

/** CLFLUSH is checked like a byte read (SDM vol. 2, CLFLUSH); there is no cache to flush, and a device is not read. */
const flushLine = defineRare('CLFLUSH', (b) => {
  b.translate(b.operandAddress(), { width: 8, intent: 'read', stack: false, isProbe: true });
});

function undefinedInstruction(mnemonic: string): Definition {
  return defineRare(mnemonic, (b) => b.raise(invalidOpcode));
}

/** The routine gets the selector, below the operand size in bytes where it has a result (LAR, LSL). */
function examineSelector(mnemonic: string, routine: string): Definition {
  return defineRare(mnemonic, (b, operands, { operandSize }) => {
    requireProtectedMode(b);
    const selector = b.and(b.read(operandAt(operands, operands.length - 1)), b.i64(0xffff));
    b.setState(runOffsets.operand, 8, b.or(selector, b.i64((operandSize / 8) << 16)));
    b.routine(routine);
  });
}

function loadSelector(mnemonic: string, routine: string): Definition {
  return defineRare(mnemonic, (b, operands) => {
    requireProtectedMode(b);
    b.setState(runOffsets.operand, 8, b.read(operandAt(operands, 0)));
    b.routine(routine);
  });
}

/** Descriptor-table exiting, where the secondary controls are active at all (SDM vol. 3, 25.6.2). */
function areTablesIntercepted(b: Builder): Expression {
  const isActive = b.binary('shr_u', b.state(vmcsOffsets.primaryControls, 4), b.i32(31));
  const controls = b.state(vmcsOffsets.secondaryControls, 4);
  const isSet = b.and(controls, b.i32(secondaryControl.descriptorTableExiting));
  return b.and(isActive, b.compare('ne', isSet, b.i32(0)));
}

function storeSelector(mnemonic: string, field: string, exit: string): Definition {
  const offset = vmcsSlotOffset(vmcsEncoding(field));
  return defineRare(mnemonic, (b, operands) => {
    requireProtectedMode(b);
    refuseUserMode(b);
    b.if(areTablesIntercepted(b), () => b.routine(exit));
    b.write(operandAt(operands, 0), b.widen(b.state(offset, 2)));
  });
}

/** Low bits of CR0, as the guest sees them (SDM vol. 2, SMSW; vol. 3, 26.3). */
const storeMachineStatus = defineRare('SMSW', (b, operands) => {
  refuseUserMode(b);
  const owned = b.state(vmcsOffsets.cr0Mask, 8);
  const own = b.and(b.state(vmcsOffsets.cr0, 8), b.xor(owned, b.i64(-1)));
  b.write(operandAt(operands, 0), b.or(own, b.and(b.state(vmcsOffsets.cr0Shadow, 8), owned)));
});

const loadMachineStatus = defineRare('LMSW', (b, operands) => {
  b.setState(runOffsets.operand, 8, b.read(operandAt(operands, 0)));
  b.routine('loadMachineStatusWord');
});

/** CR4.UMIP keeps user code from what it would learn (SDM vol. 3, 2.5). */
function refuseUserMode(b: Builder): void {
  const isUser = b.compare('ne', b.state(runOffsets.cpl, 4), b.i32(0));
  const isOn = b.bit(b.state(vmcsOffsets.cr4, 4), 11);
  b.if(b.and(isUser, isOn), () => b.raise(generalProtection, 0));
}

const pause = define('PAUSE', (b) => {
  const { pauseExiting } = primaryControl;
  const { pauseLoopExiting } = secondaryControl;
  const isExiting = b.and(b.state(vmcsOffsets.primaryControls, 4), b.i32(pauseExiting));
  const isWatched = b.and(b.state(vmcsOffsets.secondaryControls, 4), b.i32(pauseLoopExiting));
  b.if(b.compare('ne', b.or(isExiting, isWatched), b.i32(0)), () => b.routine('pause'));
});

/** The TLB is exact, so there is nothing to invalidate; privilege and interception remain, which the routine knows. */
const invalidatePage = define('INVLPG', (b) => {
  const { invlpgExiting } = primaryControl;
  const isExiting = b.and(b.state(vmcsOffsets.primaryControls, 4), b.i32(invlpgExiting));
  const isAsked = b.or(b.state(runOffsets.cpl, 4), isExiting);
  b.if(b.compare('ne', isAsked, b.i32(0)), () => b.routine('invalidatePage'));
});

/** 64-bit mode only, at privilege level 0 (SDM vol. 2, SWAPGS). */
const swapGs = define('SWAPGS', (b) => {
  const isUser = b.compare('ne', b.state(runOffsets.cpl, 4), b.i32(0));
  b.if(isUser, () => b.raise(generalProtection, 0));
  const base = b.let(b.state(segmentOffsets.GS.base, 8));
  b.setState(segmentOffsets.GS.base, 8, b.state(kernelGsBase, 8));
  b.setState(kernelGsBase, 8, base);
});

/** The register says what is meant; outside 64-bit mode it has 32 bits. */
const invalidateByIdentifier = defineRare('INVPCID', (b, operands) => {
  b.setState(runOffsets.operand, 8, b.read(operandAt(operands, 0)));
  b.routine('invalidateByIdentifier');
});

/** CLAC and STAC are undefined above privilege level 0 (SDM vol. 2, STAC). */
function accessCheck(mnemonic: string, routine: string): Definition {
  return defineRare(mnemonic, (b) => {
    const isUser = b.compare('ne', b.state(runOffsets.cpl, 4), b.i32(0));
    b.if(isUser, () => b.raise(invalidOpcode));
    b.routine(routine);
  });
}

/** FS and GS bases for user code, where CR4.FSGSBASE allows it (SDM vol. 2, RDFSBASE; 64-bit mode only). */
function segmentBase(mnemonic: string, base: number, isWrite: boolean): Definition {
  return defineRare(mnemonic, (b, operands) => {
    const isOn = b.bit(b.state(vmcsOffsets.cr4, 4), 16);
    b.if(b.isZero(isOn), () => b.raise(invalidOpcode));
    const register = operandAt(operands, 0);
    if (!isWrite) return b.write(register, b.state(base, 8));
    const value = b.read(register);
    requireCanonicalBase(b, value);
    b.setState(base, 8, value);
  });
}

/** The destination's size goes to the routine. */
function randomNumber(mnemonic: string, routine: string): Definition {
  return defineRare(mnemonic, (b, operands) => {
    b.setState(runOffsets.operand, 8, b.i64(widthOf(operandAt(operands, 0)) / 8));
    b.routine(routine);
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
  // Code that was written is decoded anew as it is, and nothing is prefetched: there is nothing to wait for.
  nothing('SERIALIZE'),
  flushLine,
  undefinedInstruction('UD'),
  // Without VMX, and with CR4.OSXSAVE never set, these are undefined (SDM vol. 2 and 3C).
  undefinedInstruction('VMLAUNCH'),
  undefinedInstruction('VMRESUME'),
  undefinedInstruction('VMXOFF'),
  undefinedInstruction('XGETBV'),
  undefinedInstruction('XSETBV'),
  pause,
  byRoutine('MONITOR', 'monitor'),
  byRoutine('MWAIT', 'monitorWait'),
  byRoutine('RDPMC', 'readPerformanceCounter'),
  randomNumber('RDRAND', 'randomNumber'),
  randomNumber('RDSEED', 'randomSeed'),
  segmentBase('RDFSBASE', segmentOffsets.FS.base, false),
  segmentBase('RDGSBASE', segmentOffsets.GS.base, false),
  segmentBase('WRFSBASE', segmentOffsets.FS.base, true),
  segmentBase('WRGSBASE', segmentOffsets.GS.base, true),
  byRoutine('CPUID', 'cpuid'),
  byRoutine('HLT', 'halt'),
  byRoutine('VMCALL', 'vmcall'),
  byRoutine('VMMCALL', 'vmmcall'),
  byRoutine('RDMSR', 'readMsr'),
  byRoutine('WRMSR', 'writeMsr'),
  portAccess('IN', 0),
  portAccess('OUT', 1),
  invalidatePage,
  invalidateByIdentifier,
  accessCheck('CLAC', 'clearAccessCheck'),
  accessCheck('STAC', 'setAccessCheck'),
  byRoutine('INVD', 'invalidateCaches'),
  byRoutine('WBINVD', 'writeBackCaches'),
  byRoutine('CLTS', 'clearTaskSwitched'),
  defineSizedRoutine('LGDT', 'loadGlobalDescriptorTable'),
  defineSizedRoutine('LIDT', 'loadInterruptDescriptorTable'),
  byRoutine('SGDT', 'storeGlobalDescriptorTable'),
  byRoutine('SIDT', 'storeInterruptDescriptorTable'),
  loadSelector('LLDT', 'loadLocalDescriptorTable'),
  loadSelector('LTR', 'loadTaskRegister'),
  storeSelector('SLDT', 'GUEST_LDTR_SELECTOR', 'storeLocalTableExit'),
  storeSelector('STR', 'GUEST_TR_SELECTOR', 'storeTaskRegisterExit'),
  examineSelector('LAR', 'loadAccessRights'),
  examineSelector('LSL', 'loadSegmentLimit'),
  examineSelector('VERR', 'verifyRead'),
  examineSelector('VERW', 'verifyWrite'),
  storeMachineStatus,
  loadMachineStatus,
  byRoutine('SYSENTER', 'systemEnter'),
  defineSizedRoutine('SYSEXIT', 'systemExit'),
  swapGs,
];
