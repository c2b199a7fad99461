/** Guest memory for tests of the bus: a few pages with rights, everything else unmapped. */
import type { GuestBytes } from '../../../../debug-adapter/parent-partition/vmbus/guest-ranges';

const pageBytes = 4096;

/** What a page may be used for. */
export type Rights = 'read-write' | 'read-only';

export class SparseMemory implements GuestBytes {
  private readonly pages = new Map<number, { bytes: Uint8Array; rights: Rights }>();
  /** Calls that reached memory, for tests of what is merged. */
  readonly accesses: { gpa: number; length: number }[] = [];

  map(page: number, count = 1, rights: Rights = 'read-write'): void {
    for (let index = 0; index < count; index++) {
      this.pages.set(page + index, { bytes: new Uint8Array(pageBytes), rights });
    }
  }

  unmap(page: number): void {
    this.pages.delete(page);
  }

  read(gpa: number, target: Uint8Array): boolean {
    this.accesses.push({ gpa, length: target.length });
    return this.visit(gpa, target.length, false, (bytes, from, to, at) =>
      target.set(bytes.subarray(from, to), at),
    );
  }

  write(gpa: number, source: Uint8Array): boolean {
    this.accesses.push({ gpa, length: source.length });
    return this.visit(gpa, source.length, true, (bytes, from, to, at) =>
      bytes.set(source.subarray(at, at + to - from), from),
    );
  }

  /** Little-endian word of the guest's. */
  word(gpa: number): number {
    const bytes = new Uint8Array(4);
    this.read(gpa, bytes);
    return new DataView(bytes.buffer).getUint32(0, true);
  }

  setWord(gpa: number, value: number): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    this.write(gpa, bytes);
  }

  private visit(
    gpa: number,
    length: number,
    isWrite: boolean,
    use: (bytes: Uint8Array, from: number, to: number, at: number) => void,
  ): boolean {
    const parts: (() => void)[] = [];
    for (let done = 0; done < length;) {
      const from = (gpa + done) % pageBytes;
      const count = Math.min(pageBytes - from, length - done);
      const page = this.pages.get(Math.floor((gpa + done) / pageBytes));
      if (page === undefined || (isWrite && page.rights === 'read-only')) return false;
      const at = done;
      parts.push(() => use(page.bytes, from, from + count, at));
      done += count;
    }
    for (const part of parts) part();
    return true;
  }
}
