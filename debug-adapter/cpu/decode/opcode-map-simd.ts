// Table: MMX, SSE and SSE2 rows of the opcode map, in the notation of opcode-map.ts (SDM vol. 2D, appendix A).
//
// V and P are the XMM and MMX register of ModR/M.reg, W and Q a register or memory, U and N a register only.
// Sizes say what a memory form reads or writes: x = 128 bits, q, d, w. 66, F2 and F3 are mandatory prefixes.

/** Rows that exist for MMX registers without prefix, and for XMM registers with 66. */
const both = `
60 PUNPCKLBW d
61 PUNPCKLWD d
62 PUNPCKLDQ d
63 PACKSSWB q
64 PCMPGTB q
65 PCMPGTW q
66 PCMPGTD q
67 PACKUSWB q
68 PUNPCKHBW q
69 PUNPCKHWD q
6A PUNPCKHDQ q
6B PACKSSDW q
74 PCMPEQB q
75 PCMPEQW q
76 PCMPEQD q
D1 PSRLW q
D2 PSRLD q
D3 PSRLQ q
D4 PADDQ q
D5 PMULLW q
D8 PSUBUSB q
D9 PSUBUSW q
DA PMINUB q
DB PAND q
DC PADDUSB q
DD PADDUSW q
DE PMAXUB q
DF PANDN q
E0 PAVGB q
E1 PSRAW q
E2 PSRAD q
E3 PAVGW q
E4 PMULHUW q
E5 PMULHW q
E8 PSUBSB q
E9 PSUBSW q
EA PMINSW q
EB POR q
EC PADDSB q
ED PADDSW q
EE PMAXSW q
EF PXOR q
F1 PSLLW q
F2 PSLLD q
F3 PSLLQ q
F4 PMULUDQ q
F5 PMADDWD q
F6 PSADBW q
F8 PSUBB q
F9 PSUBW q
FA PSUBD q
FB PSUBQ q
FC PADDB q
FD PADDW q
FE PADDD q
`;

/** Shifts by an immediate: opcode, extension, name. */
const shifts = `
71/2 PSRLW
71/4 PSRAW
71/6 PSLLW
72/2 PSRLD
72/4 PSRAD
72/6 PSLLD
73/2 PSRLQ
73/6 PSLLQ
`;

/** Arithmetic with all four of PS, PD, SS and SD. */
const arithmetic = `
51 SQRT
58 ADD
59 MUL
5C SUB
5D MIN
5E DIV
5F MAX
`;

/** Packed operations on bits: PS and PD. */
const packed = `
14 UNPCKL
15 UNPCKH
54 AND
55 ANDN
56 OR
57 XOR
`;

