/** Requests about the log of VM exits. */
import type { ExitLogFilter } from '../../debugger/exits/exit-log';
import { customRequest, type ExitDetailBody, type ExitsBody } from '../../protocol/custom-requests';
import { placeRequest, type PlaceBody } from '../../protocol/log-places';
import { UserError } from '../../support/user-error';
import type { RequestArguments } from '../request-arguments';
import type { HandlerTable, SessionState } from '../session-state';

function filterIn(args: RequestArguments): ExitLogFilter {
  const filter = args.has('filter') ? args.object('filter') : undefined;
  return {
    reasons: filter?.optionalIntegers('reasons'),
    partition: filter?.optionalInteger('partition'),
    processor: filter?.optionalInteger('processor'),
    text: filter?.optionalString('text'),
  };
}

function exits({ control }: SessionState, args: RequestArguments): ExitsBody {
  const { start, count } = args.rows();
  return control.exits.query(start, count, filterIn(args));
}

function exitDetail({ control }: SessionState, args: RequestArguments): ExitDetailBody {
  const id = args.string('id');
  const detail = control.exits.detail(id);
  if (detail !== undefined) return detail;
  throw new UserError('no-such-exit', `The exit ${id} is not kept any more.`);
}

function exitPlace({ control }: SessionState, args: RequestArguments): PlaceBody {
  return control.exits.place(args.string('id'), filterIn(args));
}

/** Handlers of this group. */
export const exitLogHandlers: HandlerTable = {
  [customRequest.exits]: exits,
  [customRequest.exitDetail]: exitDetail,
  [placeRequest.exitPlace]: exitPlace,
};
