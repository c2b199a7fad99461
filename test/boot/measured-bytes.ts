// The bytes of what Linux 6.1 and its host said to each other on VMBus, measured on another hypervisor, as far as they
// were kept; and which of them differ here, each with its reason.
import type { TraceEvent } from '../../debug-adapter/machine/trace';
import { messageName, messageValues } from '../../debug-adapter/debugger/traffic/decode-traffic';
import { deviceClassByGuid } from '../../debug-adapter/spec/vmbus/device-classes';

/** Why bytes may differ. */
const reasons = {
  relid: 'channels are counted in the order of their offers, and more are offered here',
  gpadl: 'identifiers count what the guest has shared, and its modules load in another order',
  place: 'where the guest has its memory',
  instance: 'instances are those that the published host tools list; that host made some up',
  flags: 'that host left the flag of the request in its completion',
  sense: 'that host left the room for sense data in its completion; none of it is used',
  subChannels: 'that host had no sub-channels, and limits of its own',
  versions: 'that host offered fewer versions, so that its message was shorter',
  queue: 'that disk had not said that it queues commands, so that they had no tag yet',
  connection:
    'before version 5.0 the word has no meaning: hosts put the connection, the version or zero there',
  processors: 'that guest had one processor; with several, drivers spread their channels over them',
  pages: 'the answer to the page of pages lists more of them, and Linux asks for as many bytes',
} as const;
type Reason = keyof typeof reasons;

/** `at` and number of bytes that differ. */
type Difference = readonly [at: number, length: number, why: Reason];

/** Bytes that were measured: the first of what was said, perhaps not all. */
export interface MeasuredBytes {
  readonly said: string;
  readonly hex: string;
  readonly differs: readonly Difference[];
}

const row = (said: string, hex: string, ...differs: readonly Difference[]): MeasuredBytes => ({
  said,
  hex: hex.replaceAll(' ', ''),
  differs,
});

const monitorPages = [24, 16, 'place'] as const;

const offersRequested: readonly MeasuredBytes[] = [
  row('guest RequestOffers', '0300000000000000'),
  row('host AllOffersDelivered', '0400000000000000'),
];

/** Of the bus itself, up to the version that the host allows. All further bytes do not depend on the version. */
export const measuredContactBytes: Readonly<Record<'5.3' | '4.1', readonly MeasuredBytes[]>> = {
  '5.3': [
    row(
      'guest InitiateContact',
      '0e00000000000000 03000500 00000000 02 00 0000 00000000 00205a0500000000 00105a0500000000',
      monitorPages,
    ),
    row('host VersionResponse', '0f00000000000000 01 00 0000 04000000'),
    ...offersRequested,
  ],
  '4.1': [
    row(
      'guest InitiateContact',
      '0e00000000000000 01000400 00000000 00305a0500000000 00205a0500000000 00105a0500000000',
      [16, 8, 'place'],
      monitorPages,
    ),
    row('host VersionResponse', '0f00000000000000 01 00 0000 01000000', [12, 4, 'connection']),
    ...offersRequested,
  ],
};

/** What was measured on one processor, as it is on several: channels interrupt other processors. */
export function onManyProcessors(rows: readonly MeasuredBytes[]): readonly MeasuredBytes[] {
  return rows.map((each) => {
    if (each.said !== 'guest OpenChannel') return each;
    return { ...each, differs: [...each.differs, [20, 4, 'processors']] };
  });
}

const relid = [8, 4, 'relid'] as const;
const openId = [12, 4, 'relid'] as const;
const gpadlAt = (at: number): Difference => [at, 4, 'gpadl'];

const offer = (classGuid: string): MeasuredBytes =>
  row('host OfferChannel', `0100000000000000 ${classGuid} 0000c0ab00000040`, [24, 8, 'instance']);

const integration = (classGuid: string, number: string): readonly MeasuredBytes[] => [
  offer(classGuid),
  row(
    'guest GpadlHeader',
    `0800000000000000 ${number}000000 100e0e00 4800 0100 00800000 00000000 ${'00'.repeat(64)}`,
    relid,
    gpadlAt(12),
    [28, 64, 'place'],
  ),
  row(
    'host GpadlCreated',
    `0a00000000000000 ${number}000000 101e0e00 00000000`,
    relid,
    gpadlAt(12),
  ),
  row(
    'guest OpenChannel',
    `0500000000000000 ${number}000000 ${number}000000 101e0e00 00000000 04000000 ${'00'.repeat(16)}`,
    relid,
    openId,
    gpadlAt(16),
  ),
  row(
    'host OpenChannelResult',
    `0600000000000000 ${number}000000 ${number}000000 00000000`,
    relid,
    openId,
  ),
];

