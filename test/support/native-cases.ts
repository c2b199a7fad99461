/** Instruction cases recorded on a physical processor: reads them, runs one, and says how it differs. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { stateOffsets } from '../../debug-adapter/machine/processor-state';
import { BareProcessor } from './bare-processor';
import {
  loadVectorState,
  readVectorState,
  vectorDifferences,
  type NativeVectorState,
  type VectorOutcome,
} from './native-vector-state';

/** One case as recorded; numbers are hex strings. */
export interface NativeCase {
  readonly id: number;
  readonly bits: number;
  /** "t" for a branch, which a single-step trap ends; "b" for all others. */
  readonly mode: string;
  readonly code: string;
  readonly text: string;
  readonly iced: string;
  readonly cpuid: readonly string[];
  /** RFLAGS bits that are undefined after this very case. */
  readonly uf: number | string;
  readonly tags: readonly string[];
  readonly i: NativeVectorState & {
    readonly rflags: string;
    readonly g: readonly string[];
    readonly mem: readonly (readonly [string, string])[];
  };
  readonly f: NativeVectorState & {
    readonly exc: number;
    readonly rip: string;
    readonly rflags: string;
    readonly g: Readonly<Record<string, string>>;
    readonly mem: readonly (readonly [string, string])[];
    readonly cr2?: string;
    readonly err?: number | string;
  };
}

const codePage = 0x10000000n;
const codeOffset = 0x800;
const dataPage = 0x20000000n;
const codeGpa = 0x100000;
const dataGpa = 0x101000;
const iterationsMax = 100_000;
const ignoredFlags = 0x10100;

export function readNativeCases(path: string): NativeCase[] {
  const lines = gunzipSync(readFileSync(path)).toString('utf8').split('\n');
  // The file is part of the repository; its shape is the recorder's.
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as NativeCase);
}

export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function bigOf(hex: string): bigint {
  return BigInt(`0x${hex}`);
}

/** The data page of a case before its instruction. */
export function dataBefore(test: NativeCase): Uint8Array {
  const data = initialData();
  overlay(data, test.i.mem);
  return data;
}

function initialData(): Uint8Array {
  return Uint8Array.from({ length: 4096 }, (_, i) => (Math.imul(i, 2654435761) >>> 24) & 0xff);
}

function overlay(data: Uint8Array, runs: readonly (readonly [string, string])[]): void {
  for (const [address, hex] of runs) {
    const at = Number(bigOf(address) - dataPage);
    // Runs may reach beyond the page, where nothing is mapped.
    bytesOf(hex).forEach((byte, index) => {
      if (at + index >= 0 && at + index < data.length) data[at + index] = byte;
    });
  }
}

/** What an instruction left behind, on whatever executed it. */
export interface NativeOutcome extends VectorOutcome {
  /** Vector, or -1 where the instruction ended without an exception. */
  readonly exception: number;
  readonly errorCode: number;
  /** Linear address of a page fault. */
  readonly address: bigint;
  readonly rip: bigint;
  readonly rflags: number;
  readonly gpr: readonly bigint[];
  readonly data: Uint8Array;
}

const pageFault = 14;

/** Differences of an outcome from the recording; empty where the case passes. */
export function differencesOf(test: NativeCase, outcome: NativeOutcome): string[] {
  const found: string[] = [];
  const check = (name: string, got: bigint | number, wanted: bigint | number): void => {
    if (got !== wanted) found.push(`${name} ${got.toString(16)} instead of ${wanted.toString(16)}`);
  };
  check('exception', outcome.exception, test.f.exc);
  if (outcome.exception !== test.f.exc) return found;
  if (outcome.exception === pageFault) {
    check('CR2', outcome.address, bigOf(test.f.cr2 ?? '0'));
    // A wild address may have met a page of the recording process; here none is present.
    const compared = test.tags.includes('wild') ? ~1 : ~0;
    check('error code', outcome.errorCode & compared, Number(test.f.err ?? 0) & compared);
  }
  check('RIP', outcome.rip, bigOf(test.f.rip));
  const defined = ~(Number(test.uf) | ignoredFlags);
  check('RFLAGS', outcome.rflags & defined, Number(bigOf(test.f.rflags)) & defined);
  test.i.g.forEach((value, index) => {
    const wanted = bigOf(test.f.g[String(index)] ?? value);
    check(`register ${index}`, outcome.gpr[index] ?? 0n, wanted);
  });
  found.push(...vectorDifferences(outcome, test.i, test.f));
  const data = dataBefore(test);
  overlay(data, test.f.mem);
  const at = outcome.data.findIndex((byte, index) => byte !== data[index]);
  if (at >= 0) check(`byte ${at.toString(16)}`, outcome.data[at] ?? 0, data[at] ?? 0);
  return found;
}

