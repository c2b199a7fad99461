/** The event log: one order of all kinds, kinds to choose, words and fields, and what is recorded only on demand. */
import assert from 'node:assert/strict';
import { eventKinds } from '../../../../debug-adapter/debugger/event-log/event-kinds';
import { EventLog, type EventPage } from '../../../../debug-adapter/debugger/event-log/event-log';
import { askedForKindNames, eventKindNames } from '../../../../debug-adapter/protocol/event-log';
import { askedForKinds } from '../../../../debug-adapter/debugger/event-log/event-kinds';
import type { TraceEvent } from '../../../../debug-adapter/machine/trace';
import { TraceLog } from '../../../../debug-adapter/system/trace-log';
import { compareFilters } from '../../../support/event-filters';
import { SeededRandom, seedOf } from '../../../support/seeded-random';
import { TrafficWriter } from '../../../support/vmbus-traffic';

const header = (position: number, ordinal = 0) => ({
  ...{ position, ordinal, timeNs: position * 1000, partition: 2, processor: 0 },
});

const exitAt = (position: number, reason: number, rip: bigint): TraceEvent => ({
  kind: 'vm-exit',
  ...header(position),
  ...{ exitNumber: position, reason, qualification: 0n, instructionLength: 3 },
  ...{ interruptionInformation: 0, guestPhysicalAddress: 0n, guestLinearAddress: 0n },
  ...{ rip, rflags: 2, cr0: 1n, cr3: 0n, cr4: 0n },
  registers: Array.from({ length: 16 }, () => 0n),
});

const vectorAt = (position: number, vector: number): TraceEvent => ({
  kind: 'event',
  ...header(position),
  ...{ vector, errorCode: undefined, rip: 0x2000n, isInjected: vector >= 32 },
});

const msrAt = (position: number): TraceEvent => ({
  kind: 'msr-access',
  ...header(position, 1),
  ...{ msr: 0x1b, isWrite: false, value: 0xfee0_0900n, isRefused: false },
});

const seed = seedOf(1_623);

/** Exits of every reason, deliveries, MSR accesses, and traffic on VMBus with packets of many lengths, cut ones among them. */
function randomTrace(random: SeededRandom): TraceLog {
  const trace = new TraceLog();
  const writer = new TrafficWriter();
  writer.connect();
  writer.open();
  for (let id = 1; id <= 120; id++) {
    const block = Array.from({ length: 4 }, () => random.below(256));
    const command = random.below(4) === 0 ? random.below(256) : 0x28;
    writer.request(id, 512 * random.below(300), [command, 0, ...block, 0, 0, random.below(9), 0]);
    writer.signal(random.below(2) ? 'to-parent' : 'to-guest', random.below(3) ? 'signalled' : '');
    if (random.below(4) > 0) writer.complete(id, 512 * random.below(300));
  }
  const wide = (): bigint => (BigInt(random.below(2 ** 31)) << BigInt(random.below(33))) | 1n;
  for (const [index, event] of writer.events.entries()) {
    const isCut = event.kind === 'vmbus-packet' && random.below(5) === 0;
    trace.record(
      isCut
        ? {
            ...event,
            bytes: event.bytes.slice(0, random.below(event.bytes.length)),
            refusal: 'cut',
          }
        : event,
    );
    const { position } = event;
    const exit = exitAt(position, random.below(70), BigInt(0x1000 + random.below(40) * 7));
    trace.record({
      ...exit,
      ...{ ordinal: 100, exitNumber: index, qualification: BigInt(random.below(0x800)) },
      ...{ interruptionInformation: 0x8000_0300 | random.below(32), guestLinearAddress: wide() },
      registers: Array.from({ length: 16 }, () =>
        random.below(2) ? BigInt(random.below(9)) : wide(),
      ),
    } as TraceEvent);
    if (random.below(3) === 0)
      trace.record({ ...vectorAt(position, random.below(256)), ordinal: 101 });
    if (random.below(3) === 0) trace.record({ ...msrAt(position), ordinal: 102 });
  }
  return trace;
}

function logOf(events: readonly TraceEvent[]): { log: EventLog; trace: TraceLog } {
  const trace = new TraceLog();
  for (const event of events) trace.record(event);
  return { log: new EventLog(trace, () => () => undefined), trace };
}

const some = [exitAt(1, 31, 0x1000n), msrAt(1), vectorAt(2, 14), exitAt(3, 18, 0x1003n)];
const kindsOf = ({ rows }: EventPage): readonly string[] => rows.map(({ kind }) => kind);