/** Of each class, about its channel. */
export const measuredChannelBytes: Readonly<Record<string, readonly MeasuredBytes[]>> = {
  heartbeat: integration('394f16571591784eab55382f3bd5422d', '01'),
  shutdown: integration('31600b0e13523449818b38d90ced39db', '02'),
  timesync: integration('30e62795aed07b49adcee80ab0175caf', '03'),
  kvp: integration('e7f4a0a9455a964db8278a841e8c03e6', '05'),
  scsi: [
    offer('d96361baa104294db60572e2ffb1dc7f'),
    row(
      'guest GpadlHeader',
      `0800000000000000 06000000 141e0e00 0802 0100 00000400 00000000 ${'00'.repeat(26 * 8)}`,
      relid,
      gpadlAt(12),
      [28, 26 * 8, 'place'],
    ),
    ...[28, 10].map((count) =>
      row(
        'guest GpadlBody',
        `0900000000000000 00000000 141e0e00 ${'00'.repeat(8 * count)}`,
        gpadlAt(12),
        [16, 8 * count, 'place'],
      ),
    ),
    row('host GpadlCreated', '0a00000000000000 06000000 141e0e00 00000000', relid, gpadlAt(12)),
    row(
      'guest OpenChannel',
      `0500000000000000 06000000 06000000 141e0e00 00000000 20000000 ${'00'.repeat(16)}`,
      relid,
      openId,
      gpadlAt(16),
    ),
    row('host OpenChannelResult', '0600000000000000 06000000 06000000 00000000', relid, openId),
  ],
};

/** Behind the descriptor: the negotiation that the host begins, and what the guest chooses. */
const negotiation = (
  size: string,
  own: string,
  chosen: string | undefined,
): readonly MeasuredBytes[] => [
  row(
    'host in-band',
    `01000000 ${size}000000 0000 0000 0000 0000 0000 ${own}00 00000000`,
    [4, 1, 'versions'],
    [8, 4, 'versions'],
    [14, 4, 'versions'],
    [18, 1, 'versions'],
  ),
  ...(chosen === undefined
    ? []
    : [
        row(
          'guest in-band',
          `01000000 ${size}000000 0000 0000 0000 0000 0000 1000 00000000 01 05 0000 01000100 00000000 ${chosen}`,
          [4, 1, 'versions'],
          [8, 4, 'versions'],
          [14, 4, 'versions'],
        ),
      ]),
];

const vstor = (operation: string, rest = ''): MeasuredBytes =>
  row('guest in-band', `${operation}000000 01000000 00000000 ${rest.padEnd(104, '0')}`);
const completion = (rest: string, ...differs: readonly Difference[]): MeasuredBytes =>
  row('host completion', `01000000 01000000 00000000 ${rest}`, [4, 1, 'flags'], ...differs);

/** Of each class, its first packets, from behind the pages that they name. */
export const measuredPacketBytes: Readonly<Record<string, readonly MeasuredBytes[]>> = {
  heartbeat: negotiation('2c', '18', '03000000 03000000'),
  shutdown: negotiation('30', '1c', '03000000 03000200'),
  timesync: negotiation('30', '1c', '03000000 04000000'),
  kvp: negotiation('34', '20', undefined),
  scsi: [
    ...[vstor('07'), completion('00'.repeat(12))],
    ...[vstor('09', '02060000'), completion('02060000 0000000000000000')],
    ...[vstor('0a'), completion('00'.repeat(12), [12, 12, 'subChannels'])],
    ...[vstor('08'), completion('00'.repeat(12))],
  ],
};

/** Queue tag and action, and the flags that say that there is one: of what is asked of a disk that is known. */
const queued: readonly Difference[] = [[50, 4, 'queue']];
/** Bytes asked for: of the data and in the command. */
const listedPages: readonly Difference[] = [
  [24, 1, 'pages'],
  [32, 1, 'pages'],
];

/** A command with its completion: address as `path target`, CDB with its length, and bytes that are asked for. */
function command(
  address: string,
  cdb: string,
  bytes: string,
  ...differs: readonly Difference[]
): MeasuredBytes[] {
  const length = (cdb.length / 2).toString(16).padStart(2, '0');
  const place = `00 ${address} 00 ${length} 14 01 00`;
  return [
    row(
      'guest GPA direct',
      `03000000 01000000 00000000 3400 00 00 ${place} ${bytes}0000 ${cdb.padEnd(40, '0')} 0000 00 00 48000000 3c000000 00000000`,
      ...differs,
    ),
    row(
      'host completion',
      `01000000 01000000 00000000 3400 01 00 ${place}`,
      ...[[4, 1, 'flags'] as const, [21, 1, 'sense'] as const],
    ),
  ];
}

