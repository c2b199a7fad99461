// What Linux 6.1 and its host said to each other on VMBus, measured on another hypervisor, and what differs here and why.

/** Something that was said; where it differs here, what is said instead. */
export interface MeasuredRow {
  readonly measured: readonly string[];
  /** Undefined where it is the same here. */
  readonly here?: readonly string[];
  readonly why?: string;
}

const same = (...measured: string[]): MeasuredRow => ({ measured });

/** The rows as they are to be here. */
export function expectedHere(rows: readonly MeasuredRow[]): readonly string[] {
  return rows.flatMap(({ measured, here = measured }) => here);
}

const afterContact: readonly MeasuredRow[] = [
  same('guest RequestOffers'),
  {
    measured: [
      ...['host OfferChannel heartbeat', 'host OfferChannel shutdown'],
      ...['host OfferChannel timesync', 'host OfferChannel keyboard', 'host OfferChannel kvp'],
      'host OfferChannel scsi',
    ],
    here: [
      ...['host OfferChannel heartbeat', 'host OfferChannel shutdown'],
      ...['host OfferChannel timesync', 'host OfferChannel kvp', 'host OfferChannel vss'],
      ...['host OfferChannel fcopy', 'host OfferChannel scsi'],
    ],
    why: 'there is no keyboard on the bus, but there are two more integration components',
  },
  same('host AllOffersDelivered'),
];

/** From the first message to the last offer. The version that the guest may ask for is capped by the host. */
export const measuredContact: Readonly<Record<'5.3' | '4.1', readonly MeasuredRow[]>> = {
  '5.3': [
    same('guest InitiateContact 5.3', 'host VersionResponse supported, connection 4'),
    ...afterContact,
  ],
  // The connection of version 5 is missing: the hypervisor refuses what is posted to it (HV_STATUS_INVALID_CONNECTION_ID).
  '4.1': [
    same('guest post refused 0x12', 'guest post refused 0x12', 'guest post refused 0x12'),
    same('guest post refused 0x12', 'guest InitiateContact 4.1'),
    {
      measured: ['host VersionResponse supported, connection 1'],
      here: ['host VersionResponse supported, connection 262145'],
      why: 'before version 5.0 the word has no meaning: hosts put the connection, the version or zero there',
    },
    ...afterContact,
  ],
};

const icRing = [
  'guest GpadlHeader 32768 bytes',
  'host GpadlCreated 0',
  'guest OpenChannel ring at page 4',
  'host OpenChannelResult 0',
];

/** Of each class, the messages about its channel. Modules load in another order, so that classes come in another one. */
export const measuredOpening: Readonly<Record<string, readonly string[]>> = {
  heartbeat: icRing,
  shutdown: icRing,
  timesync: icRing,
  kvp: icRing,
  scsi: [
    ...['guest GpadlHeader 262144 bytes', 'guest GpadlBody', 'guest GpadlBody'],
    ...['host GpadlCreated 0', 'guest OpenChannel ring at page 32', 'host OpenChannelResult 0'],
  ],
};

/** Of each class, its first packets, with the versions of framework and messages that the guest chose. */
export const measuredFirstPackets: Readonly<Record<string, readonly string[]>> = {
  heartbeat: ['host Negotiate', 'guest Negotiate 3.0 3.0'],
  shutdown: ['host Negotiate', 'guest Negotiate 3.0 3.2'],
  timesync: ['host Negotiate', 'guest Negotiate 3.0 4.0'],
  // Without its daemon the guest says nothing yet.
  kvp: ['host Negotiate'],
  scsi: [
    ...['guest BeginInitialization', 'host BeginInitialization completion'],
    ...['guest QueryProtocolVersion', 'host QueryProtocolVersion completion'],
    ...['guest QueryProperties', 'host QueryProperties completion'],
    ...['guest EndInitialization', 'host EndInitialization completion'],
  ],
};

/** Commands for the disk at 0:0:0 up to the list of units, with the bytes that are asked for. */
export const measuredDiskScan: readonly MeasuredRow[] = [
  same('inquiry 36'),
  {
    measured: [],
    here: ['inquiry 104'],
    why: 'the answer says that there are more bytes than the 36 of the first question',
  },
  {
    measured: [
      'inquiry page 0x0 4',
      'inquiry page 0x0 5',
      'inquiry page 0x0 4',
      'inquiry page 0x0 5',
    ],
    here: [
      ...['inquiry page 0x0 4', 'inquiry page 0x0 10', 'inquiry page 0x0 4', 'inquiry page 0x0 10'],
      ...['inquiry page 0x0 36', 'inquiry page 0x80 4', 'inquiry page 0x80 36'],
      ...['inquiry page 0x0 36', 'inquiry page 0x83 4', 'inquiry page 0x83 52'],
      ...['inquiry page 0x0 36', 'inquiry page 0xb0 4', 'inquiry page 0xb0 64'],
      ...['inquiry page 0x0 36', 'inquiry page 0xb1 4', 'inquiry page 0xb1 64'],
      ...['inquiry page 0x0 36', 'inquiry page 0xb2 4', 'inquiry page 0xb2 8'],
    ],
    why: 'the list of pages has six, not one, and Linux reads those that it knows',
  },
  same('reportLuns 4096'),
];

/** Commands for each of the fifteen other addresses, which have no disk. */
export const measuredEmptyScan: readonly MeasuredRow[] = [
  same('inquiry 36'),
  { measured: [], here: ['inquiry 104'], why: 'as above' },
  same('reportLuns 4096'),
  {
    measured: ['reportLuns 4096', 'reportLuns 4096', 'inquiry 36'],
    here: [],
    why: 'the list is answered with success and no unit; on failure Linux tries again, and then units one by one',
  },
];

/** The addresses in the order in which they are scanned: path, target. */
export const measuredScanOrder: readonly string[] = Array.from(
  { length: 16 },
  (_, index) => `${index >> 1}:${index & 1}`,
);
