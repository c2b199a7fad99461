/** A batch of random streams: one piece of code in one mode, run from many places on two processors that must agree. */
import type { ProcessorRun } from '../../debug-adapter/machine/processor';
import type { BareProcessor } from '../support/bare-processor';
import { SeededRandom } from '../support/seeded-random';
import type { FormCoverage } from './form-coverage';
import { rowsEach, streamCode } from './stream-code';
import {
  goesOn,
  LongStreamMachine,
  ModeStreamMachine,
  streamModes,
  type StreamMachine,
  type StreamMode,
} from './stream-machine';

export const streamsEach = 400;
/** Of so many batches, one goes step by step in the interpreter, and its instructions are counted. */
export const countedStride = 3;
/** Places of the code where streams begin: few, so that most of them find it translated. */
const startsEach = 16;
/** Where instructions are counted, nearly all of them should have a turn. */
const startsCounted = 40;
const stepsEach = 16;
/** Of processor time, for a whole batch: a machine may be busy with other things. */
const batchLongestMs = 30_000;
const pageBytes = 4096;

/** Something that must not happen. */
export interface StreamFailure {
  readonly batch: number;
  readonly stream: number;
  readonly mode: StreamMode;
  readonly code: string;
  readonly problem: string;
}

/** The two processors: an interpreter with a small TLB, and a translator with a larger one. */
interface Pair {
  readonly interpreter: StreamMachine;
  readonly translator: StreamMachine;
}

type Made = new (options: {
  readonly tlbEntries: number;
  readonly hotCount: number;
}) => StreamMachine;

function pairOf(Machine: Made): Pair {
  return {
    interpreter: new Machine({ tlbEntries: 64, hotCount: 0 }),
    translator: new Machine({ tlbEntries: 256, hotCount: 1 }),
  };
}

/** 64-bit mode has the most forms. */
const weightedModes: readonly StreamMode[] = [
  ...streamModes,
  ...(['long kernel', 'long kernel', 'long user'] as const),
];

const knownStops: ReadonlySet<string> = new Set([
  ...['budget', 'event', 'inactive', 'unimplemented', 'vm-exit'],
]);

export class StreamRunner {
  private readonly long = pairOf(LongStreamMachine);
  private readonly short = pairOf(ModeStreamMachine);
  readonly stops = new Map<string, number>();

  constructor(
    private readonly seed: number,
    private readonly recorded: Readonly<Record<32 | 64, readonly Uint8Array[]>>,
    private readonly coverage: FormCoverage,
  ) {}

  /** Steps that translated code has taken, modulo 2^32. */
  get translatedSteps(): number {
    const of = ({ translator }: Pair): number => translator.processor.translatedSteps;
    return of(this.long) + of(this.short);
  }

  /** Runs a batch. @param counts whether the interpreter goes step by step, and its instructions are counted */
  run(batch: number, counts = batch % countedStride === 0): StreamFailure | undefined {
    const random = new SeededRandom(this.seed ^ Math.imul(batch + 1, 0x9e3779b1));
    const mode = weightedModes[batch % weightedModes.length] ?? 'long kernel';
    const pair = mode.startsWith('long') || mode.startsWith('comp') ? this.long : this.short;
    const { interpreter, translator } = pair;
    const started = process.cpuUsage();
    const prepareSeed = random.next();
    interpreter.prepare(mode, new SeededRandom(prepareSeed));
    translator.prepare(mode, new SeededRandom(prepareSeed));
    const setting = interpreter.setting(mode);
    const recorded = this.recorded[setting.codeSize === 64 ? 64 : 32];
    const { bytes, starts } = streamCode(random, setting, recorded, {
      from: Math.floor(batch / (weightedModes.length * countedStride)) * rowsEach,
      isWhole: counts,
    });
    interpreter.load(bytes);
    translator.load(bytes);
    const chosen = Array.from({ length: counts ? startsCounted : startsEach }, () =>
      random.pick(starts),
    );
    const fail = (stream: number, problem: string): StreamFailure => {
      return { batch, stream, mode, code: Buffer.from(bytes).toString('hex'), problem };
    };
    for (let stream = 0; stream < streamsEach; stream++) {
      const offset = random.pick(chosen);
      const enterSeed = random.next();
      try {
        interpreter.enter(offset, new SeededRandom(enterSeed));
        translator.enter(offset, new SeededRandom(enterSeed));
        const expected = counts
          ? this.countedRun(interpreter.processor)
          : this.wholeRun(interpreter.processor);
        const found = this.wholeRun(translator.processor);
        const problem = difference(interpreter.processor, expected, translator.processor, found);
        if (problem !== undefined) return fail(stream, problem);
      } catch (error) {
        return fail(
          stream,
          error instanceof Error ? (error.stack ?? error.message) : String(error),
        );
      }
    }
    const tookMs = process.cpuUsage(started).user / 1000;
    if (tookMs > batchLongestMs) return fail(streamsEach, `took ${tookMs.toFixed(0)} ms`);
    const problem = memoryDifference(interpreter.processor, translator.processor);
    return problem === undefined ? undefined : fail(streamsEach, problem);
  }

