/** Messages of the integration components: pipe and framework headers around a body. */
import {
  icBodyOffset,
  icFlag,
  icHeader,
  IcMessageType,
  icNegotiate,
  icVersion,
  type IcVersionPair,
} from '../../spec/vmbus/integration';
import { pipeHeader, PipePacketType } from '../../spec/vmbus/packets';
import { readField, structWriter } from '../../support/struct-layout';

/** What stands in the framework header of a message. */
export interface IcMessageHead {
  readonly framework: IcVersionPair;
  readonly messageType: number;
  readonly version: IcVersionPair;
  readonly transactionId: number;
}

/** An answer of a guest. */
export interface IcAnswer {
  readonly messageType: number;
  readonly transactionId: number;
  readonly status: number;
  readonly body: Uint8Array;
}

/** The payload of a packet with a request. */
export function encodeRequest(head: IcMessageHead, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(icBodyOffset + body.length);
  const pipe = structWriter(pipeHeader, bytes);
  pipe('PipePacketType', BigInt(PipePacketType.data));
  pipe('DataLength', BigInt(bytes.length - pipeHeader.sizeBytes));
  const set = structWriter(icHeader, bytes, pipeHeader.sizeBytes);
  set('FrameworkVersionMajor', BigInt(head.framework[0]));
  set('FrameworkVersionMinor', BigInt(head.framework[1]));
  set('MessageType', BigInt(head.messageType));
  set('MessageVersionMajor', BigInt(head.version[0]));
  set('MessageVersionMinor', BigInt(head.version[1]));
  set('MessageSize', BigInt(body.length));
  set('TransactionId', BigInt(head.transactionId));
  set('Flags', BigInt(icFlag.transaction | icFlag.request));
  bytes.set(body, icBodyOffset);
  return bytes;
}

/**
 * Reads an answer.
 * @returns in words why the payload of a packet is none
 */
export function decodeAnswer(payload: Uint8Array): IcAnswer | string {
  if (payload.length < icBodyOffset) return `${payload.length} bytes are no message`;
  const type = Number(readField(pipeHeader, payload, 'PipePacketType'));
  if (type !== PipePacketType.data) return `pipe packet type ${type} is not data`;
  const field = (name: string): number =>
    Number(readField(icHeader, payload, name, pipeHeader.sizeBytes));
  if ((field('Flags') & icFlag.response) === 0) return 'a guest only sends answers';
  return {
    messageType: field('MessageType'),
    transactionId: field('TransactionId'),
    status: field('Status'),
    body: payload.subarray(icBodyOffset),
  };
}

/** The body that offers versions: of the framework first, then of the messages. */
export function encodeNegotiation(
  framework: readonly IcVersionPair[],
  versions: readonly IcVersionPair[],
): Uint8Array {
  const all = [...framework, ...versions];
  const bytes = new Uint8Array(icNegotiate.sizeBytes + all.length * icVersion.sizeBytes);
  const set = structWriter(icNegotiate, bytes);
  set('FrameworkVersionCount', BigInt(framework.length));
  set('MessageVersionCount', BigInt(versions.length));
  all.forEach(([major, minor], index) => {
    const at = icNegotiate.sizeBytes + index * icVersion.sizeBytes;
    const setVersion = structWriter(icVersion, bytes, at);
    setVersion('Major', BigInt(major));
    setVersion('Minor', BigInt(minor));
  });
  return bytes;
}

/** What a guest has chosen; undefined where it speaks none of the versions. */
export function decodeNegotiation(
  body: Uint8Array,
): { readonly framework: IcVersionPair; readonly version: IcVersionPair } | undefined {
  if (body.length < icNegotiate.sizeBytes + 2 * icVersion.sizeBytes) return undefined;
  const count = (name: string): number => Number(readField(icNegotiate, body, name));
  if (count('FrameworkVersionCount') !== 1 || count('MessageVersionCount') !== 1) return undefined;
  const pair = (index: number): IcVersionPair => {
    const at = icNegotiate.sizeBytes + index * icVersion.sizeBytes;
    const field = (name: string): number => Number(readField(icVersion, body, name, at));
    return [field('Major'), field('Minor')];
  };
  return { framework: pair(0), version: pair(1) };
}

/** Type of the message that negotiates. */
export const negotiate = IcMessageType.negotiate;
