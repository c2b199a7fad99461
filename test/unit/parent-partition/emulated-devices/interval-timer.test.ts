// The 8254: waveforms of the data sheet's timing diagrams, latches, and what guests calibrate clocks with.
import assert from 'node:assert/strict';
import { TimerQueue } from '../../../../debug-adapter/machine/timer-queue';
import {
  nsOfTick,
  ticksAt,
} from '../../../../debug-adapter/parent-partition/emulated-devices/clock-ticks';
import { IntervalTimer } from '../../../../debug-adapter/parent-partition/emulated-devices/interval-timer';
import { IntervalTimerCounter } from '../../../../debug-adapter/parent-partition/emulated-devices/interval-timer-counter';
import { SystemControlPort } from '../../../../debug-adapter/parent-partition/emulated-devices/system-control-port';
import { intervalTimerHz } from '../../../../debug-adapter/spec/pc/interval-timer';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

/** A control word for counter 0, low byte only. */
const control = (mode: number): number => 0x10 | (mode << 1);

/** What the counter holds and puts out at ticks 1, 2, … after things were done to it. */
function trace(counter: IntervalTimerCounter, ticks: number, first = 1) {
  const values: number[] = [];
  let output = '';
  for (let tick = first; tick < first + ticks; tick++) {
    values.push(counter.value(tick));
    output += counter.output(tick) ? 'H' : 'L';
  }
  return { values, output };
}

