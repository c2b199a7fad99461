/**
 * Which variants the interpreter's functions for kernels have, as counted in the boots of two stock kernels (of what is
 * not translated, string instructions apart).
 */

/**
 * Those of the hot function: executed once in 20,000 instructions or more, together 99.8 % of all, and beside them what
 * 32-bit code and loops of arithmetic use as often. There is no room for many more: V8's optimising compiler allocates
 * registers by its better way only for functions of up to 8,192 virtual registers; with the other one the interpreter's
 * own variables are in the stack frame (decision 178).
 */
export const hotVariants: ReadonlySet<string> = new Set([
  ...['ADC r32,r32', 'ADC r64,i', 'ADC r64,r64', 'ADD m32,i', 'ADD m32,r32', 'ADD m64,i'],
  ...['ADD m64,r64', 'ADD r32,i', 'ADD r32,m32', 'ADD r32,r32', 'ADD r64,i', 'ADD r64,m64'],
  ...['ADD r64,r64', 'ADD r8,r8', 'AND m32,i', 'AND m8,i', 'AND r16,i', 'AND r32,i', 'AND r32,m32'],
  ...['AND r32,r32', 'AND r64,i', 'AND r64,m64', 'AND r64,r64', 'AND r8,i', 'AND r8,m8'],
  ...['BSF r64,r64', 'BSWAP r32', 'BSWAP r64', 'BT m64,r64', 'BT r64,i', 'BTR m64,i'],
  ...['BTR m64,r64', 'BTS m64,i', 'CALL i /32 sp32', 'CALL i /64', 'CALL m64', 'CALL r64'],
  ...['CBW  /64', 'CLI ', 'CMOVA r64,r64', 'CMOVAE r64,r64', 'CMOVB r64,r64', 'CMOVBE r32,r32'],
  ...['CMOVE r32,r32', 'CMOVE r64,m64', 'CMOVE r64,r64', 'CMOVG r32,r32', 'CMOVLE r64,r64'],
  ...['CMOVNE r32,r32', 'CMOVNE r64,r64', 'CMOVNS r32,r32', 'CMOVS r32,r32', 'CMOVS r64,r64'],
  ...['CMP m16,i', 'CMP m32,i', 'CMP m32,r32', 'CMP m64,i', 'CMP m64,r64', 'CMP m8,i', 'CMP m8,r8'],
  ...['CMP r16,i', 'CMP r16,r16', 'CMP r32,i', 'CMP r32,m32', 'CMP r32,r32', 'CMP r64,i'],
  ...['CMP r64,m64', 'CMP r64,r64', 'CMP r8,i', 'CMP r8,m8', 'CMP r8,r8', 'CMPXCHG m32,r32'],
  ...['CMPXCHG m64,r64', 'CMPXCHG m8,r8', 'DEC m32', 'DEC r32', 'DEC r64', 'IMUL r32,m32'],
  ...['IMUL r32,r32', 'IMUL r32,r32,i', 'IMUL r64,r64', 'IMUL r64,r64,i', 'INC m32', 'INC m64'],
  ...['INC r32', 'INC r64', 'INVLPG m32', 'JA i', 'JAE i', 'JB i', 'JBE i', 'JE i', 'JG i'],
  ...['JGE i', 'JL i', 'JLE i', 'JMP i', 'JMP r64', 'JNE i', 'JNS i', 'JS i', 'LEA r32,m32'],
  ...['LEA r64,m64', 'LEAVE  /32 sp32', 'LEAVE  /64', 'MOV control,r64', 'MOV m16,r16'],
  ...['MOV m32,i', 'MOV m32,r32', 'MOV m64,i', 'MOV m64,r64', 'MOV m8,i', 'MOV m8,r8'],
  ...['MOV r16,m16', 'MOV r32,i', 'MOV r32,m32', 'MOV r32,r32', 'MOV r64,i', 'MOV r64,m64'],
  ...['MOV r64,r64', 'MOV r8,m8', 'MOV r8,r8', 'MOVSX r32,m8', 'MOVSX r32,r8', 'MOVSX r64,m8'],
  ...['MOVSX r64,r8', 'MOVSXD r64,m32', 'MOVSXD r64,r32', 'MOVZX r32,m16', 'MOVZX r32,m8'],
  ...['MOVZX r32,r16', 'MOVZX r32,r8', 'MUL r32', 'MUL r64', 'NEG r32', 'NEG r64', 'NOP '],
  ...['NOP m32', 'NOT r32', 'NOT r64', 'OR m16,i', 'OR m32,i', 'OR m8,i', 'OR r16,i', 'OR r32,i'],
  ...['OR r32,m32', 'OR r32,r32', 'OR r64,i', 'OR r64,m64', 'OR r64,r64', 'OR r8,i', 'OR r8,r8'],
  ...['PAUSE ', 'POP r32 sp32', 'POP r64', 'PUSH i /64', 'PUSH r32 sp32', 'PUSH r64', 'PUSHF  /64'],
  ...['RDTSCP ', 'RET  /32 sp32', 'RET  /64', 'ROL r32,i', 'ROL r64,i', 'ROR r32,i', 'ROR r64,i'],
  ...['SAR r32,i', 'SAR r64,i', 'SAR r64,r8', 'SBB r32,r32', 'SBB r64,r64', 'SERIALIZE '],
  ...['SETAE r8', 'SETB r8', 'SETE r8', 'SETNE m8', 'SETNE r8', 'SHL r32,i', 'SHL r32,r8'],
  ...['SHL r64,i', 'SHL r64,r8', 'SHLD r32,r32,i', 'SHR r16,i', 'SHR r32,i', 'SHR r32,r8'],
  ...['SHR r64,i', 'SHR r64,r8', 'SHR r8,i', 'SHRD r32,r32,i', 'SHRD r64,r64,i', 'STI '],
  ...['SUB m32,i', 'SUB m64,i', 'SUB m64,r64', 'SUB r32,i', 'SUB r32,m32', 'SUB r32,r32'],
  ...['SUB r64,i', 'SUB r64,m64', 'SUB r64,r64', 'TEST m32,i', 'TEST m64,i', 'TEST m8,i'],
  ...['TEST r16,r16', 'TEST r32,i', 'TEST r32,r32', 'TEST r64,i', 'TEST r64,r64', 'TEST r8,i'],
  ...['TEST r8,r8', 'XADD m32,r32', 'XADD m64,r64', 'XOR m8,i', 'XOR r16,m16', 'XOR r32,i'],
  ...['XOR r32,m32', 'XOR r32,r32', 'XOR r64,m64', 'XOR r64,r64', 'XOR r8,m8'],
]);

