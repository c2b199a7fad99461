/** A set of interrupt vectors, as IRR, ISR and TMR hold them: 256 bits in eight registers. */
import { present } from '../../support/assert';

const words = 8;

export class VectorSet {
  private readonly bits = new Uint32Array(words);
  /** One bit for each register that is not 0: who asks for the highest vector looks at one register only. */
  private populated = 0;

  /** 32 vectors from `index * 32` on, the lowest in bit 0. */
  word(index: number): number {
    return present(this.bits[index], 'vector word');
  }

  has(vector: number): boolean {
    return ((this.word(vector >>> 5) >>> (vector & 31)) & 1) !== 0;
  }

  add(vector: number): void {
    this.bits[vector >>> 5] = this.word(vector >>> 5) | (1 << (vector & 31));
    this.populated |= 1 << (vector >>> 5);
  }

  delete(vector: number): void {
    const left = this.word(vector >>> 5) & ~(1 << (vector & 31));
    this.bits[vector >>> 5] = left;
    if (left === 0) this.populated &= ~(1 << (vector >>> 5));
  }

  clear(): void {
    this.bits.fill(0);
    this.populated = 0;
  }

  get isEmpty(): boolean {
    return this.populated === 0;
  }

  /** The highest vector; 0 where the set is empty. Vector 0 is never in one. */
  get highest(): number {
    if (this.populated === 0) return 0;
    const index = 31 - Math.clz32(this.populated);
    return index * 32 + 31 - Math.clz32(this.word(index));
  }

  save(): readonly number[] {
    return [...this.bits];
  }

  restore(saved: readonly number[]): void {
    this.bits.set(saved.slice(0, words));
    this.populated = this.bits.reduce((all, word, at) => (word === 0 ? all : all | (1 << at)), 0);
  }
}