const deviceGpa = 0xfec00000;
const eptViolation = 48n;

/** A page of a device that keeps what is written to it, as RAM does; each access is a VM exit. */
export class DataDevice {
  data: Uint8Array = new Uint8Array(4096);
  /** Accesses so far. */
  count = 0;

  /** Answers the exit of an access. @returns whether there was one */
  answers(processor: BareProcessor): boolean {
    const { core, state } = processor;
    const field = (name: string): bigint => processor.field(name);
    const bytes = state.readU32(stateOffsets.accessBytes);
    const isPending = state.readU32(stateOffsets.exitPending) !== 0;
    if (!isPending || field('VM_EXIT_REASON') !== eptViolation || bytes === 0) return false;
    this.count++;
    state.writeU32(stateOffsets.exitPending, 0);
    const at = Number(field('GUEST_PHYSICAL_ADDRESS')) - deviceGpa;
    const isWrite = (field('EXIT_QUALIFICATION') & 2n) !== 0n;
    const view = new DataView(new ArrayBuffer(8));
    const answer = new Uint8Array(view.buffer);
    if (isWrite) {
      view.setBigUint64(0, state.readU64(stateOffsets.accessValue), true);
      this.data.set(answer.subarray(0, bytes), at);
      core.answerAccess(0n);
    } else {
      answer.set(this.data.subarray(at, at + bytes));
      core.answerAccess(view.getBigUint64(0, true));
    }
    return true;
  }
}

/** Runs cases on one processor at CPL 3; every exception is a VM exit, so that nothing is delivered. */
export class NativeCaseRunner {
  private bits = 0;
  private code = '';

  /** @param device holds the data in place of RAM */
  constructor(
    readonly processor = new BareProcessor(),
    private readonly device?: DataDevice,
  ) {
    this.processor.map(codePage, codeGpa);
    const gpa = device === undefined ? dataGpa : deviceGpa;
    this.processor.map(dataPage, gpa, { noExecute: true });
    this.processor.setField('EXCEPTION_BITMAP', 0xffffffffn);
    this.processor.setPrivilege(3);
  }

  /** Differences from the recording; empty where the case passes. */
  run(test: NativeCase): string[] {
    this.enter(test);
    const { core, state, memory } = this.processor;
    if (this.device === undefined) memory.write(dataGpa, dataBefore(test));
    else this.device.data = dataBefore(test);
    test.i.g.forEach((value, index) => state.setGpr(index, bigOf(value)));
    state.rflags = Number(bigOf(test.i.rflags));
    loadVectorState(state, test.i);
    const start = codePage + BigInt(codeOffset);
    state.rip = start;
    state.writeU32(stateOffsets.exitPending, 0);
    let kind = 'budget';
    for (let step = 0; step < iterationsMax && kind === 'budget'; step++) {
      kind = core.run(1, 0).stop.kind;
      if (this.device?.answers(this.processor) === true) kind = 'budget';
      if (state.rip !== start) break;
    }
    if (kind !== 'vm-exit' && kind !== 'budget') return [`stopped with ${kind}`];
    return differencesOf(test, this.outcome(kind === 'vm-exit'));
  }

  /** Mode and code of a case. They stay where they fit already: translations and TLBs of the last run stay with them. */
  private enter({ bits, code }: NativeCase): void {
    const { processor } = this;
    if (bits !== this.bits) {
      if (bits === 32) processor.setCompatibilityMode(3);
      else processor.setPrivilege(3);
      this.bits = bits;
    }
    if (code === this.code) return;
    const page = new Uint8Array(4096).fill(0xcc);
    page.set(bytesOf(code), codeOffset);
    processor.memory.write(codeGpa, page);
    this.code = code;
  }

  private outcome(isExit: boolean): NativeOutcome {
    const { processor } = this;
    const { state, memory } = processor;
    return {
      exception: isExit ? Number(processor.field('VM_EXIT_INTR_INFO') & 0xffn) : -1,
      errorCode: Number(processor.field('VM_EXIT_INTR_ERROR_CODE')),
      address: processor.field('EXIT_QUALIFICATION'),
      rip: state.rip,
      rflags: state.rflags,
      gpr: Array.from({ length: 16 }, (_, index) => state.gpr(index)),
      data: this.device?.data ?? memory.read(dataGpa, 4096) ?? new Uint8Array(4096),
      ...readVectorState(state),
    };
  }
}
