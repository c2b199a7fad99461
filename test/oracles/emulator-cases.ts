// `npx tsx test/oracles/emulator-cases.ts [--with "PROGRAM …"] [FILE…]`: recorded cases under another emulator, by family.
// Needs gcc and qemu-user (Debian and Ubuntu: apt-get install gcc qemu-user). `--with ""` takes this machine's processor.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOffered } from '../support/native-features';
import {
  bigOf,
  bytesOf,
  dataBefore,
  differencesOf,
  readNativeCases,
  type NativeCase,
  type NativeOutcome,
} from '../support/native-cases';
import { familyOf } from '../support/native-report';
import { textTable } from '../support/text-table';

const recorded = 'test/native-cpu';
const defaultEmulator = 'qemu-x86_64 -cpu max';
const examplesShown = 12;
const batch = 2000;

/** Layout of the harness's structures. */
const fxBytes = 512;
const pageBytes = 4096;
const stateBytes = 18 * 8 + fxBytes + pageBytes;
const caseBytes = 24 + stateBytes;
const resultBytes = 24 + stateBytes;
/** #SS, #GP and #PF. */
const memoryFaults: ReadonlySet<number> = new Set([12, 13, 14]);
const notTold = 0xffffffff;
const mxcsrDefault = 0x1f80;
const controlDefault = 0x37f;

function hex(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : Number.parseInt(text, 16);
}

function encode(test: NativeCase): Buffer {
  const out = Buffer.alloc(caseBytes);
  const code = bytesOf(test.code);
  out.writeUInt32LE(code.length, 0);
  out.writeUInt32LE(Number(test.mode === 't'), 4);
  out.set(code, 8);
  test.i.g.forEach((value, index) => out.writeBigUInt64LE(bigOf(value), 24 + index * 8));
  out.writeBigUInt64LE(bigOf(test.i.rflags), 24 + 17 * 8);
  const fx = 24 + 18 * 8;
  out.writeUInt16LE(hex(test.i.fcw, controlDefault), fx);
  out.writeUInt16LE(hex(test.i.fsw, 0), fx + 2);
  out.writeUInt8(hex(test.i.ftw, 0), fx + 4);
  out.writeUInt32LE(hex(test.i.mxcsr, mxcsrDefault), fx + 24);
  for (let index = 0; index < 8; index++) {
    out.set(bytesOf(test.i.st?.[index] ?? ''), fx + 32 + index * 16);
  }
  for (let index = 0; index < 16; index++) {
    out.set(bytesOf(test.i.y?.[index] ?? '').subarray(0, 16), fx + 160 + index * 16);
  }
  out.set(dataBefore(test), fx + fxBytes);
  return out;
}

/** A result as what it left; where only the signal is known, faults of memory count as the same. */
function decode(result: Buffer, test: NativeCase): NativeOutcome {
  const vector = Number(result.readBigInt64LE(0));
  const error = Number(result.readBigUInt64LE(8) & 0xffffffffn);
  const isLoose = error === notTold && memoryFaults.has(vector) && memoryFaults.has(test.f.exc);
  const fx = result.subarray(24 + 18 * 8);
  const text = (at: number, length: number): string => fx.toString('hex', at, at + length);
  return {
    exception: isLoose ? test.f.exc : vector,
    errorCode: isLoose ? Number(test.f.err ?? 0) : error,
    address: isLoose ? bigOf(test.f.cr2 ?? '0') : result.readBigUInt64LE(16),
    gpr: Array.from({ length: 16 }, (_, index) => result.readBigUInt64LE(24 + index * 8)),
    rip: result.readBigUInt64LE(24 + 16 * 8),
    rflags: Number(result.readBigUInt64LE(24 + 17 * 8) & 0xffffffffn),
    fcw: fx.readUInt16LE(0),
    fsw: fx.readUInt16LE(2),
    ftw: fx.readUInt8(4),
    mxcsr: fx.readUInt32LE(24),
    st: Array.from({ length: 8 }, (_, index) => text(32 + index * 16, 10)),
    xmm: Array.from({ length: 16 }, (_, index) => text(160 + index * 16, 16)),
    data: fx.subarray(fxBytes, fxBytes + pageBytes),
  };
}

