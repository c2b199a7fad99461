/** Decoded fields of trace events by name: what conditions and log messages of breakpoints may use. */
import type { TraceEvent } from '../machine/trace';
import { PacketType } from '../spec/vmbus/packets';
import { hypercalls } from '../spec/tlfs/hypercalls';
import { hypercallStatuses } from '../spec/tlfs/status-codes';
import { messageType } from '../spec/tlfs/synic';
import { exceptionVectors } from '../spec/x86/exceptions';
import { crAccessQualification, exitReasons } from '../spec/x86/exit-reasons';
import { msrs } from '../spec/x86/msrs';
import { once } from '../support/once';
import type { FieldValue } from './expressions/evaluate';
import {
  messageFieldNames,
  messageFields,
  messageValueNames,
  packetFieldNames,
  packetFields,
  packetValueNames,
  type ValueNames,
} from './traffic/traffic-fields';
import { hypercallFieldNames, hypercallFields } from './hypercall-text';
import { commonExitFieldNames, exitFieldNames, exitFields } from './exits/exit-fields';

/** The trace event of a kind. */
export type EventOf<Kind extends TraceEvent['kind']> = Extract<TraceEvent, { kind: Kind }>;

/** How the events of one kind are taken apart. */
interface EventDecoder<Kind extends TraceEvent['kind']> {
  /** Every name that some event of the kind has. */
  readonly names: readonly string[];
  /** What the specification calls the values of a field, by field. */
  readonly values?: ReadonlyMap<string, ValueNames>;
  readonly read: (event: EventOf<Kind>) => ReadonlyMap<string, FieldValue>;
}

function namesOf(rows: readonly (readonly [name: string, value: number])[]): ValueNames {
  return new Map(rows.map(([name, value]) => [name.toLowerCase(), { name, value: BigInt(value) }]));
}

const callCodes = namesOf(hypercalls.map(({ name, code }) => [name, code]));
const vectors = namesOf(exceptionVectors.map(({ mnemonic, vector }) => [mnemonic, vector]));
const messageTypes = namesOf(Object.entries(messageType));
const controlRegisters = Object.entries(crAccessQualification.register.values ?? {});

const exitValues: ReadonlyMap<string, ValueNames> = new Map([
  ['reason', namesOf(exitReasons.map(({ name, number }) => [name, number]))],
  ['code', callCodes],
  ['msr', namesOf(msrs.map(({ name, number }) => [name, number]))],
  ['vector', vectors],
  ['cr', namesOf(controlRegisters.map(([value, name]) => [name, Number(value)]))],
]);

const flag = (value: boolean): bigint => (value ? 1n : 0n);

const messageNames = once(() => messageFieldNames());
const packetNames = once(() => packetFieldNames());
const packetValues = once(
  () => new Map([...packetValueNames(), ['type', namesOf(Object.entries(PacketType))]]),
);

