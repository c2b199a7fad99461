/** One direction of a ring as a guest drives it: by the header in memory, and nothing of ours. */

const page = 4096;

/** The guest's memory, as it reaches it itself. */
export interface RingMemory {
  read(gpa: number, target: Uint8Array): boolean;
  write(gpa: number, bytes: Uint8Array): boolean;
  word(gpa: number): number;
  setWord(gpa: number, value: number): void;
}

export class GuestRing {
  private readonly dataBytes: number;

  constructor(
    private readonly memory: RingMemory,
    readonly pages: readonly number[],
  ) {
    this.dataBytes = (pages.length - 1) * page;
    this.setHeader('features', 1);
  }

  header(field: HeaderField): number {
    return this.memory.word((this.pages[0] ?? 0) * page + headerOffset[field]);
  }

  setHeader(field: HeaderField, value: number): void {
    this.memory.setWord((this.pages[0] ?? 0) * page + headerOffset[field], value);
  }

  get isEmpty(): boolean {
    return this.header('read') === this.header('write');
  }

  /** Writes a packet with a trailer. */
  send(packet: Uint8Array): void {
    const start = this.header('write');
    packet.forEach((byte, index) =>
      this.memory.write(this.gpa(start + index), Uint8Array.of(byte)),
    );
    this.setHeader('write', (start + packet.length + 8) % this.dataBytes);
  }

  /** Takes the next packet; `trailer` is the upper half of what follows it. */
  receive(): { readonly packet: Uint8Array; readonly trailer: number } | undefined {
    if (this.isEmpty) return undefined;
    const start = this.header('read');
    const length = (this.byte(start + 4) | (this.byte(start + 5) << 8)) * 8;
    const packet = Uint8Array.from({ length }, (_, index) => this.byte(start + index));
    const trailer = this.memory.word(this.gpa(start + length + 4));
    this.setHeader('read', (start + length + 8) % this.dataBytes);
    return { packet, trailer };
  }

  /** Guest-physical address of a byte of the data. */
  gpa(index: number): number {
    const inRing = page + (index % this.dataBytes);
    return (this.pages[Math.floor(inRing / page)] ?? 0) * page + (inRing % page);
  }

  private byte(index: number): number {
    const target = new Uint8Array(1);
    this.memory.read(this.gpa(index), target);
    return target[0] ?? 0;
  }
}

const headerOffset = { write: 0, read: 4, mask: 8, pending: 12, features: 64 } as const;

/** A word of the header page. */
export type HeaderField = keyof typeof headerOffset;
