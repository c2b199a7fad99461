/** Every register the debugger can name: how to read it, and which host input changes it. */
import type { HostInput } from '../machine/host-input';
import {
  stateOffsets,
  vmcsEncoding,
  vmcsWidthBits,
  type ProcessorState,
} from '../machine/processor-state';
import {
  cr0Bits,
  cr3Bits,
  cr4Bits,
  dr6Bits,
  dr7Bits,
  eferBits,
  rflagsBits,
} from '../spec/x86/control-registers';
import { segmentAccessRights } from '../spec/x86/vmx-controls';
import type { BitField } from '../support/bit-field';
import { present } from '../support/assert';

/** Scope of the Variables view in which a register appears; `part` are pieces that no scope lists. */
export type RegisterGroup = 'general' | 'segment' | 'control' | 'debug' | 'part';

/** One register, or a named piece of one. */
export interface Register {
  /** Lower case, without `$`. */
  readonly name: string;
  /** As the manuals spell it. */
  readonly title: string;
  readonly group: RegisterGroup;
  readonly bits: number;
  /** Meaning of its bits, where they have names. */
  readonly fields?: readonly BitField[];
  read(state: ProcessorState): bigint;
  /** The input that sets the register; undefined where the debugger cannot set it. */
  edit?(state: ProcessorState, value: bigint, at: EditTarget): HostInput;
}

/** Processor that an edit is about. */
export interface EditTarget {
  readonly partition: number;
  readonly processor: number;
}

const generalNames = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
];
const lowByteNames = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'];
const highByteNames = ['ah', 'ch', 'dh', 'bh'];

function generalPart(name: string, index: number, bits: number, shift: number): Register {
  const mask = (1n << BigInt(bits)) - 1n;
  return {
    name,
    title: name.toUpperCase(),
    group: bits === 64 ? 'general' : 'part',
    bits,
    read: (state) => (state.gpr(index) >> BigInt(shift)) & mask,
    edit: (state, value, at) => {
      const kept = state.gpr(index) & ~(mask << BigInt(shift));
      const next = BigInt.asUintN(64, kept | ((value & mask) << BigInt(shift)));
      return { kind: 'edit-gpr', ...at, register: index, value: next };
    },
  };
}

function generalRegisters(): readonly Register[] {
  return generalNames.flatMap((name, index) => {
    const old = index < 8;
    const stem = name.slice(1);
    const high = highByteNames[index];
    return [
      generalPart(name, index, 64, 0),
      generalPart(old ? `e${stem}` : `${name}d`, index, 32, 0),
      generalPart(old ? stem : `${name}w`, index, 16, 0),
      generalPart(lowByteNames[index] ?? `${name}b`, index, 8, 0),
      ...(high === undefined ? [] : [generalPart(high, index, 8, 8)]),
    ];
  });
}

const rip: Register = {
  name: 'rip',
  title: 'RIP',
  group: 'general',
  bits: 64,
  read: (state) => state.rip,
  edit: (_state, value, at) => ({ kind: 'edit-rip', ...at, value }),
};

const rflags: Register = {
  name: 'rflags',
  title: 'RFLAGS',
  group: 'general',
  bits: 32,
  fields: rflagsBits,
  read: (state) => BigInt(state.rflags >>> 0),
  edit: (_state, value, at) => ({ kind: 'edit-rflags', ...at, value: Number(value & 0xffffffffn) }),
};

function flag(field: BitField): Register {
  const bits = field.high - field.low + 1;
  const mask = ((1n << BigInt(bits)) - 1n) << BigInt(field.low);
  return {
    name: field.name.toLowerCase(),
    title: field.name,
    group: 'part',
    bits,
    read: (state) => (BigInt(state.rflags >>> 0) & mask) >> BigInt(field.low),
    edit: (state, value, at) => {
      const next = (BigInt(state.rflags >>> 0) & ~mask) | ((value << BigInt(field.low)) & mask);
      return { kind: 'edit-rflags', ...at, value: Number(next) };
    },
  };
}

