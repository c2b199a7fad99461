/** Exception filters: which processor exceptions of the guest stop the debugger. */

/** One check box of the Breakpoints view. */
export interface ExceptionFilter {
  readonly filter: string;
  readonly label: string;
  readonly description: string;
  readonly byDefault: boolean;
  /** Vectors whose delivery stops; empty for filters that are no vectors. */
  readonly vectors: readonly number[];
}

function vector(mnemonic: string, number: number, name: string): ExceptionFilter {
  return {
    filter: mnemonic.slice(1).toLowerCase(),
    label: `${mnemonic} ${name}`,
    description: `Stop when the guest takes ${mnemonic} (vector ${number}), before its handler runs`,
    byDefault: false,
    vectors: [number],
  };
}

/** Name of the filter that decides about triple faults. */
export const tripleFaultFilter = 'triple-fault';

/** Every filter, in the order of the view. */
export const exceptionFilters: readonly ExceptionFilter[] = [
  {
    filter: tripleFaultFilter,
    label: 'Triple fault',
    description: 'Stop when the guest ends in a triple fault; otherwise the session ends',
    byDefault: true,
    vectors: [],
  },
  vector('#PF', 14, 'Page Fault'),
  vector('#GP', 13, 'General Protection'),
  vector('#UD', 6, 'Invalid Opcode'),
  vector('#DE', 0, 'Divide Error'),
  vector('#DF', 8, 'Double Fault'),
  vector('#SS', 12, 'Stack-Segment Fault'),
  vector('#NP', 11, 'Segment Not Present'),
  vector('#TS', 10, 'Invalid TSS'),
  vector('#BP', 3, 'Breakpoint'),
  vector('#DB', 1, 'Debug'),
];
