// Table: exceptions and interrupts of protected and 64-bit mode, Intel SDM volume 3, table 6-1.

/** Whether the saved RIP points at the instruction, after it, or nowhere useful. */
export type ExceptionClass = 'fault' | 'trap' | 'fault or trap' | 'abort' | 'interrupt';

/** How an exception combines with another during delivery (SDM vol. 3, table 6-4). */
export type DoubleFaultClass = 'benign' | 'contributory' | 'page fault';

/** One architectural exception. */
export interface ExceptionVector {
  readonly vector: number;
  /** As the manuals spell it: `#PF`. */
  readonly mnemonic: string;
  readonly name: string;
  readonly hasErrorCode: boolean;
  readonly class: ExceptionClass;
  readonly doubleFaultClass: DoubleFaultClass;
}

function row(
  vector: number,
  mnemonic: string,
  name: string,
  exceptionClass: ExceptionClass,
  hasErrorCode = false,
  doubleFaultClass: DoubleFaultClass = 'benign',
): ExceptionVector {
  return { vector, mnemonic, name, hasErrorCode, class: exceptionClass, doubleFaultClass };
}

/** Every defined vector below 32, ascending. */
export const exceptionVectors: readonly ExceptionVector[] = [
  row(0, '#DE', 'Divide Error', 'fault', false, 'contributory'),
  row(1, '#DB', 'Debug Exception', 'fault or trap'),
  row(2, 'NMI', 'NMI Interrupt', 'interrupt'),
  row(3, '#BP', 'Breakpoint', 'trap'),
  row(4, '#OF', 'Overflow', 'trap'),
  row(5, '#BR', 'BOUND Range Exceeded', 'fault'),
  row(6, '#UD', 'Invalid Opcode', 'fault'),
  row(7, '#NM', 'Device Not Available', 'fault'),
  row(8, '#DF', 'Double Fault', 'abort', true),
  row(10, '#TS', 'Invalid TSS', 'fault', true, 'contributory'),
  row(11, '#NP', 'Segment Not Present', 'fault', true, 'contributory'),
  row(12, '#SS', 'Stack-Segment Fault', 'fault', true, 'contributory'),
  row(13, '#GP', 'General Protection', 'fault', true, 'contributory'),
  row(14, '#PF', 'Page Fault', 'fault', true, 'page fault'),
  row(16, '#MF', 'x87 FPU Floating-Point Error', 'fault'),
  row(17, '#AC', 'Alignment Check', 'fault', true),
  row(18, '#MC', 'Machine Check', 'abort'),
  row(19, '#XM', 'SIMD Floating-Point Exception', 'fault'),
  row(20, '#VE', 'Virtualization Exception', 'fault', false, 'page fault'),
  row(21, '#CP', 'Control Protection Exception', 'fault', true, 'contributory'),
];

/** Rows by vector. */
export const exceptionByVector: ReadonlyMap<number, ExceptionVector> = new Map(
  exceptionVectors.map((entry) => [entry.vector, entry]),
);

/** Vectors by mnemonic without `#`, for code that raises them; NMI has none. */
export const ExceptionNumber = {
  DE: 0,
  DB: 1,
  NMI: 2,
  BP: 3,
  OF: 4,
  BR: 5,
  UD: 6,
  NM: 7,
  DF: 8,
  TS: 10,
  NP: 11,
  SS: 12,
  GP: 13,
  PF: 14,
  MF: 16,
  AC: 17,
  MC: 18,
  XM: 19,
} as const;
