/** Which answer belongs to which request, message by message and packet by packet. */
import type { TraceEvent, VmbusMessageEvent, VmbusPacketEvent } from '../../machine/trace';
import { channelMessageAnswers, type ChannelMessageAnswer } from '../../spec/vmbus/messages';
import { deviceProtocolByClass } from '../../spec/vmbus/device-protocols';
import { icFlag, icHeader } from '../../spec/vmbus/integration';
import { packetDescriptor, packetFlag, PacketType } from '../../spec/vmbus/packets';
import { readField } from '../../support/struct-layout';
import { channelMessageTypeOf, messageStart, messageValues } from './decode-traffic';

/** What an event is to others. */
export type RequestRole<Token> =
  | { readonly kind: 'request' }
  /** `request` is what was noted with the request. */
  | { readonly kind: 'answer'; readonly request: Token }
  | { readonly kind: 'neither' };

/** Most requests that are waited for; the oldest are forgotten first. */
const openRequestsMax = 16_384;

const neither = { kind: 'neither' } as const;

const answersByRequest = new Map(channelMessageAnswers.map((row) => [row.request, row]));
const answersByAnswer = new Map(channelMessageAnswers.map((row) => [row.answer, row]));

interface Open<Token> {
  readonly token: Token;
  readonly partition: number;
  readonly channel: number;
}

/** @typeParam Token what a caller wants to know of a request when its answer comes */
export class RequestBook<Token> {
  private readonly open = new Map<string, Open<Token>>();

  /** Notes a request, or finds that of an answer. Events come in their order. */
  see(event: TraceEvent, token: Token): RequestRole<Token> {
    if (event.kind === 'vmbus-message') return this.seeMessage(event, token);
    return event.kind === 'vmbus-packet' ? this.seePacket(event, token) : neither;
  }

  /** Requests of a channel that have no answer; of the messages of the bus for channel 0. */
  openRequests(partition: number, channel: number): readonly Token[] {
    return [...this.open.values()]
      .filter((each) => each.partition === partition && each.channel === channel)
      .map((each) => each.token);
  }

  clear(): void {
    this.open.clear();
  }

  private seeMessage(event: VmbusMessageEvent, token: Token): RequestRole<Token> {
    const type = channelMessageTypeOf(event.payload);
    if (type === undefined || event.refusal !== '') return neither;
    const answered = answersByAnswer.get(type);
    const asked = answersByRequest.get(type);
    if (answered === undefined && asked === undefined) return neither;
    const values = messageValues(event);
    const keyOf = (row: ChannelMessageAnswer): string =>
      [event.partition, row.request, ...row.fields.map((name) => values.get(name)?.value)].join(
        ':',
      );
    if (answered !== undefined) return this.close(keyOf(answered));
    if (asked !== undefined) this.note(keyOf(asked), { token, ...event, channel: 0 });
    return { kind: 'request' };
  }

  private seePacket(event: VmbusPacketEvent, token: Token): RequestRole<Token> {
    if (event.refusal !== '' || event.bytes.length < packetDescriptor.sizeBytes) return neither;
    const { partition, channel, direction, transactionId } = event;
    const key = (sender: string): string => `${partition}/${channel}/${sender}/${transactionId}`;
    const other = direction === 'to-parent' ? 'to-guest' : 'to-parent';
    if (event.packetType === PacketType.completion) return this.close(key(other));
    const flags = Number(readField(packetDescriptor, event.bytes, 'Flags'));
    const role = integrationRole(event);
    if (role === 'answer') return this.close(key(other));
    if (role === 'request' || (flags & packetFlag.completionRequested) !== 0) {
      this.note(key(direction), { token, partition, channel });
      return { kind: 'request' };
    }
    return neither;
  }

  private note(key: string, request: Open<Token>): void {
    this.open.delete(key);
    this.open.set(key, request);
    if (this.open.size <= openRequestsMax) return;
    // In one go, as a map is slow to find its first key behind many that were deleted.
    const oldest = [...this.open.keys()].slice(0, openRequestsMax / 2);
    for (const each of oldest) this.open.delete(each);
  }

  private close(key: string): RequestRole<Token> {
    const request = this.open.get(key);
    if (request === undefined) return neither;
    this.open.delete(key);
    return { kind: 'answer', request: request.token };
  }
}

/** Integration components answer with packets of their own, which say in a flag what they are. */
function integrationRole(event: VmbusPacketEvent): 'request' | 'answer' | undefined {
  if (deviceProtocolByClass.get(event.classId)?.message !== icHeader) return undefined;
  const start = messageStart(event);
  if (start === undefined || start + icHeader.sizeBytes > event.bytes.length) return undefined;
  const flags = Number(readField(icHeader, event.bytes, 'Flags', start));
  if ((flags & icFlag.response) !== 0) return 'answer';
  return (flags & icFlag.request) === 0 ? undefined : 'request';
}