describe('a counter of the 8254', () => {
  const diagrams: readonly (readonly [string, number, number, readonly number[], string])[] = [
    ['mode 0', 0, 4, [4, 3, 2, 1, 0, 0xffff, 0xfffe], 'LLLLHHH'],
    ['mode 2', 2, 3, [3, 2, 1, 3, 2, 1, 3], 'HHLHHLH'],
    ['mode 3, even', 3, 4, [4, 2, 4, 2, 4, 2, 4], 'HHLLHHL'],
    ['mode 3, odd', 3, 5, [4, 2, 0, 4, 2, 4, 2, 0], 'HHHLLHHH'],
    ['mode 4', 4, 3, [3, 2, 1, 0, 0xffff], 'HHHLH'],
  ];
  for (const [name, mode, count, values, output] of diagrams) {
    it(`${name}: counts and puts out what the diagram shows`, () => {
      const counter = new IntervalTimerCounter(true);
      counter.writeControl(control(mode));
      counter.writeByte(count, 0);
      assert.deepEqual(trace(counter, values.length), { values, output });
    });
  }

  const triggered: readonly (readonly [string, number, readonly number[], string])[] = [
    ['mode 1', 1, [3, 2, 1, 0, 0xffff], 'LLLHH'],
    ['mode 5', 5, [3, 2, 1, 0, 0xffff], 'HHHLH'],
  ];
  for (const [name, mode, values, output] of triggered) {
    it(`${name}: begins at a rise of the gate, and again at the next`, () => {
      const counter = new IntervalTimerCounter(false);
      counter.writeControl(control(mode));
      counter.writeByte(3, 0);
      assert.equal(counter.output(5), true);
      counter.setGate(true, 10);
      assert.deepEqual(trace(counter, values.length, 11), { values, output });
      counter.setGate(false, 20);
      counter.setGate(true, 30);
      assert.deepEqual(trace(counter, values.length, 31), { values, output });
    });
  }

  it('mode 0: stands while the gate is low', () => {
    const counter = new IntervalTimerCounter(true);
    counter.writeControl(control(0));
    counter.writeByte(4, 0);
    counter.setGate(false, 3);
    assert.deepEqual(trace(counter, 3, 3), { values: [2, 2, 2], output: 'LLL' });
    counter.setGate(true, 6);
    assert.deepEqual(trace(counter, 3, 6), { values: [2, 1, 0], output: 'LLH' });
  });

  it('mode 0: the first byte of a new count takes the output low and stops it', () => {
    const counter = new IntervalTimerCounter(true);
    counter.writeControl(0x30);
    counter.writeByte(1, 0);
    counter.writeByte(0, 0);
    assert.equal(counter.output(2), true);
    counter.writeByte(3, 10);
    assert.equal(counter.output(11), false);
    counter.writeByte(0, 20);
    assert.deepEqual(trace(counter, 4, 21), { values: [3, 2, 1, 0], output: 'LLLH' });
  });

  it('mode 2: a new count waits for the end of the cycle', () => {
    const counter = new IntervalTimerCounter(true);
    counter.writeControl(control(2));
    counter.writeByte(4, 0);
    counter.writeByte(5, 2);
    assert.deepEqual(trace(counter, 9).values, [4, 3, 2, 1, 5, 4, 3, 2, 1]);
  });

  it('mode 3: a new count waits for the end of the half-cycle', () => {
    const counter = new IntervalTimerCounter(true);
    counter.writeControl(control(3));
    counter.writeByte(8, 0);
    counter.writeByte(4, 2);
    assert.deepEqual(trace(counter, 10), {
      values: [8, 6, 4, 2, 4, 2, 4, 2, 4, 2],
      output: 'HHHHLLHHLL',
    });
  });

  it('periodic modes: a low gate takes the output high, a rise begins anew', () => {
    for (const mode of [2, 3]) {
      const counter = new IntervalTimerCounter(true);
      counter.writeControl(control(mode));
      counter.writeByte(4, 0);
      counter.setGate(false, 3);
      assert.equal(counter.output(3), true);
      counter.setGate(true, 10);
      assert.equal(counter.value(11), 4);
    }
  });

  it('counts in BCD, from 10,000 where 0 is written', () => {
    const counter = new IntervalTimerCounter(true);
    counter.writeControl(0x31);
    counter.writeByte(0, 0);
    counter.writeByte(0, 0);
    assert.deepEqual(trace(counter, 3).values, [0, 0x9999, 0x9998]);
    assert.equal(counter.output(10_000), false);
    assert.equal(counter.output(10_001), true);
  });

  it('finds its next rise where the output rises, in every mode', () => {
    const seed = seedOf(8254);
    const random = new SeededRandom(seed);
    for (let round = 0; round < 400; round++) {
      const counter = new IntervalTimerCounter(true);
      counter.writeControl(control(random.pick([0, 2, 3, 4])));
      counter.writeByte(1 + random.below(12), 0);
      let tick = random.below(20);
      if (random.chance(50)) counter.writeByte(1 + random.below(12), tick);
      for (let rises = 0; rises < 4; rises++) {
        const found = counter.copy().nextRise(tick);
        const probe = counter.copy();
        let expected: number | undefined;
        let before = probe.output(tick);
        for (let at = tick + 1; at < tick + 60 && expected === undefined; at++) {
          const now = probe.output(at);
          if (now && !before) expected = at;
          before = now;
        }
        assert.equal(found, expected, `seed ${seed}, round ${round}, from tick ${tick}`);
        if (found === undefined) break;
        tick = found;
      }
    }
  });
});

class Rig {
  nowNs = 0;
  readonly queue = new TimerQueue();
  readonly edges: number[] = [];
  readonly timer: IntervalTimer;
  readonly control: SystemControlPort;
  private level = false;

  constructor() {
    const output = {
      set: (level: boolean) => {
        if (level && !this.level) this.edges.push(this.nowNs);
        this.level = level;
      },
    };
    const nowNs = (): number => this.nowNs;
    this.timer = new IntervalTimer({ timers: this.queue, nowNs, output });
    this.control = new SystemControlPort(this.timer, nowNs);
  }

  write(...bytes: readonly (readonly [offset: number, value: number])[]): void {
    for (const [offset, value] of bytes) this.timer.writeByte(offset, value);
  }

  advanceTo(ns: number): void {
    for (let next = this.queue.nextDueNs; next <= ns; next = this.queue.nextDueNs) {
      this.nowNs = next;
      this.queue.runDue(next);
    }
    this.nowNs = ns;
  }
}

