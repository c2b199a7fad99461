/** What the registers that HvCallGetVpRegisters and HvCallSetVpRegisters name stand for (TLFS 7.10). */
import { stateOffsets, vmcsEncoding, type ProcessorState } from '../../machine/processor-state';
import { HypervisorLeaf } from '../../spec/tlfs/cpuid-leaves';
import {
  apicRegisterNames,
  generalRegisterNames,
  registerNames,
  segmentRegisterNames,
} from '../../spec/tlfs/register-names';
import { msrByName } from '../../spec/x86/msrs';
import { present } from '../../support/assert';
import { answerHypervisorLeaf } from '../hypervisor-leaves';
import { readPage, readX2 } from '../local-apic/register-access';
import { readMsr, writeMsr } from '../msr-access';
import type { VirtualProcessor } from '../virtual-processor';
import { findEntryProblem } from '../vm-entry-checks';
import { followLongMode } from '../vmcs-setup';
import type { HypercallCaller } from './handler';

/**
 * How a register is reached; its value has up to 128 bits. Without `write` it is read-only here. A read that returns
 * undefined has no such register now, and a write that returns false changes nothing.
 */
export interface RegisterAccess {
  read(processor: VirtualProcessor, caller: HypercallCaller): bigint | undefined;
  write?(processor: VirtualProcessor, value: bigint, caller: HypercallCaller): boolean;
  /** How its parent writes it, where that is different: any value, of which VM entry may make something. */
  set?(processor: VirtualProcessor, value: bigint, caller: HypercallCaller): boolean;
}

type Row = readonly [string, RegisterAccess];

/** A register whose every value is good. */
function plain(
  read: (state: ProcessorState) => bigint,
  write: (state: ProcessorState, value: bigint) => void,
): RegisterAccess {
  return {
    read: ({ state }) => read(state),
    write({ state, core }, value) {
      write(state, value);
      core.stateWasEdited();
      return true;
    },
  };
}

/** How a parent writes a register that VM entry looks at. */
function settable(
  write: (state: ProcessorState, value: bigint) => void,
): Required<Pick<RegisterAccess, 'set'>> {
  return {
    set(processor, value) {
      write(processor.state, value);
      followLongMode(processor.state);
      processor.entryChecksDue = true;
      processor.core.stateWasEdited();
      return true;
    },
  };
}

/** A register that VM entry checks: a value that it would refuse is taken back. */
function checked(
  read: (state: ProcessorState) => bigint,
  write: (state: ProcessorState, value: bigint) => void,
): RegisterAccess {
  return {
    read: ({ state }) => read(state),
    write({ state, core }, value) {
      const before = read(state);
      const known = findEntryProblem(core);
      write(state, value);
      const problem = findEntryProblem(core);
      const isGood = problem === undefined || problem === known;
      if (!isGood) write(state, before);
      core.stateWasEdited();
      return isGood;
    },
    ...settable(write),
  };
}

function readOnly(read: (state: ProcessorState) => bigint): RegisterAccess {
  return { read: ({ state }) => read(state) };
}

const slot = (offset: number): RegisterAccess =>
  plain(
    (state) => state.readU64(offset),
    (state, value) => state.writeU64(offset, value),
  );

function checkedField(name: string): RegisterAccess {
  const encoding = vmcsEncoding(name);
  return checked(
    (state) => state.vmcs(encoding),
    (state, value) => state.setVmcs(encoding, BigInt.asUintN(64, value)),
  );
}

function field(name: string): RegisterAccess {
  const encoding = vmcsEncoding(name);
  return readOnly((state) => state.vmcs(encoding));
}

function msr(name: string): RegisterAccess {
  const { number } = present(msrByName.get(name), name);
  return {
    read: (processor, { partition, timeNs }) => readMsr(partition, processor, number, timeNs),
    write: (processor, value, { partition, timeNs }) =>
      writeMsr(partition, processor, number, BigInt.asUintN(64, value), timeNs),
  };
}

const u16 = 0xffffn;
const u32 = 0xffffffffn;

/** Two slots of 8 bytes. */
function wide(offset: number): RegisterAccess {
  return plain(
    (state) => state.readU64(offset) | (state.readU64(offset + 8) << 64n),
    (state, value) => {
      state.writeU64(offset, value);
      state.writeU64(offset + 8, value >> 64n);
    },
  );
}

