/** Channel messages as bytes: which ones of a guest are worth a look, their fields, and those to a guest. */
import {
  channelMessageByType,
  channelMessageHeader,
  channelMessageSynicType,
  ChannelMessageType as T,
  vmbusFeature,
  vmbusVersionText,
} from '../../spec/vmbus/messages';
import { present } from '../../support/assert';
import { readField, structWriter } from '../../support/struct-layout';

/** Values by the names of a layout's fields; fields that are not named are zero. */
export type MessageValues = Readonly<Record<string, number | bigint | Uint8Array>>;

/** What decides which messages a guest may send. */
export interface ConnectionFacts {
  /** Version of the bus; undefined while the guest is not connected. */
  readonly version: number | undefined;
  readonly features: number;
}

/** Features of version 6.0 without which a message does not exist. */
const featureOf: ReadonlyMap<number, number> = new Map([
  [T.modifyConnection, vmbusFeature.modifyConnection],
  [T.pause, vmbusFeature.pauseResume],
  [T.resume, vmbusFeature.pauseResume],
]);

/** A guest may send these without a connection. */
const needsNoConnection: ReadonlySet<number> = new Set([T.initiateContact, T.unload]);

/** Type of a message that has at least the header. */
export function messageType(payload: Uint8Array): number {
  return Number(readField(channelMessageHeader, payload, 'MessageType'));
}

/**
 * Checks what can be checked of a guest's message without its meaning.
 * @returns why it is dropped; empty where it is not
 */
export function whyRefused(
  synicType: number,
  payload: Uint8Array,
  { version, features }: ConnectionFacts,
): string {
  if (synicType !== channelMessageSynicType) return `message type ${synicType} is not the bus's`;
  if (payload.length < channelMessageHeader.sizeBytes) {
    return `${payload.length} bytes are no channel message`;
  }
  const type = messageType(payload);
  const message = channelMessageByType.get(type);
  if (message === undefined) return `channel message type ${type} is not known`;
  const { name, layout, sender, since } = message;
  if (sender !== 'guest') return `${name} is not a guest's to send`;
  if (payload.length < layout.sizeBytes) {
    return `${name} has ${payload.length} bytes; it takes ${layout.sizeBytes}`;
  }
  if (needsNoConnection.has(type)) return '';
  if (version === undefined) return `${name} without a connection`;
  if (version < since) return `${name} is not in version ${vmbusVersionText(version)}`;
  const feature = featureOf.get(type) ?? 0;
  return (features & feature) === feature ? '' : `${name} needs a feature that was not granted`;
}

/** Reads integer fields of a message whose size has been checked. */
export function messageReader(payload: Uint8Array): (field: string) => number {
  const { layout } = present(channelMessageByType.get(messageType(payload)), 'message layout');
  return (field) => Number(readField(layout, payload, field));
}

/**
 * A message to a guest.
 * @param appended what newer versions put after it
 */
export function encodeMessage(
  type: number,
  values: MessageValues,
  appended: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const { layout } = present(channelMessageByType.get(type), 'message layout');
  const bytes = new Uint8Array(layout.sizeBytes + appended.length);
  const write = structWriter(layout, bytes);
  write('MessageType', BigInt(type));
  for (const [name, value] of Object.entries(values)) {
    if (value instanceof Uint8Array) {
      bytes.set(value, present(layout.byName.get(name), 'field of bytes').offset);
    } else write(name, BigInt(value));
  }
  bytes.set(appended, layout.sizeBytes);
  return bytes;
}
