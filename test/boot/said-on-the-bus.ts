// Writes down what guest and host say on VMBus in a boot, in the words of `measured-traffic.ts`.
import type {
  TraceEvent,
  VmbusMessageEvent,
  VmbusPacketEvent,
} from '../../debug-adapter/machine/trace';
import {
  channelMessageTypeOf,
  messageName,
  messageTree,
  messageValues,
  packetOperation,
  packetValues,
} from '../../debug-adapter/debugger/traffic/decode-traffic';
import { ScsiOperation, scsiCommandBit } from '../../debug-adapter/spec/scsi/commands';
import { hypercallByCode } from '../../debug-adapter/spec/tlfs/hypercalls';
import { deviceClassByGuid } from '../../debug-adapter/spec/vmbus/device-classes';
import { ChannelMessageType as T } from '../../debug-adapter/spec/vmbus/messages';
import { PacketType } from '../../debug-adapter/spec/vmbus/packets';
import { VstorOperation } from '../../debug-adapter/spec/vmbus/storage';

/** A SCSI command of the guest. */
export interface SaidCommand {
  /** `path:target`. */
  readonly address: string;
  /** `inquiry page 0x80 36` */
  readonly text: string;
}

const speaker = { 'to-parent': 'guest', 'to-guest': 'host' } as const;
const operationNames = new Map<number, string>(
  Object.entries(ScsiOperation).map(([name, code]) => [code, name]),
);

export class BusNotes {
  /** Messages up to the last offer, and posts that the hypervisor refused. */
  readonly contact: string[] = [];
  /** Messages about a channel, by the class of its device. */
  readonly openings = new Map<string, string[]>();
  readonly packets = new Map<string, string[]>();
  readonly commands: SaidCommand[] = [];
  readonly refusals: string[] = [];
  /** Signals of the guest that were heard, and how many hypercalls it made for them. */
  signals = 0;
  signalCalls = 0;
  private hasOffers = false;
  private readonly classes = new Map<number, string>();
  private readonly gpadlClasses = new Map<number, string>();

  record(event: TraceEvent): void {
    if (event.kind === 'vmbus-signal') {
      if (event.direction === 'to-parent') this.signals++;
    } else if (event.kind === 'hypercall') {
      if (hypercallByCode.get(event.code)?.name === 'HvCallSignalEvent') this.signalCalls++;
      const isPost = hypercallByCode.get(event.code)?.name === 'HvCallPostMessage';
      if (!isPost || event.status === 0 || this.hasOffers) return;
      this.contact.push(`guest post refused 0x${event.status.toString(16)}`);
    } else if (event.kind === 'vmbus-message') this.message(event);
    else if (event.kind === 'vmbus-packet') this.packet(event);
  }

  private message(event: VmbusMessageEvent): void {
    if (event.refusal !== '') this.refusals.push(event.refusal);
    const type = channelMessageTypeOf(event.payload) ?? 0;
    const values = messageValues(event);
    const number = (name: string): number => Number(values.get(name)?.value ?? 0n);
    const text = `${speaker[event.direction]} ${messageName(event.payload)}`;
    if (this.hasOffers) return this.ofChannel(type, text, number, event);
    switch (type) {
      case T.initiateContact: {
        const version = number('VersionRequested');
        this.contact.push(`${text} ${version >> 16}.${version & 0xffff}`);
        return;
      }
      case T.versionResponse: {
        const is = number('VersionSupported') === 1 ? 'supported' : 'not supported';
        this.contact.push(`${text} ${is}, connection ${number('MessageConnectionId')}`);
        return;
      }
      case T.offerChannel: {
        const guid = String(values.get('InterfaceType')?.value);
        const name = deviceClassByGuid.get(guid)?.name ?? guid;
        this.classes.set(number('ChildRelId'), name);
        this.contact.push(`${text} ${name}`);
        return;
      }
      case T.allOffersDelivered:
        this.hasOffers = true;
    }
    this.contact.push(text);
  }

  private ofChannel(
    type: number,
    text: string,
    number: (name: string) => number,
    event: VmbusMessageEvent,
  ): void {
    const byRelid = this.classes.get(number('ChildRelId'));
    if (byRelid !== undefined) this.gpadlClasses.set(number('Gpadl'), byRelid);
    const name = byRelid ?? this.gpadlClasses.get(number('Gpadl')) ?? '';
    const rows = this.openings.get(name) ?? [];
    this.openings.set(name, rows);
    if (type === T.gpadlHeader) rows.push(`${text} ${ringBytes(event)} bytes`);
    else if (type === T.openChannel) {
      rows.push(`${text} ring at page ${number('DownstreamRingPageOffset')}`);
    } else if (type === T.gpadlCreated || type === T.openChannelResult) {
      rows.push(`${text} ${number('Status')}`);
    } else rows.push(text);
  }

  private packet(event: VmbusPacketEvent): void {
    const values = packetValues(event);
    const number = (name: string): number => Number(values.get(name)?.value ?? 0n);
    const rows = this.packets.get(event.classId) ?? [];
    this.packets.set(event.classId, rows);
    if (event.packetType === PacketType.completion) {
      const [request = ''] = rows.slice(-1);
      rows.push(`host ${request.replace('guest ', '')} completion`);
      return;
    }
    const operation = packetOperation(event) ?? '';
    const isChoice = operation === 'Negotiate' && event.direction === 'to-parent';
    const choice = isChoice ? ` ${versionsAtEnd(event)}` : '';
    rows.push(`${speaker[event.direction]} ${operation}${choice}`);
    if (number('Operation') !== VstorOperation.executeSrb || event.classId !== 'scsi') return;
    this.commands.push({
      address: `${number('PathId')}:${number('TargetId')}`,
      text: `${commandText(event)} ${number('DataTransferLength')}`,
    });
  }
}

/** Bytes of the only range of a GPADL. */
function ringBytes(event: VmbusMessageEvent): string {
  const ranges = messageTree(event).find(({ name }) => name === 'Ranges');
  const count = ranges?.children[0]?.children.find(({ name }) => name === 'ByteCount');
  return String(count?.value);
}

/** The two versions that a guest chooses are the last words of its answer. */
function versionsAtEnd({ bytes }: VmbusPacketEvent): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = 16 + 8 + 28;
  const at = (offset: number): number => view.getUint16(start + offset, true);
  return `${at(0)}.${at(2)} ${at(4)}.${at(6)}`;
}

/** A command lies in the last 36 bytes but 20 of the packet of 64: SRB, offset 16. */
function commandText({ bytes }: VmbusPacketEvent): string {
  const cdb = bytes.subarray(bytes.length - 64 + 12 + 16);
  const [code = 0, flags = 0, page = 0] = cdb;
  const name = operationNames.get(code) ?? `0x${code.toString(16)}`;
  const isPage = code === ScsiOperation.inquiry && flags & scsiCommandBit.enableVitalProductData;
  return isPage ? `${name} page 0x${page.toString(16)}` : name;
}
