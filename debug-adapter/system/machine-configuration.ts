/** What a machine is made of; with the images and the input log it determines every state. */
import { defaultCosts, type VirtualTimeCosts } from './virtual-time-costs';

/** A file that the person named: contents and path, the latter for messages only. */
export interface ImageFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** One guest partition with one virtual processor. */
export interface GuestConfiguration {
  readonly name: string;
  /** RAM from guest-physical address 0; a multiple of 4,096. */
  readonly memoryBytes: number;
  /** A static ELF64 executable that keeps the contract of `spec/sample-guest.ts`. */
  readonly image: ImageFile;
  /** Empty where there is none. */
  readonly commandLine: string;
}

/** The whole machine. */
export interface MachineConfiguration {
  readonly guests: readonly GuestConfiguration[];
  readonly costs: VirtualTimeCosts;
}

/** A machine with one guest and the default costs. */
export function configureSingleGuest(guest: GuestConfiguration): MachineConfiguration {
  return { guests: [guest], costs: defaultCosts };
}
