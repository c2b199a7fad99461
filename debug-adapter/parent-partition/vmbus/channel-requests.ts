/** Requests of a guest about its channels and their memory, each judged and answered by the rules of the bus. */
import {
  ChannelMessageType as T,
  closeReservedChannel,
  gpadlBody,
  gpadlHeader,
  modifyConnection,
  openChannel,
  targetVpNone,
  tlConnectionRefused,
  tlConnectRequest,
  VmbusConnectionState,
  VmbusStatus,
  VmbusVersion,
} from '../../spec/vmbus/messages';
import { present } from '../../support/assert';
import { readField, type StructLayout } from '../../support/struct-layout';
import type { BusServices } from './bus-services';
import type { Channel, OpenParameters } from './channel';
import { messageReader, messageType, type MessageValues } from './channel-message';
import { arePages } from './connection';
import type { Device } from './device';
import type { GpadlProgress, GpadlTable } from './gpadl-table';
import { accepted, refused, type Verdict } from './verdict';
import { hexadecimal } from '../../support/hexadecimal';

/** What requests need of the bus. */
export interface RequestBus {
  readonly services: BusServices;
  readonly gpadls: GpadlTable;
  readonly version: number;
  channel(relid: number): Channel | undefined;
  deviceOf(channel: Channel): Device;
  release(channel: Channel): void;
  reply(type: number, values: MessageValues): void;
  /** The guest's monitor page is elsewhere; 0 for nowhere. */
  moveMonitorPage(childToParent: number): void;
}

type Fields = (name: string) => number;

function bytesOf(layout: StructLayout, message: Uint8Array, name: string): Uint8Array {
  const { offset, type } = present(layout.byName.get(name), 'field of a message');
  const length = typeof type === 'object' ? type.bytes : 0;
  return message.slice(offset, offset + length);
}

export class ChannelRequests {
  constructor(private readonly bus: RequestBus) {}

  /** The message has been admitted: it has its fixed part, and the connection has such messages. */
  judge(message: Uint8Array): Verdict {
    const field = messageReader(message);
    const channel = this.bus.channel(field('MessageType') === T.gpadlBody ? 0 : relidOf(message));
    switch (messageType(message)) {
      case T.openChannel:
        return this.open(channel, field, message);
      case T.closeChannel:
        return this.close(channel, field);
      case T.gpadlHeader:
        return this.gpadlHeader(channel, field, message);
      case T.gpadlBody:
        return this.gpadlBody(field, message);
      case T.gpadlTeardown:
        return this.gpadlTeardown(channel, field);
      case T.relIdReleased:
        return this.relIdReleased(channel, field);
      case T.modifyChannel:
        return this.modifyChannel(channel, field);
      case T.tlConnectRequest:
        return this.tlConnectRequest(message);
      case T.openReservedChannel:
        return this.openReserved(field);
      case T.closeReservedChannel:
        return this.closeReserved(message);
      case T.modifyConnection:
        return this.modifyConnection(message);
      default:
        return refused('the bus does not take this message');
    }
  }

  private open(channel: Channel | undefined, field: Fields, message: Uint8Array): Verdict {
    if (channel === undefined) return unknownChannel(field);
    if (channel.state !== 'closed') return refused(`channel ${channel.relid} is ${channel.state}`);
    const answer = (status: number): void =>
      this.bus.reply(T.openChannelResult, {
        ChildRelId: channel.relid,
        OpenId: field('OpenId'),
        Status: status,
      });
    const parameters = this.openParameters(channel, field, message);
    const why = typeof parameters === 'string' ? parameters : channel.open(parameters);
    if (why !== undefined) return refused(why, () => answer(VmbusStatus.failure));
    return accepted(() => {
      answer(VmbusStatus.success);
      this.bus.deviceOf(channel).provider.opened(channel);
      // The guest may have written before it could signal.
      channel.service();
    });
  }

  private openParameters(
    channel: Channel,
    field: Fields,
    message: Uint8Array,
  ): OpenParameters | string {
    const id = field('RingBufferGpadl');
    const gpadl = this.bus.gpadls.get(id);
    if (gpadl?.relid !== channel.relid) return `GPADL ${hexadecimal(id)} is not the channel's`;
    const targetVp = field('TargetVp');
    if (!this.isTarget(targetVp)) return `there is no processor ${targetVp}`;
    return {
      gpadl,
      targetVp,
      downstreamPage: field('DownstreamRingPageOffset'),
      userData: bytesOf(openChannel, message, 'UserData'),
    };
  }

  private isTarget(processor: number): boolean {
    return processor === targetVpNone || processor < this.bus.services.processorCount;
  }

  private close(channel: Channel | undefined, field: Fields): Verdict {
    if (channel === undefined) return unknownChannel(field);
    // A guest closes a revoked channel too; it was closed when it was taken back.
    if (channel.state === 'revoked') return accepted(() => undefined);
    if (channel.state !== 'open') return refused(`channel ${channel.relid} is not open`);
    return accepted(() => channel.close());
  }

  private gpadlHeader(channel: Channel | undefined, field: Fields, message: Uint8Array): Verdict {
    const relid = field('ChildRelId');
    const id = field('Gpadl');
    const answer = (status: number): void =>
      this.bus.reply(T.gpadlCreated, { ChildRelId: relid, Gpadl: id, Status: status });
    if (channel === undefined) {
      return refused(`there is no channel ${relid}`, () => answer(VmbusStatus.failure));
    }
    // The memory of a channel that was taken back is never used.
    if (channel.state === 'revoked') return accepted(() => answer(VmbusStatus.success));
    const progress = this.bus.gpadls.begin(
      { id, relid, rangeCount: field('RangeCount'), lengthBytes: field('RangeBufferLength') },
      message.subarray(gpadlHeader.sizeBytes),
    );
    return gpadlVerdict(progress, answer);
  }

