/** HvCallGetVpRegisters (0x50) and HvCallSetVpRegisters (0x51) on the caller's own partition (TLFS 7.10). */
import { hypercallByName } from '../../spec/tlfs/hypercalls';
import { Status } from '../../spec/tlfs/status-codes';
import { readField, structLayout } from '../../support/struct-layout';
import type { VirtualProcessor } from '../virtual-processor';
import type { HypercallCall, RepHypercallHandler } from './handler';
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

export const getVpRegisters: RepHypercallHandler = {
  kind: 'rep',
  begin,
  runElement(call, { input, output }) {
    const processor = target(call);
    if (typeof processor === 'number') return processor;
    const access = findRegister(viewOf(input).getUint32(0, true));
    const value = access?.read(processor, call.caller);
    if (value === undefined) return Status.unknownRegisterName;
    viewOf(output).setBigUint64(0, BigInt.asUintN(64, value), true);
    viewOf(output).setBigUint64(8, value >> 64n, true);
    return Status.success;
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
    const [low, high] = [0, 8].map((at) => viewOf(input).getBigUint64(setValueOffset + at, true));
    const value = (low ?? 0n) | ((high ?? 0n) << 64n);
    return access.write(processor, value, call.caller)
      ? Status.success
      : Status.invalidRegisterValue;
  },
};
