/** Custom requests about the integration components of guests. */

/** Requests; each names its argument and body types. */
export const integrationRequest = {
  /** `IntegrationArguments` → `IntegrationBody` */
  integration: 'hyperscope/integration',
  /** `AskGuestArguments` → nothing; the answer of the guest is part of a later `IntegrationBody`. */
  askGuest: 'hyperscope/askGuest',
} as const;

/** Whose components. */
export interface IntegrationArguments {
  readonly partition: number;
}

/** What the components of a guest say now. */
export interface IntegrationBody {
  readonly components: readonly IntegrationComponentInfo[];
  /** What the guest tells about itself, and what programs of it have left for the host. */
  readonly data: readonly IntegrationDataItem[];
}

/** One integration component. */
export interface IntegrationComponentInfo {
  /** `heartbeat`, `shutdown`, `timesync`, `kvp`, `vss` or `fcopy`. */
  readonly name: string;
  readonly title: string;
  /** `ready` takes requests; `absent` has no driver in the guest; `negotiating` may wait for a daemon. */
  readonly phase: 'absent' | 'negotiating' | 'ready' | 'incompatible';
  readonly version: string;
  /** The guest has not answered the last request yet. */
  readonly isBusy: boolean;
  /** What it is doing or has done last, in words. */
  readonly detail: string;
}

/** A pair of data exchange. */
export interface IntegrationDataItem {
  readonly pool: 'guest' | 'auto';
  readonly key: string;
  readonly value: string;
}

/** What a guest can be asked for, and by which component. */
export const guestOperations = {
  'shut-down': 'shutdown',
  restart: 'shutdown',
  hibernate: 'shutdown',
  'set-time': 'timesync',
  'query-data': 'kvp',
  'set-data': 'kvp',
  'delete-data': 'kvp',
  'set-addresses': 'kvp',
  freeze: 'vss',
  thaw: 'vss',
  'copy-file': 'fcopy',
} as const;

/** Name of an operation. */
export type GuestOperationName = keyof typeof guestOperations;

/** Addresses that an adapter of a guest is to have; lists have semicolons. */
export interface GuestAddresses {
  /** Instance of its device, in braces. */
  readonly adapter: string;
  /** Whether a DHCP server gives the addresses, or they are those that follow. */
  readonly assignment: 'dhcp' | 'static';
  readonly addresses: string;
  readonly subnetMasks: string;
  readonly gateways: string;
  readonly dnsServers: string;
}

/** Asks a guest for something. */
export interface AskGuestArguments {
  readonly partition: number;
  readonly operation: GuestOperationName;
  /** Of `set-data` and `delete-data`. */
  readonly key?: string;
  /** Of `set-data`. */
  readonly value?: string;
  /** Of `set-addresses`. */
  readonly configuration?: GuestAddresses;
  /** Of `copy-file`: absolute path in the guest. */
  readonly path?: string;
  /** Of `copy-file`: contents in base64. */
  readonly data?: string;
}
