/** Groups exit reasons into the few kinds that the log tells apart by icon and colour. */
import { exitNames } from '../../../debug-adapter/protocol/breakpoint-names';

export type ReasonCategory =
  'hypercall' | 'port' | 'msr' | 'memory' | 'fault' | 'interrupt' | 'idle' | 'instruction';

/** Codicon of each kind; the colour is in the style sheet, by the same name. */
export const categoryIcons: Readonly<Record<ReasonCategory, string>> = {
  hypercall: 'call-outgoing',
  port: 'plug',
  msr: 'settings',
  memory: 'layers',
  fault: 'flame',
  interrupt: 'bell',
  idle: 'debug-pause',
  instruction: 'symbol-operator',
};

/** Constant names of exit reasons whose kind is not `instruction`. */
const categories: readonly (readonly [RegExp, ReasonCategory])[] = [
  [/^(VMCALL|VMFUNC)$/, 'hypercall'],
  [/^(IO_INSTRUCTION|IO_SMI|OTHER_SMI)$/, 'port'],
  [/^(EXCEPTION_NMI|TRIPLE_FAULT|INVALID_STATE|MSR_LOAD_FAIL|MCE_DURING_VMENTRY)$/, 'fault'],
  [/^(MSR_READ|MSR_WRITE|RDMSRLIST|WRMSRLIST)$/, 'msr'],
  [/^(EPT_|APIC_ACCESS|APIC_WRITE|PML_|SPP_)/, 'memory'],
  [/^(EXTERNAL_INTERRUPT|TPR_|EOI_|PREEMPTION_TIMER|NOTIFY)|_WINDOW$|_SIGNAL$/, 'interrupt'],
  [/^(HLT|PAUSE|MWAIT|UMWAIT|TPAUSE)$/, 'idle'],
];

const categoryByReason = new Map(
  exitNames.map(({ number, name }) => [
    number,
    categories.find(([pattern]) => pattern.test(name))?.[1] ?? 'instruction',
  ]),
);

export function reasonCategory(reason: number): ReasonCategory {
  return categoryByReason.get(reason) ?? 'instruction';
}
