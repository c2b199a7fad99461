/** What a small guest on VMBus is made of: machine code that sets up its SynIC, posts messages and fills rings. */
import {
  ChannelMessageType as T,
  channelMessageSint,
  VmbusConnectionId,
  VmbusVersion,
} from '../../debug-adapter/spec/vmbus/messages';
import { packetFlag, packetTrailerBytes, PacketType } from '../../debug-adapter/spec/vmbus/packets';
import { ringHeader } from '../../debug-adapter/spec/vmbus/ring';
import { VstorOperation, VstorVersion } from '../../debug-adapter/spec/vmbus/storage';
import { writeField } from '../../debug-adapter/support/struct-layout';
import { code } from './interrupt-guest';
import { littleEndian } from './machine-code';
import { channelMessage, packetBytes, srbPayload, vstorHead } from './vmbus-traffic';

const msr = {
  guestOsId: 0x40000000,
  hypercall: 0x40000001,
  control: 0x40000080,
  eventFlagsPage: 0x40000082,
  messagePage: 0x40000083,
  endOfMessage: 0x40000084,
  sint: 0x40000090 + channelMessageSint,
} as const;

/** Guest-physical addresses, of pages that nothing else uses. */
const at = {
  messagePage: 0x30_000,
  eventFlagsPage: 0x31_000,
  hypercallPage: 0x32_000,
  inputs: 0x40_000,
  rings: 0x10_0000,
};
const slot = at.messagePage + channelMessageSint * 256;
const payloadOfSlot = slot + 16;
/** The guest sets it when it has done everything. */
export const doneAt = 0xd004;
/** Status of the last hypercall. */
export const statusAt = 0xd000;

const gpadl = 0xe1e10;
const ringPages = [0, 1, 2, 3].map((index) => at.rings / 4096 + index);
const downstreamPage = 2;
const vector = 0x50;
const sintMasked = 1n << 16n;

const page = (address: number): bigint => BigInt(address) | 1n;

/** Which parts of the SynIC a guest has set up; all unless it says otherwise. */
export interface SynicParts {
  readonly control?: boolean;
  readonly messagePage?: boolean;
  readonly eventFlagsPage?: boolean;
  readonly isMasked?: boolean;
}

/** Bytes into fresh memory: what is zero is zero already. */
function storeBytes(address: number, bytes: Uint8Array): string {
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  const view = new DataView(padded.buffer);
  const words = Array.from({ length: padded.length / 4 }, (_, index) =>
    view.getUint32(index * 4, true),
  );
  return words
    .map((word, index) => (word === 0 ? '' : code.store(address + index * 4, word)))
    .join(' ');
}

/** mov ecx, control; mov edx, input; xor r8d, r8d; vmcall; mov [statusAt], eax */
function hypercall(control: number, input: number): string {
  const registers = `b9 ${littleEndian(control, 4)} ba ${littleEndian(input, 4)} 45 31 c0`;
  return `${registers} 0f 01 c1 ${code.storeEax(statusAt)}`;
}

/** Writes code; one of its methods is one thing that a driver does. */
export class BusGuest {
  private parts: string[] = [
    code.writeMsr(msr.guestOsId, 1n),
    code.writeMsr(msr.hypercall, page(at.hypercallPage)),
  ];
  private nextInput = at.inputs;

  /** The whole guest: it ends in a loop that does nothing. */
  get boot(): string {
    return [...this.parts, code.store(doneAt, 1), 'eb fe'].join(' ');
  }

  synic({ control, messagePage, eventFlagsPage, isMasked }: SynicParts = {}): this {
    if (messagePage !== false) this.write(msr.messagePage, page(at.messagePage));
    if (eventFlagsPage !== false) this.write(msr.eventFlagsPage, page(at.eventFlagsPage));
    this.write(msr.sint, BigInt(vector) | (isMasked === true ? sintMasked : 0n));
    return control === false ? this : this.write(msr.control, 1n);
  }

  write(number: number, value: bigint): this {
    this.parts.push(code.writeMsr(number, value));
    return this;
  }

  /** Posts a channel message (HvCallPostMessage). */
  post(payload: Uint8Array, connection: number = VmbusConnectionId.messages): this {
    const input = new Uint8Array(16 + payload.length);
    const view = new DataView(input.buffer);
    view.setUint32(0, connection, true);
    view.setUint32(8, 1, true);
    view.setUint32(12, payload.length, true);
    input.set(payload, 16);
    this.parts.push(storeBytes(this.nextInput, input), hypercall(0x5c, this.nextInput));
    this.nextInput += 512;
    return this;
  }

