/** One channel: its state, and while a guest has it open, the traffic of its two rings. */
import { pageSizeBytes } from '../../machine/addresses';
import { channelMessageSint, targetVpNone } from '../../spec/vmbus/messages';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { busLimits, connectionOf, type BusServices, type TracedChannel } from './bus-services';
import type { Gpadl, GpadlTable } from './gpadl-table';
import { readRanges, writeRanges, type GuestRange } from './guest-ranges';
import { encodePacket, parsePacket } from './packet';
import type { OpenChannel, OutgoingPacket, ReceivedPacket } from './provider';
import { IncomingRing, OutgoingRing } from './ring';

const channelStates = ['closed', 'open', 'revoked'] as const;

/** `closed`: offered and not open; `revoked`: taken back, until the guest lets go of it. */
export type ChannelState = (typeof channelStates)[number];

/** What a guest says when it opens a channel. */
export interface OpenParameters {
  readonly gpadl: Gpadl;
  /** Page of the GPADL where the ring to the guest begins. */
  readonly downstreamPage: number;
  readonly targetVp: number;
  readonly userData: Uint8Array;
}

/** What there is only while a guest has the channel open. */
interface OpenState extends OpenParameters {
  readonly incoming: IncomingRing;
  readonly outgoing: OutgoingRing;
  /** Encoded packets for which the ring had no room. */
  waiting: Uint8Array[];
  targetVp: number;
  /** Requests stay in the ring until the guest has taken answers. */
  isHeldUp: boolean;
  /** Why the rings are no longer served; empty while they are. */
  fault: string;
}

/** What a channel asks of its bus. */
export interface ChannelBus {
  readonly services: BusServices;
  readonly gpadls: GpadlTable;
  readonly version: number;
  schedule(relid: number, delayNs: number, work: number): void;
  forgetWork(relid: number): void;
}

/** What a channel tells its device. */
export interface ChannelUser {
  readonly classId: string;
  receive(channel: Channel, packet: ReceivedPacket): void;
  closed(channel: Channel): void;
}

/** Occupancy of a direction, for whoever looks. */
export interface RingOccupancy {
  readonly usedBytes: number;
  readonly dataBytes: number;
}

/**
 * Splits the GPADL of a ring.
 * @returns in words why it is no ring
 */
function ringsOf(
  services: BusServices,
  { gpadl, downstreamPage }: OpenParameters,
): { readonly incoming: IncomingRing; readonly outgoing: OutgoingRing } | string {
  const [range] = gpadl.ranges;
  if (range === undefined || gpadl.ranges.length !== 1) return 'the GPADL has several ranges';
  if (range.byteOffset !== 0 || range.byteCount % pageSizeBytes !== 0) {
    return 'the GPADL is not of whole pages';
  }
  const { pages } = range;
  if (downstreamPage < 2 || downstreamPage + 2 > pages.length) {
    return `a ring at page ${downstreamPage} of ${pages.length} leaves no room for data`;
  }
  return {
    incoming: new IncomingRing(services.memory, pages.slice(0, downstreamPage)),
    outgoing: new OutgoingRing(services.memory, pages.slice(downstreamPage)),
  };
}

export class Channel implements OpenChannel {
  state: ChannelState = 'closed';
  private openState: OpenState | undefined;

  constructor(
    private readonly bus: ChannelBus,
    private readonly user: ChannelUser,
    readonly relid: number,
    readonly subChannel: number,
  ) {}

  /** Connection that the guest signals after it has written. */
  get connectionId(): number {
    return connectionOf(this.relid);
  }

  get busVersion(): number {
    return this.bus.version;
  }

  get userData(): Uint8Array {
    return this.openState?.userData ?? new Uint8Array(0);
  }

  /** The guest has it open and its rings are served. */
  get isUsable(): boolean {
    return this.openState?.fault === '';
  }

  /** Why the rings are no longer served; empty where they are, or where nobody has opened them. */
  get fault(): string {
    return this.openState?.fault ?? '';
  }

  /** Processor that the channel interrupts; undefined where it is not open or interrupts none. */
  get targetVp(): number | undefined {
    const target = this.openState?.targetVp;
    return target === targetVpNone ? undefined : target;
  }

