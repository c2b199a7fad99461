/** Queries over the traffic of VMBus: rows that pass a filter, one row in full, the channels and what they wait for. */
import type { StructNode } from '../../support/struct-tree';
import { vmbusVersionText } from '../../spec/vmbus/messages';
import type { DebuggedMachine } from '../debugged-machine';
import { lastExitBefore } from '../exits/last-exit';
import type { PartitionNamer } from '../guest-programs';
import { firstNotBefore, parseRowId, placeAmong, rowId, type RowPlace } from '../row-place';
import { formatAddress, formatBytes, hex } from '../value-format';
import { lastRefusedCall } from './bus-calls';
import type { ChannelBook, ChannelState } from './channel-book';
import { messageTree, packetTree } from './decode-traffic';
import { channelRings, type RingOccupancy } from './ring-occupancy';
import { busSilence, channelSilence, type SilenceReason } from './silence';
import { TrafficColumns } from './traffic-columns';
import { TrafficEntries, type TrafficEntry } from './traffic-entries';
import { prepareFilter, type PreparedFilter, type TrafficFilter } from './traffic-filter';
import { guidName, trafficTitle, type TrafficEvent } from './traffic-text';

/** One row as front ends show it. */
export interface TrafficRow {
  readonly id: string;
  readonly kind: TrafficEvent['kind'];
  readonly position: number;
  readonly timeNs: number;
  readonly partition: number;
  readonly processor: number;
  readonly direction: TrafficEvent['direction'];
  /** 0 for messages of the bus itself. */
  readonly channel: number;
  readonly className: string;
  readonly name: string;
  readonly facts: string;
  readonly sizeBytes: number;
  readonly refusal: string;
  /** Of an answer: virtual time since its request. */
  readonly latencyNs?: number;
  /** Identity of the answer or request that belongs to it. */
  readonly partner?: string;
  /** A request that has no answer. */
  readonly isOpen: boolean;
}

/** A page of rows and the counts around it. */
export interface TrafficPage {
  readonly total: number;
  readonly recorded: number;
  readonly dropped: number;
  /** Rows that have been looked at. */
  readonly kept: number;
  /** False where there are more: a further query looks at them. */
  readonly isComplete: boolean;
  readonly rows: readonly TrafficRow[];
}

/** A field of a row's tree. */
export interface TrafficNode {
  readonly name: string;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly text: string;
  readonly isReserved: boolean;
  readonly children: readonly TrafficNode[];
}

/** A row in full. */
export interface TrafficDetail {
  readonly row: TrafficRow;
  /** Two digits for each byte that was kept. */
  readonly bytes: string;
  readonly nodes: readonly TrafficNode[];
  /** The instruction that led to it: of the guest's last exit before. */
  readonly sender?: { readonly rip: string; readonly text: string; readonly processor: number };
  readonly partner?: TrafficRow;
}

/** A channel as front ends show it. */
export interface TrafficChannel {
  readonly partition: number;
  readonly relid: number;
  readonly className: string;
  readonly title: string;
  readonly instance: string;
  readonly subChannel: number;
  readonly state: ChannelState;
  readonly targetVp?: number;
  readonly toParent?: RingOccupancy;
  readonly toGuest?: RingOccupancy;
  readonly sent: number;
  readonly received: number;
  readonly openRequests: number;
  readonly silence: readonly SilenceReason[];
}

/** The bus of one guest. */
export interface TrafficBus {
  readonly partition: number;
  readonly name: string;
  /** `5.3`; empty until there is one. */
  readonly version: string;
  readonly silence: readonly SilenceReason[];
  readonly channels: readonly TrafficChannel[];
}

/** The buses of all guests. */
export interface TrafficBuses {
  /** False where they are those of an earlier moment: a further look goes on. */
  readonly isComplete: boolean;
  readonly buses: readonly TrafficBus[];
}

/** Events that one answer takes in: a panel that is opened on a full log would hold everything else up for seconds. */
const mostTakenIn = 16_384;
/** Events that one answer asks about a text: two fields of that many are found in 80 ms. */
const mostFiltered = 262_144;

interface Selection {
  readonly key: string;
  readonly revision: number;
  readonly passes: PreparedFilter;
  /** Entries below this number have been looked at. */
  seen: number;
  readonly numbers: number[];
}

type Machine = Pick<DebuggedMachine, 'guests' | 'position' | 'timeNs' | 'trace'>;

/** The VMBus traffic of one machine. */
export class TrafficLog {
  private readonly entries: TrafficEntries;
  /** What was taken in up to a moment of the past, where the channels were looked at there. */
  private past: TrafficEntries | undefined;
  private selection: Selection | undefined;
  private readonly columns = new TrafficColumns();

  constructor(
    private readonly machine: Machine,
    private readonly namerOf: PartitionNamer,
  ) {
    this.entries = new TrafficEntries(machine.trace);
  }

