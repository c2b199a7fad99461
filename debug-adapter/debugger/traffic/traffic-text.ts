/** What crosses VMBus in one line of text each. */
import type { VmbusMessageEvent, VmbusPacketEvent, VmbusSignalEvent } from '../../machine/trace';
import { channelMessageByType, channelMessageHeader } from '../../spec/vmbus/messages';
import { packetDescriptor } from '../../spec/vmbus/packets';
import { readField } from '../../support/struct-layout';
import { hex } from '../value-format';

/** An event of VMBus. */
export type TrafficEvent = VmbusMessageEvent | VmbusPacketEvent | VmbusSignalEvent;

/** Type of a channel message; undefined where it is too short to have one. */
export function channelMessageTypeOf(payload: Uint8Array): number | undefined {
  if (payload.length < channelMessageHeader.sizeBytes) return undefined;
  return Number(readField(channelMessageHeader, payload, 'MessageType'));
}

function messageName(payload: Uint8Array): string {
  const type = channelMessageTypeOf(payload);
  if (type === undefined) return `message of ${payload.length} bytes`;
  return channelMessageByType.get(type)?.name ?? `message ${type}`;
}

/** What a packet of this type is called. */
export function packetTypeName(type: number): string {
  const meaning = packetDescriptor.byName.get('Type')?.meaning;
  const name = meaning?.kind === 'values' ? meaning.names[type] : undefined;
  return name ?? `packet type ${hex(type)}`;
}

function whatOf(event: TrafficEvent): string {
  switch (event.kind) {
    case 'vmbus-message':
      return messageName(event.payload);
    case 'vmbus-packet':
      return [
        `channel ${event.channel} ${event.classId}`,
        packetTypeName(event.packetType),
        `${event.sizeBytes} bytes, transaction ${hex(event.transactionId)}`,
      ].join(' ');
    case 'vmbus-signal':
      return `channel ${event.channel} ${event.outcome}`;
  }
}

/** An event in words, the guest to the left: `→ OpenChannel`. */
export function describeTraffic(event: TrafficEvent): string {
  const arrow = event.direction === 'to-parent' ? '→' : '←';
  const refusal = event.kind === 'vmbus-signal' ? '' : event.refusal;
  return `${arrow} ${whatOf(event)}${refusal === '' ? '' : ` (refused: ${refusal})`}`;
}
