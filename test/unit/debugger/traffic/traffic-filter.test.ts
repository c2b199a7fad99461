/** Filters of traffic, many after one another, against every field of every event looked at plainly. */
import assert from 'node:assert/strict';
import { eventFields } from '../../../../debug-adapter/debugger/event-fields';
import { meetsComparison, parseFilterText } from '../../../../debug-adapter/debugger/filter-text';
import {
  messageValues,
  nameOfReading,
  packetValues,
} from '../../../../debug-adapter/debugger/traffic/decode-traffic';
import { TrafficEntries } from '../../../../debug-adapter/debugger/traffic/traffic-entries';
import { TrafficColumns } from '../../../../debug-adapter/debugger/traffic/traffic-columns';
import { prepareFilter } from '../../../../debug-adapter/debugger/traffic/traffic-filter';
import type { TrafficEvent } from '../../../../debug-adapter/debugger/traffic/traffic-text';
import type { StructReading } from '../../../../debug-adapter/support/struct-values';
import { TraceLog } from '../../../../debug-adapter/system/trace-log';
import { seedOf, SeededRandom } from '../../../support/seeded-random';
import { TrafficWriter } from '../../../support/vmbus-traffic';

const fieldNames = [
  ...['DataTransferLength', 'SrbStatus', 'DataDirection', 'Operation', 'Lun', 'Status'],
  ...['ChildRelId', 'class', 'direction', 'channel', 'type', 'bytes', 'transaction'],
  ...['refusal', 'outcome', 'message', 'operation', 'NoSuchField'],
];
const operands = [
  '0',
  '1',
  '3',
  '6',
  '512',
  '0x400',
  '2048',
  'scsi',
  'read',
  'to-guest',
  'signalled',
];
const operators = ['=', '!=', '<', '>', '<=', '>='];

function randomTraffic(random: SeededRandom): TrafficWriter {
  const writer = new TrafficWriter();
  writer.connect();
  writer.open();
  for (let id = 1; id <= 60; id++) {
    const length = 512 * (1 + random.below(4));
    writer.request(id, length);
    if (random.chance(50)) writer.signal('to-parent');
    if (random.chance(80)) writer.complete(id, random.chance(70) ? length : 0);
    if (random.chance(40)) writer.signal('to-guest', random.pick(['signalled', 'masked']));
    if (random.chance(10)) writer.message(random.pick(['to-parent', 'to-guest']), random.bytes(12));
    if (random.chance(10)) writer.packet('to-parent', 6, random.bytes(24), 'refused');
  }
  return writer;
}

interface DecodedField {
  readonly name: string;
  readonly reading: StructReading;
}

/** By name in lower case. */
type DecodedFields = ReadonlyMap<string, DecodedField>;

function decoded(event: TrafficEvent, request?: TrafficEvent): DecodedFields {
  const values = [...valuesOf(event, request)];
  return new Map(values.map(([name, reading]) => [name.toLowerCase(), { name, reading }]));
}

function valuesOf(event: TrafficEvent, request?: TrafficEvent): ReadonlyMap<string, StructReading> {
  if (event.kind === 'vmbus-message') return messageValues(event);
  if (event.kind === 'vmbus-signal') return new Map();
  return packetValues(event, request?.kind === 'vmbus-packet' ? request : undefined);
}

/** Whether the comparisons hold for the fields of an event, all of which have been decoded. */
function passesPlainly(
  text: string,
  values: DecodedFields,
  common: ReturnType<typeof eventFields>,
): boolean {
  return parseFilterText(text).comparisons.every((comparison) => {
    const wanted = comparison.name.toLowerCase();
    const { name = wanted, reading } = values.get(wanted) ?? {};
    const value = reading?.value ?? common.get(wanted);
    return (
      value !== undefined && meetsComparison(comparison, value, () => nameOfReading(name, reading))
    );
  });
}

describe('filters of traffic', function () {
  this.timeout(20_000);
  const seed = seedOf(95);

  it(`find what looking at every field finds, whatever was asked before (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const trace = new TraceLog();
    for (const event of randomTraffic(random).events) trace.record(event);
    const entries = new TrafficEntries(trace);
    entries.update();
    const columns = new TrafficColumns();
    const fields = entries.all.map((entry) => {
      const event = entries.eventOf(entry);
      assert(event);
      return { values: decoded(event, entries.requestOf(entry)), common: eventFields(event) };
    });
    let found = 0;
    let none = 0;
    for (let round = 0; round < 200; round++) {
      const text = Array.from(
        { length: 1 + random.below(2) },
        () => random.pick(fieldNames) + random.pick(operators) + random.pick(operands),
      ).join(' ');
      const passes = prepareFilter({ text }, columns);
      const actual: number[] = [];
      const expected: number[] = [];
      for (const [number, entry] of entries.all.entries()) {
        if (passes(number, entry, entries)) actual.push(number);
        const { values, common } = fields[number] ?? assert.fail();
        if (passesPlainly(text, values, common)) expected.push(number);
      }
      assert.deepEqual(actual, expected, text);
      if (expected.length > 0) found++;
      else none++;
    }
    assert.ok(found > 20 && none > 20, `${found} filters with rows, ${none} without`);
  });
});
