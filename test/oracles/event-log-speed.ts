// Measures what a filter of the Event Log costs with as many events as the trace keeps: the first rows, and all of them, by
// words, by numbers and by fields; beside what it costs to put every event into words. Milliseconds of CPU, the median.
// Arguments: [--check]; --check fails where the first rows take more than 200 ms, or all of them more than 1 s.
import { mainThreadMs } from '../../scripts/benchmark/thread-time';
import { isMetBy, eventCondition } from '../../debug-adapter/debugger/event-log/event-condition';
import { EventEntries } from '../../debug-adapter/debugger/event-log/event-entries';
import {
  traceKindsOfAll,
  type EventKind,
} from '../../debug-adapter/debugger/event-log/event-kinds';
import { EventLog } from '../../debug-adapter/debugger/event-log/event-log';
import type { TraceEvent } from '../../debug-adapter/machine/trace';
import { limits } from '../../debug-adapter/system/limits';
import { TraceLog } from '../../debug-adapter/system/trace-log';
import { TrafficWriter } from '../support/vmbus-traffic';

const limitsMs = { first: 200, whole: 1000 } as const;
const rounds = 3;
const requests = limits.traceVmbusPackets / 2;
const exitsEach = requests / limits.traceExits;
const kinds: readonly EventKind[] = ['exits', 'events', 'vmbus'];

const trace = new TraceLog();
const reasons = [10, 30, 31, 32, 48];

/** An exit of a guest that does the same again and again, at some hundred places. */
function exitBehind({ position, timeNs }: TraceEvent, number: number): TraceEvent {
  const place = BigInt(number % 509);
  return {
    ...{ kind: 'vm-exit', position, ordinal: 0x10_0000, timeNs, partition: 2, processor: 0 },
    ...{ exitNumber: number, reason: reasons[number % reasons.length] ?? 10, qualification: 0n },
    ...{ instructionLength: 2, interruptionInformation: 0, guestPhysicalAddress: 0xfee0_00b0n },
    ...{ guestLinearAddress: 0xffff_ffff_ff5f_d0b0n, rip: 0xffff_ffff_8100_0000n + place * 16n },
    ...{ rflags: 0x246, cr0: 0x8005_0033n, cr3: 0x10_0000n, cr4: 0x6f0n },
    registers: Array.from({ length: 16 }, (_, index) => (index < 4 ? place : BigInt(number))),
  };
}

function deliveryBehind({ position, timeNs }: TraceEvent, number: number): TraceEvent {
  return {
    ...{ kind: 'event', position, ordinal: 0x10_0001, timeNs, partition: 2, processor: 0 },
    ...{ vector: 32 + (number % 16), errorCode: undefined, isInjected: true },
    rip: 0xffff_ffff_8200_0000n + BigInt(number % 2003),
  };
}

/** In a scope of its own: a million events as objects would be the garbage collector's work in everything measured. */
function fill(): void {
  const writer = new TrafficWriter();
  writer.connect();
  writer.open();
  for (let id = 1; id <= requests; id++) {
    // Every request has another block of a disk of 1 GiB, and one of 64 lengths.
    const length = 4096 * (1 + (id % 64));
    writer.request(id, length, [
      0x28,
      0,
      (id >> 18) & 0x1f,
      (id >> 10) & 0xff,
      (id >> 2) & 0xff,
      id & 3,
      0,
      0,
      id % 64,
      0,
    ]);
    writer.signal('to-parent');
    writer.complete(id, length);
    writer.signal('to-guest', id % 3 === 0 ? 'no signal: the ring was not empty' : 'signalled');
  }
  let exits = 0;
  let written = 0;
  for (const event of writer.events) {
    trace.record(event);
    if (++written % (4 * exitsEach) !== 0) continue;
    trace.record(exitBehind(event, ++exits));
    if (exits % 4 === 0) trace.record(deliveryBehind(event, exits));
  }
}

fill();

const symbols = ['native_apic_msr_eoi', 'storvsc_queuecommand', 'vmbus_sendpacket'];
const namerOf = () => (address: bigint) => `${symbols[Number(address >> 4n) % 3]}+${address & 15n}`;

const medianOf = (times: readonly number[]): number =>
  [...times].sort((a, b) => a - b)[times.length >> 1] ?? NaN;

const entries = new EventEntries(trace, [...traceKindsOfAll(kinds)]);
entries.update();
console.log(`${entries.count.toLocaleString('en')} events`);
const taking: number[] = [];
for (let round = 0; round < rounds; round++) {
  const from = mainThreadMs();
  new EventEntries(trace, [...traceKindsOfAll(kinds)]).update();
  taking.push(mainThreadMs() - from);
}
console.log(`taking them in: ${medianOf(taking).toFixed(0)} ms`);

let isGood = true;
for (const text of [
  ...[
    'completion scsi',
    'nowhere',
    'read',
    '0x1000',
    '4096',
    'native_apic',
    'signalled',
    '0x',
    '77',
  ],
  ...['DataTransferLength>65536', 'LogicalBlockAddress=0x1234', 'reason=48', 'class=scsi 4096'],
  ...['operation=ExecuteSrb transaction=77', 'vector=33 injected=1', 'exit>4000 apic'],
]) {
  const first: number[] = [];
  const whole: number[] = [];
  const plain: number[] = [];
  let answers = 0;
  for (let round = 0; round < rounds; round++) {
    const log = new EventLog(trace, namerOf);
    log.query(0, 1, { kinds });
    const filter = { kinds, text };
    const from = mainThreadMs();
    let page = log.query(0, 200, filter);
    first.push(mainThreadMs() - from);
    answers = 1;
    for (; !page.isComplete; answers++) page = log.query(0, 200, filter);
    whole.push(mainThreadMs() - from);
    if (round > 0) continue;
    const condition = eventCondition(undefined, text, namerOf);
    if (condition === undefined) throw new Error('the filter restricts nothing');
    const before = mainThreadMs();
    let total = 0;
    for (let number = 0; number < entries.count; number++) {
      const event = entries.eventAt(number);
      if (event !== undefined && isMetBy(event, condition)) total++;
    }
    plain.push(mainThreadMs() - before);
    if (total !== page.total) throw new Error(`${text}: ${page.total} rows instead of ${total}`);
  }
  const [firstMs, wholeMs] = [medianOf(first), medianOf(whole)];
  const isOver = firstMs > limitsMs.first || wholeMs > limitsMs.whole;
  isGood &&= !isOver;
  console.log(
    `${text.padEnd(36)} first ${firstMs.toFixed(0).padStart(4)} ms, all ${wholeMs.toFixed(0).padStart(5)} ms in ` +
      `${String(answers).padStart(2)} answers; every event in words ${medianOf(plain).toFixed(0).padStart(5)} ms` +
      (isOver ? '  MISSED' : ''),
  );
}
if (process.argv.includes('--check') && !isGood) process.exitCode = 1;
