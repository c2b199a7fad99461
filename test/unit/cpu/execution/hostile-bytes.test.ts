// Whatever bytes a guest executes, the processor neither throws nor hangs, keeps its budget, and names what it lacks.
import assert from 'node:assert/strict';
import { GuestKernel, layout } from '../../../support/guest-kernel';
import { randomProgram } from '../../../support/random-program';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

const streams = 200_000;
/** Bytes written at once; several runs begin in them. */
const streamBytes = 512;
const startsEach = 50;
const stepsEach = 12;
const streamsPerMachine = 4_000;
const prefixes = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x48, 0x4f, 0x0f, 0x64, 0x2e];

/** Random bytes, or instructions of a random program with some bits turned. */
function hostileStream(random: SeededRandom, program: Uint8Array): Uint8Array {
  if (random.chance(50)) {
    const bytes = random.bytes(streamBytes);
    for (let at = 0; at < streamBytes; at += 1 + random.below(12)) {
      bytes[at] = random.pick(prefixes);
    }
    return bytes;
  }
  const from = random.below(program.length - streamBytes);
  const bytes = program.slice(from, from + streamBytes);
  for (let turns = random.below(40); turns > 0; turns--) {
    const at = random.below(streamBytes);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  }
  return bytes;
}

class HostileRun {
  readonly stops = new Map<string, number>();
  private readonly kernel = new GuestKernel();
  private readonly memory = this.kernel.memory.save();
  private start = 0;
  /** The processor as it enters code of either privilege. */
  private readonly entries = ([0, 3] as const).map((level) => {
    this.kernel.enter(level, new Uint8Array());
    const page = level === 0 ? layout.kernelCode : layout.userCode;
    return { page, bytes: this.kernel.state.architecturalBytes.slice() };
  });

  constructor(private readonly random: SeededRandom) {}

  reset(): void {
    assert.ok(this.kernel.memory.restore(this.memory));
  }

  /** Puts the bytes where code of both privilege levels lies, sometimes across a page break. */
  load(bytes: Uint8Array): void {
    const { random } = this;
    this.start = random.chance(30) ? 0x1000 - random.below(streamBytes) : random.below(0xd00);
    for (const page of [layout.kernelCode, layout.userCode]) {
      this.kernel.memory.write(page + this.start, bytes);
    }
  }

  run(): void {
    const { kernel, random } = this;
    const { state, core } = kernel;
    const { page, bytes } = random.pick(this.entries);
    state.architecturalBytes.set(bytes);
    for (let index = 0; index < 16; index++) state.setGpr(index, this.randomValue());
    state.rip = BigInt(page + this.start + random.below(streamBytes));
    state.rflags = (random.next() & 0x7cd5) | 2;
    core.stateWasEdited();
    const { stop, steps } = core.run(stepsEach, 0);
    assert.ok(steps <= stepsEach, `${steps} steps`);
    this.stops.set(stop.kind, (this.stops.get(stop.kind) ?? 0) + 1);
    if (stop.kind === 'unimplemented') assert.ok(stop.bytes.length > 0);
  }

  private randomValue(): bigint {
    const { random } = this;
    const places = [layout.kernelData, layout.userData, layout.userStack, layout.globalTable];
    if (random.chance(60)) return BigInt(random.pick(places) + random.below(0x1000));
    const shift = BigInt(random.below(64));
    return BigInt.asUintN(64, (BigInt(random.next()) << 32n) | BigInt(random.next())) >> shift;
  }
}

describe('hostile bytes', () => {
  const seed = seedOf(99);

  it(`${streams} streams, seed ${seed}`, () => {
    const random = new SeededRandom(seed);
    const hostile = new HostileRun(random);
    let program = randomProgram(random);
    let bytes: Uint8Array = program;
    for (let index = 0; index < streams; index++) {
      if (index % streamsPerMachine === 0) {
        hostile.reset();
        program = randomProgram(random);
      }
      if (index % startsEach === 0) {
        bytes = hostileStream(random, program);
        hostile.load(bytes);
      }
      try {
        hostile.run();
      } catch (error) {
        const text = `stream ${index} [${Buffer.from(bytes).toString('hex')}]`;
        throw new Error(text, { cause: error });
      }
    }
    const known = ['budget', 'event', 'inactive', 'unimplemented', 'vm-exit'];
    const kinds = [...hostile.stops.keys()].sort();
    assert.deepEqual(
      kinds.filter((kind) => !known.includes(kind)),
      [],
    );
    assert.ok((hostile.stops.get('event') ?? 0) > streams / 10);
  }).timeout(60_000);
});