  private gpadlBody(field: Fields, message: Uint8Array): Verdict {
    const id = field('Gpadl');
    const relid = this.bus.gpadls.unfinishedRelid(id);
    const progress = this.bus.gpadls.extend(id, message.subarray(gpadlBody.sizeBytes));
    if (progress === undefined) return refused(`GPADL ${hexadecimal(id)} is not being made`);
    return gpadlVerdict(progress, (status) =>
      this.bus.reply(T.gpadlCreated, { ChildRelId: relid ?? 0, Gpadl: id, Status: status }),
    );
  }

  private gpadlTeardown(channel: Channel | undefined, field: Fields): Verdict {
    const id = field('Gpadl');
    if (channel === undefined) return unknownChannel(field);
    const answer = (): void => this.bus.reply(T.gpadlTorndown, { Gpadl: id });
    const gpadl = this.bus.gpadls.get(id);
    if (channel.state === 'revoked') {
      return accepted(() => {
        if (gpadl?.relid === channel.relid) this.bus.gpadls.remove(id);
        answer();
      });
    }
    if (gpadl === undefined) return refused(`there is no GPADL ${hexadecimal(id)}`);
    if (gpadl.relid !== channel.relid) {
      return refused(`GPADL ${hexadecimal(id)} is of channel ${gpadl.relid}`);
    }
    return accepted(() => {
      // A guest that takes the memory away from under an open channel has closed it for every purpose.
      if (channel.isRing(id)) channel.close();
      this.bus.gpadls.remove(id);
      answer();
    });
  }

  private relIdReleased(channel: Channel | undefined, field: Fields): Verdict {
    if (channel === undefined) return unknownChannel(field);
    if (channel.state === 'open') return refused(`channel ${channel.relid} is open`);
    return accepted(() => this.bus.release(channel));
  }

  private modifyChannel(channel: Channel | undefined, field: Fields): Verdict {
    const targetVp = field('TargetVp');
    const answer = (status: number): void => {
      if (this.bus.version < VmbusVersion.v5_3) return;
      const relid = field('ChildRelId');
      this.bus.reply(T.modifyChannelResponse, { ChildRelId: relid, Status: status });
    };
    const why =
      channel === undefined
        ? `there is no channel ${field('ChildRelId')}`
        : channel.targetVp === undefined
          ? `channel ${channel.relid} interrupts no processor`
          : targetVp >= this.bus.services.processorCount
            ? `there is no processor ${targetVp}`
            : '';
    if (why !== '' || channel === undefined) return refused(why, () => answer(VmbusStatus.failure));
    return accepted(() => {
      channel.targetVp = targetVp;
      answer(VmbusStatus.success);
    });
  }

  /** No service listens for sockets. */
  private tlConnectRequest(message: Uint8Array): Verdict {
    return refused('no service listens there', () => {
      if (this.bus.version < VmbusVersion.v4_1) return;
      this.bus.reply(T.tlConnectResult, {
        EndpointId: bytesOf(tlConnectRequest, message, 'EndpointId'),
        ServiceId: bytesOf(tlConnectRequest, message, 'ServiceId'),
        Status: tlConnectionRefused,
      });
    });
  }

  /** Channels are not lent to a second owner beside the bus's own. */
  private openReserved(field: Fields): Verdict {
    const relid = field('ChildRelId');
    return refused('no channel can be opened beside the bus', () =>
      this.bus.reply(T.openChannelResult, { ChildRelId: relid, Status: VmbusStatus.failure }),
    );
  }

  private closeReserved(message: Uint8Array): Verdict {
    const relid = Number(readField(closeReservedChannel, message, 'ChildRelId'));
    return refused('no channel was opened beside the bus', () =>
      this.bus.reply(T.closeReservedChannelResponse, { ChildRelId: relid }),
    );
  }

  private modifyConnection(message: Uint8Array): Verdict {
    const address = (name: string): bigint => readField(modifyConnection, message, name);
    const fits = arePages(address('ParentToChildMonitorPage'), address('ChildToParentMonitorPage'));
    const { successful, unknownFailure } = VmbusConnectionState;
    const answer = (): void => {
      if (fits) this.bus.moveMonitorPage(Number(address('ChildToParentMonitorPage')));
      this.bus.reply(T.modifyConnectionResponse, {
        ConnectionState: fits ? successful : unknownFailure,
      });
    };
    return fits ? accepted(answer) : refused('the monitor pages are not two pages', answer);
  }
}

/** All messages about a channel have its relation id first; others do not ask. */
function relidOf(message: Uint8Array): number {
  return Number(readField(gpadlHeader, message, 'ChildRelId'));
}

function unknownChannel(field: Fields): Verdict {
  return refused(`there is no channel ${field('ChildRelId')}`);
}

function gpadlVerdict(progress: GpadlProgress, answer: (status: number) => void): Verdict {
  switch (progress.kind) {
    case 'unfinished':
      return accepted(() => undefined);
    case 'created':
      return accepted(() => answer(VmbusStatus.success));
    default:
      return refused(progress.reason, () => answer(VmbusStatus.failure));
  }
}