/**
 * All others of general use and of vectors that were met, in a function that is small enough to be optimised meanwhile:
 * of the functions for all that there are, a kernel executes a few variants, and has the engine optimise every one.
 */
export const warmVariants: ReadonlySet<string> = new Set([
  ...['ADC m32,i', 'ADC r32,i', 'ADC r8,i', 'ADD m16,i', 'ADD m16,r16', 'ADD m8,i', 'ADD r16,i'],
  ...['ADD r16,m16', 'ADD r8,m8', 'AND m16,i', 'AND m16,r16', 'AND m32,r32', 'AND m64,i'],
  ...['AND m64,r64', 'AND m8,r8', 'AND r16,m16', 'AND r16,r16', 'AND r8,r8', 'BSF r32,r32'],
  ...['BSF r64,m64', 'BSR r32,m32', 'BSR r32,r32', 'BSR r64,m64', 'BSR r64,r64', 'BT m32,i'],
  ...['BT r32,i', 'BT r32,r32', 'BT r64,r64', 'BTC m64,r64', 'BTR r32,i', 'BTR r32,r32'],
  ...['BTR r64,i', 'BTR r64,r64', 'BTS m64,r64', 'BTS r32,i', 'BTS r64,i', 'BTS r64,r64', 'CLD '],
  ...['CMOVA r32,r32', 'CMOVAE r32,r32', 'CMOVAE r64,m64', 'CMOVB r32,m32', 'CMOVB r32,r32'],
  ...['CMOVBE r64,r64', 'CMOVE r32,m32', 'CMOVG r64,r64', 'CMOVGE r32,r32', 'CMOVGE r64,r64'],
  ...['CMOVL r32,r32', 'CMOVL r64,r64', 'CMOVLE r32,r32', 'CMOVNE r32,m32', 'CMOVNE r64,m64'],
  ...['CMOVNS r64,r64', 'CMP m16,r16', 'CMP r16,m16', 'CWD  /32', 'CWD  /64', 'DEC m64', 'DEC r8'],
  ...['DIV m32', 'DIV m64', 'DIV r32', 'DIV r64', 'IDIV m32', 'IDIV r32', 'IDIV r64'],
  ...['IMUL r32,m32,i', 'IMUL r64', 'IMUL r64,m64', 'IMUL r64,m64,i', 'INC m8', 'INC r8'],
  ...['JMP m64', 'JO i', 'LFENCE ', 'MFENCE ', 'MOV debug,r64', 'MOV m16,i', 'MOV r16,i'],
  ...['MOV r16,r16', 'MOV r16,segment', 'MOV r32,segment', 'MOV r64,control', 'MOV r8,i'],
  ...['MOV segment,r16', 'MOVSX r16,m8', 'MOVSX r32,m16', 'MOVSX r32,r16', 'MOVSX r64,m16'],
  ...['MOVZX r64,m8', 'NEG r8', 'NOP m16', 'NOP r32', 'OR m16,r16', 'OR m32,r32', 'OR m64,i'],
  ...['OR m64,r64', 'OR m8,r8', 'OR r16,m16', 'OR r8,m8', 'PUSH m64', 'RDTSC ', 'ROL r16,i'],
  ...['ROL r32,r8', 'ROL r64,r8', 'ROL r8,i', 'SAR m16,i', 'SAR m8,i', 'SAR r32,r8', 'SAR r8,i'],
  ...['SBB r16,i', 'SBB r16,r16', 'SBB r32,i', 'SBB r64,i', 'SBB r8,i', 'SBB r8,r8', 'SETA r8'],
  ...['SETAE m8', 'SETB m8', 'SETBE r8', 'SETE m8', 'SETG m8', 'SETG r8', 'SETGE r8', 'SETL r8'],
  ...['SETLE r8', 'SETO r8', 'SETS r8', 'SFENCE ', 'SHR m64,r8', 'SHRD r64,r64,r8', 'SUB m16,i'],
  ...['SUB m32,r32', 'SUB m8,i', 'SUB r16,i', 'SUB r16,m16', 'SUB r8,i', 'SWAPGS ', 'TEST m16,i'],
  ...['TEST m32,r32', 'TEST m64,r64', 'TEST m8,r8', 'TEST r16,i', 'XADD m16,r16', 'XCHG m32,r32'],
  ...['XCHG m64,r64', 'XCHG r32,r32', 'XCHG r64,r64', 'XCHG r8,r8', 'XOR m32,i', 'XOR r16,i'],
  ...['XOR r16,r16', 'XOR r64,i', 'XOR r8,i', 'XOR r8,r8'],
  ...['MOVAPS m128,xmm', 'MOVAPS xmm,m128', 'MOVD xmm,m32', 'MOVD xmm,r32', 'MOVD xmm,r64'],
  ...['MOVDQA xmm,m128', 'MOVDQA xmm,xmm', 'MOVDQU xmm,m128', 'MOVHPD xmm,m64', 'MOVHPS xmm,m64'],
  ...['MOVLPD xmm,m64', 'MOVQ m64,xmm', 'MOVQ xmm,m64', 'MOVUPS m128,xmm', 'MOVUPS xmm,m128'],
  ...['PADDB xmm,xmm', 'PAND xmm,xmm', 'PANDN xmm,xmm', 'PCMPEQB xmm,m128', 'PCMPEQB xmm,xmm'],
  ...['PCMPEQD xmm,xmm', 'PCMPGTB xmm,xmm', 'PMINUB xmm,m128', 'PMINUB xmm,xmm'],
  ...['PMOVMSKB r32,xmm', 'POR xmm,xmm', 'PSHUFD xmm,xmm,i', 'PSLLDQ xmm,i', 'PSRLDQ xmm,i'],
  ...['PSUBB xmm,xmm', 'PUNPCKLBW xmm,xmm', 'PUNPCKLDQ xmm,xmm', 'PUNPCKLQDQ xmm,xmm'],
  ...['PUNPCKLWD xmm,xmm', 'PXOR xmm,xmm'],
]);
