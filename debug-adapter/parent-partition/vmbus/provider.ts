/** How a device's provider and the bus meet: the provider says what it offers and what it does with a packet. */
import type { SavedPart } from '../../machine/saved-part';
import type { GuestRange } from './guest-ranges';

/** What the bus tells a guest of a device (VMBus message OfferChannel). */
export interface ChannelOffer {
  /** Class of the device, a GUID in its usual text form, lower case. */
  readonly classId: string;
  /** This device among those of its class, a GUID like the class. */
  readonly instanceId: string;
  /** Channel flags, `channelFlag` in `spec/vmbus/messages.ts`. */
  readonly flags: number;
  /** Guest-physical address space that the device asks for. */
  readonly mmioMegabytes?: number;
  /** The guest may signal its channels by the monitor page, where the bus looks at one: then it is heard later. */
  readonly isMonitored?: boolean;
  /** At most 120 bytes that mean something to the class; zeroes follow. */
  readonly userDefined?: Uint8Array;
  /** Oldest version of the bus with which a guest is offered the device. */
  readonly minimumVersion?: number;
}

/** A packet that a guest sent, copied out of its ring and checked. */
export interface ReceivedPacket {
  /** One of `PacketType` in `spec/vmbus/packets.ts`. */
  readonly type: number;
  /** Echoed in the completion, all 64 bits. */
  readonly transactionId: bigint;
  /** The guest waits for {@link OpenChannel.complete}. */
  readonly needsCompletion: boolean;
  readonly payload: Uint8Array;
  /** Guest memory of a GPA-direct packet; ranges of a transfer-page set have no pages of their own. */
  readonly ranges: readonly GuestRange[];
}

/** A part of a transfer-page set, as network receive packets name them. */
export interface TransferPageRange {
  readonly byteCount: number;
  readonly byteOffset: number;
}

/** A packet to a guest. */
export type OutgoingPacket = {
  readonly transactionId?: bigint;
  readonly payload: Uint8Array;
} & (
  | { readonly type: 'in-band'; readonly needsCompletion?: boolean }
  | { readonly type: 'completion'; readonly transactionId: bigint }
  | {
      readonly type: 'transfer-pages';
      readonly needsCompletion?: boolean;
      readonly setId: number;
      readonly ranges: readonly TransferPageRange[];
    }
);

/** A channel that a guest has open. It is the same object from `opened` to `closed`, but not across a restored state. */
export interface OpenChannel {
  readonly relid: number;
  /** 0 for the channel that was offered first, the primary one. */
  readonly subChannel: number;
  /** Version of the bus that the guest has negotiated. */
  readonly busVersion: number;
  /** 120 bytes that the guest gave when it opened the channel. */
  readonly userData: Uint8Array;

  /**
   * Sends a packet. One for which the ring has no room waits, in order, until the guest has made some.
   * @returns false where the channel has been closed or given up, or the packet can never fit into its ring
   */
  send(packet: OutgoingPacket): boolean;

  /** Sends the completion of the packet with this transaction identifier. */
  complete(transactionId: bigint, payload: Uint8Array): boolean;

  /**
   * Reads guest memory from `offset` on, counted over all ranges one after another.
   * @returns false where the ranges are too short or a page is not readable
   */
  readPages(ranges: readonly GuestRange[], offset: number, target: Uint8Array): boolean;

  /**
   * Writes guest memory like {@link readPages}.
   * @returns false where the ranges are too short or a page is not writable; pages before it have been written
   */
  writePages(ranges: readonly GuestRange[], offset: number, source: Uint8Array): boolean;

  /** Ranges of a GPADL that the guest made for this channel besides the ring's; undefined where there is none. */
  gpadl(id: number): readonly GuestRange[] | undefined;

  /**
   * Calls {@link ServiceProvider.due} in `delayNs` of virtual time, unless the channel is closed before.
   * @param work what is to be done then, in the provider's own numbering; part of the saved state
   */
  schedule(delayNs: number, work: number): void;
}

/** What the bus does for a provider. */
export interface ProviderHost {
  /** Virtual time. */
  nowNs(): number;
  /** By how much the guest's virtual time is behind the parent's: it was paused, or saved and restored. */
  behindNs(): number;
  /** The provider's open channels by their index, the primary one first. */
  openChannels(): readonly OpenChannel[];
  /** Offers further channels of the device until there are `count` besides the primary one. */
  offerSubChannels(count: number): void;
}

/** The parent's side of a device. What it does takes no virtual time; {@link OpenChannel.schedule} models delays. */
export interface ServiceProvider extends SavedPart {
  /** Unique in a guest, and stable: the key of its saved state. */
  readonly name: string;
  readonly offer: ChannelOffer;
  /** Called once, before anything else. */
  connect(host: ProviderHost): void;
  /** A guest has opened a channel; its result is on the way to the guest. */
  opened(channel: OpenChannel): void;
  /** The guest has closed the channel, or it was given up. Nothing may be sent, and scheduled work is forgotten. */
  closed(channel: OpenChannel): void;
  receive(channel: OpenChannel, packet: ReceivedPacket): void;
  /** Work of {@link OpenChannel.schedule} is due. */
  due(channel: OpenChannel, work: number): void;
}
