// Table: classes of VMBus devices (Linux include/linux/hyperv.h 6.1; Linux tools/hv/lsvmbus; openvmm crates of the devices).

/** One class of devices. */
export interface DeviceClass {
  /** The class in offers, a GUID in lower case. */
  readonly guid: string;
  /** Name in the trace, in filters and in breakpoints: lower-case letters, digits and hyphens. */
  readonly name: string;
  readonly title: string;
  /** Payloads begin with a pipe header. */
  readonly isPipe: boolean;
  /** Instances that are the same on every machine, where the class has them. */
  readonly instances: readonly string[];
}

const row = (
  name: string,
  title: string,
  guid: string,
  framing: 'pipe' | 'packets',
  instances: readonly string[] = [],
): DeviceClass => ({ guid, name, title, isPipe: framing === 'pipe', instances });

/** Every class that is known, whether or not this hypervisor has the device. */
export const deviceClasses: readonly DeviceClass[] = [
  row('shutdown', 'Guest shutdown', '0e0b6031-5213-4934-818b-38d90ced39db', 'pipe', [
    'b6650ff7-33bc-4840-8048-e0676786f393',
  ]),
  row('timesync', 'Time synchronization', '9527e630-d0ae-497b-adce-e80ab0175caf', 'pipe', [
    '2dd1ce17-079e-403c-b352-a1921ee207ee',
  ]),
  row('heartbeat', 'Heartbeat', '57164f39-9115-4e78-ab55-382f3bd5422d', 'pipe', [
    'fd149e91-82e0-4a7d-afa6-2a4166cbd7c0',
  ]),
  row('kvp', 'Data exchange (KVP)', 'a9a0f4e7-5a45-4d96-b827-8a841e8c03e6', 'pipe', [
    '242ff919-07db-4180-9c2e-b86cb68c8c55',
  ]),
  row('vss', 'Backup (VSS)', '35fa2e29-ea23-4236-96ae-3a6ebacba440', 'pipe', [
    '2450ee40-33bf-4fbd-892e-9fb06e9214cf',
  ]),
  row('fcopy', 'Guest services (file copy)', '34d14be3-dee4-41c8-9ae7-6b174977c192', 'pipe', [
    'eb765408-105f-49b6-b4aa-c123b64d17d4',
  ]),
  row('rdv', 'Remote desktop virtualization', '276aacf4-ac15-426c-98dd-7521ad3f01fe', 'pipe', [
    'f5bee29c-1741-4aad-a4c2-8fdedb46dcc2',
  ]),
  row('ic-negotiate', 'Integration negotiation', '9722c3e7-8f86-456d-8b6c-6009da4ccd0b', 'pipe', [
    '77b80a1a-c226-427b-b65b-dba0df85c812',
  ]),
  row('scsi', 'SCSI controller', 'ba6163d9-04a1-4d29-b605-72e2ffb1dc7f', 'packets'),
  row('ide', 'IDE accelerator', '32412632-86cb-44a2-9b5c-50d1417354f5', 'packets'),
  row('fc', 'Fibre Channel adapter', '2f9bcc4a-0069-4af3-b76b-6fd0be528cda', 'packets'),
  row('network', 'Network adapter', 'f8615163-df3e-46c5-913f-f2d2f965ed0e', 'packets'),
  row('network-direct', 'Network Direct', '8c2eaf3d-32a7-4b09-ab99-bd1f1c86b501', 'packets'),
  row('pci', 'PCI pass-through', '44c4f61d-4444-4400-9d52-802e27ede19f', 'packets'),
  row('video', 'Synthetic video', 'da0a7802-e377-4aac-8e77-0558eb1073f8', 'pipe', [
    '5620e0c7-8062-4dce-aeb7-520c7ef76171',
  ]),
  row('keyboard', 'Keyboard', 'f912ad6d-2b17-48ea-bd65-f927a61c7684', 'packets', [
    'd34b2567-b9b6-42b9-8778-0a4ec0b955bf',
  ]),
  row('mouse', 'Mouse', 'cfa8b69e-5b4a-4cc0-b98b-8ba1a1f3f95a', 'pipe', [
    '58f75a6d-d949-4320-99e1-a2a2576d581c',
  ]),
  row('balloon', 'Dynamic memory', '525074dc-8985-46e2-8057-a307dc18a502', 'packets', [
    '1eccfd72-4b41-45ef-b73a-4a6e44c12924',
  ]),
  row('rdp-control', 'Remote desktop control', 'f8e65716-3cb3-4a06-9a60-1889c5cccab5', 'pipe', [
    '99221fa0-24ad-11e2-be98-001aa01bbf6e',
  ]),
  row('rdp-data', 'Remote desktop data', 'f9e9c0d3-b511-4a48-8046-d38079a8830c', 'pipe', [
    '99221fa1-24ad-11e2-be98-001aa01bbf6e',
    '99221fa2-24ad-11e2-be98-001aa01bbf6e',
    '99221fa3-24ad-11e2-be98-001aa01bbf6e',
    '99221fa4-24ad-11e2-be98-001aa01bbf6e',
    '99221fa5-24ad-11e2-be98-001aa01bbf6e',
  ]),
  row('activation', 'Automatic activation', '3375baf4-9e15-4b30-b765-67acb10d607b', 'packets', [
    '4487b255-b88c-403f-bb51-d1f69cf17f87',
  ]),
  row('vmbfs', 'VMBus file system', 'c376c1c3-d276-48d2-90a9-c04748072c60', 'pipe', [
    'c4e5e7d1-d748-4afc-979d-683167910a55',
    'c63c9bdf-5fa5-4208-b03f-6b458b365592',
  ]),
  row('smb', 'Virtual SMB', '4d12e519-17a0-4ae4-8eaa-5270fc6abdb7', 'packets', [
    'dcc079ae-60ba-4d07-847c-3493609c0870',
  ]),
  row('uart', 'Serial port', '8b60ccf6-709f-4c11-90b5-229c959a9e6a', 'pipe', [
    '700df40e-b947-4776-b839-d1b0a35af034',
    '7e55f4b8-af84-4e98-9f1a-8e8d0bde3744',
    '3f158fa1-b0aa-45e9-ba54-9fc73f6c59ec',
    '8688a06f-9b53-48ce-b408-7581626228c5',
  ]),
  row('get', 'Guest emulation transport', '8dedd1aa-9056-49e4-bfd6-1bf90dc38ef0', 'pipe', [
    'd3e4454d-62af-44ec-b851-3170915e5f56',
  ]),
  row('get-log', 'Guest emulation log', 'aa5de534-d149-487a-9053-05972ba20a7c', 'pipe'),
  row('crash-dump', 'Guest crash dump', '427b03e7-4ceb-4286-b5fc-486f4a1dd439', 'pipe'),
];

/**
 * Sockets have no class of their own: the class of their offer is the service, told by the flag TlnpiProvider.
 * Linux AF_VSOCK port p is the service whose first field is p and the rest this.
 */
export const vsockServiceTail = '-facb-11e6-bd58-64006a7986d3';

/** Name for what is in no row, and has no flag that says what it is. */
export const unknownDeviceClassName = 'unknown';

/** Name of the channels of sockets. */
export const socketDeviceClassName = 'socket';

/** Classes by GUID. */
export const deviceClassByGuid: ReadonlyMap<string, DeviceClass> = new Map(
  deviceClasses.map((each) => [each.guid, each]),
);

/** True where the payloads of a class, or of sockets, begin with a pipe header. */
export function isPipeClass(name: string): boolean {
  return name === socketDeviceClassName || deviceClassByName.get(name)?.isPipe === true;
}

/** Classes by name. */
export const deviceClassByName: ReadonlyMap<string, DeviceClass> = new Map(
  deviceClasses.map((each) => [each.name, each]),
);
