// Filters of the event log, asked in the way of the log and of every event by itself.
import assert from 'node:assert/strict';
import { eventCondition, isMetBy } from '../../debug-adapter/debugger/event-log/event-condition';
import { EventEntries } from '../../debug-adapter/debugger/event-log/event-entries';
import { eventKinds, traceKindsOfAll } from '../../debug-adapter/debugger/event-log/event-kinds';
import { EventLog } from '../../debug-adapter/debugger/event-log/event-log';
import { eventFields } from '../../debug-adapter/debugger/event-fields';
import { describeEvent } from '../../debug-adapter/debugger/trace-events';
import type { TraceLog } from '../../debug-adapter/system/trace-log';
import type { SeededRandom } from './seeded-random';

const namerOf = () => (address: bigint) =>
  address % 3n === 0n ? undefined : `symbol_${address >> 8n}+${address & 0xffn}`;

const pick = <T>(random: SeededRandom, list: readonly T[]): T =>
  list[random.below(list.length)] ?? assert.fail('nothing to pick from');

/** A filter made of what an event says: pieces of its words, and fields with their values or others. */
function filterOf(trace: EventEntries, random: SeededRandom): string {
  const tokens: string[] = [];
  const count = 1 + random.below(3);
  while (tokens.length < count) {
    const event = trace.eventAt(random.below(trace.count));
    if (event === undefined) continue;
    if (random.below(3) > 0) {
      const word = pick(random, describeEvent(event, namerOf()).split(/\s+/));
      const from = random.below(word.length);
      tokens.push(word.slice(from, from + 1 + random.below(word.length - from)));
      continue;
    }
    const [name, value] = pick(random, [...eventFields(event)]);
    const operand = typeof value === 'bigint' ? `${value}` : value.split(/\s+/)[0];
    tokens.push(`${name}${pick(random, ['=', '!=', '<', '>='])}${operand === '' ? 0 : operand}`);
  }
  return tokens.join(' ');
}

/** Compares the rows that the log finds with the events that have what is looked for. */
export function compareFilters(trace: TraceLog, random: SeededRandom, rounds: number): void {
  const entries = new EventEntries(trace, [...traceKindsOfAll(eventKinds)]);
  entries.update();
  const log = new EventLog(trace, namerOf);
  let found = 0;
  for (let round = 0; round < rounds; round++) {
    const text = filterOf(entries, random);
    const partition = random.below(4) === 0 ? 2 : undefined;
    const condition = eventCondition(partition, text, namerOf) ?? assert.fail('no condition');
    const expected: string[] = [];
    for (let number = 0; number < entries.count; number++) {
      const event = entries.eventAt(number);
      if (event !== undefined && isMetBy(event, condition)) {
        expected.push(`${event.position}.${event.ordinal}`);
      }
    }
    const filter = { kinds: eventKinds, partition, text };
    let page = log.query(0, entries.count, filter);
    while (!page.isComplete) page = log.query(0, entries.count, filter);
    const rows = page.rows.map(({ id }) => id);
    assert.deepEqual(rows, expected, `filter "${text}", partition ${partition}`);
    found += rows.length;
  }
  assert.ok(found > 0, 'some filter finds something');
}