  /** Messages, packets and signals since power-on. */
  get recorded(): number {
    return this.entries.recorded;
  }

  /** Rows `start` to `start + count - 1` among those that pass `filter`, oldest first. */
  query(start: number, count: number, filter: TrafficFilter): TrafficPage {
    const isAll = this.entries.update(Infinity, mostTakenIn);
    const { numbers, seen } = this.select(
      filter,
      filter.text === undefined ? Infinity : mostFiltered,
    );
    const { all, recorded, dropped } = this.entries;
    const isComplete = isAll && seen === all.length;
    const rows = numbers.slice(start, start + count).flatMap((number) => {
      const entry = all[number];
      return entry === undefined ? [] : [this.rowOf(entry)];
    });
    const counts = { total: numbers.length, recorded, dropped, kept: all.length };
    return { ...counts, isComplete, rows };
  }

  /** Where the row of this identity stands among those that pass `filter`. */
  place(id: string, filter: TrafficFilter): RowPlace {
    this.entries.update();
    return placeAmong(this.select(filter).numbers, this.numberOf(id));
  }

  /** A row by identity with everything known about it; undefined where it is not kept. */
  detail(id: string): TrafficDetail | undefined {
    this.entries.update(Infinity, mostTakenIn);
    const number = this.numberOf(id);
    const entry = number === undefined ? undefined : this.entries.all[number];
    const event = entry === undefined ? undefined : this.entries.eventOf(entry);
    if (entry === undefined || event === undefined) return undefined;
    const sender = this.senderOf(entry);
    return {
      row: this.rowOf(entry),
      bytes: formatBytes(bytesOf(event)).replaceAll(' ', ''),
      nodes: treeOf(event, this.entries.requestOf(entry)).map(nodeOf),
      ...(sender === undefined ? {} : { sender }),
      ...(entry.partner === undefined ? {} : { partner: this.rowOf(entry.partner) }),
    };
  }

  /** The bus of every guest, with its channels as they are where the machine stands, and what they wait for there. */
  buses(): TrafficBuses {
    const { entries, isComplete } = this.entriesHere();
    const buses = this.machine.guests.map(({ id, name }) => this.busOf(id, name, entries));
    return { isComplete, buses };
  }

  /** Everything up to where the machine stands, be it in its past. */
  private entriesHere(): { readonly entries: TrafficEntries; readonly isComplete: boolean } {
    const { machine, entries } = this;
    const { position, trace } = machine;
    const isAll = entries.update(Infinity, mostTakenIn);
    if (entries.newestPosition <= position) {
      this.past = undefined;
      return { entries, isComplete: isAll };
    }
    if (this.past === undefined || this.past.newestPosition > position) {
      this.past = new TrafficEntries(trace);
    }
    const isComplete = this.past.update(position, mostTakenIn);
    return { entries: this.past, isComplete };
  }

  private busOf(partition: number, name: string, entries: TrafficEntries): TrafficBus {
    const { timeNs, position, trace } = this.machine;
    const book = entries.bookOf(partition);
    const { contact } = book ?? noContact;
    const { version } = contact;
    const silence = busSilence({
      contact,
      message: entries.attemptsOf(partition)?.message,
      requests: entries.openRequests(partition, 0),
      refusedCall: lastRefusedCall(trace, partition, position),
      nowNs: timeNs,
    });
    return {
      partition,
      name,
      version: version === undefined ? '' : vmbusVersionText(version),
      silence,
      channels: [...(book?.channels.keys() ?? [])]
        .sort((a, b) => a - b)
        .map((relid) => this.channelOf(partition, relid, entries)),
    };
  }

  private channelOf(partition: number, relid: number, entries: TrafficEntries): TrafficChannel {
    const { machine } = this;
    const channel = entries.bookOf(partition)?.channel(relid);
    const attempts = entries.attemptsOf(partition);
    const memory = machine.guests.find(({ id }) => id === partition)?.memory;
    const nothing = { toParent: undefined, toGuest: undefined };
    if (channel === undefined || attempts === undefined) return neverSeen(partition, relid);
    const rings = memory === undefined ? nothing : channelRings(memory, channel);
    const packets = entries.packetsOf(partition, relid);
    const requests = entries.openRequests(partition, relid);
    const { className, title, instance, subChannel, state, targetVp } = channel;
    return {
      ...{ partition, relid, className, title, instance, subChannel, state },
      ...(targetVp === undefined ? {} : { targetVp }),
      ...(rings.toParent === undefined ? {} : { toParent: rings.toParent }),
      ...(rings.toGuest === undefined ? {} : { toGuest: rings.toGuest }),
      sent: packets.toParent,
      received: packets.toGuest,
      openRequests: requests.length,
      silence: channelSilence({
        ...{ channel, rings, attempts, requests, packets },
        nowNs: machine.timeNs,
      }),
    };
  }

