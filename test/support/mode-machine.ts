/** A processor in real or protected mode without paging, for tests of the modes below IA-32e. */
import type { ProcessorRun } from '../../debug-adapter/machine/processor';
import type { ProcessorState } from '../../debug-adapter/machine/processor-state';
import { BareProcessor, type BareProcessorOptions } from './bare-processor';
import { littleEndian, machineCode } from './machine-code';

export type SegmentName = 'ES' | 'CS' | 'SS' | 'DS' | 'FS' | 'GS' | 'LDTR' | 'TR';

const dataSegments = ['ES', 'SS', 'DS', 'FS', 'GS'] as const;

/** Physical places that the protected-mode set-up uses. */
export const place = { globalTable: 0x1000, interruptTable: 0x2000, task: 0x3000 } as const;

/** What a run did: `event 13 (0x8)`, `exit 9`, or the kind of the stop. */
export function outcomeOf(machine: ModeMachine, { stop }: ProcessorRun): string {
  if (stop.kind === 'vm-exit') return `exit ${machine.field('VM_EXIT_REASON')}`;
  if (stop.kind !== 'event') return stop.kind;
  const code = stop.errorCode === undefined ? '' : ` (0x${stop.errorCode.toString(16)})`;
  return `event ${stop.vector}${code}`;
}

export class ModeMachine {
  readonly processor: BareProcessor;

  constructor(options: BareProcessorOptions = {}) {
    this.processor = new BareProcessor(options);
    this.set('GUEST_CR0', 0x30n);
    this.set('GUEST_CR4', 0n);
    this.set('GUEST_IA32_EFER', 0n);
    this.set('GUEST_IDTR_BASE', 0n);
    this.set('GUEST_IDTR_LIMIT', 0x3ffn);
    this.segment('CS', 0, 0n, 0xffff, 0x9b);
    for (const name of dataSegments) this.segment(name, 0, 0n, 0xffff, 0x93);
    this.state.rflags = 2;
    this.edited();
  }

  get state(): ProcessorState {
    return this.processor.state;
  }

  set(name: string, value: bigint): void {
    this.processor.setField(name, value);
  }

  field(name: string): bigint {
    return this.processor.field(name);
  }

  edited(): void {
    this.processor.core.stateWasEdited();
  }

  segment(name: SegmentName, selector: number, base: bigint, limit: number, rights: number): void {
    this.set(`GUEST_${name}_SELECTOR`, BigInt(selector));
    this.set(`GUEST_${name}_BASE`, base);
    this.set(`GUEST_${name}_LIMIT`, BigInt(limit));
    this.set(`GUEST_${name}_AR_BYTES`, BigInt(rights));
    this.edited();
  }

  /** A real-mode segment register. */
  direct(name: SegmentName, selector: number): void {
    this.set(`GUEST_${name}_SELECTOR`, BigInt(selector));
    this.set(`GUEST_${name}_BASE`, BigInt(selector) << 4n);
    this.edited();
  }

  write(address: number, hex: string): void {
    this.processor.memory.write(address, machineCode(hex));
  }

  read(address: number, bytes: number): bigint {
    const data = this.processor.memory.read(address, bytes) ?? new Uint8Array(bytes);
    return data.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }

  /** Flat protected mode with a descriptor table of the given 8-byte entries from index 1 on. */
  protect(descriptors: readonly bigint[], codeRights = 0xc09b): void {
    this.set('GUEST_CR0', 0x31n);
    this.write(
      place.globalTable,
      [0n, ...descriptors].map((entry) => littleEndian(entry, 8)).join(''),
    );
    this.set('GUEST_GDTR_BASE', BigInt(place.globalTable));
    this.set('GUEST_GDTR_LIMIT', BigInt(descriptors.length * 8 + 7));
    this.set('GUEST_IDTR_BASE', BigInt(place.interruptTable));
    this.set('GUEST_IDTR_LIMIT', 0x7ffn);
    this.segment('CS', 8, 0n, 0xffffffff, codeRights);
    for (const name of dataSegments) this.segment(name, 0x10, 0n, 0xffffffff, 0xc093);
    this.segment('TR', 0x28, BigInt(place.task), 0x67, 0x8b);
    this.segment('LDTR', 0, 0n, 0, 0x10000);
  }

  /** Runs code at an offset of CS for some steps. */
  execute(offset: number, hex: string, steps = 1): string {
    this.write(Number(this.field('GUEST_CS_BASE')) + offset, hex);
    this.state.rip = BigInt(offset);
    return this.run(steps);
  }

  /** Goes on for exactly some steps, or until something happens. */
  run(steps: number): string {
    return outcomeOf(this, this.processor.core.run(steps, 0));
  }

  gpr(index: number): bigint {
    return this.state.gpr(index);
  }

  registers(values: Readonly<Record<number, number | bigint>>): void {
    for (const [index, value] of Object.entries(values)) {
      this.state.setGpr(Number(index), BigInt(value));
    }
  }
}

/** An 8-byte descriptor: type with S bit and DPL as in the access byte, flags G, D, L in the upper nibble. */
export function descriptor(base: number, limit: number, access: number, flags: number): bigint {
  const low = BigInt((limit & 0xffff) | ((base & 0xffff) << 16)) & 0xffffffffn;
  const high =
    ((base >>> 16) & 0xff) |
    (access << 8) |
    (limit & 0xf0000) |
    (flags << 20) |
    (base & 0xff000000);
  return low | ((BigInt(high) & 0xffffffffn) << 32n);
}

/** A gate of protected mode: call, interrupt, trap or task. */
export function gate(selector: number, offset: number, access: number, parameters = 0): bigint {
  const low = ((offset & 0xffff) | (selector << 16)) >>> 0;
  const high = ((offset & 0xffff0000) | (access << 8) | parameters) >>> 0;
  return BigInt(low) | (BigInt(high) << 32n);
}
