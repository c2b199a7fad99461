// Measures what the VMBus Traffic panel costs the debug adapter with as many rows as it keeps: taking them in, filters by
// words, by fields and by channel, and what a stop asks for, now and in the past. Milliseconds of CPU, the median.
// Arguments: [--check]; --check fails where a filter takes more than 200 ms or a stop more than 100 ms.
import type { TrafficFilter } from '../../debug-adapter/debugger/traffic/traffic-filter';
import { TrafficLog } from '../../debug-adapter/debugger/traffic/traffic-log';
import { limits } from '../../debug-adapter/system/limits';
import { TraceLog } from '../../debug-adapter/system/trace-log';
import { TrafficWriter } from '../support/vmbus-traffic';
import { mainThreadMs } from '../../scripts/benchmark/thread-time';

const limitsMs = { filter: 200, stop: 100 } as const;
const rounds = 3;
const requests = limits.traceVmbusPackets / 2;

const trace = new TraceLog();
const writer = new TrafficWriter();
writer.connect();
writer.open();
for (let id = 1; id <= requests; id++) {
  writer.request(id, 512 * (1 + (id % 16)));
  writer.signal('to-parent');
  writer.complete(id, 512 * (1 + (id % 16)));
  writer.signal('to-guest', id % 3 === 0 ? 'no signal: the ring was not empty' : 'signalled');
}
const { timeNs, position: end } = writer.events.at(-1) ?? { timeNs: 0, position: 0 };
const memory = { read: (_gpa: number, length: number) => new Uint8Array(length) };
// The log reads a guest's identity, name and memory.
const guests = [{ id: 2, name: 'debian', memory }] as unknown as ConstructorParameters<
  typeof TrafficLog
>[0]['guests'];
const machine = { guests, trace, position: end, timeNs };
for (const event of writer.events) trace.record(event);

function median(measure: () => void, prepare?: () => void): number {
  const times = Array.from({ length: rounds }, () => {
    prepare?.();
    const from = mainThreadMs();
    measure();
    return mainThreadMs() - from;
  });
  return medianOf(times);
}

function medianOf(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1] ?? NaN;
}

const newLog = (): TrafficLog => new TrafficLog(machine, () => () => undefined);
const log = newLog();
let isGood = true;
let another = 0;

function report(title: string, ms: number, limitMs?: number): void {
  const isOver = limitMs !== undefined && ms > limitMs;
  isGood &&= !isOver;
  const goal = limitMs === undefined ? '' : `  (at most ${limitMs}${isOver ? ': MISSED' : ''})`;
  console.log(`${title.padEnd(52)}${ms.toFixed(1).padStart(8)} ms${goal}`);
}

takeIn(log);
const { total } = log.query(0, 200, {});
console.log(`${total.toLocaleString('en')} rows`);
report(
  'taking in all of them, in parts',
  median(() => takeIn(newLog())),
);
report(
  'one of the parts',
  median(() => void newLog().query(0, 200, {})),
  limitsMs.filter,
);

const filters: readonly (readonly [title: string, filter: TrafficFilter])[] = [
  ['words', { text: 'completion scsi' }],
  ['a word that no row has', { text: 'nowhere' }],
  ['a field', { text: 'DataTransferLength>4096' }],
  ['a field that no class has', { text: 'NoSuchField=1' }],
  ['words and a field', { text: 'completion DataTransferLength>4096' }],
  ['two fields', { text: 'DataTransferLength>4096 SrbStatus=1' }],
  ['what every row has', { text: 'class=scsi' }],
  ['a channel', { partition: 2, channels: [6] }],
  ['kinds', { kinds: ['vmbus-message'] }],
];
for (const [title, filter] of filters) {
  const first: number[] = [];
  const whole: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // Nothing is known of the fields yet.
    const fresh = newLog();
    takeIn(fresh);
    const from = mainThreadMs();
    let { isComplete } = fresh.query(0, 200, filter);
    first.push(mainThreadMs() - from);
    while (!isComplete) ({ isComplete } = fresh.query(0, 200, filter));
    whole.push(mainThreadMs() - from);
  }
  report(`filter: ${title}, the first rows`, medianOf(first), limitsMs.filter);
  report(`filter: ${title}, to the last row`, medianOf(whole));
}
report('filter: another value of a field', median(askAnother), limitsMs.filter);

report('a stop: the last rows and the channels', median(atStop), limitsMs.stop);
machine.position = end >> 1;
report('the whole way to the middle of the past', median(firstInPast));
report('one part of that', median(onePartOfPast), limitsMs.stop * 2);
report('a stop in the middle of the past', median(inPast, arriveInPast), limitsMs.stop);
if (process.argv.includes('--check') && !isGood) process.exitCode = 1;

function takeIn(made: TrafficLog): void {
  while (!made.query(0, 1, {}).isComplete);
}

/** As while a person types. */
function askAnother(): void {
  log.query(0, 200, { text: `DataTransferLength>${(another += 512)}` });
}

function atStop(): void {
  log.query(total - 200, 200, {});
  log.buses();
}

function firstInPast(): void {
  machine.position = (end >> 1) - 1;
  arriveInPast();
  machine.position = end >> 2;
  arriveInPast();
}

function onePartOfPast(): void {
  machine.position = (machine.position >> 1) + 1000;
  log.buses();
}

function arriveInPast(): void {
  while (!log.buses().isComplete);
}

function inPast(): void {
  machine.position += 10;
  atStop();
}
