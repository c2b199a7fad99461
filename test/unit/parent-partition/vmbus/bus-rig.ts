/** A bus with a guest that the test plays: it posts messages, makes rings, and takes what the bus sends. */
import { TimerQueue } from '../../../../debug-adapter/machine/timer-queue';
import { Vmbus } from '../../../../debug-adapter/parent-partition/vmbus/bus';
import type {
  BusServices,
  BusTrace,
} from '../../../../debug-adapter/parent-partition/vmbus/bus-services';
import {
  encodeMessage,
  messageReader,
  messageType,
  type MessageValues,
} from '../../../../debug-adapter/parent-partition/vmbus/channel-message';
import type { ServiceProvider } from '../../../../debug-adapter/parent-partition/vmbus/provider';
import {
  channelMessageByType,
  ChannelMessageType,
  VmbusVersion,
} from '../../../../debug-adapter/spec/vmbus/messages';
import { StateRecord } from '../../../../debug-adapter/support/state-record';
import {
  decodeStateTree,
  encodeStateTree,
  type StateNode,
} from '../../../../debug-adapter/support/state-tree';
import { GuestRing } from './guest-ring';
import { SparseMemory } from './sparse-memory';

/** Pages of each direction of the rings that {@link BusRig.open} makes. */
const ringPages = 4;

export interface OpenedChannel {
  readonly relid: number;
  readonly gpadl: number;
  readonly toParent: GuestRing;
  readonly toGuest: GuestRing;
}

export class BusRig {
  readonly memory = new SparseMemory();
  readonly timers = new TimerQueue();
  readonly bus: Vmbus;
  /** Messages to the guest that it has not taken yet. */
  messages: { readonly target: string; readonly payload: Uint8Array }[] = [];
  /** `processor:flag` of every event flag that was set. */
  signals: string[] = [];
  readonly ports = new Set<number>();
  /** Reasons of everything that was refused. */
  readonly refusals: string[] = [];
  /** Outcomes of signals, both ways. */
  readonly outcomes: string[] = [];
  nowNs = 0;
  /** By how much the guest is behind its parent. */
  behindNs = 0;
  /** Buffers for messages that the hypervisor still has. */
  messageRoom = Infinity;
  private nextPage = 16;
  private nextGpadl = 0xe1e10;

  constructor(
    readonly providers: readonly ServiceProvider[],
    readonly processorCount = 2,
    maximumVersion?: number,
    monitorLatencyNs?: number,
  ) {
    const services: BusServices = {
      memory: this.memory,
      processorCount,
      timers: this.timers,
      trace: this.trace(),
      nowNs: () => this.nowNs,
      behindNs: () => this.behindNs,
      connectMessagePort: (id) => void this.ports.add(id),
      connectEventPort: (id) => void this.ports.add(id),
      disconnectPort: (id) => void this.ports.delete(id),
      postMessage: (processor, sint, payload) => {
        if (this.messages.length >= this.messageRoom) return false;
        this.messages.push({ target: `${processor}:${sint}`, payload: payload.slice() });
        return true;
      },
      signalEvent: (processor, _sint, flag) => void this.signals.push(`${processor}:${flag}`),
    };
    this.bus = new Vmbus(services, providers, maximumVersion, monitorLatencyNs);
  }

  /** Posts a message of the guest. */
  post(type: number, values: MessageValues = {}, appended?: Uint8Array): void {
    this.postBytes(encodeMessage(type, values, appended));
  }

  postBytes(payload: Uint8Array, synicType = 1): void {
    this.bus.receiveMessage(0, synicType, payload);
  }

  /** Takes the messages to the guest, as `name {field: value}` of the fields that are not zero. */
  take(): string[] {
    const taken = this.messages.map(({ payload }) => describe(payload));
    this.messages = [];
    return taken;
  }