const vmcsUnusable = 0x10000n;
const segmentPresent = 0x80n;
const accessRightsBits = 0xf0ffn;

/** HV_X64_SEGMENT_REGISTER: base, limit, selector, attributes. A segment that is not present is unusable. */
function segment(name: string): RegisterAccess {
  const of = (part: string): number => vmcsEncoding(`GUEST_${name.toUpperCase()}_${part}`);
  const [base, limit, selector] = [of('BASE'), of('LIMIT'), of('SELECTOR')];
  const rights = of('AR_BYTES');
  const { read } = readOnly((state) => {
    const bits = state.vmcs(rights);
    const isUnusable = (bits & vmcsUnusable) !== 0n;
    const attributes = bits & (isUnusable ? accessRightsBits & ~segmentPresent : accessRightsBits);
    return (
      state.vmcs(base) |
      ((state.vmcs(limit) & u32) << 64n) |
      ((state.vmcs(selector) & u16) << 96n) |
      (attributes << 112n)
    );
  });
  const set = settable((state, value) => {
    const attributes = (value >> 112n) & accessRightsBits;
    state.setVmcs(base, BigInt.asUintN(64, value));
    state.setVmcs(limit, (value >> 64n) & u32);
    state.setVmcs(selector, (value >> 96n) & u16);
    const isPresent = (attributes & segmentPresent) !== 0n;
    state.setVmcs(rights, isPresent ? attributes : attributes | vmcsUnusable);
  });
  return { read, ...set };
}

/** HV_X64_TABLE_REGISTER: limit in bits 63:48, base behind it. */
function table(name: string): RegisterAccess {
  const [base, limit] = [vmcsEncoding(`GUEST_${name}_BASE`), vmcsEncoding(`GUEST_${name}_LIMIT`)];
  return {
    ...readOnly((state) => ((state.vmcs(limit) & u16) << 48n) | (state.vmcs(base) << 64n)),
    ...settable((state, value) => {
      state.setVmcs(limit, (value >> 48n) & u16);
      state.setVmcs(base, value >> 64n);
    }),
  };
}

/** The same bits as the CPUID leaf, EAX lowest. */
function leaf(number: number): RegisterAccess {
  return {
    read(_, { partition }) {
      const { eax, ebx, ecx, edx } = answerHypervisorLeaf(number, partition);
      return [edx, ecx, ebx, eax].reduce((all, word) => (all << 32n) | BigInt(word >>> 0), 0n);
    },
  };
}

const interruptionValid = 1n << 31n;
const interruptionErrorCode = 1n << 11n;
const informationField = vmcsEncoding('VM_ENTRY_INTR_INFO_FIELD');
const errorCodeField = vmcsEncoding('VM_ENTRY_EXCEPTION_ERROR_CODE');
const interruptibilityField = vmcsEncoding('GUEST_INTERRUPTIBILITY_INFO');
const activityField = vmcsEncoding('GUEST_ACTIVITY_STATE');

/** HV_X64_PENDING_INTERRUPTION_REGISTER from what the next VM entry injects. */
const pendingInterruption = readOnly((state) => {
  const information = state.vmcs(informationField);
  if ((information & interruptionValid) === 0n) return 0n;
  const hasErrorCode = (information & interruptionErrorCode) !== 0n;
  const type = (information >> 8n) & 7n;
  const vector = information & 0xffn;
  const errorCode = hasErrorCode ? (state.vmcs(errorCodeField) & u32) << 32n : 0n;
  return 1n | (type << 1n) | (hasErrorCode ? 0x10n : 0n) | (vector << 16n) | errorCode;
});

/** HV_X64_INTERRUPT_STATE_REGISTER: a shadow of STI or MOV SS, and masked NMIs. */
const interruptState = readOnly((state) => {
  const blocking = state.vmcs(interruptibilityField);
  return ((blocking & 3n) !== 0n ? 1n : 0n) | ((blocking & 8n) !== 0n ? 2n : 0n);
});

/** HV_INTERNAL_ACTIVITY_REGISTER: waiting for a start-up IPI, halted, idle. */
const activityStateRegister: RegisterAccess = {
  read(processor) {
    if (processor.waitsForStartUp) return 1n;
    if (processor.state.vmcs(activityField) !== 1n) return 0n;
    return processor.isGuestIdle ? 4n : 2n;
  },
};

