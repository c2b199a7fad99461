/** What a person can ask of a guest through its integration components; each is a host input. */
import type { StateRecord } from '../support/state-record';

/** What a guest can be asked to do with itself. */
export const shutdownActions = ['shut-down', 'restart', 'hibernate'] as const;

/** One of {@link shutdownActions}. */
export type ShutdownAction = (typeof shutdownActions)[number];

const assignments = ['dhcp', 'static'] as const;

/** Addresses of one adapter, as the guest tells them or is told; lists have semicolons. */
export interface IpConfiguration {
  /** Linux finds it by its MAC address when it is asked, by the instance of its device when it is told. */
  readonly adapter: string;
  /** Whether its addresses come from a DHCP server, or are those that follow. */
  readonly assignment: (typeof assignments)[number];
  readonly addresses: string;
  readonly subnetMasks: string;
  readonly gateways: string;
  readonly dnsServers: string;
}

/** A request to a guest; its answer comes later, and is part of the state of the component. */
export type GuestOperation =
  | { readonly kind: 'guest-shutdown'; readonly partition: number; readonly action: ShutdownAction }
  /** Asks for the pairs that the guest tells about itself. */
  | { readonly kind: 'guest-data-query'; readonly partition: number }
  | {
      readonly kind: 'guest-data-set';
      readonly partition: number;
      readonly key: string;
      readonly value: string;
    }
  | { readonly kind: 'guest-data-delete'; readonly partition: number; readonly key: string }
  /** Asks for the addresses of an adapter. */
  | { readonly kind: 'guest-address-query'; readonly partition: number; readonly adapter: string }
  | ({ readonly kind: 'guest-address-set'; readonly partition: number } & IpConfiguration)
  /** Freezes the guest's file systems, so that its disks can be copied. */
  | { readonly kind: 'guest-freeze'; readonly partition: number }
  | { readonly kind: 'guest-thaw'; readonly partition: number }
  | {
      readonly kind: 'guest-file-copy';
      readonly partition: number;
      /** Absolute path in the guest. */
      readonly path: string;
      readonly data: Uint8Array;
    }
  /** Sets the guest's clock. */
  | { readonly kind: 'guest-time-sync'; readonly partition: number };

/** Every kind of {@link GuestOperation}. */
export const guestOperationKinds = [
  'guest-shutdown',
  'guest-data-query',
  'guest-data-set',
  'guest-data-delete',
  'guest-address-query',
  'guest-address-set',
  'guest-freeze',
  'guest-thaw',
  'guest-file-copy',
  'guest-time-sync',
] as const satisfies readonly GuestOperation['kind'][];

/** True for the kind of a guest operation. */
export function isGuestOperationKind(kind: string): kind is GuestOperation['kind'] {
  return guestOperationKinds.some((known) => known === kind);
}

/** Tells operations from other inputs. */
export function isGuestOperation(input: { readonly kind: string }): input is GuestOperation {
  return isGuestOperationKind(input.kind);
}

/** Reads an operation from a saved input. */
export function restoreGuestOperation(
  kind: GuestOperation['kind'],
  record: StateRecord,
): GuestOperation {
  const partition = record.number('partition');
  switch (kind) {
    case 'guest-shutdown':
      return { kind, partition, action: record.choice('action', shutdownActions) };
    case 'guest-data-set':
      return { kind, partition, key: record.string('key'), value: record.string('value') };
    case 'guest-data-delete':
      return { kind, partition, key: record.string('key') };
    case 'guest-address-query':
      return { kind, partition, adapter: record.string('adapter') };
    case 'guest-address-set':
      return { kind, partition, ...restoreIpConfiguration(record) };
    case 'guest-file-copy':
      return { kind, partition, path: record.string('path'), data: record.bytes('data') };
    default:
      return { kind, partition };
  }
}

/** Reads an IP configuration that was saved as it is. */
export function restoreIpConfiguration(record: StateRecord): IpConfiguration {
  return {
    adapter: record.string('adapter'),
    assignment: record.choice('assignment', assignments),
    addresses: record.string('addresses'),
    subnetMasks: record.string('subnetMasks'),
    gateways: record.string('gateways'),
    dnsServers: record.string('dnsServers'),
  };
}

/** An operation in one line. */
export function describeGuestOperation(operation: GuestOperation): string {
  switch (operation.kind) {
    case 'guest-shutdown':
      return `guest asked to ${operation.action}`;
    case 'guest-data-query':
      return 'guest asked about itself';
    case 'guest-data-set':
      return `guest told ${operation.key} = ${operation.value}`;
    case 'guest-data-delete':
      return `guest told to forget ${operation.key}`;
    case 'guest-address-query':
      return `guest asked for the addresses of ${operation.adapter}`;
    case 'guest-address-set':
      return `guest told the addresses of ${operation.adapter}: ${operation.addresses || 'DHCP'}`;
    case 'guest-freeze':
      return 'file systems of the guest frozen';
    case 'guest-thaw':
      return 'file systems of the guest thawed';
    case 'guest-file-copy':
      return `file copied to ${operation.path}, ${operation.data.length} bytes`;
    case 'guest-time-sync':
      return 'clock of the guest set';
  }
}
