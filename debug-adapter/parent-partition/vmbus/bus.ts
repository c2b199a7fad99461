/** A guest's VMBus, the parent's end: contact, offers, channels and their life cycle. */
import type { SavedPart } from '../../machine/saved-part';
import {
  channelRelIdMax,
  ChannelMessageType as T,
  VmbusConnectionId,
  VmbusVersion,
} from '../../spec/vmbus/messages';
import { assert, present } from '../../support/assert';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { connectionOf, type BusServices } from './bus-services';
import { Channel, type ChannelBus } from './channel';
import { encodeMessage, messageType, whyRefused, type MessageValues } from './channel-message';
import { ChannelRequests, type RequestBus } from './channel-requests';
import { Connection } from './connection';
import { Device, type DeviceBus } from './device';
import { GpadlTable } from './gpadl-table';
import { MessageOutbox } from './message-outbox';
import { MonitorPages } from './monitor-pages';
import type { ServiceProvider } from './provider';
import { accepted, refused, type Verdict } from './verdict';
import { WorkSchedule } from './work-schedule';

const versionOfState = 1;

/**
 * Everything that a guest sends is checked, told to the trace with the reason where it is refused, and only then acted
 * on. Devices are synchronous: a channel is open or closed once the request has been answered.
 */
export class Vmbus implements SavedPart, ChannelBus, DeviceBus, RequestBus {
  readonly gpadls = new GpadlTable();
  readonly devices: readonly Device[];
  private readonly connection: Connection;
  private readonly outbox: MessageOutbox;
  private readonly work: WorkSchedule;
  private readonly monitors: MonitorPages | undefined;
  private readonly requests = new ChannelRequests(this);
  private readonly channels = new Map<number, Channel>();
  /** Messages of the guest that had no effect. */
  private refusedCount = 0;

  /**
   * @param maximumVersion newest version that a guest may ask for
   * @param monitorLatencyNs between two looks at the guest's monitor page; 0 where nothing is signalled by it
   */
  constructor(
    readonly services: BusServices,
    providers: readonly ServiceProvider[],
    private readonly maximumVersion: number = VmbusVersion.v5_3,
    monitorLatencyNs = 0,
  ) {
    const names = new Set(providers.map(({ name }) => name));
    assert(names.size === providers.length, 'the names of providers differ');
    this.connection = new Connection(maximumVersion, services.processorCount);
    this.outbox = new MessageOutbox(services);
    this.work = new WorkSchedule(services, (relid, work) => this.runWork(relid, work));
    if (monitorLatencyNs > 0) {
      this.monitors = new MonitorPages(services, monitorLatencyNs, (relid) =>
        this.receiveSignal(0, connectionOf(relid)),
      );
    }
    this.devices = providers.map((provider) => new Device(this, provider));
    this.connectMessagePorts();
  }

  /** Version that the guest has negotiated; 0 while it is not connected. */
  get version(): number {
    return this.connection.version ?? 0;
  }

  /** Messages of the guest that had no effect. */
  get refusedMessages(): number {
    return this.refusedCount;
  }

  /** The channels that the guest knows of, by relation id. */
  get offeredChannels(): readonly Channel[] {
    return [...this.channels.values()].sort((a, b) => a.relid - b.relid);
  }

  nowNs(): number {
    return this.services.nowNs();
  }

  behindNs(): number {
    return this.services.behindNs();
  }

  /** A guest has posted a message to one of the bus's connections. */
  receiveMessage(processor: number, synicType: number, payload: Uint8Array): void {
    const { version, features } = this.connection;
    const why = whyRefused(synicType, payload, { version, features });
    const verdict = why === '' ? this.judge(payload) : refused(why);
    if (verdict.refusal !== '') this.refusedCount++;
    this.services.trace.message('to-parent', processor, payload, verdict.refusal);
    verdict.act();
  }

  /** A guest has signalled a connection. */
  receiveSignal(processor: number, connectionId: number): void {
    const relid = connectionId & channelRelIdMax;
    const channel = this.channels.get(relid);
    const outcome =
      channel?.connectionId !== connectionId
        ? `no channel has connection 0x${connectionId.toString(16)}`
        : channel.state !== 'open'
          ? 'the channel is not open'
          : channel.isUsable
            ? 'signalled'
            : `the channel was given up: ${channel.fault}`;
    this.services.trace.signal('to-parent', relid, processor, outcome);
    if (outcome === 'signalled') channel?.service();
  }

