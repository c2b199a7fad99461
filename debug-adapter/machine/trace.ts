/** Trace events: what happened in the machine, in order, for panels, breakpoints, filters and text export. */

/** Identity of a row: position first, then order among rows of one position. */
export interface TraceHeader {
  readonly position: number;
  readonly ordinal: number;
  readonly timeNs: number;
  readonly partition: number;
  readonly processor: number;
}

/** One VM exit as the log keeps it; the general registers are those of the moment, before handling. */
export interface VmExitEvent extends TraceHeader {
  readonly kind: 'vm-exit';
  /** Number of the exit on this processor, from 1; machine state, independent of filters. */
  readonly exitNumber: number;
  readonly reason: number;
  readonly qualification: bigint;
  readonly instructionLength: number;
  readonly interruptionInformation: number;
  readonly guestPhysicalAddress: bigint;
  readonly guestLinearAddress: bigint;
  readonly rip: bigint;
  readonly rflags: number;
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  /** RAX … R15 in encoding order. */
  readonly registers: readonly bigint[];
}

/** A hypercall that the dispatcher finished; the partition is the caller, a guest or the parent. */
export interface HypercallEvent extends TraceHeader {
  readonly kind: 'hypercall';
  readonly code: number;
  /** The whole control word (TLFS 3.7). */
  readonly control: bigint;
  readonly status: number;
  readonly repsCompleted: number;
  /** The beginning of the input block, and of what follows it; empty where the call was refused before it was read. */
  readonly input: Uint8Array;
  /** The beginning of the output block. */
  readonly output: Uint8Array;
}

/** An event delivered through the guest's IDT. */
export interface EventDeliveryEvent extends TraceHeader {
  readonly kind: 'event';
  readonly vector: number;
  readonly errorCode: number | undefined;
  readonly rip: bigint;
  /** The hypervisor injected it; otherwise the guest has raised it. */
  readonly isInjected: boolean;
}

/** Bytes the guest wrote to its console port. */
export interface ConsoleEvent extends TraceHeader {
  readonly kind: 'console';
  readonly data: Uint8Array;
}

/** A guest reported that it has crashed (TLFS, HV_X64_MSR_CRASH_CTL). */
export interface GuestCrashEvent extends TraceHeader {
  readonly kind: 'guest-crash';
  /** HV_X64_MSR_CRASH_P0 to P4. */
  readonly parameters: readonly bigint[];
  /** The last lines of the guest's log as it gave them, at most 4 KiB; empty where it gave none. */
  readonly message: string;
}

/** An accepted host input. */
export interface InputEvent extends TraceHeader {
  readonly kind: 'input';
  readonly input: string;
}

/** Which way something crosses VMBus. */
export type VmbusDirection = 'to-parent' | 'to-guest';

/** A channel message, as it was posted. */
export interface VmbusMessageEvent extends TraceHeader {
  readonly kind: 'vmbus-message';
  readonly direction: VmbusDirection;
  /** At most 240 bytes. */
  readonly payload: Uint8Array;
  /** Why the receiver did not take it; empty where it did. */
  readonly refusal: string;
}

/** A packet that was taken from, or put into, the ring of a channel. */
export interface VmbusPacketEvent extends TraceHeader {
  readonly kind: 'vmbus-packet';
  readonly direction: VmbusDirection;
  /** Relation id of the channel. */
  readonly channel: number;
  /** Short name of the device's class, as in `spec/vmbus/device-classes.ts`. */
  readonly classId: string;
  readonly transactionId: bigint;
  /** Type in the descriptor. */
  readonly packetType: number;
  /** Descriptor and payload, whatever is kept of them. */
  readonly sizeBytes: number;
  /** Descriptor and payload; the trace keeps the beginning of a very long packet. */
  readonly bytes: Uint8Array;
  /** Why the receiver did not take it; empty where it did. */
  readonly refusal: string;
}

/** The producer of a ring had something to tell the consumer. */
export interface VmbusSignalEvent extends TraceHeader {
  readonly kind: 'vmbus-signal';
  readonly direction: VmbusDirection;
  /** Relation id of the channel. */
  readonly channel: number;
  /** `signalled`, or why it was not. */
  readonly outcome: string;
}

/** What became of a message or an event for a synthetic interrupt source. */
export const deliveryOutcomes = ['delivered', 'waiting', 'dropped'] as const;

/** Why it was not delivered, or why its delivery interrupted nobody; empty where neither needs a reason. */
export const deliveryReasons = [
  '',
  'SCONTROL disabled',
  'no message page',
  'no event flags page',
  'SINT masked',
  'slot busy',
  'no free buffer',
  'flag set already',
  'SINT polled',
  'local APIC disabled',
] as const;

/** A value of {@link deliveryReasons}. */
export type DeliveryReason = (typeof deliveryReasons)[number];

/** How a delivery ended. */
export interface SyntheticDelivery {
  readonly outcome: (typeof deliveryOutcomes)[number];
  readonly reason: DeliveryReason;
}

/** A message for a synthetic interrupt source: when it came, where it could not be delivered, and when it was. */
export interface SyntheticMessageEvent extends TraceHeader, SyntheticDelivery {
  readonly kind: 'synthetic-message';
  readonly sint: number;
  readonly messageType: number;
}

