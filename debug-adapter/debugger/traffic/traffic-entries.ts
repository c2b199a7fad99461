/** The kept traffic of all guests in one order, with what belongs together; grows with the trace. */
import type {
  EventFlagEvent,
  SyntheticMessageEvent,
  TraceEvent,
  VmbusDirection,
  VmbusPacketEvent,
} from '../../machine/trace';
import { channelMessageSint } from '../../spec/vmbus/messages';
import type { TraceLog } from '../../system/trace-log';
import { packetBytesIn } from '../../system/vmbus-records';
import { ChannelBook } from './channel-book';
import {
  messageName,
  messageValues,
  packetOperation,
  packetValues,
  type PacketBytes,
} from './decode-traffic';
import { RequestBook } from './request-book';
import { packetTypeName, type TrafficEvent } from './traffic-text';

/** One message, packet or signal. */
export interface TrafficEntry {
  readonly kind: TrafficEvent['kind'];
  /** Number of its record in the stream of its kind. */
  readonly index: number;
  readonly position: number;
  readonly ordinal: number;
  readonly timeNs: number;
  readonly partition: number;
  readonly processor: number;
  readonly direction: VmbusDirection;
  /** 0 for messages of the bus itself. */
  readonly channel: number;
  readonly className: string;
  /** What it does. */
  readonly name: string;
  readonly refusal: string;
  /** 0 where it is no packet. */
  readonly packetType: number;
  readonly isRequest: boolean;
  /** The answer of a request, the request of an answer. */
  partner: TrafficEntry | undefined;
}

/** What has become of attempts to reach somebody, the last of each. */
export interface LastAttempts {
  /** Outcome of the last signal, by direction and channel. */
  readonly signals: ReadonlyMap<string, string>;
  /** By channel, as its number is that of its flag. */
  readonly eventFlags: ReadonlyMap<number, EventFlagEvent>;
  /** Of channel messages. */
  readonly message: SyntheticMessageEvent | undefined;
}

/** Key of {@link LastAttempts.signals}. */
export const signalKey = (direction: VmbusDirection, channel: number): string =>
  `${direction}/${channel}`;

class GuestTraffic {
  readonly book: ChannelBook;
  readonly signals = new Map<string, string>();
  readonly eventFlags = new Map<number, EventFlagEvent>();
  message: SyntheticMessageEvent | undefined;
  /** Packets by channel: those to the parent, and those to the guest. */
  readonly packets = new Map<number, { toParent: number; toGuest: number }>();

  constructor(partition: number) {
    this.book = new ChannelBook(partition);
  }
}

type StreamName =
  'vmbusMessages' | 'vmbusPackets' | 'vmbusSignals' | 'syntheticMessages' | 'eventFlags';

const streamNames: readonly StreamName[] = [
  'vmbusMessages',
  'vmbusPackets',
  'vmbusSignals',
  'syntheticMessages',
  'eventFlags',
];

/** Entries of dropped records that are kept until the list is cut. */
const staleMax = 4096;

export class TrafficEntries {
  private list: TrafficEntry[] = [];
  private readonly requests = new RequestBook<TrafficEntry>();
  private readonly guests = new Map<number, GuestTraffic>();
  private seen = new Map<StreamName, number>();
  private generation = '';
  private cuts = 0;

  constructor(private readonly trace: TraceLog) {}

  /** Everything that is kept, oldest first; the newest of the trace are in it after {@link update}. */
  get all(): readonly TrafficEntry[] {
    return this.list;
  }

  /** How often entries were taken away, so that their places have been given to others. */
  get revision(): number {
    return this.cuts;
  }

  /** Messages, packets and signals since power-on. */
  get recorded(): number {
    const { vmbusMessages, vmbusPackets, vmbusSignals } = this.trace;
    return vmbusMessages.recorded + vmbusPackets.recorded + vmbusSignals.recorded;
  }

  get partitions(): readonly number[] {
    return [...this.guests.keys()].sort((a, b) => a - b);
  }

  bookOf(partition: number): ChannelBook | undefined {
    return this.guests.get(partition)?.book;
  }

  attemptsOf(partition: number): LastAttempts | undefined {
    return this.guests.get(partition);
  }

  /** Packets of a channel that were seen. */
  packetsOf(partition: number, channel: number): { toParent: number; toGuest: number } {
    return this.guests.get(partition)?.packets.get(channel) ?? { toParent: 0, toGuest: 0 };
  }

  /** Requests of a channel without an answer; of the messages of the bus for channel 0. */
  openRequests(partition: number, channel: number): readonly TrafficEntry[] {
    return this.requests.openRequests(partition, channel);
  }

  /** The event of an entry; undefined where it is no longer kept. */
  eventOf(entry: TrafficEntry): TrafficEvent | undefined {
    switch (entry.kind) {
      case 'vmbus-message':
        return this.trace.vmbusMessages.at(entry.index);
      case 'vmbus-packet':
        return this.trace.vmbusPackets.at(entry.index);
      case 'vmbus-signal':
        return this.trace.vmbusSignals.at(entry.index);
    }
  }

  /** A packet as far as decoding needs it, with bytes that are valid until the next event; undefined where it is gone. */
  packetAt(entry: TrafficEntry): PacketBytes | undefined {
    const record = this.trace.vmbusPackets.recordAt(entry.index);
    if (record === undefined) return undefined;
    const { className: classId, packetType } = entry;
    return { bytes: packetBytesIn(record), classId, packetType };
  }

