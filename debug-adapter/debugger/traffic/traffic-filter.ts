/** What restricts the list of traffic: words, and comparisons of decoded fields such as `DataTransferLength>4096`. */
import { meetsComparison, parseFilterText, type FieldComparison } from '../filter-text';
import { once } from '../../support/once';
import { nameOfReading } from './decode-traffic';
import { noValue, type FoundValue, type TrafficColumns } from './traffic-columns';
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

/** A filter in the form in which it is asked, of an entry and its number. */
export type PreparedFilter = (
  number: number,
  entry: TrafficEntry,
  entries: TrafficEntries,
) => boolean;

const spellings = once(
  () =>
    new Map(
      [...messageFieldNames(), ...packetFieldNames()].map((name) => [name.toLowerCase(), name]),
    ),
);

function holds(comparison: FieldComparison, name: string, { value, layout }: FoundValue): boolean {
  return meetsComparison(comparison, value, () =>
    layout === undefined ? undefined : nameOfReading(name, { value, layout }),
  );
}

/** What a person finds by typing. */
function searchText({ name, className, refusal, kind, direction }: TrafficSummary): string {
  return `${name} ${className} ${refusal} ${kind} ${direction}`.toLowerCase();
}

interface Condition {
  /** Entries whose value is known already. */
  readonly ready: number;
  readonly isMet: PreparedFilter;
}

/** A comparison; each value is compared once, as many rows have the same. */
function conditionOf(comparison: FieldComparison, columns: TrafficColumns): Condition {
  const name = spellings().get(comparison.name) ?? comparison.name;
  const column = columns.named(name);
  const answers: (boolean | undefined)[] = [];
  const isMet: PreparedFilter = (number, entry, entries) => {
    const value = column.numberOf(number, entry, entries);
    return value !== noValue && (answers[value] ??= holds(comparison, name, column.valueAt(value)));
  };
  return { ready: column.ready, isMet };
}

/**
 * Makes a filter ready to be asked about many entries.
 * @param columns values that other filters have found already
 */
export function prepareFilter(filter: TrafficFilter, columns: TrafficColumns): PreparedFilter {
  const { words, comparisons } = parseFilterText(filter.text ?? '');
  // All must hold, so the order is free: fields that cost least come first, and spare the others most rows.
  const conditions = comparisons
    .map((comparison) => conditionOf(comparison, columns))
    .sort((a, b) => (a.ready === b.ready ? 0 : b.ready - a.ready));
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
    if (!answer) return false;
    for (const { isMet } of conditions) if (!isMet(number, entry, entries)) return false;
    return true;
  };
}
