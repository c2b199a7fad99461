/** Why nothing comes: what a channel, or the bus itself, waits for. */
import { channelMessageSint, vmbusVersionText } from '../../spec/vmbus/messages';
import { hex } from '../value-format';
import type { RefusedCall } from './bus-calls';
import type { ChannelBook, KnownChannel } from './channel-book';
import type { ChannelRings } from './ring-occupancy';
import { signalKey, type LastAttempts, type TrafficEntry } from './traffic-entries';

/** One finding. */
export interface SilenceReason {
  readonly text: string;
  /** Nothing more will come of itself. */
  readonly isProblem: boolean;
}

const problem = (text: string): SilenceReason => ({ text, isProblem: true });
const remark = (text: string): SilenceReason => ({ text, isProblem: false });

const counted = (count: number, what: string): string =>
  `${count} ${what}${count === 1 ? '' : 's'}`;

/** What was done about a message or flag that the SynIC did not pass on. */
const remedies: ReadonlyMap<string, string> = new Map([
  ['SCONTROL disabled', 'the guest has not enabled its synthetic interrupt controller (SCONTROL)'],
  ['SINT masked', `the guest has masked SINT${channelMessageSint}`],
  ['no message page', 'the guest has no message page (SIMP)'],
  ['no event flags page', 'the guest has no event flags page (SIEFP)'],
  ['slot busy', 'the guest has not emptied the slot of the message before (type 0, then EOM)'],
  ['flag set already', 'the flag is set already: the guest has not looked at it since'],
  ['local APIC disabled', 'the local APIC of the processor takes no interrupts'],
  ['no free buffer', 'the hypervisor has no buffer left for messages of the parent'],
]);

const inWords = (reason: string): string => remedies.get(reason) ?? reason;

function unanswered(requests: readonly TrafficEntry[], nowNs: number): SilenceReason[] {
  const [oldest] = requests;
  if (oldest === undefined) return [];
  const who = oldest.direction === 'to-parent' ? 'parent' : 'guest';
  const forMs = ((nowNs - oldest.timeNs) / 1e6).toFixed(1);
  const others = requests.length - 1;
  const more = others === 0 ? '' : ` and ${counted(others, 'more request')}`;
  return [remark(`${oldest.name}${more} without an answer of the ${who}, for ${forMs} ms`)];
}

/** A message or an event that the hypervisor has given to nobody. */
function refusal({ name, status, isUnknownConnection, connectionId }: RefusedCall): SilenceReason {
  const where = connectionId === undefined ? '' : ` to connection ${hex(connectionId)}`;
  const why = isUnknownConnection ? ': there is no such connection to a port of the parent' : '';
  return problem(`The guest's last ${name}${where} was refused with ${status}${why}`);
}

/** What is known of a bus for {@link busSilence}. */
export interface BusSituation extends Pick<ChannelBook, 'contact'>, Pick<LastAttempts, 'message'> {
  readonly requests: readonly TrafficEntry[];
  /** The guest's last message or event, where it was refused. */
  readonly refusedCall: RefusedCall | undefined;
  readonly nowNs: number;
}

/** What the bus as a whole waits for. */
export function busSilence(situation: BusSituation): readonly SilenceReason[] {
  const { contact, message, requests, refusedCall, nowNs } = situation;
  const reasons: SilenceReason[] = refusedCall === undefined ? [] : [refusal(refusedCall)];
  if (message !== undefined && message.outcome !== 'delivered') {
    const what = message.outcome === 'waiting' ? 'waits' : 'was lost';
    reasons.push(problem(`A message to the guest ${what}: ${inWords(message.reason)}`));
  }
  if (contact.asked === undefined) {
    reasons.push(problem('The guest has not contacted its parent: no InitiateContact came'));
  } else if (contact.version === undefined && contact.refused.includes(contact.asked)) {
    const versions = contact.refused.map(vmbusVersionText).join(', ');
    reasons.push(
      problem(`The parent speaks none of the versions that were asked for: ${versions}`),
    );
  } else if (contact.version !== undefined && !contact.offersRequested) {
    reasons.push(problem('The guest has agreed on a version but not asked for offers'));
  }
  return [...reasons, ...unanswered(requests, nowNs)];
}

/** What is known of an open channel for {@link channelSilence}. */
export interface ChannelSituation {
  readonly channel: KnownChannel;
  readonly rings: ChannelRings;
  readonly attempts: LastAttempts;
  readonly requests: readonly TrafficEntry[];
  readonly packets: { readonly toParent: number; readonly toGuest: number };
  readonly nowNs: number;
}

const closedStates: Readonly<Partial<Record<KnownChannel['state'], SilenceReason>>> = {
  offered: problem('No driver of the guest has opened the channel'),
  opening: problem('The guest waits for the result of OpenChannel'),
  refused: problem('The parent has refused to open the channel'),
  closed: problem('The guest has closed the channel'),
  rescinded: problem('The parent has taken the offer back'),
  released: problem('The channel is gone: the guest has released its number'),
};

/** What waits in the rings, and why nobody takes it. */
function ringReasons({ rings, attempts, channel }: ChannelSituation): readonly SilenceReason[] {
  const { relid } = channel;
  const reasons: SilenceReason[] = [];
  const signalled = attempts.signals.get(signalKey('to-guest', relid));
  const flag = attempts.eventFlags.get(relid);
  if (flag?.outcome === 'dropped') {
    reasons.push(problem(`The last interrupt to the guest was lost: ${inWords(flag.reason)}`));
  }
  const { toGuest, toParent } = rings;
  if (toGuest !== undefined && toGuest.usedBytes > 0) {
    const waits = `${counted(toGuest.usedBytes, 'byte')} wait for the guest`;
    if (signalled !== undefined && signalled !== 'signalled') {
      reasons.push(problem(`${waits}; ${signalled}`));
    } else if (flag?.outcome !== 'dropped') {
      reasons.push(remark(`${waits}, which has been signalled and has not read them yet`));
    }
    if (toGuest.pendingSendBytes > 0) {
      reasons.push(
        problem(`The ring to the guest is full: ${toGuest.pendingSendBytes} free bytes are needed`),
      );
    }
  }
  if (toParent !== undefined && toParent.usedBytes > 0) {
    const why = toParent.isMasked ? 'which holds the guest up' : 'which was not signalled for them';
    reasons.push(problem(`${counted(toParent.usedBytes, 'byte')} wait for the parent, ${why}`));
  }
  return reasons;
}

/** What a channel waits for; at least one finding. */
export function channelSilence(situation: ChannelSituation): readonly SilenceReason[] {
  const { channel, attempts, requests, packets, nowNs } = situation;
  const closed = closedStates[channel.state];
  if (closed !== undefined) return [closed];
  const givenUp = attempts.signals.get(signalKey('to-parent', channel.relid));
  const reasons = [
    ...(givenUp?.startsWith('given up') === true
      ? [problem(`The parent serves the channel no more, ${givenUp}`)]
      : []),
    ...ringReasons(situation),
    ...unanswered(requests, nowNs),
  ];
  if (reasons.length > 0) return reasons;
  if (packets.toParent + packets.toGuest === 0) return [remark('Nobody has sent anything yet')];
  return [remark('Nothing is outstanding: both rings are empty and every request has its answer')];
}