const single = `
0F 10 MOVUPS Vx,Wx np
66 0F 10 MOVUPD Vx,Wx
F3 0F 10 MOVSS Vx,Wd
F2 0F 10 MOVSD Vx,Wq
0F 11 MOVUPS Wx,Vx np
66 0F 11 MOVUPD Wx,Vx
F3 0F 11 MOVSS Wd,Vx
F2 0F 11 MOVSD Wq,Vx
0F 12:reg MOVHLPS Vx,Ux np
0F 12:mem MOVLPS Vx,Wq np
66 0F 12:mem MOVLPD Vx,Wq
0F 13:mem MOVLPS Wq,Vx np
66 0F 13:mem MOVLPD Wq,Vx
0F 16:reg MOVLHPS Vx,Ux np
0F 16:mem MOVHPS Vx,Wq np
66 0F 16:mem MOVHPD Vx,Wq
0F 17:mem MOVHPS Wq,Vx np
66 0F 17:mem MOVHPD Wq,Vx
0F 28 MOVAPS Vx,Wx np
66 0F 28 MOVAPD Vx,Wx
0F 29 MOVAPS Wx,Vx np
66 0F 29 MOVAPD Wx,Vx
0F 2A CVTPI2PS Vx,Qq np
66 0F 2A CVTPI2PD Vx,Qq
F3 0F 2A CVTSI2SS Vx,Ey
F2 0F 2A CVTSI2SD Vx,Ey
0F 2B:mem MOVNTPS Wx,Vx np
66 0F 2B:mem MOVNTPD Wx,Vx
0F 2C CVTTPS2PI Pq,Wq np
66 0F 2C CVTTPD2PI Pq,Wx
F3 0F 2C CVTTSS2SI Gy,Wd
F2 0F 2C CVTTSD2SI Gy,Wq
0F 2D CVTPS2PI Pq,Wq np
66 0F 2D CVTPD2PI Pq,Wx
F3 0F 2D CVTSS2SI Gy,Wd
F2 0F 2D CVTSD2SI Gy,Wq
0F 2E UCOMISS Vx,Wd np
66 0F 2E UCOMISD Vx,Wq
0F 2F COMISS Vx,Wd np
66 0F 2F COMISD Vx,Wq
0F 50:reg MOVMSKPS Gy,Ux np
66 0F 50:reg MOVMSKPD Gy,Ux
0F 52 RSQRTPS Vx,Wx np
F3 0F 52 RSQRTSS Vx,Wd
0F 53 RCPPS Vx,Wx np
F3 0F 53 RCPSS Vx,Wd
0F 5A CVTPS2PD Vx,Wq np
66 0F 5A CVTPD2PS Vx,Wx
F3 0F 5A CVTSS2SD Vx,Wd
F2 0F 5A CVTSD2SS Vx,Wq
0F 5B CVTDQ2PS Vx,Wx np
66 0F 5B CVTPS2DQ Vx,Wx
F3 0F 5B CVTTPS2DQ Vx,Wx
66 0F 6C PUNPCKLQDQ Vx,Wx
66 0F 6D PUNPCKHQDQ Vx,Wx
0F 6E MOVD Pq,Ey np
66 0F 6E MOVD Vx,Ey
0F 6F MOVQ Pq,Qq np
66 0F 6F MOVDQA Vx,Wx
F3 0F 6F MOVDQU Vx,Wx
0F 70 PSHUFW Pq,Qq,Ib np
66 0F 70 PSHUFD Vx,Wx,Ib
F3 0F 70 PSHUFHW Vx,Wx,Ib
F2 0F 70 PSHUFLW Vx,Wx,Ib
66 0F 73/3:reg PSRLDQ Ux,Ib
66 0F 73/7:reg PSLLDQ Ux,Ib
0F 77 EMMS np
0F 7E MOVD Ey,Pq np
66 0F 7E MOVD Ey,Vx
F3 0F 7E MOVQ Vx,Wq
0F 7F MOVQ Qq,Pq np
66 0F 7F MOVDQA Wx,Vx
F3 0F 7F MOVDQU Wx,Vx
0F AE/0:mem FXSAVE M np sized
0F AE/1:mem FXRSTOR M np sized
0F AE/2:mem LDMXCSR Ed np
0F AE/3:mem STMXCSR Ed np
0F C2 CMPPS Vx,Wx,Ib np
66 0F C2 CMPPD Vx,Wx,Ib
F3 0F C2 CMPSS Vx,Wd,Ib
F2 0F C2 CMPSD Vx,Wq,Ib
0F C4:reg PINSRW Pq,Rd,Ib np
0F C4:mem PINSRW Pq,Ew,Ib np
66 0F C4:reg PINSRW Vx,Rd,Ib
66 0F C4:mem PINSRW Vx,Ew,Ib
0F C5:reg PEXTRW Gy,Nq,Ib np
66 0F C5:reg PEXTRW Gy,Ux,Ib
0F C6 SHUFPS Vx,Wx,Ib np
66 0F C6 SHUFPD Vx,Wx,Ib
66 0F D6 MOVQ Wq,Vx
F3 0F D6:reg MOVQ2DQ Vx,Nq
F2 0F D6:reg MOVDQ2Q Pq,Ux
0F D7:reg PMOVMSKB Gy,Nq np
66 0F D7:reg PMOVMSKB Gy,Ux
66 0F E6 CVTTPD2DQ Vx,Wx
F3 0F E6 CVTDQ2PD Vx,Wq
F2 0F E6 CVTPD2DQ Vx,Wx
0F E7:mem MOVNTQ Qq,Pq np
66 0F E7:mem MOVNTDQ Wx,Vx
0F F7:reg MASKMOVQ Pq,Nq np
66 0F F7:reg MASKMOVDQU Vx,Ux
`;

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '');
const wordsOf = (line: string): readonly [string, string, string] => {
  const [first = '', second = '', third = ''] = line.split(' ');
  return [first, second, third];
};

/** Every row as text. */
export const simdOpcodeMapText: readonly string[] = [
  ...linesOf(both)
    .map(wordsOf)
    .flatMap(([opcode, name, size]) => [
      `0F ${opcode} ${name} Pq,Q${size} np`,
      `66 0F ${opcode} ${name} Vx,Wx`,
    ]),
  ...linesOf(shifts)
    .map(wordsOf)
    .flatMap(([opcode, name]) => [
      `0F ${opcode}:reg ${name} Nq,Ib np`,
      `66 0F ${opcode}:reg ${name} Ux,Ib`,
    ]),
  ...linesOf(arithmetic)
    .map(wordsOf)
    .flatMap(([opcode, name]) => [
      `0F ${opcode} ${name}PS Vx,Wx np`,
      `66 0F ${opcode} ${name}PD Vx,Wx`,
      `F3 0F ${opcode} ${name}SS Vx,Wd`,
      `F2 0F ${opcode} ${name}SD Vx,Wq`,
    ]),
  ...linesOf(packed)
    .map(wordsOf)
    .flatMap(([opcode, name]) => [
      `0F ${opcode} ${name}PS Vx,Wx np`,
      `66 0F ${opcode} ${name}PD Vx,Wx`,
    ]),
  ...linesOf(single),
];
