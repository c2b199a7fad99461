/** The kept traffic of all guests in one order, with what belongs together; grows with the trace. */
import type {
  EventFlagEvent,
  SyntheticMessageEvent,
  TraceEvent,
  TraceHeader,
  VmbusDirection,
  VmbusPacketEvent,
} from '../../machine/trace';
import { channelMessageSint } from '../../spec/vmbus/messages';
import type { TraceLog } from '../../system/trace-log';
import type { TailPlace } from '../../system/trace-stream';
import { ChannelBook } from './channel-book';
import { messageName, messageValues, packetOperation } from './decode-traffic';
import { RequestBook } from './request-book';
import { packetTypeName, type TrafficEvent } from './traffic-text';

/** What a row says in words; shared by all rows that say the same. */
export interface TrafficSummary {
  readonly kind: TrafficEvent['kind'];
  readonly direction: VmbusDirection;
  readonly className: string;
  /** What it does. */
  readonly name: string;
  readonly refusal: string;
}

/** One message, packet or signal. */
export class TrafficEntry {
  isRequest = false;
  /** The answer of a request, the request of an answer. */
  partner: TrafficEntry | undefined = undefined;

  readonly position: number;
  readonly ordinal: number;
  readonly timeNs: number;
  readonly partition: number;
  readonly processor: number;

  constructor(
    public summary: TrafficSummary,
    /** Number of its record in the stream of its kind. */
    readonly index: number,
    { position, ordinal, timeNs, partition, processor }: TraceHeader,
    /** 0 for messages of the bus itself. */
    readonly channel: number,
    /** 0 where it is no packet. */
    readonly packetType: number,
  ) {
    this.position = position;
    this.ordinal = ordinal;
    this.timeNs = timeNs;
    this.partition = partition;
    this.processor = processor;
  }

  get kind(): TrafficEvent['kind'] {
    return this.summary.kind;
  }

  get direction(): VmbusDirection {
    return this.summary.direction;
  }

  get className(): string {
    return this.summary.className;
  }

  get name(): string {
    return this.summary.name;
  }

  get refusal(): string {
    return this.summary.refusal;
  }
}

/** A packet among the bytes of all that are kept; one object serves many. */
export interface KeptPacket extends TailPlace {
  classId: string;
  packetType: number;
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

const rowStreams: readonly StreamName[] = ['vmbusMessages', 'vmbusPackets', 'vmbusSignals'];
const streamNames: readonly StreamName[] = [...rowStreams, 'syntheticMessages', 'eventFlags'];

/** Entries of dropped records that are kept until the list is cut: whoever filters looks at all of them again then. */
const staleMax = 32_768;

export class TrafficEntries {
  private list: TrafficEntry[] = [];
  private readonly summaries = new SummaryTable();
  private readonly requests = new RequestBook<TrafficEntry>();
  private readonly guests = new Map<number, GuestTraffic>();
  private seen = new Map<StreamName, number>();
  private generation = -1;
  private cuts = 0;
  private newest = -1;

  /** @param limit position behind which nothing is taken in */
  constructor(
    private readonly trace: TraceLog,
    private limit = Infinity,
  ) {}

  /** Position of the newest event that was taken in. */
  get newestPosition(): number {
    return this.newest;
  }

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

  /** Messages, packets and signals that were before those of {@link all}. */
  get dropped(): number {
    const passed = rowStreams.reduce((sum, name) => sum + (this.seen.get(name) ?? 0), 0);
    return passed - this.list.length;
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

  /** Says in `packet` where the bytes of an entry's packet lie, valid until the next event; false where they are gone. */
  placePacket(entry: TrafficEntry, packet: KeptPacket): boolean {
    packet.classId = entry.className;
    packet.packetType = entry.packetType;
    return this.trace.vmbusPackets.tailPlace(entry.index, packet);
  }

  /** The packet that a packet answers; undefined where it answers none, or that one is no longer kept. */
  requestOf(entry: TrafficEntry): VmbusPacketEvent | undefined {
    const { partner } = entry;
    if (entry.isRequest || partner?.kind !== 'vmbus-packet') return undefined;
    return this.trace.vmbusPackets.at(partner.index);
  }

  /**
   * Takes in what the trace has recorded since the last time.
   * @param limit position up to which it is taken in from now on; not before the last one
   * @param most events that are taken in
   * @returns false where there are more
   */
  update(limit = this.limit, most = Infinity): boolean {
    this.limit = limit;
    const { generation } = this.trace;
    if (generation !== this.generation) this.startOver(generation);
    this.forgetDropped();
    // Streams are merged by the places of their events; each is in order already.
    const heads = streamNames.map((name) => this.cursor(name));
    for (let taken = 0; ; taken++) {
      let first: ReturnType<TrafficEntries['cursor']> | undefined;
      for (const head of heads) {
        if (head.event === undefined) continue;
        if (first?.event === undefined || isBefore(head.event, first.event)) first = head;
      }
      if (first?.event === undefined || first.event.position > limit) return true;
      if (taken >= most) return false;
      this.newest = first.event.position;
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
      // The union of what the streams hold.
      event: stream.borrow(start) as TraceEvent | undefined,
      advance: (): void => {
        cursor.index++;
        cursor.event = stream.borrow(cursor.index);
      },
    };
    return cursor;
  }

  private startOver(generation: number): void {
    this.generation = generation;
    this.list = [];
    this.newest = -1;
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
    const { kind, direction } = event;
    const channel = channelOf(event);
    const className =
      event.kind === 'vmbus-packet'
        ? event.classId
        : (guest.book.channels.get(channel)?.className ?? '');
    const refusal = event.kind === 'vmbus-signal' ? '' : event.refusal;
    const summary = { kind, direction, className, name: nameOf(event), refusal };
    const packetType = event.kind === 'vmbus-packet' ? event.packetType : 0;
    const shared = this.summaries.shared(summary);
    const entry = new TrafficEntry(shared, index, event, channel, packetType);
    const role = this.requests.see(event, entry);
    entry.isRequest = role.kind === 'request';
    if (role.kind === 'answer') {
      entry.partner = role.request;
      role.request.partner = entry;
      if (event.kind === 'vmbus-packet' && entry.name === 'CompleteIo') {
        const name = `${role.request.name} completion`;
        entry.summary = this.summaries.shared({ ...summary, name });
      }
    }
    this.list.push(entry);
  }
}

/** Finds the summary that says the same. */
class SummaryTable {
  private readonly known = new Map<string, TrafficSummary>();

  shared(summary: TrafficSummary): TrafficSummary {
    const { kind, direction, className, name, refusal } = summary;
    const key = `${kind}\n${direction}\n${className}\n${name}\n${refusal}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    // Refusals have numbers in them; a table of all would grow with a hostile guest.
    if (this.known.size >= summariesMax) this.known.clear();
    this.known.set(key, summary);
    return summary;
  }
}

const summariesMax = 4096;

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
      return packetOperation(event) ?? packetTypeName(event.packetType);
    case 'vmbus-signal':
      return 'signal';
  }
}
