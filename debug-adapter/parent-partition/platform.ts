/** How the parent partition and a guest's devices meet. */
import type { Inspectable } from '../machine/inspect';
import type { InterruptRequest } from '../machine/interrupt-request';
import type { SavedPart } from '../machine/saved-part';
import type { TimerSource } from '../machine/timer-queue';
import type { MemoryDevice } from './emulated-devices/memory-device';
import type { PortDevice } from './emulated-devices/port-device';
import type { GuestBus } from './guest-bus';

/** What chips need of the world. */
export interface PlatformServices {
  readonly timers: TimerSource;
  /** Virtual time of the lane whose access is being handled. */
  nowNs(): number;
  assertInterrupt(request: InterruptRequest): void;
  /** The output of an 8259, wired to LINT0 of the boot processor. */
  setExternalInterruptLine(asserted: boolean): void;
  /**
   * What a guest wrote to a console in one access.
   * @param port the first port of the chip that took it
   * @param value the bytes, the first one lowest, and nothing behind them
   * @param sizeBytes how many, at most 4
   */
  writeConsole(port: number, value: number, sizeBytes: number): void;
  endPartition(exitCode: number): void;
  resetPartition(): void;
}

/** A device and its first port. */
export interface PlacedPorts {
  readonly first: number;
  readonly count: number;
  readonly device: PortDevice;
}

/** A device and its first guest-physical address. */
export interface PlacedMemory {
  readonly gpa: number;
  readonly bytes: number;
  readonly device: MemoryDevice;
}

/** A guest's devices. Ranges of one kind do not overlap. */
export interface Platform extends SavedPart {
  readonly ports: readonly PlacedPorts[];
  readonly memory: readonly PlacedMemory[];
  /**
   * Guest-physical addresses below this one that are neither RAM nor a device's read all ones, and writes are lost, as
   * on a bus that nothing drives. Where it is absent, such an access stops the machine.
   */
  readonly openBusBytes?: number;
  /** Absent where the guest has no VMBus. */
  readonly guestBus?: GuestBus | undefined;
  /** The chips, for whoever wants to look at them; absent where there are none worth it. */
  readonly inspectables?: readonly Inspectable[];
  /** A local APIC ended a level-triggered interrupt. */
  endOfInterrupt(vector: number): void;
  /** A processor takes the external interrupt; answers its vector. */
  acknowledgeInterrupt(): number;
  /**
   * Bytes that a person typed.
   * @throws UserError where the platform has no console at `port` that reads
   */
  receiveConsoleInput(port: number, data: Uint8Array): void;
}