  contact(version: number = VmbusVersion.v4_1): this {
    return this.post(channelMessage(T.initiateContact, { VersionRequested: version }));
  }

  requestOffers(): this {
    return this.post(channelMessage(T.requestOffers));
  }

  /** Takes messages out of the slot until one has this type: compares the slot, reads, frees it, writes EOM. */
  take(type: number): this {
    const body = [
      `83 3c 25 ${littleEndian(slot, 4)} 00 74 f6`, // cmp dword [slot], 0; je back
      `8b 34 25 ${littleEndian(payloadOfSlot, 4)}`, // mov esi, [payload]
      code.store(slot, 0),
      code.writeMsr(msr.endOfMessage, 0n),
      `83 fe ${littleEndian(type, 1)}`, // cmp esi, type
    ].join(' ');
    const bytes = body.replaceAll(' ', '').length / 2 + 2;
    this.parts.push(`${body} 75 ${littleEndian(256 - bytes, 1)}`);
    return this;
  }

  /** Contact and offers, as a driver of the bus does it. */
  connect(): this {
    this.synic().contact().take(T.versionResponse);
    return this.requestOffers().take(T.allOffersDelivered);
  }

  /** Shares a ring of two pages in each direction, in its own pages or in others, and opens a channel on it. */
  open(relid: number, pages: readonly number[] = ringPages): this {
    const range = new DataView(new ArrayBuffer(8 + pages.length * 8));
    range.setUint32(0, pages.length * 4096, true);
    pages.forEach((page, index) => range.setBigUint64(8 + index * 8, BigInt(page), true));
    const memory = { ChildRelId: relid, Gpadl: gpadl, RangeCount: 1 };
    const header = { ...memory, RangeBufferLength: range.byteLength };
    const opened = { ChildRelId: relid, OpenId: relid, RingBufferGpadl: gpadl };
    return this.post(channelMessage(T.gpadlHeader, header, new Uint8Array(range.buffer)))
      .take(T.gpadlCreated)
      .post(channelMessage(T.openChannel, { ...opened, DownstreamRingPageOffset: downstreamPage }))
      .take(T.openChannelResult);
  }

  /** Sets a field of a ring's header, before the channel is opened. */
  ring(direction: 'to-parent' | 'to-guest', fields: Readonly<Record<string, number>>): this {
    const page = ringPages[direction === 'to-parent' ? 0 : downstreamPage] ?? 0;
    const bytes = new Uint8Array(ringHeader.sizeBytes);
    for (const [name, value] of Object.entries(fields)) {
      writeField(ringHeader, bytes, name, BigInt(value));
    }
    this.parts.push(storeBytes(page * 4096, bytes));
    return this;
  }

  /** Lays packets into the empty ring to the parent. */
  packets(payloads: readonly Uint8Array[]): this {
    let index = 0;
    const data = at.rings + 4096;
    payloads.forEach((payload, number) => {
      const flags = packetFlag.completionRequested;
      const bytes = packetBytes(PacketType.dataInBand, BigInt(number + 1), payload, flags);
      this.parts.push(storeBytes(data + index, bytes));
      index += bytes.length + packetTrailerBytes;
    });
    return this.ring('to-parent', { WriteIndex: index });
  }

  /** Signals a connection (HvCallSignalEvent, fast). */
  signal(connection: number): this {
    this.parts.push(hypercall(0x1_005d, connection));
    return this;
  }
}

/** What makes a storage controller ready, and then a command to it. */
export function storagePackets(cdb: readonly number[]): readonly Uint8Array[] {
  const version = Uint8Array.of(VstorVersion.v6_2 & 0xff, VstorVersion.v6_2 >>> 8);
  const stage = (operation: number, content = new Uint8Array()): Uint8Array => {
    const bytes = new Uint8Array(64);
    bytes.set(vstorHead(operation));
    bytes.set(content, 12);
    return bytes;
  };
  return [
    stage(VstorOperation.beginInitialization),
    stage(VstorOperation.queryProtocolVersion, version),
    stage(VstorOperation.queryProperties),
    stage(VstorOperation.endInitialization),
    srbPayload(0, cdb),
  ];
}
