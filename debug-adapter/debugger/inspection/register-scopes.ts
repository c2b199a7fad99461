/** Scopes of the registers: general, flags, segment, control, debug and MSRs. */
import type { HostInput } from '../../machine/host-input';
import { eferBits } from '../../spec/x86/control-registers';
import { msrs } from '../../spec/x86/msrs';
import { extractBits, type BitField } from '../../support/bit-field';
import type { DebuggedThread } from '../debugged-machine';
import { registers, registerNamed, type Register, type RegisterGroup } from '../registers';
import { formatAddress, formatBits, hex, type AddressNamer } from '../value-format';
import type { VariableNode, VariableScope } from './variable-node';

function bitNode(word: bigint, field: BitField, edit: VariableNode['edit']): VariableNode {
  const value = extractBits(word, field);
  const valueName = field.values?.[Number(value)];
  const width = field.high - field.low + 1;
  const position = width === 1 ? `bit ${field.low}` : `bits ${field.high}:${field.low}`;
  const mask = ((1n << BigInt(width)) - 1n) << BigInt(field.low);
  return {
    name: field.name,
    value: valueName === undefined ? hex(value) : `${hex(value)} ${valueName}`,
    type: position,
    ...(edit === undefined
      ? {}
      : {
          edit: (next: bigint) => edit((word & ~mask) | ((next << BigInt(field.low)) & mask)),
        }),
  };
}

/** Children that show a word bit field by bit field; editing one edits the word. */
export function bitNodes(
  word: bigint,
  fields: readonly BitField[],
  edit?: VariableNode['edit'],
): readonly VariableNode[] {
  return fields.map((field) => bitNode(word, field, edit));
}

/** The node of a register as it is now. */
export function registerNode(
  register: Register,
  thread: DebuggedThread,
  nameOf: AddressNamer,
): VariableNode {
  const { state } = thread.processor.core;
  const value = register.read(state);
  const { fields, edit } = register;
  const at = { partition: thread.partition.id, processor: thread.processor.index };
  const set = edit === undefined ? undefined : (next: bigint) => edit(state, next, at);
  return {
    name: register.title,
    value: fields === undefined ? formatAddress(value, nameOf) : formatBits(value, fields),
    type: `${register.bits} bits`,
    evaluateName: `$${register.name}`,
    ...(register.group === 'general' && fields === undefined ? { address: value } : {}),
    ...(fields === undefined
      ? {}
      : { children: () => bitNodes(register.read(state), fields, set) }),
    ...(set === undefined ? {} : { edit: set }),
  };
}

function segmentNodes(thread: DebuggedThread, nameOf: AddressNamer): readonly VariableNode[] {
  const parts = registers.filter((register) => register.group === 'segment');
  const heads = [...new Set(parts.map((part) => part.name.split('_')[0] ?? part.name))];
  return heads.map((head) => {
    const own = parts.filter((part) => part.name === head || part.name.startsWith(`${head}_`));
    const children = (): readonly VariableNode[] =>
      own.map((part) => ({
        ...registerNode(part, thread, nameOf),
        name: part.name === head ? 'selector' : part.title.slice(head.length + 1),
      }));
    const selector = own.find((part) => part.name === head);
    const base = registerNamed(`${head}_base`).read(thread.processor.core.state);
    const { value, edit } =
      selector === undefined
        ? { value: `base ${hex(base)}`, edit: undefined }
        : registerNode(selector, thread, nameOf);
    return {
      name: head.toUpperCase(),
      value,
      type: selector === undefined ? 'table register' : 'segment register',
      evaluateName: selector === undefined ? `$${head}_base` : `$${head}`,
      children,
      ...(edit === undefined ? {} : { edit }),
    };
  });
}

function groupNodes(
  group: RegisterGroup,
  thread: DebuggedThread,
  nameOf: AddressNamer,
): readonly VariableNode[] {
  return registers
    .filter((register) => register.group === group)
    .map((register) => registerNode(register, thread, nameOf));
}

const msrBits: ReadonlyMap<string, readonly BitField[]> = new Map([['IA32_EFER', eferBits]]);

/** Every MSR that the hypervisor lets the guest read, with the value it would read. */
function msrNodes(thread: DebuggedThread, nameOf: AddressNamer): readonly VariableNode[] {
  const at = { partition: thread.partition.id, processor: thread.processor.index };
  return msrs.flatMap(({ number, name }) => {
    const value = thread.readMsr(number);
    if (value === undefined) return [];
    const fields = msrBits.get(name);
    const edit = (next: bigint): HostInput => ({
      kind: 'edit-msr',
      ...at,
      msr: number,
      value: next,
    });
    const node: VariableNode = {
      name,
      value: fields === undefined ? formatAddress(value, nameOf) : formatBits(value, fields),
      type: `MSR ${hex(number)}`,
      evaluateName: `$${name}`,
      edit,
      ...(fields === undefined
        ? {}
        : { children: () => bitNodes(thread.readMsr(number) ?? value, fields, edit) }),
    };
    return [node];
  });
}

/** The scopes of a thread's registers. */
export function registerScopes(
  thread: DebuggedThread,
  nameOf: AddressNamer,
): readonly VariableScope[] {
  const scope = (name: string, children: () => readonly VariableNode[]): VariableScope => ({
    name,
    expensive: false,
    isRegisters: true,
    children,
  });
  const rflags = registerNamed('rflags');
  return [
    scope('General', () => groupNodes('general', thread, nameOf)),
    scope('Flags', () => registerNode(rflags, thread, nameOf).children?.() ?? []),
    scope('Segment', () => segmentNodes(thread, nameOf)),
    scope('Control', () => groupNodes('control', thread, nameOf)),
    scope('Debug', () => groupNodes('debug', thread, nameOf)),
    scope('MSR', () => msrNodes(thread, nameOf)),
  ];
}