  /** Takes a device away from the guest, or plugs it in again. */
  setPluggedIn(name: string, isPluggedIn: boolean): void {
    const device = present(
      this.devices.find(({ provider }) => provider.name === name),
      'device of the bus',
    );
    if (device.isPluggedIn === isPluggedIn) return;
    device.isPluggedIn = isPluggedIn;
    if (!isPluggedIn) this.revoke(device);
    else if (!device.isBeingRevoked) this.offerMissing(device);
  }

  channel(relid: number): Channel | undefined {
    return this.channels.get(relid);
  }

  deviceOf(channel: Channel): Device {
    const device = this.devices.find(
      ({ channels }) => channels.get(channel.subChannel) === channel,
    );
    return present(device, 'device of a channel');
  }

  reply(type: number, values: MessageValues): void {
    const { processor, sint } = this.connection.target;
    this.outbox.send(processor, sint, encodeMessage(type, values));
  }

  /** The guest has let go of a channel that was taken back or that it does not want. */
  release(channel: Channel): void {
    const device = this.deviceOf(channel);
    const wasRevoked = channel.state === 'revoked';
    this.channels.delete(channel.relid);
    device.channels.delete(channel.subChannel);
    this.gpadls.removeOf(channel.relid);
    this.monitors?.release(channel.relid);
    if (wasRevoked && device.isPluggedIn && !device.isBeingRevoked) this.offerMissing(device);
  }

  moveMonitorPage(childToParent: number): void {
    this.monitors?.place(childToParent);
  }

  schedule(relid: number, delayNs: number, work: number): void {
    this.work.add(relid, delayNs, work);
  }

  forgetWork(relid: number): void {
    this.work.forget(relid);
  }

  offerMissing(device: Device): void {
    if (!this.connection.offersRequested || !device.isPluggedIn || device.isBeingRevoked) return;
    if (!device.isFor(this.version)) return;
    for (let index = 0; index <= device.subChannels; index++) {
      const relid = this.freeRelid();
      if (device.channels.has(index) || relid === undefined) continue;
      const channel = new Channel(this, device, relid, index);
      this.channels.set(relid, channel);
      device.channels.set(index, channel);
      const { processor, sint } = this.connection.target;
      const monitor = device.isMonitored ? this.monitors?.allocate(relid) : undefined;
      this.outbox.send(processor, sint, device.offerMessage(channel, monitor));
    }
  }

  reset(): void {
    this.disconnect();
    this.connection.reset();
    this.refusedCount = 0;
    for (const device of this.devices) {
      device.isPluggedIn = true;
      device.provider.reset();
    }
  }

  save(): StateNode {
    return {
      version: versionOfState,
      connection: this.connection.save(),
      refusedCount: this.refusedCount,
      gpadls: this.gpadls.save(),
      devices: this.devices.map(saveDevice),
      outbox: this.outbox.save(),
      work: this.work.save(),
      ...(this.monitors === undefined ? {} : { monitors: this.monitors.save() }),
    };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.connection.restore(record.record('connection'));
    this.refusedCount = record.number('refusedCount');
    this.gpadls.restore(record.record('gpadls'));
    this.channels.clear();
    const saved = record.records('devices');
    const { length } = this.devices;
    if (saved.length !== length) throw record.mismatch('devices', `a list of ${length} devices`);
    saved.forEach((state, index) => {
      this.restoreDevice(present(this.devices[index], 'device'), state);
    });
    this.outbox.restore(record.record('outbox'));
    this.work.restore(record.records('work'));
    this.monitors?.restore(record.record('monitors'));
  }

  private judge(payload: Uint8Array): Verdict {
    switch (messageType(payload)) {
      case T.initiateContact:
        return this.initiateContact(payload);
      case T.requestOffers:
        return this.requestOffers();
      case T.unload:
        return accepted(() => this.unload());
      case T.pause:
        return accepted(() => {
          this.reply(T.pauseResponse, {});
          this.outbox.hold(true);
        });
      case T.resume:
        return accepted(() => this.outbox.hold(false));
      default:
        return this.requests.judge(payload);
    }
  }

