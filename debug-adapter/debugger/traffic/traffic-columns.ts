/** Values of fields, entry by entry, as they were found: filters ask for the same fields again and again. */
import { present } from '../../support/assert';
import type { StructReading } from '../../support/struct-values';
import { eventFields } from '../event-fields';
import {
  mayHavePacketValue,
  messageValues,
  packetValueAt,
  type PacketPlace,
} from './decode-traffic';
import type { TrafficEntries, TrafficEntry } from './traffic-entries';

/** A value; one that was decoded has the layout that knows what it is called. */
export type FoundValue = Pick<StructReading, 'value'> & Partial<StructReading>;

/** Fields that are not decoded but known of every row of a kind. */
const commonFields: ReadonlySet<string> = new Set([
  ...['message', 'operation', 'class', 'channel', 'direction', 'transaction'],
  ...['type', 'bytes', 'refusal', 'outcome'],
]);

/** The decoded field of an entry; nothing but that field is decoded. */
function decodedField(
  name: string,
  entry: TrafficEntry,
  entries: TrafficEntries,
): StructReading | undefined {
  if (entry.kind === 'vmbus-packet') {
    const { className: classId, packetType, partner, isRequest } = entry;
    if (!mayHavePacketValue({ classId, packetType }, name)) return undefined;
    const packet = entries.packetAt(entry);
    const request = (): PacketPlace | undefined =>
      partner === undefined || isRequest ? undefined : entries.packetAt(partner);
    return packet === undefined ? undefined : packetValueAt(packet, name, request);
  }
  const event = entry.kind === 'vmbus-message' ? entries.eventOf(entry) : undefined;
  return event?.kind === 'vmbus-message' ? messageValues(event).get(name) : undefined;
}

/** What an entry knows itself of what its event has; undefined where the event must be asked. */
function ownField(
  name: string,
  { kind, className, channel, direction, packetType, refusal }: TrafficEntry,
): { readonly value: bigint | string | undefined } | undefined {
  const isPacket = kind === 'vmbus-packet';
  switch (name) {
    case 'class':
      return { value: isPacket ? className : undefined };
    case 'channel':
      return { value: kind === 'vmbus-message' ? undefined : BigInt(channel) };
    case 'direction':
      return { value: direction };
    case 'type':
      return { value: isPacket ? BigInt(packetType) : undefined };
    case 'refusal':
      return { value: kind === 'vmbus-signal' ? undefined : refusal };
    case 'outcome':
      return kind === 'vmbus-signal' ? undefined : { value: undefined };
    default:
      return kind === 'vmbus-signal' ? { value: undefined } : undefined;
  }
}

/** A decoded field before those that all rows have. */
function fieldOf(
  name: string,
  entry: TrafficEntry,
  entries: TrafficEntries,
): FoundValue | undefined {
  const reading = decodedField(name, entry, entries);
  if (reading !== undefined) return reading;
  const lowerName = name.toLowerCase();
  if (!commonFields.has(lowerName)) return undefined;
  const own = ownField(lowerName, entry);
  const event = own === undefined ? entries.eventOf(entry) : undefined;
  const value = event === undefined ? own?.value : eventFields(event).get(lowerName);
  return value === undefined ? undefined : { value };
}

/** Number of "no such field" in a column. */
export const noValue = -1;

/** What entries have under one name: for each a number of a value, and each value once, as many have the same. */
export class TrafficColumn {
  /** By number of the entry; undefined where nobody has asked. */
  private readonly numbers: (number | undefined)[] = [];
  private readonly values: FoundValue[] = [];
  private readonly byLayout = new Map<
    FoundValue['layout'],
    Map<bigint | string | number, number>
  >();
  /** Nothing has to be decoded for it. */
  private readonly isCommon: boolean;

  constructor(private readonly name: string) {
    this.isCommon = commonFields.has(name.toLowerCase());
  }

  /** Entries that it can be asked for cheaply: a filter asks the column with the most first. */
  get ready(): number {
    return this.isCommon ? Infinity : this.numbers.length;
  }

  /** Number of the value that entry `number` has; {@link noValue} where it has none. */
  numberOf(number: number, entry: TrafficEntry, entries: TrafficEntries): number {
    const known = this.numbers[number];
    if (known !== undefined) return known;
    // An array with holes would be slow.
    while (this.numbers.length < number) this.numbers.push(undefined);
    const found = fieldOf(this.name, entry, entries);
    const made = found === undefined ? noValue : this.shared(found);
    this.numbers[number] = made;
    return made;
  }

  /** The value of this number. */
  valueAt(number: number): FoundValue {
    return present(this.values[number], 'value of a column');
  }

  private shared(found: FoundValue): number {
    const { layout, value } = found;
    let known = this.byLayout.get(layout);
    if (known === undefined) this.byLayout.set(layout, (known = new Map()));
    // Small numbers are found faster as such; no other value is one.
    const key = typeof value === 'bigint' && value < smallMax ? Number(value) : value;
    let number = known.get(key);
    if (number === undefined) {
      number = this.values.push(found) - 1;
      known.set(key, number);
    }
    return number;
  }
}

const smallMax = 1n << 30n;

/** Columns that are kept; a filter with more fields finds the others anew. */
const columnsMax = 6;

/** The columns that were asked for last. */
export class TrafficColumns {
  private readonly columns = new Map<string, TrafficColumn>();

  /** @param name as layouts spell it */
  named(name: string): TrafficColumn {
    const column = this.columns.get(name) ?? new TrafficColumn(name);
    this.columns.delete(name);
    this.columns.set(name, column);
    const [oldest] = this.columns.keys();
    if (this.columns.size > columnsMax && oldest !== undefined) this.columns.delete(oldest);
    return column;
  }

  /** Entries have other numbers now. */
  clear(): void {
    this.columns.clear();
  }
}
