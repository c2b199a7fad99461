/** Breakpoints on channel messages of VMBus, in both directions: `vmbus:OpenChannel`, `vmbus:5`, `vmbus:*`. */
import { channelMessageByType, channelMessages } from '../../spec/vmbus/messages';
import { nearestName } from '../../support/nearest-name';
import { channelMessageTypeOf } from '../traffic/decode-traffic';
import { messageFieldNames } from '../traffic/traffic-fields';
import { noTarget, onEvent, type BreakpointTarget } from './breakpoint';
import { parseNumber } from './event-text';

const messageTypeMax = 0xffff;

function onType(type: number | undefined): BreakpointTarget {
  const row = type === undefined ? undefined : channelMessageByType.get(type);
  const title =
    type === undefined ? 'any VMBus message' : `VMBus ${row?.name ?? `message ${type}`}`;
  return onEvent(
    'vmbus-message',
    title,
    messageFieldNames(row?.layout),
    ({ payload }) => type === undefined || channelMessageTypeOf(payload) === type,
  );
}

/** Resolves what follows `vmbus:`. */
export function resolveVmbusBreakpoint(text: string): BreakpointTarget {
  if (text === '*') return onType(undefined);
  const wanted = text.toLowerCase();
  const named = channelMessages.find(({ name }) => name.toLowerCase() === wanted);
  const type = named?.type ?? parseNumber(text, messageTypeMax);
  if (type !== undefined) return onType(type);
  const near = nearestName(
    text,
    channelMessages.map(({ name }) => name),
  );
  const hint =
    near === undefined
      ? 'Give a name such as OpenChannel, a number, or *.'
      : `Did you mean "vmbus:${near}"?`;
  return noTarget(`There is no VMBus message "${text}". ${hint}`);
}
