// The MC146818: the calendar against JavaScript's, formats, setting the time, flags and interrupts.
import assert from 'node:assert/strict';
import { TimerQueue } from '../../../../debug-adapter/machine/timer-queue';
import { cmosContents } from '../../../../debug-adapter/parent-partition/cmos-contents';
import {
  calendarTime,
  dayOfWeek,
  secondsOf,
} from '../../../../debug-adapter/parent-partition/emulated-devices/calendar';
import { RealTimeClock } from '../../../../debug-adapter/parent-partition/emulated-devices/real-time-clock';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

const second = 1_000_000_000;
const at = (text: string): number => Date.parse(text) / 1000;

class Rig {
  nowNs = 0;
  interrupt = false;
  edges: number[] = [];
  readonly queue = new TimerQueue();
  readonly clock: RealTimeClock;

  constructor(powerOn = '2024-02-28T23:59:58Z') {
    this.clock = new RealTimeClock({
      timers: this.queue,
      nowNs: () => this.nowNs,
      interrupt: {
        set: (level) => {
          if (level && !this.interrupt) this.edges.push(this.nowNs);
          this.interrupt = level;
        },
      },
      powerOnUnixSeconds: at(powerOn),
      memory: cmosContents(2 ** 30),
    });
  }

  read(index: number): number {
    this.clock.writeByte(0, index);
    return this.clock.readByte(1);
  }

  write(index: number, value: number): void {
    this.clock.writeByte(0, index);
    this.clock.writeByte(1, value);
  }

  /** Year to second as hexadecimal digits of the bytes. */
  get time(): string {
    return [0x32, 9, 8, 7, 4, 2, 0]
      .map((index) => this.read(index).toString(16).padStart(2, '0'))
      .join(' ');
  }

  advanceTo(ns: number): void {
    for (let next = this.queue.nextDueNs; next <= ns; next = this.queue.nextDueNs) {
      this.nowNs = next;
      this.queue.runDue(next);
    }
    this.nowNs = ns;
  }
}

describe('calendar', () => {
  it('agrees with JavaScript’s from 1600 to 2600', () => {
    const seed = seedOf(146_818);
    const random = new SeededRandom(seed);
    const [first, last] = [at('1600-01-01T00:00:00Z'), at('2600-01-01T00:00:00Z')];
    for (let round = 0; round < 5000; round++) {
      const unixSeconds = first + (random.next() / 2 ** 32) * (last - first);
      const whole = Math.floor(unixSeconds);
      const date = new Date(whole * 1000);
      const expected = {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
        hours: date.getUTCHours(),
        minutes: date.getUTCMinutes(),
        seconds: date.getUTCSeconds(),
      };
      assert.deepEqual(calendarTime(whole), expected, `seed ${seed}: ${whole}`);
      assert.equal(secondsOf(expected), whole, `seed ${seed}: ${whole}`);
      assert.equal(dayOfWeek(whole), date.getUTCDay() + 1, `seed ${seed}: ${whole}`);
    }
  });

  it('counts fields out of range on, as JavaScript does', () => {
    const fields = { year: 2023, month: 14, day: 31, hours: 25, minutes: 61, seconds: 70 };
    assert.equal(secondsOf(fields), Date.UTC(2023, 13, 31, 25, 61, 70) / 1000);
  });
});