describe('8254 interval timer', () => {
  it('interrupts as often as its frequency and count say, exactly', () => {
    const rig = new Rig();
    rig.write([3, 0x34], [0, 4773 & 0xff], [0, 4773 >> 8]);
    rig.edges.length = 0;
    rig.advanceTo(10_000_000_000);
    assert.equal(rig.edges.length, Math.floor((10 * intervalTimerHz - 1) / 4773));
  });

  it('interrupts once in mode 0, and not after a guest has shut it down', () => {
    const rig = new Rig();
    rig.write([3, 0x38], [0, 0x10], [0, 0x00]);
    rig.write([3, 0x30], [0, 0xe8], [0, 0x03]);
    rig.edges.length = 0;
    rig.advanceTo(100_000_000);
    assert.deepEqual(rig.edges, [nsOfTick(1001, intervalTimerHz)]);
    rig.write([3, 0x30], [0, 0], [0, 0], [3, 0x30]);
    rig.advanceTo(300_000_000);
    assert.equal(rig.edges.length, 1);
  });

  it('latches a count until both bytes are read, and a status before it', () => {
    const rig = new Rig();
    rig.write([3, 0x34], [0, 0x00], [0, 0x10]);
    rig.nowNs = nsOfTick(0x235, intervalTimerHz);
    rig.write([3, 0x00]);
    rig.nowNs = nsOfTick(0x800, intervalTimerHz);
    rig.write([3, 0xe2]);
    assert.equal(rig.timer.readByte(0), 0xb4, 'OUT, access, mode');
    assert.deepEqual([rig.timer.readByte(0), rig.timer.readByte(0)], [0xcc, 0x0d]);
    assert.deepEqual([rig.timer.readByte(0), rig.timer.readByte(0)], [0x01, 0x08], 'live again');
  });

  it('tells by null count that a new count has not arrived', () => {
    const rig = new Rig();
    rig.write([3, 0x34], [3, 0xe2]);
    assert.equal(rig.timer.readByte(0) & 0x40, 0x40);
    rig.write([0, 0], [0, 1]);
    rig.nowNs = 10_000;
    rig.write([3, 0xe2]);
    assert.equal(rig.timer.readByte(0) & 0x40, 0);
  });

  it('lets a guest measure 50 ms with counter 2 and port 61h', () => {
    const rig = new Rig();
    const count = Math.floor(intervalTimerHz / 20);
    rig.control.writeByte(0, 0x01);
    rig.write([3, 0xb0], [2, count & 0xff], [2, count >> 8]);
    assert.equal(rig.control.readByte() & 0x20, 0);
    rig.nowNs = 49_990_000;
    assert.equal(rig.control.readByte() & 0x20, 0);
    rig.nowNs = 50_010_000;
    assert.equal(rig.control.readByte() & 0x20, 0x20);
    assert.equal(rig.control.readByte() & 0xc0, 0, 'no NMI reason');
  });

  it('turns the refresh toggle over every 15 µs', () => {
    const rig = new Rig();
    let turns = 0;
    let before = rig.control.readByte() & 0x10;
    for (rig.nowNs = 0; rig.nowNs < 1_000_000; rig.nowNs += 1000) {
      const now = rig.control.readByte() & 0x10;
      if (now !== before) turns++;
      before = now;
    }
    assert.equal(turns, Math.floor(999_000 / 15_085));
  });
});

describe('ticks of an oscillator', () => {
  it('are exact, and their inverse is the first nanosecond that has them', () => {
    const seed = seedOf(3_579_545);
    const random = new SeededRandom(seed);
    for (let round = 0; round < 2000; round++) {
      const ns = random.below(2 ** 31) * (1 + random.below(2 ** 20));
      const hz = random.pick([32_768, 1_193_182, 3_579_545]);
      const ticks = ticksAt(ns, hz);
      assert.equal(BigInt(ticks), (BigInt(ns) * BigInt(hz)) / 1_000_000_000n, `seed ${seed}`);
      const first = nsOfTick(ticks, hz);
      assert.ok(first <= ns && ticksAt(first, hz) === ticks, `seed ${seed}`);
      assert.ok(ticks === 0 || ticksAt(first - 1, hz) === ticks - 1, `seed ${seed}`);
    }
  });
});
