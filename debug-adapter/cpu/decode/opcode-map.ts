// Table: the opcode map, in the notation of the Intel SDM volume 2D, appendix A.
//
// A row is "opcode[/extension][:form] MNEMONIC operands attributes". Opcode bytes 0F, 0F 38 and 0F 3A select the map;
// "+r" and "+c" stand for eight registers and sixteen conditions; a third byte after 0F 01 is an exact ModR/M byte.
// Deviations from the manual: near branches are `f64` throughout (Intel behaviour: the operand-size prefix is
// ignored in 64-bit mode); conditions are spelled O NO B AE E NE BE A S NS P NP L GE LE G.
//
// Attributes: lock = LOCK allowed with a memory destination; d64 = operand size defaults to 64 in 64-bit mode;
// f64 = operand size is 64 in 64-bit mode; i64 = invalid in 64-bit mode; o64 = only valid in 64-bit mode;
// rep = REP prefixes apply; sized = the operand size is part of the meaning though no operand shows it;
// near = a relative branch: only the operand size 16 is part of the meaning;
// np = mandatory absence of 66/F2/F3 (a mandatory prefix stands before the opcode); norep = of F2/F3 only;
// end = control does not reach the next instruction.

import { x87Rows } from './opcode-map-x87';

const arithmetic = ['ADD', 'OR', 'ADC', 'SBB', 'AND', 'SUB', 'XOR', 'CMP'] as const;
const shifts = ['ROL', 'ROR', 'RCL', 'RCR', 'SHL', 'SHR', 'SAL', 'SAR'] as const;
const hex = (value: number): string => value.toString(16).toUpperCase().padStart(2, '0');

function arithmeticRows(): string[] {
  return arithmetic.flatMap((name, index) => {
    const at = (offset: number): string => hex(index * 8 + offset);
    const lock = name === 'CMP' ? '' : ' lock';
    return [
      `${at(0)} ${name} Eb,Gb${lock}`,
      `${at(1)} ${name} Ev,Gv${lock}`,
      `${at(2)} ${name} Gb,Eb`,
      `${at(3)} ${name} Gv,Ev`,
      `${at(4)} ${name} AL,Ib`,
      `${at(5)} ${name} rAX,Iz`,
      `80/${index} ${name} Eb,Ib${lock}`,
      `81/${index} ${name} Ev,Iz${lock}`,
      `82/${index} ${name} Eb,Ib${lock} i64`,
      `83/${index} ${name} Ev,Ib${lock}`,
    ];
  });
}

function shiftRows(): string[] {
  return shifts.flatMap((name, index) => [
    `C0/${index} ${name} Eb,Ib`,
    `C1/${index} ${name} Ev,Ib`,
    `D0/${index} ${name} Eb,1`,
    `D1/${index} ${name} Ev,1`,
    `D2/${index} ${name} Eb,CL`,
    `D3/${index} ${name} Ev,CL`,
  ]);
}

