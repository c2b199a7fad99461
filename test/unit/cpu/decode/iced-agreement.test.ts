// The decoder agrees with iced-x86, an independent one, on code of every size: definedness, name, length and memory operand.
import assert from 'node:assert/strict';
import {
  Code,
  CpuidFeature,
  Decoder,
  DecoderOptions,
  Instruction,
  Mnemonic,
  Register,
} from 'iced-x86';
import {
  decodeInstruction,
  instructionBytesMax,
  type DecodedInstruction,
} from '../../../../debug-adapter/cpu/decode/decoder';
import {
  flatCode,
  longCode,
  segmentedCode,
  type CodeMode,
} from '../../../../debug-adapter/cpu/decode/code-mode';
import { runOffsets } from '../../../../debug-adapter/cpu/memory-map';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

const randomCount = 200_000;
const slotBytes = 16;

/** Names that iced spells differently or by operand size. */
const otherNames: Readonly<Record<string, readonly string[]>> = {
  PUSHA: ['PUSHAD', 'PUSHAW'],
  POPA: ['POPAD', 'POPAW'],
  CALLF: ['CALL'],
  JMPF: ['JMP'],
  CBW: ['CWDE', 'CDQE'],
  CWD: ['CDQ', 'CQO'],
  CMPXCHG8B: ['CMPXCHG16B'],
  JCXZ: ['JECXZ', 'JRCXZ'],
  NOP: ['RESERVEDNOP', 'PREFETCHW', 'PREFETCH', 'ENDBR64', 'ENDBR32'],
  WBINVD: ['WBNOINVD'],
  MOVD: ['MOVQ'],
  FWAIT: ['WAIT'],
  FENI: ['FNENI'],
  FDISI: ['FNDISI'],
  FSETPM: ['FNSETPM'],
  UD: ['UD0', 'UD1', 'UD2'],
  FXSAVE: ['FXSAVE64'],
  FXRSTOR: ['FXRSTOR64'],
};

/** Instructions of features that the processor does not report are undefined, as they are on such a processor. */
const absentFeatures: ReadonlySet<string> = new Set(
  `AES AESKLE AVX AVX2 AVX512F BMI1 BMI2 CET_IBT CET_SS CLDEMOTE CLFLUSHOPT CLWB CLZERO
  CMPCCXADD D3NOW D3NOWEXT ENQCMD FMA FRED GFNI HRESET INVLPGB KL LKGS LZCNT MCOMMIT
  MONITORX MOVBE MOVDIR64B MOVDIRI MSRLIST OSPKE OSS PADLOCK_ACE PADLOCK_GMI PADLOCK_PHE
  PADLOCK_PMM PADLOCK_RNG PADLOCK_UNDOC PBNDKB PCLMULQDQ PCONFIG PKU POPCNT PREFETCHWT1 PTWRITE
  RAO_INT RDPID RDPRU RTM SEV_ES SEV_SNP SGX1 SHA SKINIT SKINIT_or_SVM
  RMPQUERY SMM SMX TSE HLE_or_RTM SSE3 SSE4_1 SSE4_2 SSE4A SSSE3 SVM TDX TSXLDTRK UINTR
  VMX WAITPKG WBNOINVD WRMSRNS XSAVE XSAVEC XSAVEOPT XSAVES ADX AESKLE CYRIX_SMM GMI INVEPT
  INVVPID`
    .split(/\s+/)
    .filter(Boolean),
);

function randomCode(random: SeededRandom): Uint8Array {
  const prefixes = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x26, 0x36, 0x3e, 0x64, 0x65];
  const code = random.bytes(randomCount * slotBytes);
  for (let slot = 0; slot < randomCount; slot++) {
    let at = slot * slotBytes;
    const count = random.pick([0, 0, 0, 1, 1, 2, 4]);
    for (let index = 0; index < count; index++) code[at++] = random.pick(prefixes);
    if (random.chance(40)) code[at++] = 0x40 | random.below(16);
    if (random.chance(50)) code[at] = 0x0f;
  }
  return code;
}

/** Every opcode of the one-byte and the 0F map with every ModR/M byte, after an optional prefix. */
function everyOpcode(prefix: readonly number[]): Uint8Array {
  const code = new Uint8Array(2 * 65536 * slotBytes).fill(0x11);
  for (let index = 0; index < 2 * 65536; index++) {
    const escape = index >= 65536 ? [0x0f] : [];
    code.set([...prefix, ...escape, (index >> 8) & 0xff, index & 0xff], index * slotBytes);
  }
  return code;
}

function sameName(ours: string, theirs: string): boolean {
  const name = theirs.toUpperCase();
  if (name === ours || otherNames[ours]?.includes(name) === true) return true;
  // String and stack instructions carry their size in iced's name.
  return /^(MOVS|CMPS|STOS|LODS|SCAS|INS|OUTS|IRET|PUSHF|POPF|SYSRET|SYSEXIT|XLAT|RETF)$/.test(ours)
    ? new RegExp(`^${ours}[BWDQ]$`).test(name)
    : false;
}

/** Number of a general register of any size, or what else a base or index may be. */
function registerNumber(register: Register): number | 'none' | 'rip' {
  if (register === Register.None) return 'none';
  if (register === Register.RIP || register === Register.EIP) return 'rip';
  if (register >= Register.RAX) return register - Register.RAX;
  return register >= Register.EAX ? register - Register.EAX : register - Register.AX;
}

