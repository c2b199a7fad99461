/** A device on the bus: its provider, whether it is plugged in, and the channels that the guest knows of it. */
import { channelFlag, ChannelMessageType } from '../../spec/vmbus/messages';
import { parseGuid } from '../../support/guid';
import { present } from '../../support/assert';
import { encodeMessage } from './channel-message';
import type { Channel, ChannelUser } from './channel';
import type { OpenChannel, ProviderHost, ReceivedPacket, ServiceProvider } from './provider';

/** What a device asks of its bus. */
export interface DeviceBus {
  nowNs(): number;
  behindNs(): number;
  /** The device has fewer sub-channels than it wants. */
  offerMissing(device: Device): void;
}

export class Device implements ChannelUser, ProviderHost {
  /** By their index: 0 is the primary one. */
  readonly channels = new Map<number, Channel>();
  isPluggedIn = true;
  /** Besides the primary one. */
  subChannels = 0;

  constructor(
    private readonly bus: DeviceBus,
    readonly provider: ServiceProvider,
  ) {
    provider.connect(this);
  }

  get classId(): string {
    return this.provider.offer.classId;
  }

  /** The guest's version of the bus is new enough for the device. */
  isFor(busVersion: number): boolean {
    return busVersion >= (this.provider.offer.minimumVersion ?? 0);
  }

  /** Some channel has been taken back and the guest has not let go of it. */
  get isBeingRevoked(): boolean {
    return [...this.channels.values()].some(({ state }) => state === 'revoked');
  }

  /** The guest may signal its channels by the monitor page. */
  get isMonitored(): boolean {
    return this.provider.offer.isMonitored === true;
  }

  /** The message that offers one of its channels, with its monitor if it has one. */
  offerMessage(channel: Channel, monitor?: number): Uint8Array {
    const { offer } = this.provider;
    return encodeMessage(ChannelMessageType.offerChannel, {
      InterfaceType: present(parseGuid(offer.classId), 'class GUID'),
      InterfaceInstance: present(parseGuid(offer.instanceId), 'instance GUID'),
      ChannelFlags:
        monitor === undefined
          ? offer.flags
          : offer.flags | channelFlag.requestMonitoredNotification,
      MmioMegabytes: offer.mmioMegabytes ?? 0,
      UserDefined: offer.userDefined ?? new Uint8Array(0),
      SubChannelIndex: channel.subChannel,
      ChildRelId: channel.relid,
      ...(monitor === undefined ? {} : { MonitorId: monitor, MonitorFlags: 1 }),
      InterruptFlags: 1, // dedicated: no bit in the interrupt page
      ConnectionId: channel.connectionId,
    });
  }

  /** The guest has lost its connection: it knows of no channels. */
  forgetChannels(): void {
    for (const channel of this.channels.values()) channel.close();
    this.channels.clear();
    this.subChannels = 0;
  }

  nowNs(): number {
    return this.bus.nowNs();
  }

  behindNs(): number {
    return this.bus.behindNs();
  }

  openChannels(): readonly OpenChannel[] {
    return [...this.channels.values()]
      .filter((channel) => channel.isUsable)
      .sort((a, b) => a.subChannel - b.subChannel);
  }

  offerSubChannels(count: number): void {
    this.subChannels = Math.max(this.subChannels, count);
    this.bus.offerMissing(this);
  }

  receive(channel: Channel, packet: ReceivedPacket): void {
    this.provider.receive(channel, packet);
  }

  closed(channel: Channel): void {
    this.provider.closed(channel);
  }
}