/** An event flag of a synthetic interrupt source was signalled. */
export interface EventFlagEvent extends TraceHeader, SyntheticDelivery {
  readonly kind: 'event-flag';
  readonly sint: number;
  readonly flag: number;
}

/** RDMSR or WRMSR that the hypervisor answered. */
export interface MsrAccessEvent extends TraceHeader {
  readonly kind: 'msr-access';
  readonly msr: number;
  readonly isWrite: boolean;
  /** What was read or written; 0 for a read that was refused. */
  readonly value: bigint;
  /** It raised #GP. */
  readonly isRefused: boolean;
}

/** The intercepts that a parent is told of by a message. */
export const interceptKinds = [
  ...(['io-port', 'memory', 'apic-eoi', 'interrupt-acknowledge', 'refused-access'] as const),
] as const;

/** What an intercepted access does, in the order of HV_INTERCEPT_ACCESS_TYPE; `read` where there is no access. */
export const interceptAccessTypes = ['read', 'write', 'execute'] as const;

/** An intercept message was put into the parent's queue (TLFS 11.9). */
export interface InterceptMessageEvent extends TraceHeader {
  readonly kind: 'intercept-message';
  readonly intercept: (typeof interceptKinds)[number];
  /** Port, guest-physical address or vector. */
  readonly address: number;
  /** Bytes of the access; 0 where there is none or the message does not tell. */
  readonly sizeBytes: number;
  readonly accessType: (typeof interceptAccessTypes)[number];
  /** What a write stores, as far as 64 bits hold it. */
  readonly value: bigint;
}

/** Clocks of a virtual processor that can expire. */
export const timerSources = ['synthetic timer', 'local APIC timer'] as const;

/** A timer of a virtual processor reached its moment. */
export interface TimerExpirationEvent extends TraceHeader {
  readonly kind: 'timer-expiration';
  readonly source: (typeof timerSources)[number];
  /** Number of a synthetic timer. */
  readonly timer: number;
  /** Virtual time for which it was set. */
  readonly dueNs: number;
}

/** A page of the hypervisor was laid over one of the guest's, or taken away (TLFS 5.2.1). */
export interface OverlayChangeEvent extends TraceHeader {
  readonly kind: 'overlay-change';
  /** Whose page it is, in words. */
  readonly page: string;
  readonly gpaPage: number;
  readonly isLaid: boolean;
}

/** Why a virtual processor got a logical one, or left it. */
export const switchReasons = [
  'runnable',
  'halted',
  'waits for the parent',
  'suspended',
  'ended',
  'cap used up',
  'slice over',
  'yielded',
] as const;

/** A virtual processor began to run on a logical processor, or ended that. */
export interface ScheduleSwitchEvent extends TraceHeader {
  readonly kind: 'schedule-switch';
  readonly logicalProcessor: number;
  readonly begins: boolean;
  readonly reason: (typeof switchReasons)[number];
  /** Where the processor stands in virtual time. */
  readonly atNs: number;
  /** How long it has run there, where it ends; else 0. */
  readonly ranNs: number;
  /** Run time of all processors of its partition so far: its share, together with the time. */
  readonly partitionRunNs: number;
}

/** Whatever the trace can hold, told apart by `kind`. */
export type TraceEvent =
  | VmExitEvent
  | HypercallEvent
  | EventDeliveryEvent
  | ConsoleEvent
  | GuestCrashEvent
  | InputEvent
  | SyntheticMessageEvent
  | EventFlagEvent
  | MsrAccessEvent
  | InterceptMessageEvent
  | TimerExpirationEvent
  | OverlayChangeEvent
  | ScheduleSwitchEvent
  | VmbusMessageEvent
  | VmbusPacketEvent
  | VmbusSignalEvent;

type WithoutHeader<Event> = Event extends TraceEvent
  ? Omit<Event, 'position' | 'ordinal' | 'timeNs'>
  : never;

/** An event before the machine has given it its place in the order. */
export type TraceEventBody = WithoutHeader<TraceEvent>;

/** Gives events their position, ordinal and time, and passes them on. */
export interface TraceEmitter {
  emit(body: TraceEventBody): TraceHeader;

  /**
   * Console output, which comes byte by byte: an event is made only for those who want one.
   * @param value the bytes, the first one lowest
   * @param sizeBytes how many, at most 4
   */
  emitConsole(partition: number, processor: number, value: number, sizeBytes: number): void;

  /**
   * The same for what is frequent and seldom wanted: the event is made only where somebody wants its kind. It takes its
   * place in the order in any case, so that the places of others do not depend on who listens.
   */
  offer(kind: TraceEvent['kind'], make: () => TraceEventBody): void;
}

/** Receives events as they happen. Must not change the machine. */
export interface TraceSink {
  record(event: TraceEvent): void;
}

/** Receives what guests write to their consoles. Must not change the machine. */
export interface ConsoleSink {
  /** @param value one to four bytes, the first one lowest */
  write(partition: number, value: number, sizeBytes: number): void;
}

/** One that is asked before an event is made for it. */
export interface SelectiveTraceSink extends TraceSink {
  /** What {@link TraceEmitter.emitConsole} is told, in its place. */
  recordConsole(at: TraceHeader, value: number, sizeBytes: number): void;

  /** False for kinds of which nobody wants to know, where they are only made for those who do. */
  wants(kind: TraceEvent['kind']): boolean;
}
