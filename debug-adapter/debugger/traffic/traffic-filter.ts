/** What restricts the list of traffic: words, and comparisons of decoded fields such as `DataTransferLength>4096`. */
import { eventFields } from '../event-fields';
import { messageValues, nameOfValue, packetValues, type TrafficValues } from './decode-traffic';
import type { TrafficEvent } from './traffic-text';
import type { TrafficEntries, TrafficEntry } from './traffic-entries';
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

interface Comparison {
  readonly field: string;
  readonly operator: Operator;
  readonly operand: string;
}

/** A filter in the form in which it is asked. */
export interface PreparedFilter {
  /** Cheap: what can be told without taking the event apart. */
  readonly passes: (entry: TrafficEntry) => boolean;
  /** True where {@link matches} must be asked too. */
  readonly needsFields: boolean;
  readonly matches: (entry: TrafficEntry, entries: TrafficEntries) => boolean;
}

const noValues: TrafficValues = new Map();

/** Fields that are not decoded but known of every row of a kind. */
const commonFields: ReadonlySet<string> = new Set([
  ...['message', 'operation', 'class', 'channel', 'direction', 'transaction'],
  ...['type', 'bytes', 'refusal', 'outcome'],
]);

const comparisonPattern = /^([A-Za-z_]\w*)(!=|<=|>=|=|<|>)(.+)$/;

// The pattern admits nothing else.
const operatorOf = (text: string): Operator => text as Operator;

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
      comparisons.push({ field, operator: operatorOf(operator), operand });
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

/** Decoded values of an entry, found by their names in lower case. */
function valuesOf(entry: TrafficEntry, entries: TrafficEntries): TrafficValues {
  if (entry.kind === 'vmbus-packet') {
    const packet = entries.packetAt(entry);
    const { partner } = entry;
    const request =
      partner === undefined || entry.isRequest ? undefined : entries.packetAt(partner);
    return packet === undefined ? noValues : packetValues(packet, request);
  }
  const event = entries.eventOf(entry);
  return event?.kind === 'vmbus-message' ? messageValues(event) : noValues;
}

const spellings = new Map(
  [...messageFieldNames(), ...packetFieldNames()].map((name) => [name.toLowerCase(), name]),
);

/** The field that `wanted` names, in whatever case: a decoded one before those that all rows have. */
function fieldOf(
  wanted: string,
  values: TrafficValues,
  entry: TrafficEntry,
  entries: TrafficEntries,
): Named | undefined {
  const lower = wanted.toLowerCase();
  const name = spellings.get(lower) ?? wanted;
  const reading = values.get(name);
  if (reading !== undefined) return { value: reading.value, name: nameOfValue(name, values) };
  if (!commonFields.has(lower)) return undefined;
  const event = entries.eventOf(entry);
  const common = event === undefined ? undefined : eventFields(event).get(lower);
  return common === undefined ? undefined : { value: common, name: undefined };
}

function holds({ operator, operand }: Comparison, found: Named | undefined): boolean {
  if (found === undefined) return false;
  const right = parseValue(operand);
  if (typeof found.value === 'bigint' && right !== undefined) {
    return compare(found.value, operator, right);
  }
  const text = typeof found.value === 'string' ? found.value : found.name;
  const isSame = text?.toLowerCase() === operand.toLowerCase();
  return operator === '=' ? isSame : operator === '!=' && !isSame;
}

/** What a person finds by typing. */
function searchText(entry: TrafficEntry): string {
  return `${entry.name} ${entry.className} ${entry.refusal} ${entry.kind} ${entry.direction}`;
}

/** Makes a filter ready to be asked about many entries. */
export function prepareFilter(filter: TrafficFilter): PreparedFilter {
  const { words, comparisons } = parse(filter.text ?? '');
  const channels = filter.channels === undefined ? undefined : new Set(filter.channels);
  const kinds = filter.kinds === undefined ? undefined : new Set(filter.kinds);
  const passes = (entry: TrafficEntry): boolean => {
    if (filter.partition !== undefined && entry.partition !== filter.partition) return false;
    if (channels?.has(entry.channel) === false) return false;
    if (kinds?.has(entry.kind) === false) return false;
    if (words.length === 0) return true;
    const text = searchText(entry).toLowerCase();
    return words.every((word) => text.includes(word));
  };
  return {
    passes,
    needsFields: comparisons.length > 0,
    matches: (entry, entries) => {
      const values = valuesOf(entry, entries);
      return comparisons.every((comparison) =>
        holds(comparison, fieldOf(comparison.field, values, entry, entries)),
      );
    },
  };
}
