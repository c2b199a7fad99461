/** What a bus needs of the world, which is one guest: its memory, its synthetic interrupts, time and the trace. */
import type { TimerSource } from '../../machine/timer-queue';
import { channelMessageSint } from '../../spec/vmbus/messages';
import type { GuestBytes } from './guest-ranges';

/** Which way a message or a packet went. */
export type Direction = 'to-parent' | 'to-guest';

/** A channel as rows of the trace name it. */
export interface TracedChannel {
  readonly relid: number;
  /** Class of the device, a GUID in text form. */
  readonly classId: string;
}

/** Tells of everything that crosses the bus. `refusal` says why something had no effect, empty where it had. */
export interface BusTrace {
  message(direction: Direction, processor: number, payload: Uint8Array, refusal: string): void;
  packet(direction: Direction, channel: TracedChannel, packet: Uint8Array, refusal: string): void;
  /** `outcome` is `signalled`, or why there was no signal. */
  signal(direction: Direction, channel: number, processor: number, outcome: string): void;
}

/** A guest as its bus sees it. */
export interface BusServices {
  readonly memory: GuestBytes;
  readonly processorCount: number;
  readonly timers: TimerSource;
  readonly trace: BusTrace;
  nowNs(): number;
  /** By how much {@link nowNs} is behind the parent's time. */
  behindNs(): number;
  /** Lets the guest post messages to this connection. */
  connectMessagePort(connectionId: number): void;
  /** Lets the guest signal this connection, which has one flag. */
  connectEventPort(connectionId: number): void;
  disconnectPort(connectionId: number): void;
  /** @returns false where the hypervisor has no room for another message */
  postMessage(processor: number, sint: number, payload: Uint8Array): boolean;
  signalEvent(processor: number, sint: number, flag: number): void;
}

/** Connection that a guest signals after it has written into a ring of a channel. */
export function connectionOf(relid: number): number {
  return relid | (channelMessageSint << 12);
}

/** Every limit of a bus, with what happens there. */
export const busLimits = {
  /** Packets to a guest that wait for room in a ring; requests of the guest stay in its own ring beyond it. */
  waitingPackets: 128,
  /** Packets to a guest that wait in any case; a provider cannot send more. */
  waitingPacketsMaximum: 4096,
  /** Channel messages that wait for the hypervisor; further ones are lost, as the guest takes none. */
  waitingMessages: 4096,
  /** GPADLs of a guest, and the pages that they name together; more are refused. */
  gpadls: 2048,
  gpadlPages: 1_048_576,
} as const;

/** After so long messages are offered again to a hypervisor that had no room for them. */
export const messageRetryNs = 100_000;