  set targetVp(processor: number) {
    if (this.openState !== undefined) this.openState.targetVp = processor;
  }

  /** Packets that wait for room in the ring to the guest. */
  get waitingPackets(): number {
    return this.openState?.waiting.length ?? 0;
  }

  /** True for the GPADL that holds the rings. */
  isRing(gpadl: number): boolean {
    return this.openState?.gpadl.id === gpadl;
  }

  occupancy(): { readonly toParent: RingOccupancy; readonly toGuest: RingOccupancy } | undefined {
    const { openState } = this;
    if (openState === undefined) return undefined;
    const { incoming, outgoing } = openState;
    return { toParent: incoming.occupancy(), toGuest: outgoing.occupancy() };
  }

  /**
   * Opens the channel; the caller tells guest and provider, then calls {@link service}.
   * @returns in words why that is not possible
   */
  open(parameters: OpenParameters): string | undefined {
    const rings = ringsOf(this.bus.services, parameters);
    if (typeof rings === 'string') return rings;
    if (!rings.incoming.open() || !rings.outgoing.open()) return 'the indices are not in the rings';
    this.openState = { ...parameters, ...rings, waiting: [], isHeldUp: false, fault: '' };
    this.state = 'open';
    this.bus.services.connectEventPort(this.connectionId);
    return undefined;
  }

  /** True while the guest is connected to the port of the channel. */
  get isConnected(): boolean {
    return this.openState !== undefined;
  }

  /** Ends the use of the rings; the provider is told unless it knows already. */
  close(): void {
    const { openState } = this;
    if (openState === undefined) return;
    const isUsable = this.isUsable;
    this.openState = undefined;
    if (this.state === 'open') this.state = 'closed';
    this.bus.services.disconnectPort(this.connectionId);
    this.bus.forgetWork(this.relid);
    if (isUsable) this.user.closed(this);
  }

  /** The guest has signalled, or may have written before it could: both rings are looked at until nothing is left. */
  service(): void {
    const { openState } = this;
    if (openState === undefined || openState.fault !== '') return;
    this.flush(openState);
    const { incoming } = openState;
    if (openState.isHeldUp && !this.isCongested(openState)) this.holdUp(openState, false);
    while (this.isUsable) {
      // A guest that takes no answers gets none to further requests.
      if (this.isCongested(openState)) {
        this.holdUp(openState, true);
        break;
      }
      const taken = incoming.take();
      if (taken.kind === 'empty') break;
      if (taken.kind === 'fault') return this.giveUp(taken.reason);
      this.deliver(taken.bytes);
    }
    if (this.openState !== openState || openState.fault !== '') return;
    const wantsSignal = incoming.release();
    if (wantsSignal === undefined) return this.giveUp('a page of the ring is not mapped');
    if (wantsSignal) this.signalGuest('signalled: the ring has room again');
  }

  send(packet: OutgoingPacket): boolean {
    const { openState } = this;
    if (openState === undefined || openState.fault !== '') return false;
    const bytes = encodePacket(packet);
    const isTooMuch = openState.waiting.length >= busLimits.waitingPacketsMaximum;
    if (isTooMuch || !openState.outgoing.holds(bytes.length)) {
      const why = isTooMuch ? 'lost: the guest takes no packets' : 'lost: larger than the ring';
      this.bus.services.trace.packet('to-guest', this.traced, bytes, why);
      return false;
    }
    this.bus.services.trace.packet('to-guest', this.traced, bytes, '');
    openState.waiting.push(bytes);
    if (openState.waiting.length === 1) this.flush(openState);
    if (openState.isHeldUp && !this.isCongested(openState)) this.service();
    return this.isUsable;
  }

  complete(transactionId: bigint, payload: Uint8Array): boolean {
    return this.send({ type: 'completion', transactionId, payload });
  }

  readPages(ranges: readonly GuestRange[], offset: number, target: Uint8Array): boolean {
    return readRanges(this.bus.services.memory, ranges, offset, target);
  }

  writePages(ranges: readonly GuestRange[], offset: number, source: Uint8Array): boolean {
    return writeRanges(this.bus.services.memory, ranges, offset, source);
  }

