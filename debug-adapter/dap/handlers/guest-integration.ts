/** Requests about the integration components of guests. */
import type { GuestRequest } from '../../debugger/guest-integration';
import {
  guestOperations,
  integrationRequest,
  type GuestAddresses,
  type GuestOperationName,
  type IntegrationBody,
} from '../../protocol/guest-integration';
import { decodeBase64 } from '../../support/base64';
import { UserError } from '../../support/user-error';
import type { RequestArguments } from '../request-arguments';
import type { HandlerTable, SessionState } from '../session-state';

/** A view asks this of every guest: one without components is no mistake of the person's. */
function integration(session: SessionState, args: RequestArguments): IntegrationBody {
  try {
    return session.control.integrationOf(args.integer('partition'));
  } catch (error) {
    if (error instanceof UserError && error.id === 'no-integration') {
      return { components: [], data: [] };
    }
    throw error;
  }
}

function fileData(args: RequestArguments): Uint8Array {
  const data = decodeBase64(args.string('data'));
  if (data !== undefined) return data;
  throw new UserError('bad-arguments', 'The data of a file travel in base64.');
}

function isOperation(name: string): name is GuestOperationName {
  return Object.hasOwn(guestOperations, name);
}

function addressesOf(args: RequestArguments): GuestAddresses {
  const assignment = args.string('assignment');
  if (assignment !== 'dhcp' && assignment !== 'static') {
    throw new UserError('bad-arguments', 'Addresses are assigned by "dhcp", or "static".');
  }
  return {
    adapter: args.string('adapter'),
    assignment,
    addresses: args.string('addresses'),
    subnetMasks: args.string('subnetMasks'),
    gateways: args.string('gateways'),
    dnsServers: args.string('dnsServers'),
  };
}

function requestOf(operation: GuestOperationName, args: RequestArguments): GuestRequest {
  switch (operation) {
    case 'shut-down':
    case 'restart':
    case 'hibernate':
      return { kind: 'guest-shutdown', action: operation };
    case 'set-time':
      return { kind: 'guest-time-sync' };
    case 'query-data':
      return { kind: 'guest-data-query' };
    case 'set-data':
      return { kind: 'guest-data-set', key: args.string('key'), value: args.string('value') };
    case 'delete-data':
      return { kind: 'guest-data-delete', key: args.string('key') };
    case 'set-addresses':
      return { kind: 'guest-address-set', ...addressesOf(args.object('configuration')) };
    case 'freeze':
      return { kind: 'guest-freeze' };
    case 'thaw':
      return { kind: 'guest-thaw' };
    case 'copy-file':
      return { kind: 'guest-file-copy', path: args.string('path'), data: fileData(args) };
  }
}

function askGuest(session: SessionState, args: RequestArguments): undefined {
  const name = args.string('operation');
  if (!isOperation(name)) {
    const known = Object.keys(guestOperations).join(', ');
    throw new UserError('bad-arguments', `There is no operation "${name}"; known: ${known}.`);
  }
  session.control.askGuest(args.integer('partition'), requestOf(name, args));
  session.launched.run.wake();
  return undefined;
}

/** Handlers of this group. */
export const guestIntegrationHandlers: HandlerTable = {
  [integrationRequest.integration]: integration,
  [integrationRequest.askGuest]: askGuest,
};