const oneByteRows = `
06 PUSH ES i64 sized
07 POP ES i64 sized
0E PUSH CS i64 sized
16 PUSH SS i64 sized
17 POP SS i64 sized
1E PUSH DS i64 sized
1F POP DS i64 sized
27 DAA i64
2F DAS i64
37 AAA i64
3F AAS i64
40+r INC Zv i64
48+r DEC Zv i64
50+r PUSH Zv d64
58+r POP Zv d64
60 PUSHA i64 sized
61 POPA i64 sized
62:mem BOUND Gv,M i64
63 MOVSXD Gv,Ed o64
63 ARPL Ew,Gw i64
68 PUSH Iz d64 sized
69 IMUL Gv,Ev,Iz
6A PUSH Ib d64 sized
6B IMUL Gv,Ev,Ib
6C INS Yb,DX rep
6D INS Yz,DX rep
6E OUTS DX,Xb rep
6F OUTS DX,Xz rep
70+c J Jb f64 near
84 TEST Eb,Gb
85 TEST Ev,Gv
86 XCHG Eb,Gb lock
87 XCHG Ev,Gv lock
88 MOV Eb,Gb
89 MOV Ev,Gv
8A MOV Gb,Eb
8B MOV Gv,Ev
8C:reg MOV Ev,Sw
8C:mem MOV Ew,Sw
8D:mem LEA Gv,M
8E MOV Sw,Ew
8F/0 POP Ev d64
90 NOP
F3 90 PAUSE
91 XCHG Zv,rAX
92 XCHG Zv,rAX
93 XCHG Zv,rAX
94 XCHG Zv,rAX
95 XCHG Zv,rAX
96 XCHG Zv,rAX
97 XCHG Zv,rAX
98 CBW sized
99 CWD sized
9A CALLF Ap i64 sized end
9C PUSHF d64 sized
9D POPF d64 sized
9E SAHF
9F LAHF
A0 MOV AL,Ob
A1 MOV rAX,Ov
A2 MOV Ob,AL
A3 MOV Ov,rAX
A4 MOVS Yb,Xb rep
A5 MOVS Yv,Xv rep
A6 CMPS Xb,Yb rep
A7 CMPS Xv,Yv rep
A8 TEST AL,Ib
A9 TEST rAX,Iz
AA STOS Yb,AL rep
AB STOS Yv,rAX rep
AC LODS AL,Xb rep
AD LODS rAX,Xv rep
AE SCAS AL,Yb rep
AF SCAS rAX,Yv rep
B0+r MOV Zb,Ib
B8+r MOV Zv,Iv
C2 RET Iw f64 sized end
C3 RET f64 sized end
C4:mem LES Gv,M i64
C5:mem LDS Gv,M i64
C6/0 MOV Eb,Ib
C7/0 MOV Ev,Iz
C8 ENTER Iw,Ib d64 sized
C9 LEAVE d64 sized
CA RETF Iw sized end
CB RETF sized end
CC INT3 end
CD INT Ib end
CE INTO i64 end
CF IRET sized end
D4 AAM Ib i64
D5 AAD Ib i64
D6 SALC i64
D7 XLAT
E0 LOOPNE Jb f64 near
E1 LOOPE Jb f64 near
E2 LOOP Jb f64 near
E3 JCXZ Jb f64 near
E4 IN AL,Ib
E5 IN eAX,Ib
E6 OUT Ib,AL
E7 OUT Ib,eAX
E8 CALL Jz f64 sized end
E9 JMP Jz f64 near end
EA JMPF Ap i64 sized end
EB JMP Jb f64 near end
EC IN AL,DX
ED IN eAX,DX
EE OUT DX,AL
EF OUT DX,eAX
F1 INT1 end
F4 HLT
F5 CMC
F6/0 TEST Eb,Ib
F6/1 TEST Eb,Ib
F6/2 NOT Eb lock
F6/3 NEG Eb lock
F6/4 MUL Eb
F6/5 IMUL Eb
F6/6 DIV Eb
F6/7 IDIV Eb
F7/0 TEST Ev,Iz
F7/1 TEST Ev,Iz
F7/2 NOT Ev lock
F7/3 NEG Ev lock
F7/4 MUL Ev
F7/5 IMUL Ev
F7/6 DIV Ev
F7/7 IDIV Ev
F8 CLC
F9 STC
FA CLI
FB STI
FC CLD
FD STD
FE/0 INC Eb lock
FE/1 DEC Eb lock
FF/0 INC Ev lock
FF/1 DEC Ev lock
FF/2 CALL Ev f64 end
FF/3:mem CALLF M sized end
FF/4 JMP Ev f64 end
FF/5:mem JMPF M sized end
FF/6 PUSH Ev d64
`;