  gpadl(id: number): readonly GuestRange[] | undefined {
    const gpadl = this.bus.gpadls.get(id);
    return gpadl?.relid === this.relid && !this.isRing(id) ? gpadl.ranges : undefined;
  }

  schedule(delayNs: number, work: number): void {
    if (this.isUsable) this.bus.schedule(this.relid, delayNs, work);
  }

  save(): StateNode {
    const { relid, subChannel, state, openState } = this;
    const head = { relid, subChannel, state };
    if (openState === undefined) return head;
    const { gpadl, downstreamPage, targetVp, userData, waiting, fault } = openState;
    return {
      ...head,
      open: {
        gpadl: gpadl.id,
        downstreamPage,
        targetVp,
        userData,
        waiting,
        isHeldUp: Number(openState.isHeldUp),
        fault,
        readIndex: openState.incoming.readIndex,
        ...openState.outgoing.state,
      },
    };
  }

  /** The GPADLs have been restored; the port of the channel is restored with the hypervisor. */
  restore(record: StateRecord): void {
    this.state = record.choice('state', channelStates);
    this.openState = undefined;
    if (!record.has('open')) return;
    const saved = record.record('open');
    const gpadl = this.bus.gpadls.get(saved.number('gpadl'));
    if (gpadl === undefined) throw saved.mismatch('gpadl', 'one that the guest has set up');
    const parameters = {
      gpadl,
      downstreamPage: saved.number('downstreamPage'),
      targetVp: saved.number('targetVp'),
      userData: saved.bytes('userData'),
    };
    const rings = ringsOf(this.bus.services, parameters);
    if (typeof rings === 'string') throw saved.mismatch('gpadl', `one of a ring: ${rings}`);
    rings.incoming.restore(saved);
    rings.outgoing.restore(saved);
    const waiting = [...saved.byteLists('waiting')];
    this.openState = {
      ...parameters,
      ...rings,
      waiting,
      isHeldUp: saved.number('isHeldUp') !== 0,
      fault: saved.string('fault'),
    };
  }

  private get traced(): TracedChannel {
    return { relid: this.relid, classId: this.user.classId };
  }

  private deliver(bytes: Uint8Array): void {
    const packet = parsePacket(bytes);
    const refusal = typeof packet === 'string' ? packet : '';
    this.bus.services.trace.packet('to-parent', this.traced, bytes, refusal);
    if (typeof packet === 'string') this.giveUp(packet);
    else this.user.receive(this, packet);
  }

  private flush(openState: OpenState): void {
    let silence: string | undefined;
    for (let next = openState.waiting[0]; next !== undefined; next = openState.waiting[0]) {
      const put = openState.outgoing.put(next);
      if (put.kind === 'full') break;
      if (put.kind === 'fault') return this.giveUp(put.reason);
      openState.waiting.shift();
      if (silence !== '') silence = put.silence;
    }
    if (silence === '') this.signalGuest('signalled');
    else if (silence !== undefined) this.noSignal(silence);
  }

  private isCongested({ waiting }: OpenState): boolean {
    return waiting.length >= busLimits.waitingPackets;
  }

  private holdUp(openState: OpenState, isHeldUp: boolean): void {
    openState.isHeldUp = isHeldUp;
    openState.incoming.maskInterrupts(isHeldUp);
  }

  private signalGuest(outcome: string): void {
    const { services } = this.bus;
    const { targetVp } = this;
    if (targetVp === undefined) {
      return this.noSignal('no signal: the guest opened the channel without interrupts');
    }
    services.trace.signal('to-guest', this.relid, targetVp, outcome);
    services.signalEvent(targetVp, channelMessageSint, this.relid);
  }

  private noSignal(why: string): void {
    const processor = this.targetVp ?? 0;
    this.bus.services.trace.signal('to-guest', this.relid, processor, why);
  }

  /** A malformed ring or packet ends the use of this channel, until the guest closes and opens it again. */
  private giveUp(reason: string): void {
    const { openState } = this;
    if (openState === undefined) return;
    openState.fault = reason;
    openState.waiting = [];
    this.bus.forgetWork(this.relid);
    this.bus.services.trace.signal('to-parent', this.relid, 0, `given up: ${reason}`);
    this.user.closed(this);
  }
}
