/** What restricts the list of traffic: words, and comparisons of decoded fields such as `DataTransferLength>4096`. */
import type { StructReading } from '../../support/struct-values';
import { eventFields } from '../event-fields';
import {
  mayHavePacketValue,
  messageValues,
  nameOfReading,
  packetValue,
  type PacketBytes,
} from './decode-traffic';
import type { TrafficEvent } from './traffic-text';
import type { TrafficEntries, TrafficEntry, TrafficSummary } from './traffic-entries';
import { messageFieldNames, packetFieldNames } from './traffic-fields';

/** Conditions that an entry must meet; absent ones do not restrict. */
export interface TrafficFilter {
  readonly partition?: number | undefined;
  /** Channels by number; 0 stands for the messages of the bus itself. */
  readonly channels?: readonly number[] | undefined;
  readonly kinds?: readonly TrafficEvent['kind'][] | undefined;
  /** Words and comparisons, all of which must hold. */
  readonly text?: string | undefined;
}

type Operator = '=' | '!=' | '<' | '>' | '<=' | '>=';

/** One comparison, with everything about it that no row changes. */
interface Comparison {
  /** As layouts spell it. */
  readonly name: string;
  readonly lowerName: string;
  readonly operator: Operator;
  /** In lower case. */
  readonly text: string;
  /** Undefined where the operand is no number. */
  readonly value: bigint | undefined;
}

/** A filter in the form in which it is asked. */
export type PreparedFilter = (entry: TrafficEntry, entries: TrafficEntries) => boolean;

/** Fields that are not decoded but known of every row of a kind. */
const commonFields: ReadonlySet<string> = new Set([
  ...['message', 'operation', 'class', 'channel', 'direction', 'transaction'],
  ...['type', 'bytes', 'refusal', 'outcome'],
]);

const comparisonPattern = /^([A-Za-z_]\w*)(!=|<=|>=|=|<|>)(.+)$/;

// The pattern admits nothing else.
const operatorOf = (text: string): Operator => text as Operator;

const spellings = new Map(
  [...messageFieldNames(), ...packetFieldNames()].map((name) => [name.toLowerCase(), name]),
);

function parse(text: string): {
  readonly words: readonly string[];
  readonly comparisons: readonly Comparison[];
} {
  const words: string[] = [];
  const comparisons: Comparison[] = [];
  for (const token of text.split(/\s+/)) {
    const match = comparisonPattern.exec(token.replace('==', '='));
    const [, field, operator, operand] = match ?? [];
    if (field !== undefined && operator !== undefined && operand !== undefined) {
      const lowerName = field.toLowerCase();
      comparisons.push({
        name: spellings.get(lowerName) ?? field,
        lowerName,
        operator: operatorOf(operator),
        text: operand.toLowerCase(),
        value: parseValue(operand),
      });
    } else if (token !== '') words.push(token.toLowerCase());
  }
  return { words, comparisons };
}

function parseValue(text: string): bigint | undefined {
  return /^(0[xX][0-9a-fA-F]+|\d+)$/.test(text) ? BigInt(text) : undefined;
}

function compare(left: bigint, operator: Operator, right: bigint): boolean {
  switch (operator) {
    case '=':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '>':
      return left > right;
    case '<=':
      return left <= right;
    case '>=':
      return left >= right;
  }
}

/** A value, and what it is called where it has a name. */
interface Named {
  readonly value: bigint | string;
  readonly name: string | undefined;
}

/** The decoded field of an entry; nothing but that field is decoded. */
function decodedField(
  name: string,
  entry: TrafficEntry,
  entries: TrafficEntries,
): StructReading | undefined {
  if (entry.kind === 'vmbus-packet') {
    const { className: classId, packetType, partner, isRequest } = entry;
    if (!mayHavePacketValue({ classId, packetType }, name)) return undefined;
    const packet = entries.packetAt(entry);
    const request = (): PacketBytes | undefined =>
      partner === undefined || isRequest ? undefined : entries.packetAt(partner);
    return packet === undefined ? undefined : packetValue(packet, name, request);
  }
  const event = entry.kind === 'vmbus-message' ? entries.eventOf(entry) : undefined;
  return event?.kind === 'vmbus-message' ? messageValues(event).get(name) : undefined;
}

/** What an entry knows itself of what its event has; undefined where the event must be asked. */
function ownField(
  name: string,
  { kind, className, channel, direction, packetType, refusal }: TrafficEntry,
): { readonly value: bigint | string | undefined } | undefined {
  const isPacket = kind === 'vmbus-packet';
  switch (name) {
    case 'class':
      return { value: isPacket ? className : undefined };
    case 'channel':
      return { value: kind === 'vmbus-message' ? undefined : BigInt(channel) };
    case 'direction':
      return { value: direction };
    case 'type':
      return { value: isPacket ? BigInt(packetType) : undefined };
    case 'refusal':
      return { value: kind === 'vmbus-signal' ? undefined : refusal };
    case 'outcome':
      return kind === 'vmbus-signal' ? undefined : { value: undefined };
    default:
      return kind === 'vmbus-signal' ? { value: undefined } : undefined;
  }
}

/** The field that is compared: a decoded one before those that all rows have. */
function fieldOf(
  { name, lowerName, value }: Comparison,
  entry: TrafficEntry,
  entries: TrafficEntries,
): Named | undefined {
  const reading = decodedField(name, entry, entries);
  if (reading !== undefined) {
    const isNumeric = typeof reading.value === 'bigint' && value !== undefined;
    return { value: reading.value, name: isNumeric ? undefined : nameOfReading(name, reading) };
  }
  if (!commonFields.has(lowerName)) return undefined;
  const own = ownField(lowerName, entry);
  const event = own === undefined ? entries.eventOf(entry) : undefined;
  const common = event === undefined ? own?.value : eventFields(event).get(lowerName);
  return common === undefined ? undefined : { value: common, name: undefined };
}

function holds({ operator, text, value }: Comparison, found: Named | undefined): boolean {
  if (found === undefined) return false;
  if (typeof found.value === 'bigint' && value !== undefined) {
    return compare(found.value, operator, value);
  }
  const said = typeof found.value === 'string' ? found.value : found.name;
  const isSame = said?.toLowerCase() === text;
  return operator === '=' ? isSame : operator === '!=' && !isSame;
}

/** What a person finds by typing. */
function searchText({ name, className, refusal, kind, direction }: TrafficSummary): string {
  return `${name} ${className} ${refusal} ${kind} ${direction}`.toLowerCase();
}

/** Makes a filter ready to be asked about many entries. */
export function prepareFilter(filter: TrafficFilter): PreparedFilter {
  const { words, comparisons } = parse(filter.text ?? '');
  const channels = filter.channels === undefined ? undefined : new Set(filter.channels);
  const kinds = filter.kinds === undefined ? undefined : new Set(filter.kinds);
  // Rows are many and what they say in words is not: each summary is looked at once.
  const answers = new Map<TrafficSummary, boolean>();
  const isWanted = (summary: TrafficSummary): boolean => {
    if (kinds?.has(summary.kind) === false) return false;
    if (words.length === 0) return true;
    const text = searchText(summary);
    return words.every((word) => text.includes(word));
  };
  return (entry, entries) => {
    if (filter.partition !== undefined && entry.partition !== filter.partition) return false;
    if (channels?.has(entry.channel) === false) return false;
    const { summary } = entry;
    let answer = answers.get(summary);
    if (answer === undefined) answers.set(summary, (answer = isWanted(summary)));
    return (
      answer &&
      comparisons.every((comparison) => holds(comparison, fieldOf(comparison, entry, entries)))
    );
  };
}