describe('real-time clock', () => {
  it('tells the time of power-on plus virtual time, over the end of a leap February', () => {
    const rig = new Rig();
    assert.equal(rig.time, '20 24 02 28 23 59 58');
    rig.nowNs = 2 * second;
    assert.equal(rig.time, '20 24 02 29 00 00 00');
    rig.nowNs = (2 + 86_400) * second - 1;
    assert.equal(rig.time, '20 24 02 29 23 59 59');
    rig.nowNs += 1;
    assert.equal(rig.time, '20 24 03 01 00 00 00');
    assert.equal(rig.read(6), 6, 'a Friday');
  });

  const hours: readonly (readonly [string, number, number, number])[] = [
    ['2024-01-01T00:30:00Z', 0x12, 0x00, 12],
    ['2024-01-01T09:30:00Z', 0x09, 0x09, 9],
    ['2024-01-01T12:30:00Z', 0x92, 0x12, 0x8c],
    ['2024-01-01T23:30:00Z', 0x91, 0x23, 0x8b],
  ];
  for (const [time, bcd12, bcd24, binary12] of hours) {
    it(`writes the hour of ${time} in each format`, () => {
      const rig = new Rig(time);
      const hour = (control: number): number => {
        rig.write(0x0b, control);
        return rig.read(4);
      };
      assert.deepEqual([hour(0x00), hour(0x02), hour(0x04)], [bcd12, bcd24, binary12]);
    });
  }

  it('warns of an update 244 µs before it, and not while it is stopped', () => {
    const rig = new Rig();
    for (const [ns, expected] of [
      [0, 0],
      [999_755_999, 0],
      [999_756_000, 0x80],
      [second, 0],
    ] as const) {
      rig.nowNs = ns;
      assert.equal(rig.read(0x0a) & 0x80, expected, `${ns} ns`);
    }
    rig.write(0x0b, 0x82);
    rig.nowNs = 2 * second - 1;
    assert.equal(rig.read(0x0a) & 0x80, 0);
  });

  it('is set the way Linux does it, and goes on half a second later', () => {
    const rig = new Rig();
    rig.nowNs = 12_345_678;
    rig.write(0x0b, 0x82);
    rig.write(0x0a, 0x76);
    const bytes = [
      [9, 0x31],
      [8, 0x12],
      [7, 0x31],
      [4, 0x23],
      [2, 0x59],
      [0, 0x59],
      [0x32, 0x20],
    ] as const;
    for (const [index, value] of bytes) rig.write(index, value);
    rig.write(0x0b, 0x02);
    rig.nowNs += 5 * second;
    assert.equal(rig.time, '20 31 12 31 23 59 59', 'the divider stands');
    rig.write(0x0a, 0x26);
    rig.nowNs += second / 2 - 1;
    assert.equal(rig.time, '20 31 12 31 23 59 59');
    rig.nowNs += 1;
    assert.equal(rig.time, '20 32 01 01 00 00 00');
  });

  it('takes one byte while it runs', () => {
    const rig = new Rig();
    rig.nowNs = 700_000_000;
    rig.write(2, 0x10);
    assert.equal(rig.time, '20 24 02 28 23 10 58');
    rig.nowNs = second;
    assert.equal(rig.time, '20 24 02 28 23 10 59');
  });

  it('sets periodic, alarm and update flags without interrupts for guests that poll', () => {
    const rig = new Rig();
    rig.write(5, 0x00);
    rig.write(3, 0x00);
    rig.write(1, 0x00);
    rig.read(0x0c);
    rig.nowNs = 1_500_000_000;
    assert.equal(rig.read(0x0c), 0x50);
    assert.equal(rig.read(0x0c), 0, 'reading clears them');
    rig.nowNs = 2_000_000_000;
    assert.equal(rig.read(0x0c), 0x70);
    assert.deepEqual(rig.edges, []);
    assert.equal(rig.queue.nextDueNs, Infinity);
  });

  it('interrupts periodically while the guest acknowledges, at the rate of register A', () => {
    const rig = new Rig();
    rig.write(0x0b, 0x42);
    let interrupts = 0;
    while (rig.queue.nextDueNs < second) {
      rig.advanceTo(rig.queue.nextDueNs);
      assert.equal(rig.read(0x0c) & 0xc0, 0xc0);
      interrupts++;
    }
    assert.equal(interrupts, 1023, '1,024 Hz, and the last is at the second itself');
    rig.advanceTo(2 * second);
    assert.equal(rig.edges.length, 1024, 'no further one without an acknowledgement');
  });

  it('interrupts at each update, and at the alarm', () => {
    const rig = new Rig();
    rig.write(0x0b, 0x12);
    rig.advanceTo(second);
    assert.deepEqual(rig.edges, [second]);
    assert.equal(rig.read(0x0c) & 0x90, 0x90);
    rig.write(5, 0xff);
    rig.write(3, 0x01);
    rig.write(1, 0x30);
    rig.write(0x0b, 0x22);
    rig.read(0x0c);
    rig.advanceTo(3 * 3600 * second);
    assert.deepEqual(
      rig.edges.slice(1),
      [(2 + 90) * second],
      'every hour at 1:30, the first is not read',
    );
    rig.read(0x0c);
    rig.advanceTo(4 * 3600 * second);
    assert.equal(rig.edges[2], (2 + 3 * 3600 + 90) * second);
  });

  it('never fires for an alarm that no time matches', () => {
    const rig = new Rig();
    rig.write(5, 0x37);
    rig.write(0x0b, 0x22);
    assert.equal(rig.queue.nextDueNs, Infinity);
  });

  it('keeps memory and time over a reset, but no interrupt enables', () => {
    const rig = new Rig();
    rig.write(0x40, 0x5a);
    rig.write(0x0b, 0x72);
    rig.nowNs = second;
    rig.clock.reset();
    assert.equal(rig.read(0x40), 0x5a);
    assert.equal(rig.read(0x0b), 0x02);
    assert.equal(rig.time, '20 24 02 28 23 59 59');
  });

  const sizes: readonly (readonly [
    string,
    number,
    readonly (readonly [index: number, value: number])[],
  ])[] = [
    [
      '8 MiB',
      2 ** 23,
      [
        [0x15, 0x80],
        [0x16, 0x02],
        [0x17, 0x00],
        [0x18, 0x1c],
        [0x34, 0],
        [0x35, 0],
      ],
    ],
    [
      '1 GiB',
      2 ** 30,
      [
        [0x17, 0xff],
        [0x18, 0xff],
        [0x34, 0x00],
        [0x35, 0x3f],
        [0x5b, 0],
      ],
    ],
    [
      '3.5 GiB',
      3.5 * 2 ** 30,
      [
        [0x34, 0x00],
        [0x35, 0xdf],
      ],
    ],
  ];
  for (const [name, bytes, expected] of sizes) {
    it(`tells of ${name} of memory`, () => {
      const memory = cmosContents(bytes);
      for (const [index, value] of expected)
        assert.equal(memory[index], value, `0x${index.toString(16)}`);
    });
  }
});
