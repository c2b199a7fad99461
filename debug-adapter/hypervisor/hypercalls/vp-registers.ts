/** HvCallGetVpRegisters (0x50) and HvCallSetVpRegisters (0x51): on the caller's own partition, and what parents do with it (TLFS 7.10). */
import { hypercallByName } from '../../spec/tlfs/hypercalls';
import { Status } from '../../spec/tlfs/status-codes';
import { readField, structLayout } from '../../support/struct-layout';
import type { VirtualProcessor } from '../virtual-processor';
import type { HypercallCall, HypercallCaller, RepElement, RepHypercallHandler } from './handler';
import { findRegister } from './register-access';
import { resolveProcessor } from './target';

const layout = structLayout(
  'HvCallGetVpRegisters',
  hypercallByName.get('HvCallGetVpRegisters')?.input ?? [],
);

/** Offset of the value in an element of HvCallSetVpRegisters. */
const setValueOffset = 16;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset);

function target({ caller, header }: HypercallCall): VirtualProcessor | number {
  return resolveProcessor(caller, layout, header, readField(layout, header, 'InputVtl'));
}

function begin(call: HypercallCall): number {
  const processor = target(call);
  return typeof processor === 'number' ? processor : Status.success;
}

/** Reads the register that an element names, as the processor itself would. @returns the status */
export function readRegister(own: HypercallCaller, { input, output }: RepElement): number {
  const access = findRegister(viewOf(input).getUint32(0, true));
  const value = access?.read(own.processor, own);
  if (value === undefined) return Status.unknownRegisterName;
  viewOf(output).setBigUint64(0, BigInt.asUintN(64, value), true);
  viewOf(output).setBigUint64(8, value >> 64n, true);
  return Status.success;
}

/** Sets the register that an element names for the processor's parent: also those that guests only read. @returns the status */
export function setRegister(own: HypercallCaller, { input }: RepElement): number {
  const access = findRegister(viewOf(input).getUint32(0, true));
  if (access === undefined) return Status.unknownRegisterName;
  const set = access.set ?? access.write;
  if (set === undefined) return Status.invalidParameter;
  return set(own.processor, valueOf(input), own) ? Status.success : Status.invalidRegisterValue;
}

function valueOf(input: Uint8Array): bigint {
  const [low, high] = [0, 8].map((at) => viewOf(input).getBigUint64(setValueOffset + at, true));
  return (low ?? 0n) | ((high ?? 0n) << 64n);
}

export const getVpRegisters: RepHypercallHandler = {
  kind: 'rep',
  begin,
  runElement(call, element) {
    const processor = target(call);
    if (typeof processor === 'number') return processor;
    return readRegister({ ...call.caller, processor }, element);
  },
};

export const setVpRegisters: RepHypercallHandler = {
  kind: 'rep',
  begin,
  runElement(call, { input }) {
    const processor = target(call);
    if (typeof processor === 'number') return processor;
    const access = findRegister(viewOf(input).getUint32(0, true));
    if (access === undefined) return Status.unknownRegisterName;
    if (access.write === undefined) return Status.invalidParameter;
    return access.write(processor, valueOf(input), call.caller)
      ? Status.success
      : Status.invalidRegisterValue;
  },
};
