/**
 * Memory-type range registers (SDM vol. 3, 12.11): kept and checked, without effect, since there is no cache that could
 * be seen. Firmware would have set them before it starts an operating system; here the hypervisor does.
 */
import { stateOffsets, type ProcessorState } from '../machine/processor-state';
import { physicalAddressBits } from '../spec/x86/address-widths';
import {
  fixedRangeMsrs,
  MemoryType,
  MtrrCapability,
  MtrrDefaultType,
  variableRangeCount,
  variableRangeMsr,
  variableRangeValid,
} from '../spec/x86/memory-types';
import type { MsrBehaviour } from './msr-behaviour';

const capability = 0xfe;
const defaultType = 0x2ff;

const byteMask = 0xffn;
const physicalReserved = ~((1n << BigInt(physicalAddressBits)) - 1n);
const baseReserved = 0xf00n | physicalReserved;
const maskReserved = BigInt(variableRangeValid - 1) | physicalReserved;
const defaultReserved = ~(byteMask | BigInt(MtrrDefaultType.FE | MtrrDefaultType.E));

/** Types that a range may have: not UC-, which only the page attribute table knows. */
const rangeTypes: readonly number[] = [
  MemoryType.UC,
  MemoryType.WC,
  MemoryType.WT,
  MemoryType.WP,
  MemoryType.WB,
];

function isRangeType(value: bigint): boolean {
  return rangeTypes.includes(Number(value & byteMask));
}

function areRangeTypes(value: bigint): boolean {
  for (let shift = 0n; shift < 64n; shift += 8n) {
    if (!isRangeType(value >> shift)) return false;
  }
  return true;
}

const isVariableBase = (value: bigint): boolean =>
  (value & baseReserved) === 0n && isRangeType(value);
const isVariableMask = (value: bigint): boolean => (value & maskReserved) === 0n;
const isDefault = (value: bigint): boolean =>
  (value & defaultReserved) === 0n && isRangeType(value);

/** Registers in the order of their places in the state, with what each accepts. */
const registers: readonly (readonly [number, (value: bigint) => boolean])[] = [
  [defaultType, isDefault],
  ...fixedRangeMsrs.map(({ number }) => [number, areRangeTypes] as const),
  ...Array.from(
    { length: 2 * variableRangeCount },
    (_, index) =>
      [variableRangeMsr + index, index % 2 === 0 ? isVariableBase : isVariableMask] as const,
  ),
];

const placeOf = new Map(
  registers.map(([number], index) => [number, stateOffsets.memoryTypeRanges + index * 8]),
);

function setRegister(state: ProcessorState, number: number, value: bigint): void {
  const place = placeOf.get(number);
  if (place !== undefined) state.writeU64(place, value);
}

const capabilities: MsrBehaviour = {
  read: () => BigInt(variableRangeCount | MtrrCapability.FIX | MtrrCapability.WC),
  write: () => false,
};

/** Behaviour by MSR number. */
export const memoryTypeMsrs: readonly (readonly [number, MsrBehaviour])[] = [
  [capability, capabilities],
  ...registers.map(([number, accepts]) => {
    const place = placeOf.get(number) ?? 0;
    const behaviour: MsrBehaviour = {
      read: ({ state }) => state.readU64(place),
      write({ state }, value) {
        if (!accepts(value)) return false;
        state.writeU64(place, value);
        return true;
      },
    };
    return [number, behaviour] as const;
  }),
];

const firmwareTypes = { frameBufferFirst: 0xa0000, frameBufferEnd: 0xc0000 } as const;
/** Below 4 GiB, where devices are: 0xC0000000 to 0xFFFFFFFF. */
const deviceHole = { base: 0xc000_0000n, bytes: 0x4000_0000n } as const;

/** What firmware leaves: write-back memory, but for the frame buffer of old displays and the devices below 4 GiB. */
export function setUpMemoryTypes(state: ProcessorState): void {
  const { FE, E } = MtrrDefaultType;
  setRegister(state, defaultType, BigInt(FE | E | MemoryType.WB));
  for (const { number, first } of fixedRangeMsrs) {
    const isDevice =
      first >= firmwareTypes.frameBufferFirst && first < firmwareTypes.frameBufferEnd;
    const type = BigInt(isDevice ? MemoryType.UC : MemoryType.WB);
    setRegister(state, number, type * 0x0101010101010101n);
  }
  const mask = ((1n << BigInt(physicalAddressBits)) - 1n) & ~(deviceHole.bytes - 1n);
  setRegister(state, variableRangeMsr, deviceHole.base | BigInt(MemoryType.UC));
  setRegister(state, variableRangeMsr + 1, mask | BigInt(variableRangeValid));
}
