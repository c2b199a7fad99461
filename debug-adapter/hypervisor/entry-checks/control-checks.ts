/** Checks of VM entry on the VM-execution, VM-exit and VM-entry control fields (SDM vol. 3, 27.2.1). */
import { isHypervisorPage } from '../../machine/hypervisor-pages';
import { physicalAddressBits } from '../../spec/x86/address-widths';
import {
  exitControls,
  pinBasedControls,
  primaryControls,
  secondaryControls,
} from '../../spec/x86/vmx-controls';
import { maskOf } from '../../support/bit-field';
import { reasonWithoutControl, controlWords, type ControlWord } from '../vmx-capabilities';
import { injectionChecks } from './injection-checks';
import { type EntryCheck, type EntryState } from './entry-state';

const execution = '27.2.1.1';
const primary = 'CPU_BASED_VM_EXEC_CONTROL';
const secondary = 'SECONDARY_VM_EXEC_CONTROL';

const useIoBitmaps = maskOf(primaryControls, ['use I/O bitmaps']);
const useMsrBitmaps = maskOf(primaryControls, ['use MSR bitmaps']);
const useTprShadow = maskOf(primaryControls, ['use TPR shadow']);
const enableVpid = maskOf(secondaryControls, ['enable VPID']);
const useTscScaling = maskOf(secondaryControls, ['use TSC scaling']);
const saveTimer = maskOf(exitControls, ['save VMX-preemption timer value']);
const activateTimer = maskOf(pinBasedControls, ['activate VMX-preemption timer']);

const width = BigInt(physicalAddressBits);

function isPageAddress(value: bigint): boolean {
  return (value & 0xfffn) === 0n && value >> width === 0n;
}

/** Memory type uncacheable or write-back, four levels; neither accessed and dirty flags nor shadow stacks. */
function isEptPointer(value: bigint): boolean {
  const type = value & 7n;
  const isType = type === 0n || type === 6n;
  return isType && ((value >> 3n) & 7n) === 3n && (value & 0xfc0n) === 0n && value >> width === 0n;
}

/** A page among the hypervisor's, where a control says that the processor reads it. */
function bitmap(field: string, control: number): EntryCheck {
  return {
    field,
    section: execution,
    problem: 'must be the address of one of the hypervisor’s pages',
    fails: (s) => s.has(primary, control) && !isHypervisorPage(s.get(field)),
  };
}

/** Areas of MSRs have no entries here. */
function emptyArea(field: string, section: string): EntryCheck {
  return {
    field,
    section,
    problem: 'must be 0: this processor loads and stores no MSRs by areas',
    fails: (s) => s.get(field) !== 0n,
  };
}

const fieldChecks: readonly EntryCheck[] = [
  {
    field: 'CR3_TARGET_COUNT',
    section: execution,
    problem: 'must not be above 4, the count of CR3-target values (IA32_VMX_MISC)',
    fails: (s) => s.get('CR3_TARGET_COUNT') > 4n,
  },
  bitmap('IO_BITMAP_A', useIoBitmaps),
  bitmap('IO_BITMAP_B', useIoBitmaps),
  bitmap('MSR_BITMAP', useMsrBitmaps),
  {
    field: 'VIRTUAL_APIC_PAGE_ADDR',
    section: execution,
    problem: 'must be the address of a page, within the physical-address width',
    fails: (s) => s.has(primary, useTprShadow) && !isPageAddress(s.get('VIRTUAL_APIC_PAGE_ADDR')),
  },
  {
    field: 'TPR_THRESHOLD',
    section: execution,
    problem: 'must have bits 31:4 clear',
    fails: (s) => s.has(primary, useTprShadow) && s.get('TPR_THRESHOLD') > 0xfn,
  },
  {
    field: 'TPR_THRESHOLD',
    section: execution,
    problem: 'must not be above the task priority (CR8)',
    fails: (s) => s.has(primary, useTprShadow) && s.get('TPR_THRESHOLD') > s.taskPriority,
  },
  {
    field: 'VIRTUAL_PROCESSOR_ID',
    section: execution,
    problem: 'must not be 0 with "enable VPID"',
    fails: (s) => s.has(secondary, enableVpid) && s.get('VIRTUAL_PROCESSOR_ID') === 0n,
  },
  {
    field: 'EPT_POINTER',
    section: execution,
    problem: 'must have memory type 0 or 6, a page-walk length of 4, and bits 11:6 clear',
    fails: (s) => !isEptPointer(s.get('EPT_POINTER')),
  },
  {
    field: 'TSC_MULTIPLIER',
    section: execution,
    problem: 'must not be 0 with "use TSC scaling"',
    fails: (s) => s.has(secondary, useTscScaling) && s.get('TSC_MULTIPLIER') === 0n,
  },
  {
    field: 'VM_EXIT_CONTROLS',
    section: '27.2.1.2',
    problem:
      'must not have "save VMX-preemption timer value" set without "activate VMX-preemption timer"',
    fails: (s) =>
      s.has('VM_EXIT_CONTROLS', saveTimer) && !s.has('PIN_BASED_VM_EXEC_CONTROL', activateTimer),
  },
  emptyArea('VM_EXIT_MSR_STORE_COUNT', '27.2.1.2'),
  emptyArea('VM_EXIT_MSR_LOAD_COUNT', '27.2.1.2'),
  emptyArea('VM_ENTRY_MSR_LOAD_COUNT', '27.2.1.3'),
];

/** Names of bits, with their numbers where they have no name. */
function namesOf({ bits }: ControlWord, mask: number): string {
  const names: string[] = [];
  for (let number = 0; number < 32; number++) {
    if (((mask >>> number) & 1) === 0) continue;
    const name = bits.find((each) => each.low === number)?.name;
    names.push(name === undefined ? `bit ${number}` : `"${name}"`);
  }
  return names.join(', ');
}

/** What is wrong with a control word against its capability MSR; undefined where nothing is. */
function wordProblem(state: EntryState, word: ControlWord): string | undefined {
  const value = Number(state.get(word.field));
  const { name } = word.capability;
  const missing = (word.mustBeOne & ~value) >>> 0;
  if (missing !== 0) return `must have ${namesOf(word, missing)} set (${name} bits 31:0)`;
  const extra = (value & ~word.mayBeOne) >>> 0;
  if (extra === 0) return undefined;
  const first = word.bits.find((each) => ((extra >>> each.low) & 1) !== 0)?.name ?? '';
  return `cannot have ${namesOf(word, extra)} set (${name} bits 63:32): ${reasonWithoutControl(first)}`;
}

/** The first control field that VM entry refuses, with VM-instruction error 7. */
export function findControlProblem(
  state: EntryState,
): Pick<EntryCheck, 'field' | 'section' | 'problem'> | undefined {
  for (const word of controlWords) {
    const problem = wordProblem(state, word);
    if (problem !== undefined) return { field: word.field, section: word.section, problem };
  }
  return [...fieldChecks, ...injectionChecks].find((check) => check.fails(state));
}
