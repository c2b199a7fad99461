/**
 * A filter of the event log, made ready to be asked about very many events. What passes is what {@link isMetBy} says of
 * the event; but events that are alike are asked once, and texts that have many parts are looked at part by part.
 */
import type { TraceEvent } from '../../machine/trace';
import { headerOffsets } from '../../system/record-header';
import { recordU16, type TraceStream } from '../../system/trace-stream';
import { eventFields, valueNamed } from '../event-fields';
import type { FieldValue } from '../expressions/evaluate';
import { meetsComparison, parseFilterText, type FieldComparison } from '../filter-text';
import type { PartitionNamer } from '../guest-programs';
import { describeEvent } from '../trace-events';
import { DistinctRecords } from './distinct-records';
import { maskedWordsMax } from './words';

/** What is looked for. */
export interface EventCondition {
  readonly partition: number | undefined;
  readonly words: readonly string[];
  readonly comparisons: readonly FieldComparison[];
  readonly namerOf: PartitionNamer;
}

/** Counts what had to be looked at anew, which costs far more than to know it. */
export interface LookedAt {
  count: number;
}

/** Whether the event of this number in its stream passes. */
export type RecordTest = (index: number) => boolean;

/** @returns undefined where everything passes */
export function eventCondition(
  partition: number | undefined,
  text: string,
  namerOf: PartitionNamer,
): EventCondition | undefined {
  const { words, comparisons } = parseFilterText(text);
  if (partition === undefined && words.length === 0 && comparisons.length === 0) return undefined;
  return { partition, words, comparisons, namerOf };
}

/** True where the words can be looked for in the parts of a text. */
export const hasMaskedWords = ({ words }: EventCondition): boolean =>
  words.length <= maskedWordsMax;

/** The definition: an event has the fields and its text the words. */
export function isMetBy(event: TraceEvent, condition: EventCondition): boolean {
  const { partition, words, comparisons, namerOf } = condition;
  if (partition !== undefined && event.partition !== partition) return false;
  if (!comparisons.every((comparison) => meets(event, comparison))) return false;
  if (words.length === 0) return true;
  const said = describeEvent(event, namerOf(event.partition)).toLowerCase();
  return words.every((word) => said.includes(word));
}

/** Whether an event has a field that meets a comparison. */
export function meets(event: TraceEvent, comparison: FieldComparison): boolean {
  for (const [name, value] of eventFields(event)) {
    if (name.toLowerCase() !== comparison.name) continue;
    return fieldMeets(event.kind, name, value, comparison);
  }
  return false;
}

/** Whether the value of a field, which has the name, meets a comparison. */
export function fieldMeets(
  kind: TraceEvent['kind'],
  name: string,
  value: FieldValue,
  comparison: FieldComparison,
): boolean {
  const named = typeof value === 'bigint' ? valueNamed(kind, name, comparison.text) : undefined;
  return meetsComparison(comparison, value, () => (named === value ? comparison.text : undefined));
}

/** A test that asks the events of a stream themselves, those that are alike once: all but when and where they stand. */
export function testOfAlike(
  stream: Pick<TraceStream<TraceEvent>, 'records' | 'recordBytes' | 'at'>,
  condition: EventCondition,
  lookedAt: LookedAt,
): RecordTest {
  const sorts = new DistinctRecords([[headerOffsets.partition, stream.recordBytes]]);
  const { records } = stream;
  let answers: (boolean | undefined)[] = [];
  let { generation } = sorts;
  return (index) => {
    const at = records.placeOf(index);
    if (at === undefined) return false;
    const sort = sorts.sortOf(records, at);
    if (sorts.generation !== generation) {
      ({ generation } = sorts);
      answers = [];
    }
    const known = answers[sort];
    if (known !== undefined) return known;
    lookedAt.count++;
    const event = stream.at(index);
    return (answers[sort] = event !== undefined && isMetBy(event, condition));
  };
}

/** Partition of the record that begins at `at`. */
export function partitionAt(bytes: Uint8Array, at: number): number {
  return recordU16(bytes, at + headerOffsets.partition);
}