  /** @param most entries that the filter is asked about, behind those that it was asked about before */
  private select(filter: TrafficFilter, most = Infinity): Selection {
    const key = JSON.stringify(filter);
    const { all, revision } = this.entries;
    let { selection } = this;
    if (selection?.key !== key || selection.revision !== revision) {
      if (selection?.revision !== revision) this.columns.clear();
      const passes = prepareFilter(filter, this.columns);
      selection = { key, revision, passes, seen: 0, numbers: [] };
      this.selection = selection;
    }
    const { passes } = selection;
    const end = Math.min(all.length, selection.seen + most);
    for (let number = selection.seen; number < end; number++) {
      const entry = all[number];
      if (entry !== undefined && passes(number, entry, this.entries))
        selection.numbers.push(number);
    }
    selection.seen = end;
    return selection;
  }

  private rowOf(entry: TrafficEntry): TrafficRow {
    const { kind, position, timeNs, partition, processor, direction, channel } = entry;
    const event = this.entries.eventOf(entry);
    const { partner } = entry;
    const facts =
      event === undefined ? '' : trafficTitle(event, this.entries.requestOf(entry)).facts;
    return {
      ...{ id: rowId(entry), kind, position, timeNs, partition, processor, direction, channel },
      className: entry.className,
      name: entry.name,
      facts,
      sizeBytes: event === undefined ? 0 : sizeOf(event),
      refusal: entry.refusal,
      ...(partner === undefined ? {} : { partner: rowId(partner) }),
      ...(partner === undefined || entry.isRequest ? {} : { latencyNs: timeNs - partner.timeNs }),
      isOpen: entry.isRequest && partner === undefined,
    };
  }

  private numberOf(id: string): number | undefined {
    const { all } = this.entries;
    const place = parseRowId(id);
    if (place === undefined) return undefined;
    const number = firstNotBefore(place, all.length, (at) => all[at]);
    const entry = all[number];
    return entry !== undefined && rowId(entry) === id ? number : undefined;
  }

  /** What a guest sends, it sends by an exit; what the parent sends answers one, as often as not. */
  private senderOf(entry: TrafficEntry): TrafficDetail['sender'] {
    if (entry.direction === 'to-guest') return undefined;
    const exit = lastExitBefore(this.machine.trace.exits, entry);
    if (exit === undefined) return undefined;
    const { rip, processor } = exit;
    return { rip: hex(rip), text: formatAddress(rip, this.namerOf(entry.partition)), processor };
  }
}

function bytesOf(event: TrafficEvent): Uint8Array {
  switch (event.kind) {
    case 'vmbus-message':
      return event.payload;
    case 'vmbus-packet':
      return event.bytes;
    case 'vmbus-signal':
      return new Uint8Array();
  }
}

function sizeOf(event: TrafficEvent): number {
  return event.kind === 'vmbus-packet' ? event.sizeBytes : bytesOf(event).length;
}

function treeOf(
  event: TrafficEvent,
  request: ReturnType<TrafficEntries['requestOf']>,
): readonly StructNode[] {
  switch (event.kind) {
    case 'vmbus-message':
      return messageTree(event);
    case 'vmbus-packet':
      return packetTree(event, request);
    case 'vmbus-signal':
      return [];
  }
}

function nodeText(node: StructNode): string {
  const { value, valueName, isCount, children } = node;
  if (typeof value === 'string') {
    const name = guidName(value);
    return name === undefined ? value : `${value} (${name})`;
  }
  if (value === undefined) return '';
  const number = isCount === true ? value.toString() : hex(value);
  if (valueName !== undefined) return `${valueName} (${number})`;
  const set = children
    .filter((child) => child.value !== undefined && child.value !== 0n)
    .map(
      (child) =>
        child.valueName ?? (child.value === 1n ? child.name : `${child.name}=${child.value}`),
    );
  return set.length === 0 ? number : `${number} [${set.join(' ')}]`;
}

/** A bit that is not set says nothing that its word does not. */
function isClearBit(child: StructNode, { offset, sizeBytes, value }: StructNode): boolean {
  const isBit = value !== undefined && child.offset === offset && child.sizeBytes === sizeBytes;
  return isBit && child.value === 0n && child.valueName === undefined;
}

function nodeOf(node: StructNode): TrafficNode {
  const { name, offset, sizeBytes, isReserved, children } = node;
  return {
    ...{ name, offset, sizeBytes, text: nodeText(node), isReserved: isReserved === true },
    children: children.filter((child) => !isClearBit(child, node)).map(nodeOf),
  };
}

/** Of a guest that has said nothing. */
const noContact: Pick<ChannelBook, 'contact'> = {
  contact: { version: undefined, refused: [], asked: undefined, offersRequested: false },
};

function neverSeen(partition: number, relid: number): TrafficChannel {
  return {
    ...{ partition, relid, className: '', title: '', instance: '', subChannel: 0 },
    ...{ state: 'released', sent: 0, received: 0, openRequests: 0, silence: [] },
  };
}
