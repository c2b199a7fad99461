// Every encoding of the instructions that stock kernels, their boot code and a C library for x86-64-v1 execute has a definition.
import assert from 'node:assert/strict';
import { Code, CpuidFeature, Decoder, DecoderOptions, Instruction, Mnemonic } from 'iced-x86';
import { decodeInstruction } from '../../../../debug-adapter/cpu/decode/decoder';
import { flatCode, longCode } from '../../../../debug-adapter/cpu/decode/code-mode';
import { variantTable } from '../../../../debug-adapter/cpu/processor-core-factory';

/** As iced spells them. Seen in boots of Debian's kernels by bzImage and by their 64-bit entry, static busybox included. */
const kernel = `
  Adc Add And Bsf Bsr Bswap Bt Btr Bts Call Cbw Cdq Cdqe Clc Cld Cli Cmova Cmovae Cmovb Cmovbe
  Cmove Cmovg Cmovge Cmovl Cmovle Cmovne Cmovns Cmovs Cmp Cmpxchg Cmpxchg16b Cmpxchg8b Cpuid Cqo
  Cwd Cwde Dec Div Emms Endbr64 Fcomp Fild Fnclex Fninit Fnstcw Fnstsw Fstp Fxrstor Fxrstor64
  Fxsave Fxsave64 Idiv Imul In Inc Insb Insd Int Int1 Int3 Invlpg Iretd Iretq Ja Jae Jb Jbe Je
  Jg Jge Jl Jle Jmp Jne Jns Jo Js Lea Leave Lfence Lgdt Lidt Lldt Ltr Mfence Mov Movaps Movd
  Movdqa Movdqu Movhpd Movhps Movlpd Movq Movsb Movsd Movsq Movsw Movsx Movsxd Movups Movzx Mul
  Neg Nop Not Or Out Outsd Paddb Pand Pandn Pause Pcmpeqb Pcmpeqd Pcmpgtb Pminub Pmovmskb Pop
  Popad Popf Popfd Popfq Por Prefetcht0 Prefetchw Pshufd Pslldq Psrldq Psubb Punpcklbw Punpckldq
  Punpcklqdq Punpcklwd Push Pushad Pushf Pushfd Pushfq Pxor Rdmsr Rdtsc Ret Retf Rol Ror Sar Sbb
  Seta Setae Setb Setbe Sete Setg Setge Setl Setle Setne Seto Sets Sfence Sgdt Shl Shld Shr Shrd
  Sldt Std Sti Stosb Stosd Stosq Stosw Str Sub Swapgs Syscall Sysret Sysretq Test Wait Wbinvd
  Wrmsr Xadd Xchg Xor`;

/** What they use where CPUID offers it, and what faults, traps and other paths of the same kernels need. */
const offered = `
  Clac Stac Invpcid Rdfsbase Rdgsbase Wrfsbase Wrgsbase Rdrand Rdseed Rdtscp Clflush Prefetchnta
  Prefetcht1 Prefetcht2 Clts Invd Lar Lsl Verr Verw Lmsw Smsw Sidt Sysenter Sysexit Sysexitq
  Rdpmc Monitor Mwait Ud2 Int Into Bound Arpl Lahf Sahf Cmc Stc Enter Xlatb Loop Loope Loopne
  Jcxz Jecxz Jrcxz Jno Jnp Jp Cmovno Cmovnp Cmovo Cmovp Setno Setnp Setns Setp Rcl Rcr Btc Cmpsb
  Cmpsw Cmpsd Cmpsq Scasb Scasw Scasd Scasq Lodsb Lodsw Lodsd Lodsq Insw Outsb Outsw Retf Lds
  Les Lfs Lgs Lss Aaa Aad Aam Aas Daa Das Movnti Ldmxcsr Stmxcsr Fldcw Fld Fst Fistp Fnsave
  Frstor Fnstenv Fldenv`;

const others = `
  Cvtsi2sd Cvtsi2ss Cvttsd2si Cvttss2si Cvtsd2ss Cvtss2sd Ucomisd Ucomiss Comisd Comiss Andpd
  Andps Xorps Xorpd Orpd Movapd Movss Movmskpd Movmskps Cvtdq2pd Cvtdq2ps Unpcklpd Unpcklps
  Shufps Shufpd Movntdq Maskmovdqu Pmuludq Paddq Psubq Pcmpeqw Pextrw Pinsrw Pshuflw Pshufhw
  Packuswb Psadbw Pavgb Psllq Psrlq Psrad`;

/** Arithmetic of SSE and SSE2, which compilers use for every floating-point number. */
const arithmetic = ['Add', 'Sub', 'Mul', 'Div', 'Sqrt', 'Min', 'Max']
  .flatMap((name) => ['ss', 'sd', 'ps', 'pd'].map((type) => name + type))
  .concat(others.split(/\s+/));

const wanted = new Set([kernel, offered].flatMap((text) => text.split(/\s+/)).concat(arithmetic));
wanted.delete('');

/** Features that share a mnemonic with older instructions; CPUID offers none of them. */
const absentFeatures = new Set(['AVX', 'AVX2', 'AVX512F', 'SSE3', 'SSE4_1', 'SSE4_2', 'CYRIX_FPU']);
const slotBytes = 16;
const codeBytes = 1 << 16;

/** Every opcode of the four maps with every ModR/M byte, behind each prefix that chooses another instruction. */
function* everyEncoding(): Generator<Uint8Array> {
  const code = new Uint8Array(slotBytes).fill(0x11);
  for (const prefix of [[], [0x66], [0xf2], [0xf3], [0x48], [0xf3, 0x48], [0x66, 0x48]]) {
    for (const escape of [[], [0x0f], [0x0f, 0x38]]) {
      for (let index = 0; index < codeBytes; index++) {
        code.set([...prefix, ...escape, index >> 8, index & 0xff]);
        yield code;
      }
    }
  }
}

describe('instructions of stock kernels', () => {
  const seen = new Set<string>();

  for (const [title, mode] of [
    ['64-bit code', longCode],
    ['32-bit code', flatCode],
  ] as const) {
    it(`are all defined in ${title}`, () => {
      const missing = new Map<string, string>();
      const variants = variantTable();
      const theirs = new Instruction();
      for (const code of everyEncoding()) {
        const decoder = new Decoder(mode.codeSize, code, DecoderOptions.NoMPFX_0FBC);
        decoder.decodeOut(theirs);
        decoder.free();
        const name = Mnemonic[theirs.mnemonic] ?? '';
        if (theirs.code === Code.INVALID || !wanted.has(name)) continue;
        const features = [...theirs.cpuidFeatures()].map((feature) => CpuidFeature[feature] ?? '');
        if (features.some((feature) => absentFeatures.has(feature))) continue;
        // Intel has SYSCALL and SYSRET in 64-bit mode only.
        if (mode.codeSize !== 64 && features.includes('SYSCALL')) continue;
        const ours = decodeInstruction(code, mode);
        const isDefined =
          ours.kind === 'instruction' &&
          variants.meaningOf(ours.instruction, ours.instruction.addressing) !== undefined;
        if (isDefined) seen.add(name);
        else missing.set(name, Buffer.from(code.subarray(0, 6)).toString('hex'));
      }
      theirs.free();
      assert.deepEqual([...missing], []);
    }).timeout(120_000);
  }

  it('have all been met', () => {
    assert.deepEqual(
      [...wanted].filter((name) => !seen.has(name)),
      [],
    );
  });
});
