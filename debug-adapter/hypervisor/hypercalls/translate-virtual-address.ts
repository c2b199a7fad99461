/** HvCallTranslateVirtualAddress (0x52): a supervisor's view of a guest-virtual address, without side effects. */
import { pageSizeBytes } from '../../machine/addresses';
import { rightRead, rightWrite } from '../../machine/guest-memory';
import type { AccessKind, Translation } from '../../machine/processor';
import { hypercallByName } from '../../spec/tlfs/hypercalls';
import { Status } from '../../spec/tlfs/status-codes';
import { present } from '../../support/assert';
import { readField, structLayout, writeField } from '../../support/struct-layout';
import type { Partition } from '../partition';
import type { SimpleHypercallHandler } from './handler';
import { resolveProcessor } from './target';

const row = present(hypercallByName.get('HvCallTranslateVirtualAddress'), 'hypercall 0x52');
const inputLayout = structLayout(row.name, row.input ?? []);
const outputLayout = structLayout(`${row.name} output`, row.output ?? []);

/** HV_TRANSLATE_GVA_CONTROL_FLAGS that are built: validation, privilege exemption and supervisor access. */
const ControlFlag = { validateRead: 1n, validateWrite: 2n, validateExecute: 4n } as const;
const privilegeExempt = 8n;
const supervisorAccess = 0x40n;
const builtFlags = 7n | privilegeExempt | supervisorAccess;
const inputVtlShift = 56n;

/** HV_TRANSLATE_GVA_RESULT_CODE. */
const ResultCode = {
  success: 0n,
  pageNotPresent: 1n,
  privilegeViolation: 2n,
  invalidPageTableFlags: 3n,
  gpaUnmapped: 4n,
  gpaNoReadAccess: 5n,
  gpaNoWriteAccess: 6n,
} as const;

const writeBackCache = 6n << 32n;
const overlayPage = 1n << 40n;

const errorPresent = 1;
const errorReserved = 8;

/** What a walk came to: a guest page, or the result code of its failure. */
type Outcome = { readonly gpaPage: number } | { readonly code: bigint };

/** Flags that ask for more than is built (accessed bits, TLB locks, user access) are refused as invalid. */
export const translateVirtualAddress: SimpleHypercallHandler = {
  kind: 'simple',
  run({ caller, header, output }) {
    const flags = readField(inputLayout, header, 'ControlFlags');
    const processor = resolveProcessor(caller, inputLayout, header, flags >> inputVtlShift);
    if (typeof processor === 'number') return processor;
    const control = flags & ((1n << inputVtlShift) - 1n);
    if ((control & ~builtFlags) !== 0n) return Status.invalidParameter;
    const gva = BigInt.asUintN(64, readField(inputLayout, header, 'GvaPage') << 12n);
    const outcomes = wantedAccesses(control).map((access) =>
      judge(processor.core.translate(gva, access)),
    );
    const failure = outcomes.find((outcome) => 'code' in outcome);
    const outcome = failure ?? present(outcomes[0], 'translation');
    const result = 'code' in outcome ? outcome.code : judgePage(caller.partition, outcome, control);
    writeField(outputLayout, output, 'TranslationResult', result);
    if ('gpaPage' in outcome) {
      writeField(outputLayout, output, 'GpaPage', BigInt(outcome.gpaPage));
    }
    return Status.success;
  },
};

/** At least the read that every walk is. */
function wantedAccesses(control: bigint): readonly AccessKind[] {
  const wanted: AccessKind[] = ['read'];
  if ((control & ControlFlag.validateWrite) !== 0n) wanted.push('write');
  if ((control & ControlFlag.validateExecute) !== 0n) wanted.push('execute');
  return wanted;
}

function judge(translation: Translation): Outcome {
  switch (translation.kind) {
    case 'mapped':
      return { gpaPage: Math.floor(translation.gpa / pageSizeBytes) };
    case 'noncanonical':
      return { code: ResultCode.pageNotPresent };
    case 'fault': {
      const { errorCode } = translation;
      if ((errorCode & errorReserved) !== 0) return { code: ResultCode.invalidPageTableFlags };
      const isPresent = (errorCode & errorPresent) !== 0;
      return { code: isPresent ? ResultCode.privilegeViolation : ResultCode.pageNotPresent };
    }
  }
}

function judgePage(
  { memory }: Partition,
  { gpaPage }: { readonly gpaPage: number },
  control: bigint,
): bigint {
  const rights = memory.rightsOf(gpaPage);
  if (rights === 0) return ResultCode.gpaUnmapped;
  const mustRead = (control & ControlFlag.validateRead) !== 0n;
  if (mustRead && (rights & rightRead) === 0) return ResultCode.gpaNoReadAccess;
  const mustWrite = (control & ControlFlag.validateWrite) !== 0n;
  if (mustWrite && (rights & rightWrite) === 0) return ResultCode.gpaNoWriteAccess;
  return ResultCode.success | writeBackCache | (memory.isOverlay(gpaPage) ? overlayPage : 0n);
}
