/** A small random generator with a seed (mulberry32), so that a failing test can be run again. */

export class SeededRandom {
  constructor(private state: number) {}

  /** 0 to 2^32-1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let value = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return (value ^ (value >>> 14)) >>> 0;
  }

  /** 0 to `count`-1. */
  below(count: number): number {
    return this.next() % count;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.next() & 0xff);
  }
}

/** The seed of a random test: from the environment where one is given, else the test's own. */
export function seedOf(fallback: number): number {
  const given = process.env['HYPERSCOPE_TEST_SEED'];
  return given === undefined ? fallback : Number(given);
}