function registerOf(offset: number): number | 'none' | 'rip' {
  if (offset === stateOffsets.zero) return 'none';
  return offset === runOffsets.ipBase ? 'rip' : (offset - stateOffsets.gpr) / 8;
}

function memoryDifference(ours: DecodedInstruction, theirs: Instruction): string {
  if (ours.form !== 'mem' || !ours.row.hasModrm) return '';
  const base = registerNumber(theirs.memoryBase);
  const displacement = BigInt.asIntN(64, theirs.memoryDisplacement);
  const expected = base === 'rip' ? displacement - BigInt(theirs.length) : displacement;
  // An address counts modulo its size.
  const bits = { 65535: 16, 4294967295: 32 }[String(ours.addressMask)] ?? 64;
  const index = registerNumber(theirs.memoryIndex);
  const same =
    registerOf(ours.base) === base &&
    registerOf(ours.index) === index &&
    (index === 'none' || 1 << ours.scale === theirs.memoryIndexScale) &&
    BigInt.asUintN(bits, ours.displacement) === BigInt.asUintN(bits, expected);
  return same ? '' : `memory operand of ${ours.row.mnemonic}`;
}

class Comparison {
  constructor(private readonly mode: CodeMode = longCode) {}

  readonly disagreements = new Map<string, string>();
  instructions = 0;

  compare(code: Uint8Array): void {
    const options =
      DecoderOptions.NoMPFX_0FBC | DecoderOptions.NoMPFX_0FBD | DecoderOptions.ForceReservedNop;
    const decoder = new Decoder(this.mode.codeSize, code, options);
    const theirs = new Instruction();
    for (let at = 0; at < code.length; at += slotBytes) {
      decoder.position = at;
      decoder.ip = 0n;
      decoder.decodeOut(theirs);
      const bytes = code.subarray(at, at + instructionBytesMax);
      const problem = this.difference(bytes, theirs);
      if (problem === '' || this.disagreements.has(problem)) continue;
      this.disagreements.set(problem, Buffer.from(bytes).toString('hex'));
    }
    theirs.free();
    decoder.free();
  }

  private difference(bytes: Uint8Array, theirs: Instruction): string {
    const ours = decodeInstruction(bytes, this.mode);
    const isValid = theirs.code !== Code.INVALID;
    const name = Mnemonic[theirs.mnemonic] ?? '?';
    switch (ours.kind) {
      case 'instruction': {
        this.instructions++;
        const { row, length } = ours.instruction;
        if (!isValid) return `${row.mnemonic} is invalid for iced`;
        if (length !== theirs.length) return `length of ${row.mnemonic}`;
        if (!sameName(row.mnemonic, name)) return `${row.mnemonic} is ${name} for iced`;
        return memoryDifference(ours.instruction, theirs);
      }
      default: {
        if (!isValid) return '';
        const features = [...theirs.cpuidFeatures()].map((feature) => CpuidFeature[feature] ?? '?');
        // Intel has SYSCALL and SYSRET in 64-bit mode only.
        const isOther = this.mode.codeSize !== 64 && features.includes('SYSCALL');
        const isAbsent = isOther || features.some((feature) => absentFeatures.has(feature));
        return isAbsent ? '' : `${name} (${features.join()}) is ${ours.kind}`;
      }
    }
  }
}

function check(comparison: Comparison, instructionsMin: number): void {
  assert.deepEqual([...comparison.disagreements], []);
  assert.ok(comparison.instructions >= instructionsMin, `${comparison.instructions} instructions`);
}

describe('agreement with iced-x86 (SDM vol. 2, chapter 2 and appendix A)', () => {
  const seed = seedOf(7144);

  it(`${randomCount} random byte strings with prefixes, seed ${seed}`, () => {
    const comparison = new Comparison();
    comparison.compare(randomCode(new SeededRandom(seed)));
    check(comparison, randomCount / 2);
  }).timeout(60_000);

  for (const [title, prefix] of [
    ['no prefix', []],
    ['66', [0x66]],
    ['F3', [0xf3]],
    ['REX.WRXB', [0x4f]],
    ['LOCK', [0xf0]],
  ] as const) {
    it(`every opcode with every ModR/M byte, ${title}`, () => {
      const comparison = new Comparison();
      comparison.compare(everyOpcode(prefix));
      check(comparison, prefix[0] === 0xf0 ? 3_000 : 60_000);
    }).timeout(60_000);
  }
});

describe('agreement with iced-x86 outside 64-bit mode', () => {
  const seed = seedOf(3216);

  for (const [title, mode] of [
    ['16-bit code', segmentedCode(16, 16)],
    ['32-bit code', flatCode],
  ] as const) {
    it(`${randomCount} random byte strings of ${title}, seed ${seed}`, () => {
      const comparison = new Comparison(mode);
      comparison.compare(randomCode(new SeededRandom(seed)));
      check(comparison, randomCount / 2);
    }).timeout(60_000);

    for (const [name, prefix] of [
      ['no prefix', []],
      ['66', [0x66]],
      ['67', [0x67]],
      ['F3', [0xf3]],
    ] as const) {
      it(`every opcode with every ModR/M byte of ${title}, ${name}`, () => {
        const comparison = new Comparison(mode);
        comparison.compare(everyOpcode(prefix));
        check(comparison, 60_000);
      }).timeout(60_000);
    }
  }
});