/** One row for each kind of event. */
const decoders: { readonly [Kind in TraceEvent['kind']]: EventDecoder<Kind> } = {
  'vm-exit': {
    names: [...new Set([...commonExitFieldNames, ...Object.values(exitFieldNames).flat()])],
    values: exitValues,
    read: exitFields,
  },
  event: {
    names: ['vector', 'error_code', 'rip', 'injected'],
    values: new Map([['vector', vectors]]),
    read: ({ vector, errorCode = 0, rip, isInjected }) =>
      new Map([
        ['vector', BigInt(vector)],
        ['error_code', BigInt(errorCode)],
        ['rip', rip],
        ['injected', flag(isInjected)],
      ]),
  },
  hypercall: {
    names: ['code', 'control', 'status', 'reps', ...hypercallFieldNames],
    values: new Map([
      ['code', callCodes],
      ['status', namesOf(hypercallStatuses.map(({ name, code }) => [name, code]))],
    ]),
    read: (event) =>
      new Map([
        ...hypercallFields(event),
        ['code', BigInt(event.code)],
        ['control', event.control],
        ['status', BigInt(event.status)],
        ['reps', BigInt(event.repsCompleted)],
      ]),
  },
  console: {
    names: ['bytes'],
    read: ({ data }) => new Map([['bytes', BigInt(data.length)]]),
  },
  'guest-crash': {
    names: ['message'],
    read: ({ message }) => new Map([['message', message]]),
  },
  input: {
    names: ['input'],
    read: ({ input }) => new Map([['input', input]]),
  },
  'synthetic-message': {
    names: ['sint', 'type', 'outcome', 'reason'],
    values: new Map([['type', messageTypes]]),
    read: ({ sint, messageType, outcome, reason }) =>
      new Map<string, FieldValue>([
        ['sint', BigInt(sint)],
        ['type', BigInt(messageType)],
        ['outcome', outcome],
        ['reason', reason],
      ]),
  },
  'event-flag': {
    names: ['sint', 'flag', 'outcome', 'reason'],
    read: ({ sint, flag, outcome, reason }) =>
      new Map<string, FieldValue>([
        ['sint', BigInt(sint)],
        ['flag', BigInt(flag)],
        ['outcome', outcome],
        ['reason', reason],
      ]),
  },
  'msr-access': {
    names: ['msr', 'write', 'value', 'refused'],
    values: new Map([['msr', namesOf(msrs.map(({ name, number }) => [name, number]))]]),
    read: ({ msr, isWrite, value, isRefused }) =>
      new Map([
        ['msr', BigInt(msr)],
        ['write', flag(isWrite)],
        ['value', value],
        ['refused', flag(isRefused)],
      ]),
  },
  'intercept-message': {
    names: ['intercept', 'address', 'size', 'write', 'execute', 'value'],
    read: ({ intercept, address, sizeBytes, accessType, value }) =>
      new Map<string, FieldValue>([
        ['intercept', intercept],
        ['address', BigInt(address)],
        ['size', BigInt(sizeBytes)],
        ['write', flag(accessType === 'write')],
        ['execute', flag(accessType === 'execute')],
        ['value', value],
      ]),
  },
  'timer-expiration': {
    names: ['source', 'timer', 'due_ns'],
    read: ({ source, timer, dueNs }) =>
      new Map<string, FieldValue>([
        ['source', source],
        ['timer', BigInt(timer)],
        ['due_ns', BigInt(dueNs)],
      ]),
  },
  'overlay-change': {
    names: ['page', 'gpa_page', 'laid'],
    read: ({ page, gpaPage, isLaid }) =>
      new Map<string, FieldValue>([
        ['page', page],
        ['gpa_page', BigInt(gpaPage)],
        ['laid', flag(isLaid)],
      ]),
  },
  'schedule-switch': {
    names: ['lp', 'begins', 'reason', 'at_ns', 'ran_ns', 'partition_run_ns'],
    read: ({ logicalProcessor, begins, reason, atNs, ranNs, partitionRunNs }) =>
      new Map<string, FieldValue>([
        ['lp', BigInt(logicalProcessor)],
        ['begins', flag(begins)],
        ['reason', reason],
        ['at_ns', BigInt(atNs)],
        ['ran_ns', BigInt(ranNs)],
        ['partition_run_ns', BigInt(partitionRunNs)],
      ]),
  },
  'vmbus-message': {
    get names() {
      return messageNames();
    },
    get values() {
      return messageValueNames();
    },
    read: messageFields,
  },
  'vmbus-packet': {
    get names() {
      return packetNames();
    },
    get values() {
      return packetValues();
    },
    read: packetFields,
  },
  'vmbus-signal': {
    names: ['direction', 'channel', 'outcome'],
    read: ({ direction, channel, outcome }) =>
      new Map<string, FieldValue>([
        ['direction', direction],
        ['channel', BigInt(channel)],
        ['outcome', outcome],
      ]),
  },
};

function read<Kind extends TraceEvent['kind']>(
  kind: Kind,
  event: EventOf<Kind>,
): ReadonlyMap<string, FieldValue> {
  return decoders[kind].read(event);
}

/** Every decoded field of `event`. */
export function eventFields(event: TraceEvent): ReadonlyMap<string, FieldValue> {
  return read(event.kind, event);
}

/** Names of the fields that events of `kind` can have. */
export function eventFieldNames(kind: TraceEvent['kind']): readonly string[] {
  return decoders[kind].names;
}

/** The value that the specification calls `name`, in whatever case; undefined where none is called so. */
export function valueNamed(
  kind: TraceEvent['kind'],
  field: string,
  name: string,
): bigint | undefined {
  return decoders[kind].values?.get(field)?.get(name.toLowerCase())?.value;
}

/** What the values of a field are called, in lower case. */
export function valueNamesOf(kind: TraceEvent['kind'], field: string): readonly string[] {
  return [...(decoders[kind].values?.get(field)?.keys() ?? [])];
}

/** What the specification calls a value of a field; undefined where it has no name. */
export function nameOfValue(
  kind: TraceEvent['kind'],
  field: string,
  value: bigint,
): string | undefined {
  const names = decoders[kind].values?.get(field)?.values() ?? [];
  return [...names].find((named) => named.value === value)?.name;
}