describe('event log', () => {
  it('has every kind that the protocol names', () => {
    assert.deepEqual(eventKinds, eventKindNames);
    assert.deepEqual(askedForKinds, askedForKindNames);
  });

  it('puts the chosen kinds into one order', () => {
    const { log } = logOf(some);
    const all = log.query(0, 10, { kinds: eventKinds });
    assert.deepEqual(kindsOf(all), ['exits', 'msrs', 'events', 'exits']);
    assert.deepEqual([all.total, all.kept, all.recorded, all.isComplete], [4, 4, 4, true]);
    assert.deepEqual(kindsOf(log.query(1, 1, { kinds: ['exits', 'events'] })), ['events']);
    assert.equal(log.query(0, 10, { kinds: [] }).total, 0);
  });

  for (const [text, kinds] of [
    ['apic_base', ['msrs']],
    ['IA32_APIC_BASE 0xfee00900', ['msrs']],
    ['vector=14', ['events']],
    ['vector=#pf', ['events']],
    ['msr=0x1b', ['msrs']],
    ['reason=18', ['exits']],
    ['at', ['exits', 'events', 'exits']],
    ['nosuchfield=1', []],
  ] as const) {
    it(`finds "${text}"`, () => {
      assert.deepEqual(kindsOf(logOf(some).log.query(0, 10, { kinds: eventKinds, text })), kinds);
    });
  }

  it('grows with the trace, and starts over where the past was left', () => {
    const { log, trace } = logOf(some);
    const filter = { kinds: ['events'], text: 'at' } as const;
    assert.equal(log.query(0, 10, filter).total, 1);
    trace.record(vectorAt(4, 32));
    assert.equal(log.query(0, 10, filter).total, 2);
    trace.hearFrom({ position: 1, ordinal: 9 });
    trace.record(vectorAt(2, 33));
    const { rows, total } = log.query(0, 10, filter);
    assert.equal(total, 1);
    assert.match(rows[0]?.text ?? '', /0x21/);
  });

  it('says where a row stands among those that pass a filter', () => {
    const { log } = logOf(some);
    for (const filter of [
      { kinds: eventKinds },
      { kinds: ['exits', 'events'] },
      { kinds: eventKinds, text: 'at' },
      { kinds: eventKinds, text: 'reason=18' },
    ] as const) {
      const { rows } = log.query(0, 10, filter);
      const ids = rows.map(({ id }) => id);
      for (const { id } of log.query(0, 10, { kinds: eventKinds }).rows) {
        const index = ids.indexOf(id);
        const place = index < 0 ? { total: ids.length } : { index, total: ids.length };
        assert.deepEqual(log.place(id, filter), place, `${id} in ${JSON.stringify(filter)}`);
      }
    }
    for (const id of ['2.7', '9.0', '', 'nonsense']) {
      assert.deepEqual(log.place(id, { kinds: eventKinds }), { total: 4 }, id);
    }
  });

  it('looks for a text a piece at a time', () => {
    const { log } = logOf(
      Array.from({ length: 15_000 }, (_, at) => ({
        ...vectorAt(at + 1, at % 2 ? 32 : 33),
        rip: BigInt(at),
      })),
    );
    const filter = { kinds: ['events'], text: 'vector=33' } as const;
    const answers = [log.query(0, 10, filter), log.query(0, 10, filter)];
    assert.deepEqual(
      answers.map(({ isComplete, total }) => [isComplete, total]),
      [
        [false, 1500],
        [true, 7500],
      ],
    );
    assert.equal(answers[0]?.rows.length, 10);
  });

  it(`finds part by part what is found event by event, seed ${seed}`, () => {
    compareFilters(randomTrace(new SeededRandom(seed)), new SeededRandom(seed), 60);
  });

  it('takes as many words as are typed', () => {
    const { log } = logOf(some);
    const text = Array.from({ length: 40 }, (_, index) => (index % 2 ? 'msr' : 'exit')).join(' ');
    assert.equal(log.query(0, 10, { kinds: eventKinds, text }).total, 1);
  });

  it('counts what the rings have dropped, and forgets it', () => {
    const { log } = logOf(Array.from({ length: 30_000 }, (_, at) => vectorAt(at + 1, 32)));
    const { kept, recorded, rows } = log.query(0, 1, { kinds: ['events'] });
    assert.deepEqual([kept, recorded], [16_384, 30_000]);
    assert.equal(rows[0]?.position, 30_000 - 16_384 + 1);
  });

  it('shows an event in full, with the instruction that led to it', () => {
    const { log } = logOf(some);
    const detail = log.detail('1.1');
    assert.equal(detail?.row.kind, 'msrs');
    assert.equal(detail.code?.rip, '0x1000');
    const msr = detail.fields.find(({ name }) => name === 'msr');
    assert.deepEqual([msr?.value, msr?.note], ['0x1b', 'IA32_APIC_BASE']);
    assert.equal(log.detail('77.0'), undefined);
    assert.equal(log.detail('nonsense'), undefined);
  });

  it('follows a packet from the exit that sent it to what came of it', () => {
    const writer = new TrafficWriter();
    writer.connect();
    const { log } = logOf(writer.events);
    const [first] = log.query(0, 10, { kinds: ['vmbus'] }).rows;
    assert.match(first?.text ?? '', /InitiateContact/);
  });
});

describe('kinds that are recorded on demand', () => {
  it('are wanted only while they are kept', () => {
    const trace = new TraceLog();
    assert.equal(trace.wants('msr-access'), false);
    trace.keptKinds = new Set(['msr-access']);
    assert.equal(trace.wants('msr-access'), true);
    assert.equal(trace.wants('schedule-switch'), false);
  });
});