  /** All that happened, as text: the stops with the steps before each. */
  private wholeRun(processor: BareProcessor): string {
    const events: string[] = [];
    let taken = 0;
    while (taken < stepsEach) {
      const run = processor.core.run(stepsEach - taken, taken);
      taken += run.steps;
      if (run.stop.kind === 'budget') break;
      events.push(`${taken} ${this.describe(processor, run)}`);
      if (!goesOn(processor, run)) break;
    }
    if (taken > stepsEach) events.push(`${taken} steps of ${stepsEach}`);
    return events.join(', ');
  }

  /** The same, one step at a time. */
  private countedRun(processor: BareProcessor): string {
    const { coverage } = this;
    const events: string[] = [];
    let taken = 0;
    while (taken < stepsEach) {
      const name = coverage.variantAt(processor);
      const before = coverage.retiredCount(processor);
      const run = processor.core.run(1, taken);
      taken += run.steps;
      const isOver = run.stop.kind !== 'budget';
      if (isOver) events.push(`${taken} ${this.describe(processor, run)}`);
      const ends = isOver && !goesOn(processor, run);
      if (name !== undefined && coverage.retiredCount(processor) !== before) coverage.count(name);
      if (ends) break;
    }
    return events.join(', ');
  }

  private describe(processor: BareProcessor, { stop }: ProcessorRun): string {
    this.stops.set(stop.kind, (this.stops.get(stop.kind) ?? 0) + 1);
    if (!knownStops.has(stop.kind)) throw new Error(`stopped with ${stop.kind}`);
    if (stop.kind === 'event') return `event ${stop.vector} ${stop.errorCode ?? ''}`;
    if (stop.kind === 'unimplemented') return `unimplemented ${stop.text}`;
    if (stop.kind !== 'vm-exit') return stop.kind;
    return `exit ${processor.field('VM_EXIT_REASON')} ${processor.field('EXIT_QUALIFICATION')}`;
  }
}

function difference(
  a: BareProcessor,
  expected: string,
  b: BareProcessor,
  found: string,
): string | undefined {
  if (expected !== found) return `"${found}" translated, "${expected}" interpreted`;
  const [one, other] = [a.state.architecturalBytes, b.state.architecturalBytes];
  if (Buffer.compare(one, other) === 0) return undefined;
  const at = one.findIndex((byte, index) => byte !== other[index]);
  return `state differs at ${at}: ${other[at]} translated, ${one[at]} interpreted; RIP ${a.state.rip.toString(16)}`;
}

function memoryDifference(a: BareProcessor, b: BareProcessor): string | undefined {
  const others = b.memory.touchedPages();
  for (const [page, frame] of a.memory.touchedPages()) {
    const other = others.next();
    if (other.done === true || other.value[0] !== page) return `page ${page} is touched in one`;
    const [one, two] = [a.memory.frameBytes(frame), b.memory.frameBytes(other.value[1])];
    if (Buffer.compare(one, two) === 0) continue;
    const at = one.findIndex((byte, index) => byte !== two[index]);
    return `memory differs at ${(page * pageBytes + at).toString(16)}`;
  }
  return others.next().done === true ? undefined : 'more pages are touched in translated code';
}