const twoByteRows = `
0F 00/0:reg SLDT Ev
0F 00/0:mem SLDT Ew
0F 00/1:reg STR Ev
0F 00/1:mem STR Ew
0F 00/2 LLDT Ew
0F 00/3 LTR Ew
0F 00/4 VERR Ew
0F 00/5 VERW Ew
0F 01/0:mem SGDT M
0F 01/1:mem SIDT M
0F 01/2:mem LGDT M sized
0F 01/3:mem LIDT M sized
0F 01/4:reg SMSW Ev
0F 01/4:mem SMSW Ew
0F 01/6 LMSW Ew
0F 01/7:mem INVLPG M
0F 01 C1 VMCALL np
0F 01 C2 VMLAUNCH np
0F 01 C3 VMRESUME np
0F 01 C4 VMXOFF np
0F 01 C8 MONITOR np
0F 01 C9 MWAIT np
0F 01 CA CLAC np
0F 01 CB STAC np
0F 01 D0 XGETBV np
0F 01 D1 XSETBV np
0F 01 D9 VMMCALL np
0F 01 E8 SERIALIZE np
0F 01 F8 SWAPGS o64
0F 01 F9 RDTSCP
0F 02 LAR Gv,Ew
0F 03 LSL Gv,Ew
0F 05 SYSCALL o64 end
0F 06 CLTS
0F 07 SYSRET o64 sized end
0F 08 INVD
0F 09 WBINVD
0F 0B UD end
0F 0D:mem NOP Ev
0F 0D:reg NOP Ev
0F 18 NOP Ev
0F 19 NOP Ev
0F 1A NOP Ev
0F 1B NOP Ev
0F 1C NOP Ev
0F 1D NOP Ev
0F 1E NOP Ev
0F 1F NOP Ev
0F 20 MOV Rq,Cd
0F 21 MOV Rq,Dd
0F 22 MOV Cd,Rq
0F 23 MOV Dd,Rq
0F 30 WRMSR
66 0F 38 82:mem INVPCID Gy,M
0F 31 RDTSC
0F 32 RDMSR
0F 33 RDPMC
0F 34 SYSENTER end
0F 35 SYSEXIT sized end
0F 40+c CMOV Gv,Ev
0F 80+c J Jz f64 near
0F 90+c SET Eb
0F A0 PUSH FS d64 sized
0F A1 POP FS d64 sized
0F A2 CPUID
0F A3 BT Ev,Gv
0F A4 SHLD Ev,Gv,Ib
0F A5 SHLD Ev,Gv,CL
0F A8 PUSH GS d64 sized
0F A9 POP GS d64 sized
0F AB BTS Ev,Gv lock
0F AC SHRD Ev,Gv,Ib
0F AD SHRD Ev,Gv,CL
F3 0F AE/0:reg RDFSBASE Ey o64
F3 0F AE/1:reg RDGSBASE Ey o64
F3 0F AE/2:reg WRFSBASE Ey o64
F3 0F AE/3:reg WRGSBASE Ey o64
0F AE/5:reg LFENCE np
0F AE/6:reg MFENCE np
0F AE/7:reg SFENCE np
0F AE/7:mem CLFLUSH Eb np
0F AF IMUL Gv,Ev
0F B0 CMPXCHG Eb,Gb lock
0F B1 CMPXCHG Ev,Gv lock
0F B2:mem LSS Gv,M
0F B3 BTR Ev,Gv lock
0F B4:mem LFS Gv,M
0F B5:mem LGS Gv,M
0F B6 MOVZX Gv,Eb
0F B7 MOVZX Gv,Ew
0F B9 UD Gv,Ev end
0F BA/4 BT Ev,Ib
0F BA/5 BTS Ev,Ib lock
0F BA/6 BTR Ev,Ib lock
0F BA/7 BTC Ev,Ib lock
0F BB BTC Ev,Gv lock
0F BC BSF Gv,Ev
0F BD BSR Gv,Ev
0F BE MOVSX Gv,Eb
0F BF MOVSX Gv,Ew
0F C0 XADD Eb,Gb lock
0F C1 XADD Ev,Gv lock
0F C3:mem MOVNTI Ey,Gy np
0F C7/1:mem CMPXCHG8B M lock sized
0F C7/6:reg RDRAND Ev norep
0F C7/7:reg RDSEED Ev norep
0F C8+r BSWAP Zv
0F FF UD Gv,Ev end
`;

/** Every row as text; `opcode-rows.ts` parses them. */
export const opcodeMapText: readonly string[] = [
  ...arithmeticRows(),
  ...shiftRows(),
  ...`${oneByteRows}${twoByteRows}${x87Rows}`.split('\n').filter((line) => line !== ''),
];
