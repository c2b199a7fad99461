/** Checks of VM entry on what is no register (SDM vol. 3, 27.3.1.5), and on the pointers of PAE paging (27.3.1.6). */
import { physicalAddressBits } from '../../spec/x86/address-widths';
import { Cr4 } from '../../spec/x86/control-registers';
import { ExceptionNumber } from '../../spec/x86/exceptions';
import { activityState, interruptibilityState } from '../../spec/x86/vmx-controls';
import { maskOf } from '../../support/bit-field';
import { hasOther, InjectedType, type EntryCheck, type EntryState } from './entry-state';

const section = '27.3.1.5';
const activity = 'GUEST_ACTIVITY_STATE';
const interruptibility = 'GUEST_INTERRUPTIBILITY_INFO';
const pending = 'GUEST_PENDING_DBG_EXCEPTIONS';

const blockingBySti = maskOf(interruptibilityState, ['blocking by STI']);
const blockingByMovSs = maskOf(interruptibilityState, ['blocking by MOV SS']);
const blockingBySmi = maskOf(interruptibilityState, ['blocking by SMI']);
const blockingByNmi = maskOf(interruptibilityState, ['blocking by NMI']);
const shadows = blockingBySti | blockingByMovSs;
const interruptibilityKnown = 0x1fn;
const pendingKnown = 0x1580fn;
const singleStep = 0x4000;
const trapFlag = 0x100;
const noLink = (1n << 64n) - 1n;

/** Reasons of an entry failure (SDM vol. 3, 27.8). */
const qualification = { pageDirectoryPointer: 2n, nmiInjection: 3n, linkPointer: 4n } as const;

/** Whether an activity state takes the event that is injected. */
function isEventOutOfPlace(s: EntryState): boolean {
  const { injected } = s;
  if (injected === undefined) return false;
  const { type, vector } = injected;
  const isMachineCheck = type === InjectedType.hardwareException && vector === ExceptionNumber.MC;
  switch (Number(s.get(activity))) {
    case activityState.active:
      return false;
    case activityState.hlt: {
      const isDebug = type === InjectedType.hardwareException && vector === ExceptionNumber.DB;
      const isWaking =
        type === InjectedType.externalInterrupt ||
        type === InjectedType.nmi ||
        type === InjectedType.other;
      return !isWaking && !isDebug && !isMachineCheck;
    }
    case activityState.shutdown:
      return type !== InjectedType.nmi && !isMachineCheck;
    default:
      return true;
  }
}

const presentEntry = 1n;
const reservedOfPointer = 0x1e6n;

/** A pointer that is present has reserved bits clear (SDM vol. 3, 4.4.1). */
function pointerCheck(index: number): EntryCheck {
  const field = `GUEST_PDPTR${index}`;
  return {
    field,
    section: '27.3.1.6',
    problem: 'must have reserved bits clear where it is present',
    qualification: qualification.pageDirectoryPointer,
    fails(s) {
      const isUsed = s.isPaged && s.has('GUEST_CR4', Cr4.PAE) && !s.isLongMode;
      const value = s.get(field);
      if (!isUsed || (value & presentEntry) === 0n) return false;
      return (value & reservedOfPointer) !== 0n || value >> BigInt(physicalAddressBits) !== 0n;
    },
  };
}

/** In the order of the manual. */
export const nonRegisterChecks: readonly EntryCheck[] = [
  {
    field: activity,
    section,
    problem: 'must be 0 to 3 (IA32_VMX_MISC)',
    fails: (s) => s.get(activity) > BigInt(activityState.waitForSipi),
  },
  {
    field: activity,
    section,
    problem: 'must not be HLT where the DPL of SS is not 0',
    fails: (s) => s.get(activity) === BigInt(activityState.hlt) && s.privilege !== 0,
  },
  {
    field: activity,
    section,
    problem: 'must be active where STI or MOV SS blocks interrupts',
    fails: (s) => s.get(activity) !== 0n && s.has(interruptibility, shadows),
  },
  {
    field: activity,
    section,
    problem: 'does not take the event that VM entry injects',
    fails: isEventOutOfPlace,
  },
  {
    field: interruptibility,
    section,
    problem: 'must have bits 31:5 clear',
    fails: (s) => hasOther(s.get(interruptibility), interruptibilityKnown),
  },
  {
    field: interruptibility,
    section,
    problem: 'must not have blocking by STI and by MOV SS both set',
    fails: (s) => (s.get(interruptibility) & BigInt(shadows)) === BigInt(shadows),
  },
  {
    field: interruptibility,
    section,
    problem: 'must have blocking by STI clear while RFLAGS.IF is',
    fails: (s) => s.has(interruptibility, blockingBySti) && !s.isInterruptEnabled,
  },
  {
    field: interruptibility,
    section,
    problem:
      'must have blocking by STI and by MOV SS clear where an external interrupt is injected',
    fails: (s) =>
      s.injected?.type === InjectedType.externalInterrupt && s.has(interruptibility, shadows),
  },
  {
    field: interruptibility,
    section,
    problem: 'must have blocking by STI and by MOV SS clear where an NMI is injected',
    qualification: qualification.nmiInjection,
    fails: (s) => s.injected?.type === InjectedType.nmi && s.has(interruptibility, shadows),
  },
  {
    field: interruptibility,
    section,
    problem: 'must have blocking by SMI clear outside system-management mode',
    fails: (s) => s.has(interruptibility, blockingBySmi),
  },
  {
    field: interruptibility,
    section,
    problem: 'must have blocking by NMI clear where an NMI is injected ("virtual NMIs")',
    fails: (s) => s.injected?.type === InjectedType.nmi && s.has(interruptibility, blockingByNmi),
  },
  {
    field: pending,
    section,
    problem: 'has reserved bits set',
    fails: (s) => hasOther(s.get(pending), pendingKnown),
  },
  {
    field: pending,
    section,
    problem:
      'must have BS clear where RFLAGS.TF is, while the processor halts or blocks interrupts',
    fails: (s) =>
      (s.has(interruptibility, shadows) || s.get(activity) === BigInt(activityState.hlt)) &&
      s.has(pending, singleStep) &&
      !s.has('GUEST_RFLAGS', trapFlag),
  },
  {
    field: 'VMCS_LINK_POINTER',
    section,
    problem: 'must be all ones: there is no VMCS shadowing',
    qualification: qualification.linkPointer,
    fails: (s) => s.get('VMCS_LINK_POINTER') !== noLink,
  },
  ...[0, 1, 2, 3].map(pointerCheck),
];
