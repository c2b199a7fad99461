/** What crosses VMBus in one line of text each. */
import type { VmbusMessageEvent, VmbusPacketEvent, VmbusSignalEvent } from '../../machine/trace';
import { deviceClassByGuid } from '../../spec/vmbus/device-classes';
import { deviceProtocolByClass } from '../../spec/vmbus/device-protocols';
import { packetDescriptor, PacketType } from '../../spec/vmbus/packets';
import { vstorCompletion, vstorPacket } from '../../spec/vmbus/storage';
import type { FieldMeaning, StructLayout } from '../../support/struct-layout';
import type { StructReading } from '../../support/struct-values';
import { formatBits, hex } from '../value-format';
import {
  messageName,
  messageValues,
  packetOperation,
  packetValues,
  type TrafficValues,
} from './decode-traffic';

/** An event of VMBus. */
export type TrafficEvent = VmbusMessageEvent | VmbusPacketEvent | VmbusSignalEvent;

/** Most characters of the facts in one line, each with a space. */
export const factsLengthMax = 120;

/** What a packet of this type is called. */
export function packetTypeName(type: number): string {
  const meaning = packetDescriptor.byName.get('Type')?.meaning;
  const name = meaning?.kind === 'values' ? meaning.names[type] : undefined;
  return name ?? `packet type ${hex(type)}`;
}

/** A GUID as people know it. */
export function guidName(guid: string): string | undefined {
  return deviceClassByGuid.get(guid)?.title;
}

/** A field as it is shown. */
interface ShownReading {
  readonly layout: StructLayout;
  readonly value: StructReading['value'] | number;
}

/** A number as its field means it. */
export function numberText(value: bigint | number, meaning: FieldMeaning | undefined): string {
  switch (meaning?.kind) {
    case 'values': {
      const name = meaning.names[Number(value)];
      return name ?? hex(value);
    }
    case 'bits':
      return formatBits(BigInt(value), meaning.bits);
    case 'count':
    case 'signed':
    case 'big-endian':
      return value.toString();
    default:
      return hex(value);
  }
}

/** @param value a number where it has no more than 32 bits, as keys of fields are */
function readingText(name: string, { layout, value }: ShownReading): string {
  if (typeof value === 'string') return guidName(value) ?? value;
  return numberText(value, layout.byName.get(name)?.meaning);
}

/** The flags of a storage packet only repeat that it wants a completion. */
const isStorageHead = (name: string, layout: StructLayout): boolean =>
  name === 'Flags' && (layout === vstorPacket || layout === vstorCompletion);

/** Its zero is a command like the others. */
const commandField = 'OperationCode';

/** What a disk is told comes before how it is packed. */
const commandFields: readonly string[] = [
  commandField,
  'LogicalBlockAddress',
  'TransferLength',
  'NumberOfBlocks',
];

/** The fields that may say something, in the order in which they are shown. */
export function shownFields<Field extends { readonly layout: StructLayout }>(
  fields: ReadonlyMap<string, Field>,
  leftOut: ReadonlySet<string>,
): readonly (readonly [name: string, field: Field])[] {
  const first = commandFields.flatMap((name): readonly [string, Field][] => {
    const field = fields.get(name);
    return field === undefined ? [] : [[name, field]];
  });
  const others = [...fields].filter(([name]) => !commandFields.includes(name));
  return [...first, ...others].filter(
    ([name, { layout }]) => !leftOut.has(name) && !isStorageHead(name, layout),
  );
}

/** Whether a zero in this field says something. */
export const isShownAsZero = (name: string): boolean => name === commandField;

/** A field with its value. */
export function factText(name: string, reading: ShownReading): string {
  return `${name}=${readingText(name, reading)}`;
}

/** Stands behind the facts that fit, where there are more. */
export const moreFacts = '…';

/** What there is to know besides the name: the fields that say something, as many as fit. */
function factsOf(values: TrafficValues, leftOut: ReadonlySet<string>): string {
  const facts: string[] = [];
  let length = 0;
  for (const [name, reading] of shownFields(values, leftOut)) {
    if (reading.value === 0n && !isShownAsZero(name)) continue;
    const fact = factText(name, reading);
    length += fact.length + 1;
    if (length > factsLengthMax) return `${facts.join(' ')} ${moreFacts}`;
    facts.push(fact);
  }
  return facts.join(' ');
}

const messageLeftOut = new Set(['MessageType']);

/** Fields of every message of a class that say nothing about this one. */
const packetLeftOut: ReadonlySet<string> = new Set([
  ...['FrameworkVersionMajor', 'FrameworkVersionMinor', 'MessageVersionMajor'],
  ...['MessageVersionMinor', 'MessageSize', 'TransactionId', 'Length'],
  ...['PortNumber', 'CdbLength', 'SenseInfoLength', 'QueueTag', 'QueueAction', 'TimeoutSeconds'],
]);

/** Fields of packets of a class that are not shown: those, and what the name says already. */
export function fieldsLeftOut(classId: string): ReadonlySet<string> {
  const operations = deviceProtocolByClass.get(classId)?.operationFields ?? [];
  return new Set([...packetLeftOut, ...operations]);
}

/** Name and facts of an event. */
export interface TrafficTitle {
  /** What it is: `OpenChannel`, `ExecuteSrb`. */
  readonly name: string;
  readonly facts: string;
}

/** What a packet does; what a completion has done, where the request is known. */
function packetName(event: VmbusPacketEvent, request: VmbusPacketEvent | undefined): string {
  if (request !== undefined && event.packetType === PacketType.completion) {
    const asked = packetOperation(request);
    if (asked !== undefined) return `${asked} completion`;
  }
  return packetOperation(event) ?? packetTypeName(event.packetType);
}

/** What an event is, and what it says; with the request, where it answers one. */
export function trafficTitle(event: TrafficEvent, request?: VmbusPacketEvent): TrafficTitle {
  switch (event.kind) {
    case 'vmbus-message':
      return {
        name: messageName(event.payload),
        facts: factsOf(messageValues(event), messageLeftOut),
      };
    case 'vmbus-packet': {
      const values = packetValues(event, request);
      return {
        name: packetName(event, request),
        facts: factsOf(values, fieldsLeftOut(event.classId)),
      };
    }
    case 'vmbus-signal':
      return { name: 'signal', facts: event.outcome };
  }
}

/** An event in words, with an arrow from its sender: `→ OpenChannel ChildRelId=2`. */
export function describeTraffic(event: TrafficEvent, request?: VmbusPacketEvent): string {
  const arrow = event.direction === 'to-parent' ? '→' : '←';
  const { name, facts } = trafficTitle(event, request);
  const where =
    event.kind === 'vmbus-packet'
      ? `[${event.channel} ${event.classId}] `
      : event.kind === 'vmbus-signal'
        ? `[${event.channel}] `
        : '';
  const refusal = event.kind === 'vmbus-signal' ? '' : event.refusal;
  const parts = [`${arrow} ${where}${name}`, facts];
  if (refusal !== '') parts.push(`refused: ${refusal}`);
  return parts.filter((part) => part !== '').join('  ');
}