function vmcsRegister(
  name: string,
  title: string,
  group: RegisterGroup,
  fieldName: string,
  fields?: readonly BitField[],
): Register {
  const encoding = vmcsEncoding(fieldName);
  return {
    name,
    title,
    group,
    bits: vmcsWidthBits(encoding),
    ...(fields === undefined ? {} : { fields }),
    read: (state) => state.vmcs(encoding),
    edit: (_state, value, at) => ({ kind: 'edit-vmcs', ...at, encoding, value }),
  };
}

function slotRegister(
  name: string,
  title: string,
  group: RegisterGroup,
  offset: number,
  fields?: readonly BitField[],
): Register {
  const read = (state: ProcessorState): bigint => state.readU64(offset);
  return { name, title, group, bits: 64, read, ...(fields === undefined ? {} : { fields }) };
}

function segmentRegisters(): readonly Register[] {
  const segments = ['CS', 'SS', 'DS', 'ES', 'FS', 'GS', 'LDTR', 'TR'].flatMap((segment) => {
    const name = segment.toLowerCase();
    return [
      vmcsRegister(name, segment, 'segment', `GUEST_${segment}_SELECTOR`),
      vmcsRegister(`${name}_base`, `${segment} base`, 'segment', `GUEST_${segment}_BASE`),
      vmcsRegister(`${name}_limit`, `${segment} limit`, 'segment', `GUEST_${segment}_LIMIT`),
      vmcsRegister(
        `${name}_access`,
        `${segment} access rights`,
        'segment',
        `GUEST_${segment}_AR_BYTES`,
        segmentAccessRights,
      ),
    ];
  });
  const tables = ['GDTR', 'IDTR'].flatMap((table) => [
    vmcsRegister(`${table.toLowerCase()}_base`, `${table} base`, 'segment', `GUEST_${table}_BASE`),
    vmcsRegister(
      `${table.toLowerCase()}_limit`,
      `${table} limit`,
      'segment',
      `GUEST_${table}_LIMIT`,
    ),
  ]);
  return [...segments, ...tables];
}

function controlRegisters(): readonly Register[] {
  return [
    vmcsRegister('cr0', 'CR0', 'control', 'GUEST_CR0', cr0Bits),
    slotRegister('cr2', 'CR2', 'control', stateOffsets.cr2),
    vmcsRegister('cr3', 'CR3', 'control', 'GUEST_CR3', cr3Bits),
    vmcsRegister('cr4', 'CR4', 'control', 'GUEST_CR4', cr4Bits),
    slotRegister('cr8', 'CR8', 'control', stateOffsets.cr8),
    vmcsRegister('efer', 'IA32_EFER', 'control', 'GUEST_IA32_EFER', eferBits),
  ];
}

function debugRegisters(): readonly Register[] {
  const plain = [0, 1, 2, 3].map((index) =>
    slotRegister(`dr${index}`, `DR${index}`, 'debug', stateOffsets.dr + index * 8),
  );
  return [
    ...plain,
    slotRegister('dr6', 'DR6', 'debug', stateOffsets.dr + 6 * 8, dr6Bits),
    vmcsRegister('dr7', 'DR7', 'debug', 'GUEST_DR7', dr7Bits),
  ];
}

/** Every register, in the order of the Variables view. */
export const registers: readonly Register[] = [
  ...generalRegisters(),
  rip,
  rflags,
  { ...rflags, name: 'eflags', title: 'EFLAGS', group: 'part' },
  ...rflagsBits.map(flag),
  ...segmentRegisters(),
  ...controlRegisters(),
  ...debugRegisters(),
];

/** Rows by lower-case name. A name that several rows have means the first. */
export const registerByName: ReadonlyMap<string, Register> = new Map(
  [...registers].reverse().map((register) => [register.name, register]),
);

/** The register with a name that is known to exist. */
export function registerNamed(name: string): Register {
  return present(registerByName.get(name), `register ${name}`);
}
