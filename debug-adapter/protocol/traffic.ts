/** Custom requests about VMBus traffic: types shared by the adapter and the extension. */

/** What a row is. */
export type TrafficKind = 'vmbus-message' | 'vmbus-packet' | 'vmbus-signal';

/** Conditions that a row must meet; absent fields do not restrict. */
export interface TrafficFilter {
  readonly partition?: number;
  /** Channels by number; 0 stands for the messages of the bus itself. */
  readonly channels?: readonly number[];
  readonly kinds?: readonly TrafficKind[];
  /** Words, and comparisons of decoded fields such as `DataTransferLength>4096`; all must hold. */
  readonly text?: string;
}

/** A window of the rows that pass a filter. */
export interface TrafficArguments {
  readonly start: number;
  /** At most 500. */
  readonly count: number;
  readonly filter?: TrafficFilter;
}

/** The wanted rows, and how many there are beside them. */
export interface TrafficBody {
  /** Rows that pass the filter and are still kept. */
  readonly total: number;
  /** Rows recorded since the start, and those no longer kept because the trace is bounded. */
  readonly recorded: number;
  readonly dropped: number;
  /** Rows that have been looked at. */
  readonly kept: number;
  /** False where there are more: a further request looks at them. */
  readonly isComplete: boolean;
  readonly rows: readonly TrafficRow[];
}

/** One message, packet or signal. */
export interface TrafficRow {
  /** Identity: position and order within it, as `position.ordinal`. */
  readonly id: string;
  readonly kind: TrafficKind;
  readonly position: number;
  readonly timeNs: number;
  readonly partition: number;
  readonly processor: number;
  readonly direction: 'to-parent' | 'to-guest';
  /** 0 for messages of the bus itself. */
  readonly channel: number;
  /** Short name of the device's class, for example `scsi`. */
  readonly className: string;
  /** What it does: `OpenChannel`, `ExecuteSrb`. */
  readonly name: string;
  /** The fields that say something, as `Name=value`. */
  readonly facts: string;
  readonly sizeBytes: number;
  /** Why the receiver did not take it; empty where it did. */
  readonly refusal: string;
  /** Of an answer: virtual time since its request. */
  readonly latencyNs?: number;
  /** Identity of the answer or request that belongs to it. */
  readonly partner?: string;
  /** A request that has no answer. */
  readonly isOpen: boolean;
}

/** Asks for one row in full. */
export interface TrafficDetailArguments {
  readonly id: string;
}

/** A named field, or a group of them, and the bytes that it stands in. */
export interface TrafficNode {
  readonly name: string;
  readonly offset: number;
  readonly sizeBytes: number;
  /** The value in words; empty for groups and plain bytes. */
  readonly text: string;
  readonly isReserved: boolean;
  readonly children: readonly TrafficNode[];
}

/** One row with its bytes, taken apart. */
export interface TrafficDetailBody {
  readonly row: TrafficRow;
  /** Two hexadecimal digits for each byte that was kept. */
  readonly bytes: string;
  readonly nodes: readonly TrafficNode[];
  /** The instruction of the guest that led to it. */
  readonly sender?: { readonly rip: string; readonly text: string; readonly processor: number };
  readonly partner?: TrafficRow;
}

/** One direction of a channel at this moment. */
export interface RingOccupancy {
  readonly usedBytes: number;
  readonly sizeBytes: number;
  /** The consumer does not want to be signalled. */
  readonly isMasked: boolean;
  /** Free bytes that the producer waits for; 0 where it does not. */
  readonly pendingSendBytes: number;
}

/** Why nothing comes. */
export interface SilenceReason {
  readonly text: string;
  /** Nothing more will come of itself. */
  readonly isProblem: boolean;
}

/** Where a channel is in its life. */
export type ChannelState =
  'offered' | 'opening' | 'open' | 'refused' | 'closed' | 'rescinded' | 'released';

/** One channel at this moment. */
export interface ChannelInfo {
  readonly partition: number;
  readonly relid: number;
  readonly className: string;
  readonly title: string;
  /** GUID of the device, or empty. */
  readonly instance: string;
  readonly subChannel: number;
  readonly state: ChannelState;
  /** Processor that takes its interrupts. */
  readonly targetVp?: number;
  readonly toParent?: RingOccupancy;
  readonly toGuest?: RingOccupancy;
  /** Packets of the guest, and to it. */
  readonly sent: number;
  readonly received: number;
  readonly openRequests: number;
  readonly silence: readonly SilenceReason[];
}

/** The bus of one guest. */
export interface BusInfo {
  readonly partition: number;
  readonly name: string;
  /** Protocol version, `5.3`; empty until one is agreed on. */
  readonly version: string;
  readonly silence: readonly SilenceReason[];
  readonly channels: readonly ChannelInfo[];
}

/** The buses of all guests. */
export interface TrafficBusesBody {
  /** False where they are those of an earlier moment: a further request goes on from there. */
  readonly isComplete: boolean;
  readonly buses: readonly BusInfo[];
}
