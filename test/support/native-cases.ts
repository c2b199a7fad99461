/** Instruction cases recorded on a physical processor: reads them, runs one, and says how it differs. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { stateOffsets } from '../../debug-adapter/machine/processor-state';
import { BareProcessor } from './bare-processor';
import { loadVectorState, vectorDifferences, type NativeVectorState } from './native-vector-state';

/** One case as recorded; numbers are hex strings. */
export interface NativeCase {
  readonly id: number;
  readonly bits: number;
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

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function bigOf(hex: string): bigint {
  return BigInt(`0x${hex}`);
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

/** Runs cases on one processor at CPL 3; every exception is a VM exit, so that nothing is delivered. */
export class NativeCaseRunner {
  constructor(private readonly processor = new BareProcessor()) {
    this.processor.map(codePage, codeGpa);
    this.processor.map(dataPage, dataGpa, { noExecute: true });
    this.processor.setField('EXCEPTION_BITMAP', 0xffffffffn);
    this.processor.setPrivilege(3);
  }

  /** Differences from the recording; empty where the case passes. */
  run(test: NativeCase): string[] {
    const { processor } = this;
    if (test.bits === 32) processor.setCompatibilityMode(3);
    else processor.setPrivilege(3);
    const { core, state, memory } = processor;
    const code = new Uint8Array(4096).fill(0xcc);
    code.set(bytesOf(test.code), codeOffset);
    const data = initialData();
    overlay(data, test.i.mem);
    memory.write(codeGpa, code);
    memory.write(dataGpa, data);
    test.i.g.forEach((value, index) => state.setGpr(index, bigOf(value)));
    state.rflags = Number(bigOf(test.i.rflags));
    loadVectorState(state, test.i);
    const start = codePage + BigInt(codeOffset);
    state.rip = start;
    state.writeU32(stateOffsets.exitPending, 0);
    let kind = 'budget';
    for (let step = 0; step < iterationsMax && kind === 'budget'; step++) {
      kind = core.run(1, 0).stop.kind;
      if (state.rip !== start) break;
    }
    return this.differences(test, kind, data);
  }

  private differences(test: NativeCase, kind: string, data: Uint8Array): string[] {
    const { processor } = this;
    const { state, memory } = processor;
    const found: string[] = [];
    const check = (name: string, got: bigint | number, wanted: bigint | number): void => {
      if (got !== wanted)
        found.push(`${name} ${got.toString(16)} instead of ${wanted.toString(16)}`);
    };
    const exception =
      kind === 'vm-exit' ? Number(processor.field('VM_EXIT_INTR_INFO') & 0xffn) : -1;
    if (kind !== 'vm-exit' && kind !== 'budget') return [`stopped with ${kind}`];
    check('exception', exception, test.f.exc);
    if (exception !== test.f.exc) return found;
    if (exception === 14) {
      check('CR2', processor.field('EXIT_QUALIFICATION'), bigOf(test.f.cr2 ?? '0'));
      // A wild address may have met a page of the recording process; here none is present.
      const compared = test.tags.includes('wild') ? ~1 : ~0;
      const errorCode = Number(processor.field('VM_EXIT_INTR_ERROR_CODE'));
      check('error code', errorCode & compared, Number(test.f.err ?? 0) & compared);
    }
    check('RIP', state.rip, bigOf(test.f.rip));
    const defined = ~(Number(test.uf) | ignoredFlags);
    check('RFLAGS', state.rflags & defined, Number(bigOf(test.f.rflags)) & defined);
    test.i.g.forEach((value, index) => {
      check(`register ${index}`, state.gpr(index), bigOf(test.f.g[String(index)] ?? value));
    });
    found.push(...vectorDifferences(state, test.i, test.f));
    overlay(data, test.f.mem);
    const after = memory.read(dataGpa, 4096) ?? new Uint8Array();
    const differing = after.findIndex((byte, index) => byte !== data[index]);
    if (differing >= 0)
      check(`byte ${differing.toString(16)}`, after[differing] ?? 0, data[differing] ?? 0);
    return found;
  }
}