  /** The packet that a packet answers; undefined where it answers none, or that one is no longer kept. */
  requestOf(entry: TrafficEntry): VmbusPacketEvent | undefined {
    const { partner } = entry;
    if (entry.isRequest || partner?.kind !== 'vmbus-packet') return undefined;
    return this.trace.vmbusPackets.at(partner.index);
  }

  /** Takes in what the trace has recorded since the last time. */
  update(): void {
    const generation = streamNames.map((name) => this.trace[name].generation).join();
    if (generation !== this.generation) this.startOver(generation);
    this.forgetDropped();
    // Streams are merged by the places of their events; each is in order already.
    const heads = streamNames.map((name) => this.cursor(name));
    for (;;) {
      let first: ReturnType<TrafficEntries['cursor']> | undefined;
      for (const head of heads) {
        if (head.event === undefined) continue;
        if (first?.event === undefined || isBefore(head.event, first.event)) first = head;
      }
      if (first?.event === undefined) return;
      this.take(first.event, first.index);
      this.seen.set(first.name, first.index + 1);
      first.advance();
    }
  }

  private cursor(name: StreamName): {
    readonly name: StreamName;
    index: number;
    event: TraceEvent | undefined;
    advance: () => void;
  } {
    const stream = this.trace[name];
    const start = Math.max(this.seen.get(name) ?? 0, stream.dropped);
    const cursor = {
      name,
      index: start,
      event: stream.at(start) as TraceEvent | undefined, // The union of what the streams hold.
      advance: (): void => {
        cursor.index++;
        cursor.event = stream.at(cursor.index);
      },
    };
    return cursor;
  }

  private startOver(generation: string): void {
    this.generation = generation;
    this.list = [];
    this.cuts++;
    this.seen = new Map();
    this.guests.clear();
    this.requests.clear();
  }

  /** Entries whose records are gone leave in batches: the rings drop one record for each that comes. */
  private forgetDropped(): void {
    const { vmbusMessages, vmbusPackets, vmbusSignals } = this.trace;
    const dropped = {
      'vmbus-message': vmbusMessages.dropped,
      'vmbus-packet': vmbusPackets.dropped,
      'vmbus-signal': vmbusSignals.dropped,
    };
    const isStale = (entry: TrafficEntry | undefined): boolean =>
      entry !== undefined && entry.index < dropped[entry.kind];
    if (!isStale(this.list[staleMax])) return;
    this.list = this.list.filter((entry) => !isStale(entry));
    this.cuts++;
  }

  private guest(partition: number): GuestTraffic {
    const known = this.guests.get(partition);
    if (known !== undefined) return known;
    const made = new GuestTraffic(partition);
    this.guests.set(partition, made);
    return made;
  }

  private take(event: TraceEvent, index: number): void {
    const guest = this.guest(event.partition);
    switch (event.kind) {
      case 'synthetic-message':
        if (event.sint === channelMessageSint) guest.message = event;
        return;
      case 'event-flag':
        if (event.sint === channelMessageSint) guest.eventFlags.set(event.flag, event);
        return;
      case 'vmbus-message':
        guest.book.see(event);
        return this.add(event, index, guest);
      case 'vmbus-packet': {
        guest.book.channel(event.channel, event.classId);
        const counts = this.packetsOf(event.partition, event.channel);
        if (event.direction === 'to-parent') counts.toParent++;
        else counts.toGuest++;
        guest.packets.set(event.channel, counts);
        return this.add(event, index, guest);
      }
      case 'vmbus-signal':
        guest.signals.set(signalKey(event.direction, event.channel), event.outcome);
        return this.add(event, index, guest);
      default:
    }
  }

  private add(event: TrafficEvent, index: number, guest: GuestTraffic): void {
    const { kind, position, ordinal, timeNs, partition, processor, direction } = event;
    const channel = channelOf(event);
    const known = channel === 0 ? undefined : guest.book.channels.get(channel);
    const entry = {
      ...{ kind, index, position, ordinal, timeNs, partition, processor, direction, channel },
      className: event.kind === 'vmbus-packet' ? event.classId : (known?.className ?? ''),
      name: nameOf(event),
      packetType: event.kind === 'vmbus-packet' ? event.packetType : 0,
      refusal: event.kind === 'vmbus-signal' ? '' : event.refusal,
      isRequest: false,
      partner: undefined as TrafficEntry | undefined, // Filled in when the answer comes.
    };
    const role = this.requests.see(event, entry);
    entry.isRequest = role.kind === 'request';
    if (role.kind === 'answer') {
      entry.partner = role.request;
      role.request.partner = entry;
      if (event.kind === 'vmbus-packet' && entry.name === 'CompleteIo') {
        entry.name = `${role.request.name} completion`;
      }
    }
    this.list.push(entry);
  }
}

function isBefore(a: TraceEvent, b: TraceEvent): boolean {
  return a.position !== b.position ? a.position < b.position : a.ordinal < b.ordinal;
}

function channelOf(event: TrafficEvent): number {
  if (event.kind !== 'vmbus-message') return event.channel;
  const relid = messageValues(event).get('ChildRelId')?.value;
  return typeof relid === 'bigint' ? Number(relid) : 0;
}

function nameOf(event: TrafficEvent): string {
  switch (event.kind) {
    case 'vmbus-message':
      return messageName(event.payload);
    case 'vmbus-packet':
      return packetOperation(event, packetValues(event)) ?? packetTypeName(event.packetType);
    case 'vmbus-signal':
      return 'signal';
  }
}
