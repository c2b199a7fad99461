/** What a machine is made of; with the images and the input log it determines every state. */
import type { ResetPolicy, TripleFaultPolicy } from '../hypervisor/partition';
import type { ProcessorShare } from '../hypervisor/processor-scheduler';
import { defaultCosts, type VirtualTimeCosts } from './virtual-time-costs';

/** A file that the person named: contents and path, the latter for messages only. */
export interface ImageFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * How a guest's image is loaded and entered: `sample-guest` keeps the contract of `spec/sample-guest.ts`, `linux` the
 * Linux boot protocol (bzImage, or vmlinux at its 64-bit entry), `pvh` the PVH boot ABI, `multiboot` that
 * specification in version 1 or 2; `flat` is put at an address as it is.
 */
export type GuestFormat = 'sample-guest' | 'linux' | 'pvh' | 'multiboot' | 'flat';

/** Where a flat image goes, and the mode in which its first byte is executed. */
export interface FlatPlacement {
  readonly address: number;
  readonly mode: 'real' | 'protected' | 'long';
}

/** A disk of a guest. */
export interface DiskConfiguration {
  /** The image, of any format that is known; it is never written. */
  readonly path: string;
  /** `scsi` is the synthetic controller, `ide` the accelerator of an IDE drive; both are on VMBus. */
  readonly controller: 'scsi' | 'ide';
  /** Logical unit number from 0 to 63, or number of the IDE drive from 0 to 3; the first that is free if absent. */
  readonly location?: number;
  readonly isReadOnly?: boolean;
  /** False for a disk of the SCSI controller that is put in later. */
  readonly isAttached?: boolean;
  /** Most that is kept of what the guest writes; `limits.diskOverlayBytes` if absent. */
  readonly writtenBytesMaximum?: number;
}

/** One guest partition. */
export interface GuestConfiguration {
  readonly name: string;
  /** End of RAM, a multiple of 4,096; see `boot/memory-map.ts` for what lies below it. */
  readonly memoryBytes: number;
  readonly image: ImageFile;
  /** Empty where there is none. */
  readonly commandLine: string;
  /** By default, or with `auto`, what the image looks like. */
  readonly format?: GuestFormat | 'auto';
  /** Initial RAM disk of a kernel; a multiboot kernel finds it as its first module. */
  readonly initrd?: ImageFile;
  /** Virtual processors, 1 by default. */
  readonly processorCount?: number;
  /** Only for `flat`; by default a boot sector's place, entered in real mode. */
  readonly flat?: FlatPlacement;
  /** Who unpacks a bzImage: the loader, by default, or the code that the kernel brings with it. */
  readonly unpack?: 'host' | 'guest';
  /** What the clock of the guest's platform says at power-on: seconds since 1970-01-01 00:00:00 UTC. */
  readonly bootTime?: number;
  /** What a reset of its platform does; by default the guest starts again. */
  readonly onReset?: ResetPolicy;
  /** What a triple fault does; by default the machine stops. */
  readonly onTripleFault?: TripleFaultPolicy;
  /** Whether CPUID offers 5-level paging; it does not unless told to. */
  readonly la57?: boolean;
  /** What each of its processors may have of the logical processors. */
  readonly share?: ProcessorShare;
  /** False for a PC without VMBus; sample guests never have it. */
  readonly vmbus?: boolean;
  /** Newest version of VMBus that the guest may ask for, as the bus has it: major << 16 | minor. */
  readonly vmbusVersion?: number;
  /** Nanoseconds between two looks at the guest's monitor page; without it nothing is signalled there. */
  readonly vmbusMonitorNs?: number;
  /** Disks on VMBus. */
  readonly disks?: readonly DiskConfiguration[];
}

/** Power-on time of a guest whose configuration names none: 2026-01-01 00:00:00 UTC. */
export const defaultBootTime = 1_767_225_600;

/** The whole machine. */
export interface MachineConfiguration {
  readonly guests: readonly GuestConfiguration[];
  readonly costs: VirtualTimeCosts;
  /** What the random numbers of all processors start from; 0 unless given. */
  readonly randomSeed?: bigint;
  /** Logical processors that the virtual ones share; by default each has its own. */
  readonly logicalProcessors?: number;
}

/** A machine with one guest and the default costs. */
export function configureSingleGuest(guest: GuestConfiguration): MachineConfiguration {
  return { guests: [guest], costs: defaultCosts };
}
