/** The channels of a guest as the messages between it and its parent make them: offered, opened, closed, rescinded. */
import type { VmbusMessageEvent } from '../../machine/trace';
import {
  deviceClassByGuid,
  socketDeviceClassName,
  unknownDeviceClassName,
} from '../../spec/vmbus/device-classes';
import { channelFlag, ChannelMessageType } from '../../spec/vmbus/messages';
import { channelMessageTypeOf, messageTree, messageValues } from './decode-traffic';

/** Where a channel is in its life. */
export type ChannelState =
  'offered' | 'opening' | 'open' | 'refused' | 'closed' | 'rescinded' | 'released';

/** A channel. */
export interface KnownChannel {
  readonly partition: number;
  readonly relid: number;
  /** Short name of the class. */
  className: string;
  title: string;
  instance: string;
  subChannel: number;
  state: ChannelState;
  /** The processor that takes its interrupts; undefined until it has been opened, and where none does. */
  targetVp: number | undefined;
  /** Page frames of the ring's memory, as far as they are known. */
  ringPages: readonly number[];
  /** The page of {@link ringPages} where the ring to the guest begins. */
  downstreamPage: number;
}

/** How far guest and parent have come with each other. */
export interface BusContact {
  /** Version that the parent has agreed to; undefined before. */
  version: number | undefined;
  /** Versions that the guest has asked for and the parent has not agreed to. */
  refused: number[];
  asked: number | undefined;
  offersRequested: boolean;
}

/** Page frames that are kept of one GPADL: enough for the rings of every driver. */
const gpadlPagesMax = 4096;

/** One guest's channels. */
export class ChannelBook {
  readonly channels = new Map<number, KnownChannel>();
  readonly contact: BusContact = {
    version: undefined,
    refused: [],
    asked: undefined,
    offersRequested: false,
  };
  private readonly gpadls = new Map<number, number[]>();

  constructor(private readonly partition: number) {}

  /** Takes a message into account that has been taken. Messages come in their order. */
  see(event: VmbusMessageEvent): void {
    if (event.refusal !== '') return;
    const values = messageValues(event);
    const number = (name: string): number => {
      const value = values.get(name)?.value;
      return typeof value === 'bigint' ? Number(value) : 0;
    };
    const relid = number('ChildRelId');
    const T = ChannelMessageType;
    switch (channelMessageTypeOf(event.payload)) {
      case T.initiateContact:
        this.channels.clear();
        this.gpadls.clear();
        this.contact.asked = number('VersionRequested');
        this.contact.version = undefined;
        this.contact.offersRequested = false;
        return;
      case T.versionResponse:
        return this.answerContact(number('VersionSupported') === 1);
      case T.requestOffers:
        this.contact.offersRequested = true;
        return;
      case T.offerChannel:
        return this.offer(
          relid,
          number,
          values.get('InterfaceType')?.value,
          values.get('InterfaceInstance')?.value,
        );
      case T.gpadlHeader:
      case T.gpadlBody:
        return this.addPages(number('Gpadl'), event);
      case T.gpadlTorndown:
        this.gpadls.delete(number('Gpadl'));
        return;
      case T.openChannel:
        return this.open(this.channel(relid), number);
      case T.openChannelResult:
        this.channel(relid).state = number('Status') === 0 ? 'open' : 'refused';
        return;
      case T.modifyChannel:
        this.channel(relid).targetVp = number('TargetVp');
        return;
      case T.closeChannel:
        this.channel(relid).state = 'closed';
        return;
      case T.rescindChannelOffer:
        this.channel(relid).state = 'rescinded';
        return;
      case T.relIdReleased:
        this.channel(relid).state = 'released';
        return;
      case T.unloadResponse:
        this.channels.clear();
        this.gpadls.clear();
        this.contact.version = undefined;
        return;
      default:
    }
  }

  /** A channel by its number; one that was not seen being offered is made up of what is known. */
  channel(relid: number, className = unknownDeviceClassName): KnownChannel {
    const known = this.channels.get(relid);
    if (known !== undefined) return known;
    const made: KnownChannel = {
      partition: this.partition,
      relid,
      className,
      title: className,
      instance: '',
      subChannel: 0,
      // Packets of a channel whose offer is no longer kept say that it is open.
      state: 'open',
      targetVp: undefined,
      ringPages: [],
      downstreamPage: 0,
    };
    this.channels.set(relid, made);
    return made;
  }

  private answerContact(isSupported: boolean): void {
    const { contact } = this;
    if (isSupported) contact.version = contact.asked;
    else if (contact.asked !== undefined) contact.refused.push(contact.asked);
  }

  private offer(
    relid: number,
    number: (name: string) => number,
    classGuid: unknown,
    instance: unknown,
  ): void {
    const channel = this.channel(relid);
    const isSocket = (number('ChannelFlags') & channelFlag.tlnpiProvider) !== 0;
    const row = typeof classGuid === 'string' ? deviceClassByGuid.get(classGuid) : undefined;
    channel.className = row?.name ?? (isSocket ? socketDeviceClassName : unknownDeviceClassName);
    channel.title = row?.title ?? (isSocket ? 'Socket' : String(classGuid));
    channel.instance = typeof instance === 'string' ? instance : '';
    channel.subChannel = number('SubChannelIndex');
    channel.state = 'offered';
  }

  private open(channel: KnownChannel, number: (name: string) => number): void {
    channel.state = 'opening';
    channel.targetVp = number('TargetVp');
    channel.ringPages = this.gpadls.get(number('RingBufferGpadl')) ?? [];
    channel.downstreamPage = number('DownstreamRingPageOffset');
  }

  private addPages(gpadl: number, event: VmbusMessageEvent): void {
    const pages = this.gpadls.get(gpadl) ?? [];
    this.gpadls.set(gpadl, pages);
    const nodes = messageTree(event);
    const lists = nodes.flatMap((node) =>
      node.name === 'Ranges'
        ? node.children.flatMap((range) => range.children.filter(({ name }) => name === 'Pages'))
        : node.name === 'Pages'
          ? [node]
          : [],
    );
    for (const { value } of lists.flatMap((list) => list.children)) {
      if (typeof value === 'bigint' && pages.length < gpadlPagesMax) pages.push(Number(value));
    }
  }
}
