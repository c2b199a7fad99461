/** Requests about the events of the trace as one list. */
import type { EventKind } from '../../debugger/event-log/event-kinds';
import {
  eventKindNames,
  eventRequest,
  type EventDetailBody,
  type EventsBody,
} from '../../protocol/event-log';
import { nearestName } from '../../support/nearest-name';
import { UserError } from '../../support/user-error';
import type { RequestArguments } from '../request-arguments';
import type { HandlerTable, SessionState } from '../session-state';

const mostRows = 500;

function kindsIn(args: RequestArguments): readonly EventKind[] {
  return (args.optionalStrings('kinds') ?? []).map((name) => {
    const kind = eventKindNames.find((known) => known === name);
    if (kind !== undefined) return kind;
    const near = nearestName(name, eventKindNames);
    throw new UserError(
      'bad-arguments',
      `There are no events of kind "${name}".`,
      near === undefined ? `Known: ${eventKindNames.join(', ')}.` : `Did you mean "${near}"?`,
    );
  });
}

function events({ control }: SessionState, args: RequestArguments): EventsBody {
  const start = args.integerBetween('start', 0, Number.MAX_SAFE_INTEGER);
  const count = args.integerBetween('count', 0, mostRows);
  const filter = args.object('filter');
  return control.events.query(start, count, {
    kinds: kindsIn(filter),
    partition: filter.optionalInteger('partition'),
    text: filter.optionalString('text'),
  });
}

function eventDetail({ control }: SessionState, args: RequestArguments): EventDetailBody {
  const id = args.string('id');
  const detail = control.events.detail(id);
  if (detail !== undefined) return detail;
  throw new UserError('no-such-event', `The event ${id} is not kept any more.`);
}

function recordEvents({ control }: SessionState, args: RequestArguments): undefined {
  control.recordEvents(kindsIn(args));
  return undefined;
}

/** Handlers of this group. */
export const eventLogHandlers: HandlerTable = {
  [eventRequest.events]: events,
  [eventRequest.eventDetail]: eventDetail,
  [eventRequest.recordEvents]: recordEvents,
};
