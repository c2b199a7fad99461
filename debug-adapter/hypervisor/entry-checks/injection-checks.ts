/** Checks of VM entry on the event that it injects (SDM vol. 3, 27.2.1.3). */
import { exceptionByVector, ExceptionNumber } from '../../spec/x86/exceptions';
import { InjectedType, type EntryCheck, type EntryState } from './entry-state';

const section = '27.2.1.3';
const information = 'VM_ENTRY_INTR_INFO_FIELD';
const deliversErrorCode = 0x800;
const reservedBits = 0x7ffff000;
const reservedType = 1;
const exceptionsEnd = 32;

const softwareTypes: ReadonlySet<number> = new Set([
  InjectedType.softwareInterrupt,
  InjectedType.privilegedSoftwareException,
  InjectedType.softwareException,
]);

function needsErrorCode(state: EntryState): boolean {
  const { injected } = state;
  if (injected?.type !== InjectedType.hardwareException || !state.isProtected) return false;
  return exceptionByVector.get(injected.vector)?.hasErrorCode === true;
}

function isVectorWrong({ injected }: EntryState): boolean {
  if (injected === undefined) return false;
  const { type, vector } = injected;
  if (type === InjectedType.nmi) return vector !== ExceptionNumber.NMI;
  if (type === InjectedType.hardwareException) return vector >= exceptionsEnd;
  return type === InjectedType.other && vector !== 0;
}

/** In the order of the manual. */
export const injectionChecks: readonly EntryCheck[] = [
  {
    field: information,
    section,
    problem: 'must not have the reserved type 1',
    fails: ({ injected }) => injected?.type === reservedType,
  },
  {
    field: information,
    section,
    problem: 'must have vector 2 for an NMI, one below 32 for an exception, 0 for another event',
    fails: isVectorWrong,
  },
  {
    field: information,
    section,
    problem:
      'must deliver an error code (bit 11) for an exception that has one, in protected mode, and only then',
    fails: (s) =>
      s.injected !== undefined && s.has(information, deliversErrorCode) !== needsErrorCode(s),
  },
  {
    field: information,
    section,
    problem: 'must have bits 30:12 clear',
    fails: (s) => s.injected !== undefined && s.has(information, reservedBits),
  },
  {
    field: 'VM_ENTRY_EXCEPTION_ERROR_CODE',
    section,
    problem: 'must have bits 31:16 clear',
    fails: (s) => needsErrorCode(s) && s.get('VM_ENTRY_EXCEPTION_ERROR_CODE') > 0xffffn,
  },
  {
    field: 'VM_ENTRY_INSTRUCTION_LEN',
    section,
    problem: 'must be at most 15 for a software interrupt or software exception',
    fails: (s) =>
      softwareTypes.has(s.injected?.type ?? 0) && s.get('VM_ENTRY_INSTRUCTION_LEN') > 15n,
  },
];
