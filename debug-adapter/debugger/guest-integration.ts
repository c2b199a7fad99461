/** The integration components of guests as a front end uses them: what they say, and what guests are asked for. */
import type { GuestOperation, IpConfiguration } from '../machine/guest-operation';
import type { Timeline } from '../timeline/timeline';
import { UserError } from '../support/user-error';

/** One integration component of a guest. */
export interface GuestComponent {
  readonly name: string;
  readonly title: string;
  /** `ready` takes requests; `absent` has no driver in the guest. */
  readonly phase: 'absent' | 'negotiating' | 'ready' | 'incompatible';
  readonly version: string;
  /** The guest has not answered the last request yet. */
  readonly isBusy: boolean;
  readonly detail: string;
}

/** A pair of data exchange that the guest has told. */
export interface GuestDataItem {
  /** `guest` for what programs of the guest have left, `auto` for what the guest tells about itself. */
  readonly pool: 'guest' | 'auto';
  readonly key: string;
  readonly value: string;
}

/** What the components of a guest say now. */
export interface GuestIntegration {
  readonly components: readonly GuestComponent[];
  readonly data: readonly GuestDataItem[];
  /** Addresses of its adapters, as far as it was asked. */
  readonly adapters: readonly IpConfiguration[];
}

/** A request to a guest, without the partition. */
export type GuestRequest = GuestOperation extends infer Each
  ? Each extends GuestOperation
    ? Omit<Each, 'partition'>
    : never
  : never;

const guestPool = 1;

/** @throws UserError where there is no such guest, or it has no integration components */
export function guestIntegration({ machine }: Timeline, partition: number): GuestIntegration {
  const view = machine.parent.integrationOf(partition);
  if (view === undefined) {
    throw new UserError('no-integration', `Partition ${partition} has no integration components.`);
  }
  return {
    components: view.components,
    data: view.data.map(({ pool, key, value }) => ({
      pool: pool === guestPool ? 'guest' : 'auto',
      key,
      value,
    })),
    adapters: view.adapters,
  };
}

/**
 * Asks a guest for something, as a recorded input.
 * @throws UserError, with nothing changed, where the guest cannot be asked
 */
export function askGuest(machine: Timeline, partition: number, request: GuestRequest): void {
  machine.accept({ ...request, partition });
}
