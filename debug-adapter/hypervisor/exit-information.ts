/** What a VM exit says in the VMCS, read where it stands: nothing is copied for an exit that nobody looks at. */
import { vmcsEncoding, vmcsSlotOffset, type ProcessorState } from '../machine/processor-state';

const slot = (name: string): number => vmcsSlotOffset(vmcsEncoding(name));

const offsets = {
  reason: slot('VM_EXIT_REASON'),
  qualification: slot('EXIT_QUALIFICATION'),
  guestPhysicalAddress: slot('GUEST_PHYSICAL_ADDRESS'),
  guestLinearAddress: slot('GUEST_LINEAR_ADDRESS'),
} as const;

/** The last exit of one processor; good until the processor runs again. */
export class ExitInformation {
  constructor(private readonly state: ProcessorState) {}

  /** With bit 31, which tells a failed VM entry. */
  get reason(): number {
    return this.state.readU32(offsets.reason);
  }

  get qualification(): bigint {
    return this.state.readU64(offsets.qualification);
  }

  /** Its lower half, which is all that most reasons use. */
  get qualificationWord(): number {
    return this.state.readU32(offsets.qualification);
  }

  get guestPhysicalAddress(): bigint {
    return this.state.readU64(offsets.guestPhysicalAddress);
  }

  get guestLinearAddress(): bigint {
    return this.state.readU64(offsets.guestLinearAddress);
  }

  get rip(): bigint {
    return this.state.rip;
  }
}