/** Its parent clears it to let a new processor run. */
const explicitSuspend: RegisterAccess = {
  read: (processor) => (processor.isSuspendedFor('explicit') ? 1n : 0n),
  set(processor, value, { partition }) {
    if (value > 1n) return false;
    partition.suspend(processor.index, 'explicit', value === 1n);
    return true;
  },
};

/** RFLAGS has a bit that is always set. */
const flagsRegister: RegisterAccess = {
  ...readOnly((state) => BigInt(state.rflags >>> 0)),
  ...settable((state, value) => (state.rflags = Number(value & u32) | 2)),
};

const eferField = vmcsEncoding('GUEST_IA32_EFER');
/** WRMSR cannot write LMA; a parent can. */
const efer: RegisterAccess = {
  ...msr('IA32_EFER'),
  ...settable((state, value) => state.setVmcs(eferField, BigInt.asUintN(64, value))),
};

const debugControl = vmcsEncoding('GUEST_DR7');

const fx = stateOffsets.fxsave;
const debugSlot = (index: number): RegisterAccess => slot(stateOffsets.dr + index * 8);
const fixedRanges = [...registerNames.keys()].filter((name) => name.startsWith('MsrMtrrFix'));

const rows: readonly Row[] = [
  ['ExplicitSuspend', explicitSuspend],
  ['InternalActivityState', activityStateRegister],
  ['HypervisorVersion', leaf(HypervisorLeaf.version)],
  ['PrivilegesAndFeaturesInfo', leaf(HypervisorLeaf.features)],
  ['FeaturesInfo', leaf(HypervisorLeaf.recommendations)],
  ['ImplementationLimitsInfo', leaf(HypervisorLeaf.limits)],
  ['HardwareFeaturesInfo', leaf(HypervisorLeaf.hardwareFeatures)],
  ...[0, 1, 2, 3, 4].map((n): Row => [`GuestCrashP${n}`, msr(`HV_X64_MSR_CRASH_P${n}`)]),
  ['ProcessorClockFrequency', msr('HV_X64_MSR_TSC_FREQUENCY')],
  ['InterruptClockFrequency', msr('HV_X64_MSR_APIC_FREQUENCY')],
  ['PendingInterruption', pendingInterruption],
  ['InterruptState', interruptState],
  ['PendingDebugException', field('GUEST_PENDING_DBG_EXCEPTIONS')],
  ...generalRegisterNames.map((name, n): Row => [name, slot(stateOffsets.gpr + n * 8)]),
  [
    'Rip',
    checked(
      (state) => state.rip,
      (state, value) => {
        state.rip = value;
        state.forgetAnswers();
      },
    ),
  ],
  ['Rflags', flagsRegister],
  ...Array.from({ length: 16 }, (_, n): Row => [`Xmm${n}`, wide(fx + 160 + n * 16)]),
  ...Array.from({ length: 8 }, (_, n): Row => [`FpMmx${n}`, { read: wide(fx + 32 + n * 16).read }]),
  ['FpControlStatus', { read: wide(fx).read }],
  ['XmmControlStatus', { read: wide(fx + 16).read }],
  ['Cr0', checkedField('GUEST_CR0')],
  ['Cr2', slot(stateOffsets.cr2)],
  ['Cr3', checkedField('GUEST_CR3')],
  ['Cr4', checkedField('GUEST_CR4')],
  ['Cr8', readOnly((state) => state.readU64(stateOffsets.cr8))],
  ['Xfem', readOnly((state) => state.readU64(stateOffsets.xcr0))],
  ...[0, 1, 2, 3].map((n): Row => [`Dr${n}`, debugSlot(n)]),
  ['Dr6', { read: debugSlot(6).read }],
  [
    'Dr7',
    {
      ...field('GUEST_DR7'),
      ...settable((state, value) => state.setVmcs(debugControl, value & u32)),
    },
  ],
  ...segmentRegisterNames.map((name): Row => [name, segment(name)]),
  ['Idtr', table('IDTR')],
  ['Gdtr', table('GDTR')],
  ['Tsc', msr('IA32_TIME_STAMP_COUNTER')],
  ['Efer', efer],
  ['KernelGsBase', msr('IA32_KERNEL_GS_BASE')],
  ['ApicBase', msr('IA32_APIC_BASE')],
  ['Pat', msr('IA32_PAT')],
  ['SysenterCs', msr('IA32_SYSENTER_CS')],
  ['SysenterEip', msr('IA32_SYSENTER_EIP')],
  ['SysenterEsp', msr('IA32_SYSENTER_ESP')],
  ['Star', msr('IA32_STAR')],
  ['Lstar', msr('IA32_LSTAR')],
  ['Cstar', msr('IA32_CSTAR')],
  ['Sfmask', msr('IA32_FMASK')],
  ['InitialApicId', { read: ({ apic }) => BigInt(apic.id) }],
  ['MsrMtrrCap', { read: msr('IA32_MTRRCAP').read }],
  ['MsrMtrrDefType', msr('IA32_MTRR_DEF_TYPE')],
  ...Array.from({ length: 8 }, (_, n): readonly Row[] => [
    [`MsrMtrrPhysBase${n}`, msr(`IA32_MTRR_PHYSBASE${n}`)],
    [`MsrMtrrPhysMask${n}`, msr(`IA32_MTRR_PHYSMASK${n}`)],
  ]).flat(),
  ...fixedRanges.map((name): Row => {
    const [, size = '', first = ''] = /^MsrMtrrFix(\d+k)(.*)$/u.exec(name) ?? [];
    return [name, msr(`IA32_MTRR_FIX${size.toUpperCase()}_${first}`)];
  }),
  ['TscAux', msr('IA32_TSC_AUX')],
  ['SpecCtrl', msr('IA32_SPEC_CTRL')],
  ['TscDeadline', msr('IA32_TSC_DEADLINE')],
  ['TscAdjust', msr('IA32_TSC_ADJUST')],
  ['MsrIa32MiscEnable', msr('IA32_MISC_ENABLE')],
  ['VpRuntime', msr('HV_X64_MSR_VP_RUNTIME')],
  ['Hypercall', msr('HV_X64_MSR_HYPERCALL')],
  ['GuestOsId', msr('HV_X64_MSR_GUEST_OS_ID')],
  ['VpIndex', msr('HV_X64_MSR_VP_INDEX')],
  ['TimeRefCount', msr('HV_X64_MSR_TIME_REF_COUNT')],
  ['SyntheticEoi', msr('HV_X64_MSR_EOI')],
  ['SyntheticIcr', msr('HV_X64_MSR_ICR')],
  ['SyntheticTpr', msr('HV_X64_MSR_TPR')],
  ['VpAssistPage', msr('HV_X64_MSR_VP_ASSIST_PAGE')],
  ['ReferenceTsc', msr('HV_X64_MSR_REFERENCE_TSC')],
  ...Array.from({ length: 16 }, (_, n): Row => [`Sint${n}`, msr(`HV_X64_MSR_SINT${n}`)]),
  ['Scontrol', msr('HV_X64_MSR_SCONTROL')],
  ['Sversion', msr('HV_X64_MSR_SVERSION')],
  ['Sifp', msr('HV_X64_MSR_SIEFP')],
  ['Sipp', msr('HV_X64_MSR_SIMP')],
  ['Eom', msr('HV_X64_MSR_EOM')],
  ...[0, 1, 2, 3].flatMap((n): readonly Row[] => [
    [`Stimer${n}Config`, msr(`HV_X64_MSR_STIMER${n}_CONFIG`)],
    [`Stimer${n}Count`, msr(`HV_X64_MSR_STIMER${n}_COUNT`)],
  ]),
];

const byNumber: ReadonlyMap<number, RegisterAccess> = new Map(
  rows.map(([name, access]) => [present(registerNames.get(name), name), access]),
);

function apicRegister(number: number): RegisterAccess {
  const register = (number - apicRegisterNames.base) << 4;
  return {
    read({ apic }, { timeNs }) {
      if (!apic.isEnabled) return undefined;
      if (apic.isX2Apic) return readX2(apic, register, timeNs);
      return BigInt(readPage(apic, register, timeNs) >>> 0);
    },
  };
}

/** The register of a name's number; undefined where this hypervisor has none. */
export function findRegister(number: number): RegisterAccess | undefined {
  const isApic = number >= apicRegisterNames.first && number <= apicRegisterNames.last;
  return isApic ? apicRegister(number) : byNumber.get(number);
}

/** Names of the registers that can be read, for the record of what is supported. */
export const readableRegisters: ReadonlySet<string> = new Set(rows.map(([name]) => name));
