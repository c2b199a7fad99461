/** The filter of the event log for VM exits: each differs from all others in its number, and most do in nothing else. */
import { headerOffsets, offsetsIn } from '../../system/record-header';
import type { TraceLog } from '../../system/trace-log';
import { vmExitRecord } from '../../system/trace-records';
import { recordU16 } from '../../system/trace-stream';
import { registersOfFields } from '../exits/exit-fields';
import { describeExitEvent } from '../trace-events';
import { formatAddress } from '../value-format';
import { DistinctRecords, type RecordRange } from './distinct-records';
import {
  fieldMeets,
  meets,
  partitionAt,
  type EventCondition,
  type LookedAt,
  type RecordTest,
} from './event-condition';
import { Words } from './words';

const offsetOf = offsetsIn(vmExitRecord);
const slotBytes = 8;
const reasonAt = offsetOf('reason');
const registersAt = offsetOf('registers');
/** What an exit was and about what. */
const whatRanges: readonly RecordRange[] = [
  [reasonAt, reasonAt + 4],
  [offsetOf('interruptionInformation'), offsetOf('interruptionInformation') + 4],
  [offsetOf('qualification'), offsetOf('rip')],
];
const rangesOf = (reason: number): readonly RecordRange[] => [
  ...whatRanges,
  ...(registersOfFields.get(reason) ?? []).map((register): RecordRange => {
    const at = registersAt + register * slotBytes;
    return [at, at + slotBytes];
  }),
];

const whereRanges: readonly RecordRange[] = [
  [headerOffsets.partition, headerOffsets.partition + 4],
  [offsetOf('rip'), offsetOf('rip') + 8],
];

const numberAt = offsetOf('exitNumber');
const numberField = 'exit';
/** A sort of exits that do not meet the comparisons. */
const refused = -1;

/** What is known of each sort of records: words, or {@link refused}. */
class KnownMasks {
  private readonly sorts: DistinctRecords;
  private masks: (number | undefined)[] = [];
  private generation = 0;

  constructor(
    private readonly exits: TraceLog['exits'],
    ranges: readonly RecordRange[],
    private readonly find: (index: number) => number,
  ) {
    this.sorts = new DistinctRecords(ranges);
  }

  of(index: number, at: number): number {
    const { sorts } = this;
    const sort = sorts.sortOf(this.exits.records, at);
    if (sorts.generation !== this.generation) {
      this.generation = sorts.generation;
      this.masks = [];
    }
    return (this.masks[sort] ??= this.find(index));
  }
}

/** @param condition with words that {@link Words} takes */
export function testOfExits(
  exits: TraceLog['exits'],
  condition: EventCondition,
  lookedAt: LookedAt,
): RecordTest {
  const { partition, comparisons, namerOf } = condition;
  const words = new Words(condition.words);
  const digits = words.that((word) => /^\d+$/.test(word));
  const ofNumber = comparisons.filter(({ name }) => name === numberField);
  const others = comparisons.filter(({ name }) => name !== numberField);
  const findWhat = (index: number): number => {
    lookedAt.count++;
    const exit = exits.at(index);
    if (exit === undefined || !others.every((each) => meets(exit, each))) return refused;
    return words.in(`exit ${describeExitEvent(exit)} at`);
  };
  /** By reason, which decides what else does. */
  const what = new Map<number, KnownMasks>();
  const whatOf = (reason: number): KnownMasks => {
    const known = what.get(reason) ?? new KnownMasks(exits, rangesOf(reason), findWhat);
    what.set(reason, known);
    return known;
  };
  const where = new KnownMasks(exits, whereRanges, (index) => {
    lookedAt.count++;
    const exit = exits.at(index);
    return exit === undefined ? 0 : words.in(formatAddress(exit.rip, namerOf(exit.partition)));
  });
  return (index) => {
    const at = exits.records.placeOf(index);
    if (at === undefined) return false;
    const bytes = exits.records.allBytes;
    if (partition !== undefined && partitionAt(bytes, at) !== partition) return false;
    let found = whatOf(recordU16(bytes, at + reasonAt)).of(index, at);
    if (found === refused) return false;
    const number = (): bigint => exits.records.view.getBigUint64(at + numberAt, true);
    if (!ofNumber.every((each) => fieldMeets('vm-exit', numberField, number(), each))) return false;
    if (found !== words.all) found |= where.of(index, at);
    if (found === words.all) return true;
    const missing = words.all & ~found;
    if ((missing & ~digits) !== 0) return false;
    const text = String(number());
    return (missing & ~words.that((word) => text.includes(word))) === 0;
  };
}
