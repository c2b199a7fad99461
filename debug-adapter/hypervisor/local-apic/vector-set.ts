/** A set of interrupt vectors, as IRR, ISR and TMR hold them: 256 bits in eight registers. */
import { present } from '../../support/assert';

const words = 8;

export class VectorSet {
  private readonly bits = new Uint32Array(words);

  /** 32 vectors from `index * 32` on, the lowest in bit 0. */
  word(index: number): number {
    return present(this.bits[index], 'vector word');
  }

  has(vector: number): boolean {
    return ((this.word(vector >>> 5) >>> (vector & 31)) & 1) !== 0;
  }

  add(vector: number): void {
    this.bits[vector >>> 5] = this.word(vector >>> 5) | (1 << (vector & 31));
  }

  delete(vector: number): void {
    this.bits[vector >>> 5] = this.word(vector >>> 5) & ~(1 << (vector & 31));
  }

  clear(): void {
    this.bits.fill(0);
  }

  /** The highest vector; 0 where the set is empty. Vector 0 is never in one. */
  get highest(): number {
    for (let index = words - 1; index >= 0; index--) {
      const word = this.word(index);
      if (word !== 0) return index * 32 + 31 - Math.clz32(word);
    }
    return 0;
  }

  save(): readonly number[] {
    return [...this.bits];
  }

  restore(saved: readonly number[]): void {
    this.bits.set(saved.slice(0, words));
  }
}
