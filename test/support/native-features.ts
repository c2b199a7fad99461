/** Which recorded instruction cases the processor claims to run: asked of CPUID, as a guest asks. */
import { webAssemblyCodeHost } from '../../debug-adapter/host/web-assembly-code-space';
import { configureSingleGuest } from '../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../debug-adapter/system/physical-machine';
import { codeImage } from '../../scripts/benchmark/loop-image';
import { machineCode } from './machine-code';

/** A word of CPUID that feature bits are in (SDM vol. 2, CPUID). */
type Word = '1.ECX' | '1.EDX' | '7.EBX' | '7.ECX' | '7.EDX' | '80000001.ECX' | '80000001.EDX';

/** Stores the seven words in R8 to R14, then ends. */
const inquiry = machineCode(
  `b801000000 31c9 0fa2 4189c8 4189d1
   b807000000 31c9 0fa2 4189da 4189cb 4189d4
   b801000080 0fa2 4189cd 4189d6 f4`,
);
const words: readonly Word[] = [
  '1.ECX',
  '1.EDX',
  '7.EBX',
  '7.ECX',
  '7.EDX',
  '80000001.ECX',
  '80000001.EDX',
];
const firstWordRegister = 8;
const memoryBytes = 16 << 20;
const stepsMax = 1000;

/** Features, as iced-x86 and the recordings name them, that a bit of CPUID offers; the oldest processors' need none. */
const offeredBy: Readonly<Record<string, readonly [Word, number]>> = {
  TSC: ['1.EDX', 4],
  MSR: ['1.EDX', 5],
  CX8: ['1.EDX', 8],
  SEP: ['1.EDX', 11],
  CMOV: ['1.EDX', 15],
  CLFSH: ['1.EDX', 19],
  MMX: ['1.EDX', 23],
  FXSR: ['1.EDX', 24],
  SSE: ['1.EDX', 25],
  SSE2: ['1.EDX', 26],
  SSE3: ['1.ECX', 0],
  PCLMULQDQ: ['1.ECX', 1],
  MONITOR: ['1.ECX', 3],
  SSSE3: ['1.ECX', 9],
  FMA: ['1.ECX', 12],
  CMPXCHG16B: ['1.ECX', 13],
  SSE4_1: ['1.ECX', 19],
  SSE4_2: ['1.ECX', 20],
  MOVBE: ['1.ECX', 22],
  POPCNT: ['1.ECX', 23],
  AES: ['1.ECX', 25],
  AVX: ['1.ECX', 28],
  F16C: ['1.ECX', 29],
  XSAVE: ['1.ECX', 26],
  RDRAND: ['1.ECX', 30],
  FSGSBASE: ['7.EBX', 0],
  BMI1: ['7.EBX', 3],
  AVX2: ['7.EBX', 5],
  BMI2: ['7.EBX', 8],
  INVPCID: ['7.EBX', 10],
  RDSEED: ['7.EBX', 18],
  ADX: ['7.EBX', 19],
  SMAP: ['7.EBX', 20],
  CLFLUSHOPT: ['7.EBX', 23],
  CLWB: ['7.EBX', 24],
  PREFETCHWT1: ['7.ECX', 0],
  SERIALIZE: ['7.EDX', 14],
  CET_IBT: ['1.EDX', 32],
  LZCNT: ['80000001.ECX', 5],
  SYSCALL: ['80000001.EDX', 11],
  RDTSCP: ['80000001.EDX', 27],
};
/** Part of every 64-bit processor, or hints that every processor takes as no operation. */
const always: ReadonlySet<string> = new Set([
  ...['INTEL8086', 'INTEL186', 'INTEL286', 'INTEL386', 'INTEL486', 'X64'],
  ...[
    'CPUID',
    'RDPMC',
    'FPU',
    'FPU287',
    'FPU387',
    'MULTIBYTENOP',
    'PAUSE',
    'PREFETCHW',
    'PREFETCHITI',
  ],
]);

let asked: ReadonlyMap<Word, number> | undefined;

/** Whether the processor offers all of these features, by their names in iced-x86 and in the recordings. */
export function isOffered(features: readonly string[]): boolean {
  asked ??= askCpuid();
  const answers = asked;
  return features.every((feature) => {
    if (always.has(feature)) return true;
    const [word, bit] = offeredBy[feature] ?? [];
    if (word === undefined || bit === undefined || bit > 31) return false;
    return (((answers.get(word) ?? 0) >>> bit) & 1) === 1;
  });
}

function askCpuid(): Map<Word, number> {
  const image = { path: 'cpuid', bytes: codeImage(inquiry) };
  const guest = { name: 'cpuid', memoryBytes, image, commandLine: '' };
  const machine = new PhysicalMachine(configureSingleGuest(guest), {
    codeHost: webAssemblyCodeHost,
  });
  machine.run({ maxSteps: stepsMax });
  const state = machine.guests[0]?.processors[0]?.state;
  return new Map(
    words.map((word, index) => [word, Number(state?.gpr(firstWordRegister + index) ?? 0n)]),
  );
}