/** Commands at the disk and at addresses without one, as they come there among others. */
export const measuredCommandBytes: readonly MeasuredBytes[] = [
  ...command('00 00', '120000002400', '2400'),
  ...command('00 00', '120100000400', '0400', ...queued),
  ...command('00 00', '120100000500', '0500', ...queued, ...listedPages),
  ...command('00 00', 'a00000000000000010000000', '0010', ...queued),
  ...command('00 01', '120000002400', '2400'),
  ...command('01 00', '120000002400', '2400'),
  ...command('07 01', '120000002400', '2400'),
];

/** Bytes as they were said. */
export interface SaidBytes {
  readonly said: string;
  readonly bytes: Uint8Array;
}

const speaker = { 'to-parent': 'guest', 'to-guest': 'host' } as const;
const kinds = new Map([
  [6, 'in-band'],
  [9, 'GPA direct'],
  [11, 'completion'],
]);

/** Notes what is said, byte for byte. */
export class ByteNotes {
  readonly contact: SaidBytes[] = [];
  readonly channels = new Map<string, SaidBytes[]>();
  readonly packets = new Map<string, SaidBytes[]>();
  private readonly classes = new Map<bigint, string>();
  private readonly gpadls = new Map<bigint, string>();

  record(event: TraceEvent): void {
    if (event.kind === 'vmbus-message') {
      const said = `${speaker[event.direction]} ${messageName(event.payload)}`;
      const name = this.classOf(event);
      const list = name === undefined ? this.contact : listOf(this.channels, name);
      list.push({ said, bytes: event.payload.slice() });
    } else if (event.kind === 'vmbus-packet') {
      const said = `${speaker[event.direction]} ${kinds.get(event.packetType) ?? ''}`;
      const start = ((event.bytes[2] ?? 0) | ((event.bytes[3] ?? 0) << 8)) * 8;
      listOf(this.packets, event.classId).push({ said, bytes: event.bytes.slice(start) });
    }
  }

  private classOf(event: Extract<TraceEvent, { kind: 'vmbus-message' }>): string | undefined {
    const values = messageValues(event);
    const number = (name: string): bigint | undefined => {
      const value = values.get(name)?.value;
      return typeof value === 'bigint' ? value : undefined;
    };
    const [relid, gpadl] = [number('ChildRelId'), number('Gpadl')];
    const offered = deviceClassByGuid.get(String(values.get('InterfaceType')?.value))?.name;
    if (offered !== undefined && relid !== undefined) this.classes.set(relid, offered);
    const ofChannel = relid === undefined ? undefined : this.classes.get(relid);
    const found = ofChannel ?? (gpadl === undefined ? undefined : this.gpadls.get(gpadl));
    if (found !== undefined && gpadl !== undefined) this.gpadls.set(gpadl, found);
    return found;
  }
}

function listOf(lists: Map<string, SaidBytes[]>, name: string): SaidBytes[] {
  const list = lists.get(name) ?? [];
  lists.set(name, list);
  return list;
}

/**
 * Compares what was said with what was measured: each row is found in order, others may come between.
 * @returns in words what is not as it was measured
 */
export function differences(
  measured: readonly MeasuredBytes[],
  heard: readonly SaidBytes[],
): readonly string[] {
  const found: string[] = [];
  let from = 0;
  for (const expected of measured) {
    const candidates = heard.slice(from).filter(({ said }) => said === expected.said);
    const same = candidates.find(({ bytes }) => distanceTo(expected, bytes) === 0);
    if (same === undefined) {
      const byDistance = candidates
        .map(({ bytes }) => ({ bytes, distance: distanceTo(expected, bytes) }))
        .sort((a, b) => a.distance - b.distance);
      const [nearest] = byDistance;
      const got = nearest === undefined ? 'nothing' : Buffer.from(nearest.bytes).toString('hex');
      const named = expected.differs.map(
        ([at, , why]) => `\n  from ${at} on may differ: ${reasons[why]}`,
      );
      found.push(
        `${expected.said}\n  measured ${expected.hex}\n  here     ${got}${named.join('')}`,
      );
    } else from = heard.indexOf(same) + 1;
  }
  return found;
}

/** Bytes that differ without a reason. */
function distanceTo({ hex, differs }: MeasuredBytes, bytes: Uint8Array): number {
  return [...Buffer.from(hex, 'hex')].filter((byte, at) => {
    const isNamed = differs.some(([start, length]) => at >= start && at < start + length);
    return isNamed ? at >= bytes.length : byte !== bytes[at];
  }).length;
}