  /** Contact and offers; answers the relation ids by the providers' order. */
  connect(version: number = VmbusVersion.v5_3): void {
    this.post(ChannelMessageType.initiateContact, { VersionRequested: version, TargetSint: 2 });
    this.post(ChannelMessageType.requestOffers);
    this.messages = [];
  }

  /** Pages of the guest's, mapped and not adjacent to others. */
  pages(count: number): number[] {
    const first = this.nextPage;
    this.nextPage += count + 1;
    this.memory.map(first, count);
    return Array.from({ length: count }, (_, index) => first + index);
  }

  /** Makes a GPADL of pages and answers its identifier. */
  makeGpadl(relid: number, pages: readonly number[]): number {
    const gpadl = this.nextGpadl++;
    const bytes = new Uint8Array(8 + 8 * pages.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, pages.length * 4096, true);
    pages.forEach((page, index) => view.setUint32(8 + 8 * index, page, true));
    const head = {
      ChildRelId: relid,
      Gpadl: gpadl,
      RangeCount: 1,
      RangeBufferLength: bytes.length,
    };
    this.post(ChannelMessageType.gpadlHeader, head, bytes.slice(0, 216));
    for (let at = 216; at < bytes.length; at += 224) {
      this.post(ChannelMessageType.gpadlBody, { Gpadl: gpadl }, bytes.slice(at, at + 224));
    }
    return gpadl;
  }

  /** Opens a channel as a driver does; the messages of it are taken. */
  open(relid: number, targetVp = 1): OpenedChannel {
    const pages = this.pages(2 * ringPages);
    const gpadl = this.makeGpadl(relid, pages);
    const toParent = new GuestRing(this.memory, pages.slice(0, ringPages));
    const toGuest = new GuestRing(this.memory, pages.slice(ringPages));
    this.post(ChannelMessageType.openChannel, {
      ChildRelId: relid,
      OpenId: relid,
      RingBufferGpadl: gpadl,
      TargetVp: targetVp,
      DownstreamRingPageOffset: ringPages,
    });
    this.messages = [];
    return { relid, gpadl, toParent, toGuest };
  }

  /** Signals a channel as a guest does. */
  signal(relid: number): void {
    this.bus.receiveSignal(0, relid | 0x2000);
  }

  advanceTo(nowNs: number): void {
    for (let next = this.timers.nextDueNs; next <= nowNs; next = this.timers.nextDueNs) {
      this.nowNs = Math.max(this.nowNs, next);
      this.timers.runDue(next);
    }
    this.nowNs = nowNs;
  }

  save(): Uint8Array {
    return encodeStateTree({ bus: this.bus.save(), timers: this.timers.save() });
  }

  restore(bytes: Uint8Array): void {
    const record = new StateRecord(decodeStateTree(bytes), 'rig');
    this.bus.restore(record.record('bus'));
    this.timers.restore(record.record('timers'));
  }

  restoreBus(saved: StateNode): void {
    this.bus.restore(new StateRecord(saved, 'bus'));
  }

  private trace(): BusTrace {
    const note = (refusal: string): void => {
      if (refusal !== '') this.refusals.push(refusal);
    };
    return {
      message: (_direction, _processor, _payload, refusal) => note(refusal),
      packet: (_direction, _channel, _packet, refusal) => note(refusal),
      signal: (direction, channel, _processor, outcome) =>
        void this.outcomes.push(`${direction} ${channel}: ${outcome}`),
    };
  }
}

function describe(payload: Uint8Array): string {
  const message = channelMessageByType.get(messageType(payload));
  if (message === undefined) return 'unknown';
  const read = messageReader(payload);
  const fields = message.layout.fields.flatMap(({ name, type }) => {
    if (name === 'MessageType' || typeof type === 'object') return [];
    const value = read(name);
    return value === 0
      ? []
      : [`${name} ${value < 0x8000_0000 ? value : `0x${value.toString(16)}`}`];
  });
  return [message.name, ...fields].join(', ');
}
