/** Fields of VMBus traffic as conditions and filters name them, and the names of their values. */
import type { VmbusMessageEvent, VmbusPacketEvent } from '../../machine/trace';
import { deviceProtocolByClass } from '../../spec/vmbus/device-protocols';
import { channelMessages, initiateContactLegacy } from '../../spec/vmbus/messages';
import { once } from '../../support/once';
import type { StructField, StructLayout } from '../../support/struct-layout';
import type { FieldValue } from '../expressions/evaluate';
import {
  messageName,
  messageValues,
  packetOperation,
  packetValues,
  type TrafficValues,
} from './decode-traffic';

/** Whether a choice by the value of a field is ever made. */
type IsChosen = (field: string, value: number) => boolean;

const always: IsChosen = () => true;

/** The layout and those that its parts choose from; lists have no single value. */
function layoutsOf(layout: StructLayout, isChosen: IsChosen): readonly StructLayout[] {
  const inner = layout.parts.flatMap((part) => {
    if (part.kind === 'appended') return layoutsOf(part.layout, isChosen);
    if (part.kind !== 'choice') return [];
    const cases = [...part.cases].filter(([value]) => isChosen(part.by, value));
    return cases.flatMap(([, each]) => layoutsOf(each, isChosen));
  });
  const fields = layout.fields.flatMap(({ meaning }) =>
    meaning?.kind === 'structure' ? layoutsOf(meaning.layout, isChosen) : [],
  );
  return [layout, ...inner, ...fields];
}

function fieldsOf(layouts: readonly StructLayout[], isChosen = always): readonly StructField[] {
  return layouts
    .flatMap((layout) => layoutsOf(layout, isChosen))
    .flatMap((layout) => layout.fields)
    .filter(({ type, meaning }) => {
      const isValue =
        typeof type === 'string' || meaning?.kind === 'guid' || meaning?.kind === 'big-endian';
      return isValue && meaning?.kind !== 'reserved';
    });
}

const messageLayouts = [...channelMessages.map(({ layout }) => layout), initiateContactLegacy];

function packetFieldsOf(classId?: string): readonly StructField[] {
  const protocols =
    classId === undefined
      ? [...deviceProtocolByClass.values()]
      : [deviceProtocolByClass.get(classId)].filter((each) => each !== undefined);
  return protocols.flatMap(({ message, completion, operationFields, messages }) =>
    fieldsOf(
      [message, completion],
      (field, value) => field !== operationFields[0] || messages?.includes(value) !== false,
    ),
  );
}

const commonMessageFields = ['message', 'direction', 'refusal'];
const commonPacketFields = [
  ...['operation', 'class', 'channel', 'direction'],
  ...['transaction', 'type', 'bytes', 'refusal'],
];

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)];

/** Names of the fields that channel messages have; of one message where `layout` is its. */
export function messageFieldNames(layout?: StructLayout): readonly string[] {
  const layouts = layout === undefined ? messageLayouts : [layout];
  return unique([...commonMessageFields, ...fieldsOf(layouts).map(({ name }) => name)]);
}

/** Names of the fields that packets have; of a class where `classId` is its name. */
export function packetFieldNames(classId?: string): readonly string[] {
  const fields = packetFieldsOf(classId);
  return unique([...commonPacketFields, ...fields.map(({ name }) => name)]);
}

/** A value of a field and what its specification calls it. */
export interface NamedValue {
  readonly name: string;
  readonly value: bigint;
}

/** By name in lower case. */
export type ValueNames = ReadonlyMap<string, NamedValue>;

/** What the values of fields are called, in lower case; a name that means different values in two places is none. */
function namesOfValuesIn(fields: readonly StructField[]): ReadonlyMap<string, ValueNames> {
  const byField = new Map<string, Map<string, NamedValue | undefined>>();
  for (const { name, meaning } of fields) {
    if (meaning?.kind !== 'values') continue;
    const names = byField.get(name) ?? new Map<string, NamedValue | undefined>();
    byField.set(name, names);
    for (const [number, valueName] of Object.entries(meaning.names)) {
      const key = valueName.toLowerCase();
      const value = BigInt(number);
      const isOther = names.has(key) && names.get(key)?.value !== value;
      names.set(key, isOther ? undefined : { name: valueName, value });
    }
  }
  const known = (names: ReadonlyMap<string, NamedValue | undefined>): ValueNames =>
    new Map([...names].flatMap(([key, named]) => (named === undefined ? [] : [[key, named]])));
  return new Map([...byField].map(([name, names]) => [name, known(names)]));
}

/** Names of values of channel messages, by field. */
export const messageValueNames = once(() => namesOfValuesIn(fieldsOf(messageLayouts)));

/** Names of values of packets, by field. */
export const packetValueNames = once(() => namesOfValuesIn(packetFieldsOf()));

function withDecoded(
  common: readonly (readonly [string, FieldValue])[],
  values: TrafficValues,
): ReadonlyMap<string, FieldValue> {
  const fields = new Map<string, FieldValue>(common);
  for (const [name, { value }] of values) fields.set(name, value);
  return fields;
}

/** Every decoded field of a channel message. */
export function messageFields(event: VmbusMessageEvent): ReadonlyMap<string, FieldValue> {
  return withDecoded(
    [
      ['message', messageName(event.payload)],
      ['direction', event.direction],
      ['refusal', event.refusal],
    ],
    messageValues(event),
  );
}

/** Every decoded field of a packet. */
export function packetFields(event: VmbusPacketEvent): ReadonlyMap<string, FieldValue> {
  const values = packetValues(event);
  return withDecoded(
    [
      ['operation', packetOperation(event) ?? ''],
      ['class', event.classId],
      ['channel', BigInt(event.channel)],
      ['direction', event.direction],
      ['transaction', event.transactionId],
      ['type', BigInt(event.packetType)],
      ['bytes', BigInt(event.sizeBytes)],
      ['refusal', event.refusal],
    ],
    values,
  );
}