  /** A guest that is connected starts anew: another system has taken over. */
  private initiateContact(payload: Uint8Array): Verdict {
    const contact = this.connection.contact(payload);
    if (typeof contact === 'string') return refused(contact);
    return accepted(() => {
      this.forgetGuest();
      if (contact.isConnected) this.monitors?.place(contact.childToParentPage);
      this.outbox.send(contact.target.processor, contact.target.sint, contact.response);
    });
  }

  private requestOffers(): Verdict {
    if (this.connection.offersRequested) return refused('the offers have been requested before');
    return accepted(() => {
      this.connection.offersRequested = true;
      for (const device of this.devices) this.offerMissing(device);
      this.reply(T.allOffersDelivered, {});
    });
  }

  private unload(): void {
    this.disconnect();
    this.reply(T.unloadResponse, {});
  }

  private disconnect(): void {
    this.forgetGuest();
    this.connection.disconnect();
  }

  /** Ends every channel and lets go of the guest's memory. */
  private forgetGuest(): void {
    for (const device of this.devices) device.forgetChannels();
    this.channels.clear();
    this.gpadls.clear();
    this.monitors?.clear();
    this.work.clear();
    this.outbox.clear();
  }

  /** Sub-channels go first. */
  private revoke(device: Device): void {
    const channels = [...device.channels.values()].sort((a, b) => b.subChannel - a.subChannel);
    for (const channel of channels) {
      if (channel.state === 'revoked') continue;
      channel.close();
      channel.state = 'revoked';
      this.reply(T.rescindChannelOffer, { ChildRelId: channel.relid });
    }
    device.subChannels = 0;
  }

  private runWork(relid: number, work: number): void {
    const channel = this.channels.get(relid);
    if (channel?.isUsable === true) this.deviceOf(channel).provider.due(channel, work);
  }

  private freeRelid(): number | undefined {
    for (let relid = 1; relid <= channelRelIdMax; relid++) {
      if (!this.channels.has(relid)) return relid;
    }
    return undefined;
  }

  /** Makes the connections that a guest finds. */
  connectMessagePorts(): void {
    for (const id of this.messageConnections) this.services.connectMessagePort(id);
  }

  /** Undoes {@link connectMessagePorts}: the guest is taken apart. */
  disconnectMessagePorts(): void {
    for (const id of this.messageConnections) this.services.disconnectPort(id);
  }

  /** The connections that the guest has, by identifier; those for messages have no flags. */
  get connections(): readonly { readonly id: number; readonly flagCount: number }[] {
    const open = [...this.channels.values()].filter(({ isConnected }) => isConnected);
    return [
      ...this.messageConnections.map((id) => ({ id, flagCount: 0 })),
      ...open.map(({ connectionId }) => ({ id: connectionId, flagCount: 1 })),
    ].sort((a, b) => a.id - b.id);
  }

  /** A host of an older version does not have the newer connection: guests then ask for less. */
  private get messageConnections(): readonly number[] {
    const { messages, messages4 } = VmbusConnectionId;
    return this.maximumVersion < VmbusVersion.v5_0 ? [messages] : [messages, messages4];
  }

  private restoreDevice(device: Device, record: StateRecord): void {
    record.choice('name', [device.provider.name]);
    device.isPluggedIn = record.number('isPluggedIn') !== 0;
    device.subChannels = record.number('subChannels');
    device.channels.clear();
    for (const saved of record.records('channels')) {
      const relid = saved.number('relid');
      const channel = new Channel(this, device, relid, saved.number('subChannel'));
      channel.restore(saved);
      this.channels.set(relid, channel);
      device.channels.set(channel.subChannel, channel);
    }
    device.provider.restore(record.record('provider'));
  }
}

function saveDevice({ provider, isPluggedIn, subChannels, channels }: Device): StateNode {
  return {
    name: provider.name,
    isPluggedIn: Number(isPluggedIn),
    subChannels,
    channels: Array.from(channels.values(), (channel) => channel.save()),
    provider: provider.save(),
  };
}
