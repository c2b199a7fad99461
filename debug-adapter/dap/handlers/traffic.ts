/** Requests about VMBus traffic. */
import type { TrafficFilter } from '../../debugger/traffic/traffic-filter';
import { customRequest } from '../../protocol/custom-requests';
import { placeRequest, type PlaceBody } from '../../protocol/log-places';
import type { TrafficBody, TrafficBusesBody, TrafficDetailBody } from '../../protocol/traffic';
import { UserError } from '../../support/user-error';
import type { RequestArguments } from '../request-arguments';
import type { HandlerTable, SessionState } from '../session-state';

const trafficKinds = ['vmbus-message', 'vmbus-packet', 'vmbus-signal'] as const;

function filterIn(args: RequestArguments): TrafficFilter {
  const filter = args.has('filter') ? args.object('filter') : undefined;
  const names = filter?.optionalStrings('kinds');
  return {
    partition: filter?.optionalInteger('partition'),
    channels: filter?.optionalIntegers('channels'),
    kinds: names === undefined ? undefined : trafficKinds.filter((kind) => names.includes(kind)),
    text: filter?.optionalString('text'),
  };
}

function traffic({ control }: SessionState, args: RequestArguments): TrafficBody {
  const { start, count } = args.rows();
  return control.traffic.query(start, count, filterIn(args));
}

function trafficDetail({ control }: SessionState, args: RequestArguments): TrafficDetailBody {
  const id = args.string('id');
  const detail = control.traffic.detail(id);
  if (detail !== undefined) return detail;
  throw new UserError('no-such-traffic', `The traffic ${id} is not kept any more.`);
}

function trafficPlace({ control }: SessionState, args: RequestArguments): PlaceBody {
  return control.traffic.place(args.string('id'), filterIn(args));
}

function trafficBuses({ control }: SessionState): TrafficBusesBody {
  return control.traffic.buses();
}

/** Handlers of this group. */
export const trafficHandlers: HandlerTable = {
  [customRequest.traffic]: traffic,
  [customRequest.trafficDetail]: trafficDetail,
  [customRequest.trafficBuses]: trafficBuses,
  [placeRequest.trafficPlace]: trafficPlace,
};
