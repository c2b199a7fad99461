/** HvCallGetVpRegisters (0x50) and HvCallSetVpRegisters (0x51) on the caller's own partition (TLFS 7.10). */
import { stateOffsets, vmcsEncoding } from '../../machine/processor-state';
import { hypercallByName } from '../../spec/tlfs/hypercalls';
import { RegisterName } from '../../spec/tlfs/register-names';
import { Status } from '../../spec/tlfs/status-codes';
import { msrByName } from '../../spec/x86/msrs';
import { present } from '../../support/assert';
import { readField, structLayout } from '../../support/struct-layout';
import { readMsr, writeMsr } from '../msr-access';
import type { VirtualProcessor } from '../virtual-processor';
import type { HypercallCall, HypercallCaller, RepHypercallHandler } from './handler';
import { resolveProcessor } from './target';

const layout = structLayout(
  'HvCallGetVpRegisters',
  hypercallByName.get('HvCallGetVpRegisters')?.input ?? [],
);

/** Offset of the value in an element of HvCallSetVpRegisters. */
const setValueOffset = 16;

/** How a register is reached; without `write` it is read-only here. */
interface RegisterAccess {
  read(processor: VirtualProcessor, caller: HypercallCaller): bigint | undefined;
  write?(processor: VirtualProcessor, value: bigint, caller: HypercallCaller): boolean;
}

function generalRegister(index: number): RegisterAccess {
  return {
    read: ({ state }) => state.gpr(index),
    write({ state }, value) {
      state.setGpr(index, value);
      return true;
    },
  };
}

function msrRegister(name: string): RegisterAccess {
  const { number } = present(msrByName.get(name), name);
  return {
    read: (processor, { partition, timeNs }) => readMsr(partition, processor, number, timeNs),
    write: (processor, value, { partition, timeNs }) =>
      writeMsr(partition, processor, number, value, timeNs),
  };
}

function readOnly(read: (processor: VirtualProcessor) => bigint): RegisterAccess {
  return { read };
}

function vmcsRegister(name: string): RegisterAccess {
  const encoding = vmcsEncoding(name);
  return readOnly(({ state }) => state.vmcs(encoding));
}

const registers: ReadonlyMap<number, RegisterAccess> = new Map<number, RegisterAccess>([
  ...Array.from({ length: 16 }, (_, index): [number, RegisterAccess] => [
    RegisterName.Rax + index,
    generalRegister(index),
  ]),
  [RegisterName.Rip, readOnly(({ state }) => state.rip)],
  [RegisterName.Rflags, readOnly(({ state }) => BigInt(state.rflags >>> 0))],
  [RegisterName.Cr0, vmcsRegister('GUEST_CR0')],
  [RegisterName.Cr2, readOnly(({ state }) => state.readU64(stateOffsets.cr2))],
  [RegisterName.Cr3, vmcsRegister('GUEST_CR3')],
  [RegisterName.Cr4, vmcsRegister('GUEST_CR4')],
  [RegisterName.Cr8, readOnly(({ state }) => state.readU64(stateOffsets.cr8))],
  [RegisterName.Efer, msrRegister('IA32_EFER')],
  [RegisterName.KernelGsBase, msrRegister('IA32_KERNEL_GS_BASE')],
  [RegisterName.Pat, msrRegister('IA32_PAT')],
  [RegisterName.SysenterCs, msrRegister('IA32_SYSENTER_CS')],
  [RegisterName.SysenterEip, msrRegister('IA32_SYSENTER_EIP')],
  [RegisterName.SysenterEsp, msrRegister('IA32_SYSENTER_ESP')],
  [RegisterName.Star, msrRegister('IA32_STAR')],
  [RegisterName.Lstar, msrRegister('IA32_LSTAR')],
  [RegisterName.Cstar, msrRegister('IA32_CSTAR')],
  [RegisterName.Sfmask, msrRegister('IA32_FMASK')],
]);

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset);

function target({ caller, header }: HypercallCall): VirtualProcessor | number {
  return resolveProcessor(caller, layout, header, readField(layout, header, 'InputVtl'));
}

function begin(call: HypercallCall): number {
  const processor = target(call);
  return typeof processor === 'number' ? processor : Status.success;
}

export const getVpRegisters: RepHypercallHandler = {
  kind: 'rep',
  begin,
  runElement(call, { input, output }) {
    const processor = target(call);
    if (typeof processor === 'number') return processor;
    const access = registers.get(viewOf(input).getUint32(0, true));
    const value = access?.read(processor, call.caller);
    if (value === undefined) return Status.unknownRegisterName;
    viewOf(output).setBigUint64(0, value, true);
    return Status.success;
  },
};

export const setVpRegisters: RepHypercallHandler = {
  kind: 'rep',
  begin,
  runElement(call, { input }) {
    const processor = target(call);
    if (typeof processor === 'number') return processor;
    const access = registers.get(viewOf(input).getUint32(0, true));
    if (access === undefined) return Status.unknownRegisterName;
    if (access.write === undefined) return Status.invalidParameter;
    const value = viewOf(input).getBigUint64(setValueOffset, true);
    return access.write(processor, value, call.caller)
      ? Status.success
      : Status.invalidRegisterValue;
  },
};
