/** Hypercalls in words: the fields of their input and output blocks, as far as the trace keeps them. */
import type { HypercallEvent } from '../machine/trace';
import { hypercallByCode, hypercalls, type Hypercall } from '../spec/tlfs/hypercalls';
import {
  interceptAccess,
  interceptType,
  mapGpaFlag,
  partitionIdSelf,
  partitionProperty,
  portType,
  vpIndexSelf,
} from '../spec/tlfs/partitions';
import { registerNames } from '../spec/tlfs/register-names';
import { Status, statusByCode } from '../spec/tlfs/status-codes';
import { readField, structLayout, type StructLayout } from '../support/struct-layout';
import { hex } from './value-format';

interface Layouts {
  readonly input: StructLayout;
  readonly output: StructLayout;
}

const layouts: ReadonlyMap<number, Layouts> = new Map(
  hypercalls.map(({ code, name, input = [], output = [] }) => [
    code,
    { input: structLayout(name, input), output: structLayout(`${name} output`, output) },
  ]),
);

type Fields = ReadonlyMap<string, bigint>;

/** The integer fields of a block of which the beginning is there. */
function integersOf(layout: StructLayout | undefined, bytes: Uint8Array): Fields {
  const found = new Map<string, bigint>();
  if (layout === undefined || bytes.length === 0) return found;
  const whole = new Uint8Array(layout.sizeBytes);
  whole.set(bytes.subarray(0, layout.sizeBytes));
  for (const { name, type, offset } of layout.fields) {
    const isThere = typeof type === 'string' && offset < bytes.length;
    if (isThere) found.set(name, readField(layout, whole, name));
  }
  return found;
}

/** Fields of the input, and of the output of a call that succeeded, by name. */
export function hypercallFields({ code, status, input, output }: HypercallEvent): Fields {
  const layout = layouts.get(code);
  const isDone = status === Status.success;
  return new Map([
    ...integersOf(layout?.input, input),
    ...(isDone ? integersOf(layout?.output, output) : []),
  ]);
}

/** Every name that {@link hypercallFields} can give. */
export const hypercallFieldNames: readonly string[] = [
  ...new Set(
    [...layouts.values()]
      .flatMap(({ input, output }) => [...input.fields, ...output.fields])
      .filter(({ type }) => typeof type === 'string')
      .map(({ name }) => name),
  ),
];

const nameOfValue =
  (names: Readonly<Record<string, number>>) =>
  (value: bigint): string =>
    Object.entries(names).find(([, number]) => BigInt(number) === value)?.[0] ?? hex(value);

function nameOfMask(names: Readonly<Record<string, number>>): (value: bigint) => string {
  return (value) => {
    const set = Object.entries(names).filter(([, mask]) => (value & BigInt(mask)) !== 0n);
    return set.length === 0 ? hex(value) : set.map(([name]) => name).join('+');
  };
}

const decimal = (value: bigint): string => value.toString();
const partitionName = (value: bigint): string =>
  value === partitionIdSelf ? 'self' : decimal(value);
const processorName = (value: bigint): string => (value === vpIndexSelf ? 'self' : decimal(value));

const readers: Readonly<Record<string, (value: bigint) => string>> = {
  PartitionId: partitionName,
  TargetPartition: partitionName,
  PortPartition: partitionName,
  ConnectionPartition: partitionName,
  ParentId: partitionName,
  VpIndex: processorName,
  TargetVp: processorName,
  PropertyCode: nameOfValue(partitionProperty),
  InterceptType: nameOfValue(interceptType),
  AccessTypeMask: nameOfMask(interceptAccess),
  MapFlags: nameOfMask(mapGpaFlag),
  PortType: nameOfValue(portType),
  ConnectionType: nameOfValue(portType),
  InterceptParameter: (value) =>
    value > 0xffffn ? `ports ${hex(value & 0xffffn)}-${hex(value >> 16n)}` : hex(value),
  ...Object.fromEntries(
    ['FlagCount', 'PayloadSize', 'DataCount', 'SpinCount', 'PagesAvailable', 'PagesInUse'].map(
      (name) => [name, decimal],
    ),
  ),
};

/** Zero says something in these; elsewhere it is the usual and left out. */
const shownWhenZero = new Set([
  ...['VpIndex', 'TargetGpfnBase', 'Value', 'AccessTypeMask', 'ConnectionId', 'PreviousChildId'],
  ...['NextChildId', 'SaveState', 'RestoreState', 'AddressSpace'],
]);

function fieldsText(fields: Fields): string {
  return [...fields]
    .filter(([name, value]) => value !== 0n || shownWhenZero.has(name))
    .map(([name, value]) => `${name} ${(readers[name] ?? hex)(value)}`)
    .join(', ');
}

const shownElements = 4;
const registerNameOf = new Map([...registerNames].map(([name, number]) => [number, name]));

/** One element of a list: a register with its value, or a number. */
function elementText({ name }: Hypercall, view: DataView): string {
  if (!name.endsWith('VpRegisters')) return hex(view.getBigUint64(0, true));
  const number = view.getUint32(0, true);
  const register = registerNameOf.get(number) ?? hex(number);
  if (view.byteLength < 32) return register;
  const value = view.getBigUint64(16, true) | (view.getBigUint64(24, true) << 64n);
  return `${register} ${hex(value)}`;
}

/** The first elements of the list of a rep call. */
function listText(call: Hypercall, { input, control }: HypercallEvent): string {
  const size = call.inputElementBytes ?? 0;
  const header = layouts.get(call.code)?.input.sizeBytes ?? 0;
  const isReadable = size === 4 || size === 8 || size === 32;
  if (call.variableHeader || !isReadable) return '';
  const count = Number((control >> 32n) & 0xfffn);
  const kept = Math.floor((input.length - header) / size);
  const shown = Math.min(count, kept, shownElements);
  if (shown <= 0) return '';
  const texts = Array.from({ length: shown }, (_, index) =>
    elementText(call, new DataView(input.buffer, input.byteOffset + header + index * size, size)),
  );
  return `[${texts.join(', ')}${shown < count ? `, … ${count} in all` : ''}]`;
}

/** A call with its input, its status and its output. */
export function describeHypercall(event: HypercallEvent): string {
  const { code, status, input, output, repsCompleted } = event;
  const call = hypercallByCode.get(code);
  const layout = layouts.get(code);
  const asked =
    call === undefined ? [] : [fieldsText(integersOf(layout?.input, input)), listText(call, event)];
  const answered = status === Status.success ? fieldsText(integersOf(layout?.output, output)) : '';
  const name = `${call?.name ?? 'unknown call'} (${hex(code)})`;
  const outcome = [
    statusByCode.get(status)?.name ?? hex(status),
    repsCompleted > 0 ? `${repsCompleted} reps` : '',
    answered,
  ];
  const given = asked.filter((text) => text !== '').join(' ');
  return `${name}${given === '' ? '' : ` ${given}`} → ${outcome.filter((text) => text !== '').join(', ')}`;
}
