/** What restricts the list of traffic: words, and comparisons of decoded fields such as `DataTransferLength>4096`. */
import { nameOfReading } from './decode-traffic';
import { TrafficColumns, type FoundValue, type TrafficColumn } from './traffic-columns';
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
  readonly operator: Operator;
  /** In lower case. */
  readonly text: string;
  /** Undefined where the operand is no number. */
  readonly value: bigint | undefined;
}

/** A filter in the form in which it is asked, of an entry and its number. */
export type PreparedFilter = (
  number: number,
  entry: TrafficEntry,
  entries: TrafficEntries,
) => boolean;

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
      comparisons.push({
        name: spellings.get(field.toLowerCase()) ?? field,
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

function holds({ name, operator, text, value }: Comparison, found: FoundValue | null): boolean {
  if (found === null) return false;
  const { value: left, layout } = found;
  if (typeof left === 'bigint' && value !== undefined) return compare(left, operator, value);
  const valueName = layout === undefined ? undefined : nameOfReading(name, { value: left, layout });
  const said = typeof left === 'string' ? left : valueName;
  const isSame = said?.toLowerCase() === text;
  return operator === '=' ? isSame : operator === '!=' && !isSame;
}

/** What a person finds by typing. */
function searchText({ name, className, refusal, kind, direction }: TrafficSummary): string {
  return `${name} ${className} ${refusal} ${kind} ${direction}`.toLowerCase();
}

/**
 * Makes a filter ready to be asked about many entries.
 * @param columns values that other filters have found already
 */
export function prepareFilter(filter: TrafficFilter, columns: TrafficColumns): PreparedFilter {
  const { words, comparisons } = parse(filter.text ?? '');
  const conditions = comparisons.map((comparison): readonly [Comparison, TrafficColumn] => [
    comparison,
    columns.named(comparison.name),
  ]);
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
  return (number, entry, entries) => {
    if (filter.partition !== undefined && entry.partition !== filter.partition) return false;
    if (channels?.has(entry.channel) === false) return false;
    const { summary } = entry;
    let answer = answers.get(summary);
    if (answer === undefined) answers.set(summary, (answer = isWanted(summary)));
    return (
      answer &&
      conditions.every(([comparison, column]) =>
        holds(comparison, column.valueOf(number, entry, entries)),
      )
    );
  };
}
