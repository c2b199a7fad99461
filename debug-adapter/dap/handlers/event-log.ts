/** Requests about the events of the trace as one list. */
import type { EventKind } from '../../debugger/event-log/event-kinds';
import type { EventFilter } from '../../debugger/event-log/event-log';
import {
  eventKindNames,
  eventRequest,
  type EventDetailBody,
  type EventsBody,
} from '../../protocol/event-log';
import { placeRequest, type PlaceBody } from '../../protocol/log-places';
import { nearestName } from '../../support/nearest-name';
import { UserError } from '../../support/user-error';
import type { RequestArguments } from '../request-arguments';
import type { HandlerTable, SessionState } from '../session-state';

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

function filterIn(args: RequestArguments): EventFilter {
  const filter = args.object('filter');
  return {
    kinds: kindsIn(filter),
    partition: filter.optionalInteger('partition'),
    text: filter.optionalString('text'),
  };
}

function events({ control }: SessionState, args: RequestArguments): EventsBody {
  const { start, count } = args.rows();
  return control.events.query(start, count, filterIn(args));
}

function eventPlace({ control }: SessionState, args: RequestArguments): PlaceBody {
  return control.events.place(args.string('id'), filterIn(args));
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
  [placeRequest.eventPlace]: eventPlace,
};