interface Counts {
  cases: number;
  differing: number;
  readonly kinds: Map<string, number>;
}

/** The results of the cases in order; a case that ends the process gives undefined. */
function runAll(command: readonly string[], cases: readonly NativeCase[]): (Buffer | undefined)[] {
  const results: (Buffer | undefined)[] = [];
  while (results.length < cases.length) {
    const part = cases.slice(results.length, results.length + batch);
    const [program = '', ...args] = command;
    const { stdout, error } = spawnSync(program, args, {
      input: Buffer.concat(part.map(encode)),
      maxBuffer: 1 << 28,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    if (error !== undefined) throw error;
    const count = Math.floor(stdout.length / resultBytes);
    for (let index = 0; index < count; index++) {
      results.push(stdout.subarray(index * resultBytes, (index + 1) * resultBytes));
    }
    if (count < part.length) results.push(undefined);
  }
  return results;
}

function kindOf(difference: string): string {
  return (difference.split(' ')[0] ?? difference).replace(/\d+$/, '');
}

function compare(emulator: string, files: readonly string[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'one-step-'));
  try {
    const harness = join(folder, 'one-step');
    const built = spawnSync('gcc', ['-O2', '-static', '-o', harness, 'test/oracles/one-step.c']);
    if (built.status !== 0) throw new Error('gcc could not build test/oracles/one-step.c');
    const cases = files
      .flatMap(readNativeCases)
      .filter(({ bits, cpuid }) => bits === 64 && isOffered(cpuid));
    const command = [...emulator.split(' ').filter((word) => word !== ''), harness];
    print(cases, runAll(command, cases));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function print(cases: readonly NativeCase[], results: readonly (Buffer | undefined)[]): void {
  const families = new Map<string, Counts>();
  const examples: string[] = [];
  cases.forEach((test, index) => {
    const family = familyOf(test);
    const counts = families.get(family) ?? { cases: 0, differing: 0, kinds: new Map() };
    families.set(family, counts);
    counts.cases++;
    const result = results[index];
    const differences =
      result === undefined ? ['ended the process'] : differencesOf(test, decode(result, test));
    if (differences.length === 0) return;
    counts.differing++;
    for (const kind of new Set(differences.map(kindOf))) {
      counts.kinds.set(kind, (counts.kinds.get(kind) ?? 0) + 1);
    }
    if (counts.differing <= examplesShown) {
      examples.push(`${family} #${test.id} ${test.text} [${test.code}]: ${differences.join('; ')}`);
    }
  });
  const all: Counts = { cases: 0, differing: 0, kinds: new Map() };
  for (const { cases: count, differing } of families.values()) {
    all.cases += count;
    all.differing += differing;
  }
  const sorted = [...families].sort(([a], [b]) => a.localeCompare(b));
  const rows = [...sorted, ['all', all] as const].map(row);
  console.log(textTable([['family', 'cases', 'differ', 'share', 'in what'], ...rows]));
  if (process.argv.includes('--examples')) console.log(examples.join('\n'));
}

function row([family, { cases, differing, kinds }]: readonly [string, Counts]): string[] {
  const share = `${((100 * differing) / cases).toFixed(1)} %`;
  const what = [...kinds].sort((a, b) => b[1] - a[1]).map(([kind, count]) => `${kind} ${count}`);
  return [family, String(cases), String(differing), share, what.slice(0, 5).join(', ')];
}

const options = process.argv.slice(2).filter((option) => option !== '--examples');
const withAt = options.indexOf('--with');
const [, chosen = defaultEmulator] = withAt < 0 ? [] : options.splice(withAt, 2);
const given =
  options.length > 0
    ? options
    : readdirSync(recorded)
        .filter((name) => name.endsWith('.jsonl.gz'))
        .map((name) => `${recorded}/${name}`);
compare(chosen, given);
