/** Values of fields, entry by entry, as they were found: filters ask for the same fields again and again. */
import { present } from '../../support/assert';
import type { FoundField } from '../../support/struct-value-plan';
import {
  keyOf,
  readKey,
  readOne,
  type StructReading,
  type StructValue,
} from '../../support/struct-values';
import { eventFields } from '../event-fields';
import { messageValues, PacketFieldFinder } from './decode-traffic';
import type { KeptPacket, TrafficEntries, TrafficEntry } from './traffic-entries';

/** A value; one that was decoded has the layout that knows what it is called. */
export type FoundValue = Pick<StructReading, 'value'> & Partial<StructReading>;

/** Fields that are not decoded but known of every row of a kind. */
const commonFields: ReadonlySet<string> = new Set([
  ...['message', 'operation', 'class', 'channel', 'direction', 'transaction'],
  ...['type', 'bytes', 'refusal', 'outcome'],
]);

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

/** A field of a channel message. */
function messageField(
  name: string,
  entry: TrafficEntry,
  entries: TrafficEntries,
): FoundValue | undefined {
  const event = entry.kind === 'vmbus-message' ? entries.eventOf(entry) : undefined;
  return event?.kind === 'vmbus-message' ? messageValues(event).get(name) : undefined;
}

/** @param lowerName one of {@link commonFields} */
function commonField(
  lowerName: string,
  entry: TrafficEntry,
  entries: TrafficEntries,
): FoundValue | undefined {
  const own = ownField(lowerName, entry);
  const event = own === undefined ? entries.eventOf(entry) : undefined;
  const value = event === undefined ? own?.value : eventFields(event).get(lowerName);
  return value === undefined ? undefined : { value };
}

/** Number of "no such field" in a column. */
export const noValue = -1;

const newPacket = (): KeptPacket => ({
  ...{ bytes: new Uint8Array(0), start: 0, end: 0 },
  ...{ classId: '', packetType: 0 },
});

type ValueNumbers = Map<StructValue | number, number>;

/** What entries have under one name: for each a number of a value, and each value once, as many have the same. */
export class TrafficColumn {
  /** By number of the entry; undefined where nobody has asked. */
  private readonly numbers: (number | undefined)[] = [];
  private readonly values: FoundValue[] = [];
  /** Numbers of values by the field that they were found in, by key. */
  private readonly byField = new Map<FoundField, ValueNumbers>();
  private readonly byLayout = new Map<FoundValue['layout'], ValueNumbers>();
  private readonly lowerName: string;
  /** Nothing has to be decoded for it. */
  private readonly isCommon: boolean;
  private readonly finder: PacketFieldFinder;
  /** What is looked at, and the request that it answers: a full log has too many for an object of each. */
  private readonly packet = newPacket();
  private readonly request = newPacket();

  constructor(private readonly name: string) {
    this.lowerName = name.toLowerCase();
    this.isCommon = commonFields.has(this.lowerName);
    this.finder = new PacketFieldFinder(name);
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
    const made = this.find(entry, entries);
    this.numbers[number] = made;
    return made;
  }

  /** The value of this number. */
  valueAt(number: number): FoundValue {
    return present(this.values[number], 'value of a column');
  }

  /** A decoded field before those that all rows have. */
  private find(entry: TrafficEntry, entries: TrafficEntries): number {
    if (entry.kind === 'vmbus-packet') {
      const number = this.findInPacket(entry, entries);
      if (number !== noValue) return number;
    }
    const found =
      messageField(this.name, entry, entries) ??
      (this.isCommon ? commonField(this.lowerName, entry, entries) : undefined);
    return found === undefined ? noValue : this.sharedPlain(found);
  }

  /** Nothing but the field is decoded. */
  private findInPacket(entry: TrafficEntry, entries: TrafficEntries): number {
    const { finder, packet } = this;
    if (!finder.mayFind(entry.className, entry.packetType)) return noValue;
    if (!entries.placePacket(entry, packet)) return noValue;
    const found = finder.find(packet, () => this.requestOf(entry, entries));
    return found === undefined ? noValue : this.shared(found, packet.bytes, finder.at);
  }

  private requestOf(
    { partner, isRequest }: TrafficEntry,
    entries: TrafficEntries,
  ): KeptPacket | undefined {
    if (partner === undefined || isRequest) return undefined;
    return entries.placePacket(partner, this.request) ? this.request : undefined;
  }

  private shared(found: FoundField, bytes: Uint8Array, at: number): number {
    const { layout, field } = found;
    let known = this.byField.get(found);
    if (known === undefined) this.byField.set(found, (known = new Map()));
    const key = readKey(bytes, at, field);
    return known.get(key) ?? this.add(known, key, { layout, value: readOne(bytes, at, field) });
  }

  private sharedPlain(found: FoundValue): number {
    const { layout, value } = found;
    let known = this.byLayout.get(layout);
    if (known === undefined) this.byLayout.set(layout, (known = new Map()));
    const key = keyOf(value);
    return known.get(key) ?? this.add(known, key, found);
  }

  private add(known: ValueNumbers, key: StructValue | number, value: FoundValue): number {
    const number = this.values.push(value) - 1;
    known.set(key, number);
    return number;
  }
}

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
