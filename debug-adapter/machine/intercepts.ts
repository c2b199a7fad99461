/** How the hypervisor tells a parent about a child's intercepted accesses, and how the parent answers. */
import type { GuestMemory } from './guest-memory';
import type { HypercallPort } from './hypercall-port';
import type { InterruptRequest } from './interrupt-request';
import type { PartitionTime } from './partition-time';
import type {
  ChildMemory,
  PostedMessage,
  SignaledEvent,
  SyntheticInterruptControl,
} from './synthetic-interrupts';

/** A port access of a child that the parent asked to see (TLFS 11.9, I/O port intercept message). */
export interface PortInterceptMessage {
  readonly kind: 'io-port';
  readonly partition: number;
  readonly processor: number;
  readonly port: number;
  readonly sizeBytes: 1 | 2 | 4;
  readonly direction: 'in' | 'out';
  /** What an OUT writes; 0 for IN. */
  readonly value: number;
}

/** An access of a child to guest-physical memory that is not RAM (TLFS 11.9, memory intercept message). */
export interface MemoryInterceptMessage {
  readonly kind: 'memory';
  readonly partition: number;
  readonly processor: number;
  readonly gpa: number;
  /** 1 to 16. */
  readonly sizeBytes: number;
  readonly direction: 'read' | 'write';
  /** What a write stores; 0 for a read. */
  readonly value: bigint;
}

/**
 * An access of a child to a mapped page without the right to it (TLFS 11.9, GPA intercept). The parent cannot make the
 * access instead: nobody waits for an answer, and the child repeats the access once it has the right.
 */
export interface RefusedAccessMessage {
  readonly kind: 'refused-access';
  readonly partition: number;
  readonly processor: number;
  readonly gpa: number;
  readonly accessType: 'read' | 'write' | 'execute';
}

/** A local APIC ended a level-triggered interrupt (TLFS 11.9, APIC EOI message). Nobody waits for an answer. */
export interface ApicEoiMessage {
  readonly kind: 'apic-eoi';
  readonly partition: number;
  readonly processor: number;
  readonly vector: number;
}

/** A processor is about to take an external interrupt (8259 style) and needs its vector. */
export interface InterruptAcknowledgeMessage {
  readonly kind: 'interrupt-acknowledge';
  readonly partition: number;
  readonly processor: number;
}

/** Everything a parent can be told about. */
export type InterceptMessage =
  | PortInterceptMessage
  | MemoryInterceptMessage
  | RefusedAccessMessage
  | ApicEoiMessage
  | InterruptAcknowledgeMessage
  | PostedMessage
  | SignaledEvent;

/** What the parent has work with: all but what it is only told. */
export type QueuedMessage = Exclude<InterceptMessage, RefusedAccessMessage>;

/** Takes messages for the parent; they wait in its queue until the hypervisor has finished its step. */
export interface InterceptSink {
  /** @returns false where no buffer is left for it, which only a posted message can find (TLFS 11.10.1) */
  post(message: InterceptMessage): boolean;
}

/** What the virtualization stack does to its children while they run; how they are made is a matter of hypercalls. */
export interface ChildControl extends SyntheticInterruptControl, ChildMemory {
  /**
   * The parent's way to make hypercalls.
   * @param memory pages of the parent in which their parameter blocks lie
   */
  openHypercallPort(memory: GuestMemory): HypercallPort;

  /**
   * Answers the access that suspended a processor and resumes it.
   * @param value what an IN reads, zero-extended; ignored for OUT
   */
  completePortIntercept(partition: number, processor: number, value: number): void;

  /**
   * Asks for messages about accesses to `bytes` bytes of guest-physical memory from `gpa` on that the second-level map
   * does not allow. There is no hypercall for it: the TLFS has such messages sent for every address (11.9).
   */
  installMemoryIntercept(partition: number, gpa: number, bytes: number): void;

  /** Undoes {@link installMemoryIntercept} with the same range. */
  removeMemoryIntercept(partition: number, gpa: number, bytes: number): void;

  /**
   * Answers the memory access that suspended a processor and resumes it.
   * @param value what a read finds, zero-extended; ignored for a write
   */
  completeMemoryIntercept(partition: number, processor: number, value: bigint): void;

  /** Sends an interrupt message to the local APICs of a partition (HvCallAssertVirtualInterrupt). */
  assertInterrupt(partition: number, request: InterruptRequest): void;

  /** Sets the line from an 8259 to LINT0 of the boot processor. */
  setExternalInterruptLine(partition: number, asserted: boolean): void;

  /** Answers {@link InterruptAcknowledgeMessage}: the processor takes `vector`. */
  completeInterruptAcknowledge(partition: number, processor: number, vector: number): void;

  /** The clock that the devices of a partition have, and the timers that are set by it. */
  timeOf(partition: number): PartitionTime;

  /** Ends a partition at its own request. Its processors do not run again. */
  endPartition(partition: number, exitCode: number): void;

  /** Starts a partition whose platform was reset again, at the end of the present step, or ends it: as it was configured. */
  resetPartition(partition: number): void;
}
