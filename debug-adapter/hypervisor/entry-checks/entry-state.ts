/** What the checks of VM entry read, and what one of them says. */
import { isCanonical } from '../../machine/addresses';
import type { ProcessorCore } from '../../machine/processor';
import { stateOffsets, vmcsEncoding, type ProcessorState } from '../../machine/processor-state';
import { Cr0, Efer, Rflags } from '../../spec/x86/control-registers';

/** Types of an injected event (SDM vol. 3, table 25-17). */
export const InjectedType = {
  externalInterrupt: 0,
  nmi: 2,
  hardwareException: 3,
  softwareInterrupt: 4,
  privilegedSoftwareException: 5,
  softwareException: 6,
  /** A pending exit by the monitor trap flag. */
  other: 7,
} as const;

/** Whose state is checked. */
export type EntryPart = Pick<ProcessorCore, 'state' | 'linearAddressBits'>;

/** Why VM entry fails. */
export interface EntryFailure {
  /** The VMCS field that is not as it must be. */
  readonly field: string;
  /** Section of SDM vol. 3 that asks for it. */
  readonly section: string;
  readonly problem: string;
  /** VMfailValid with a VM-instruction error, or a VM exit with reason 33 and a qualification. */
  readonly ends: 'vm-fail' | 'exit';
  /** Of the VM exit (SDM vol. 3, 27.8). */
  readonly qualification: bigint;
}

/** One requirement on a field. */
export interface EntryCheck {
  readonly field: string;
  readonly section: string;
  /** Said of the field where `fails` holds. */
  readonly problem: string;
  fails(state: EntryState): boolean;
  /** Of the VM exit where it is not 0. */
  readonly qualification?: bigint;
}

/** Bits that a word has besides those of `allowed`. */
export function hasOther(value: bigint, allowed: bigint): boolean {
  return (value & ~allowed) !== 0n;
}

const injectionValid = 0x80000000n;

/** The state of one processor, as the checks ask about it. */
export class EntryState {
  private readonly state: ProcessorState;

  constructor(private readonly part: EntryPart) {
    this.state = part.state;
  }

  get(field: string): bigint {
    return this.state.vmcs(vmcsEncoding(field));
  }

  has(field: string, mask: bigint | number): boolean {
    return (this.get(field) & BigInt.asUintN(32, BigInt(mask))) !== 0n;
  }

  isCanonical(address: bigint): boolean {
    return isCanonical(address, this.part.linearAddressBits);
  }

  get isPaged(): boolean {
    return this.has('GUEST_CR0', Cr0.PG);
  }

  get isProtected(): boolean {
    return this.has('GUEST_CR0', Cr0.PE);
  }

  get isLongMode(): boolean {
    return this.has('GUEST_IA32_EFER', Efer.LMA);
  }

  get isVirtual8086(): boolean {
    return this.has('GUEST_RFLAGS', 0x20000);
  }

  get isInterruptEnabled(): boolean {
    return this.has('GUEST_RFLAGS', Rflags.IF);
  }

  /** The event that VM entry injects; undefined where there is none. */
  get injected(): { readonly vector: number; readonly type: number } | undefined {
    const word = this.get('VM_ENTRY_INTR_INFO_FIELD');
    if ((word & injectionValid) === 0n) return undefined;
    return { vector: Number(word & 0xffn), type: Number((word >> 8n) & 7n) };
  }

  /** CR8, which is also the TPR shadow. */
  get taskPriority(): bigint {
    return this.state.readU64(stateOffsets.cr8);
  }

  /** DPL of SS, which is the privilege level. */
  get privilege(): number {
    return Number((this.get('GUEST_SS_AR_BYTES') >> 5n) & 3n);
  }
}
