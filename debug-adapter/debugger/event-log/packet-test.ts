/** The filter of the event log for packets: most differ in the values of some fields, each of which is looked at once. */
import { PacketType } from '../../spec/vmbus/packets';
import { headerOffsets, offsetsIn } from '../../system/record-header';
import type { TraceLog } from '../../system/trace-log';
import { vmbusPacketRecord } from '../../system/trace-records';
import type { FieldMeaning, StructLayout } from '../../support/struct-layout';
import type { StructPlace } from '../../support/struct-value-plan';
import {
  readKey,
  readOne,
  type PlacedField,
  type StructValue,
  type ValueField,
} from '../../support/struct-values';
import type { VmbusPacketEvent } from '../../machine/trace';
import type { FieldComparison } from '../filter-text';
import { placeStructure } from '../traffic/decode-traffic';
import {
  factsLengthMax,
  factText,
  fieldsLeftOut,
  isShownAsZero,
  moreFacts,
  packetTypeName,
  shownFields,
} from '../traffic/traffic-text';
import { DistinctRecords, type RecordRange } from './distinct-records';
import {
  fieldMeets,
  partitionAt,
  type EventCondition,
  type LookedAt,
  type RecordTest,
} from './event-condition';
import { PacketShapes, type PacketShape } from './packet-shapes';
import { Words } from './words';

/** A value of a field as it is shown: its words, and what it takes of the line. */
interface Fact {
  readonly mask: number;
  readonly length: number;
}

/** A field that may be shown. */
interface FactField {
  readonly placed: PlacedField;
  readonly isShownAsZero: boolean;
  readonly facts: Map<StructValue | number, Fact>;
}

/** A field that is compared, with the answers for its values. */
interface ComparedField {
  readonly placed: PlacedField;
  readonly comparison: FieldComparison;
  readonly answers: Map<StructValue | number, boolean>;
}

/** What the filter has to know of the packets of one shape. */
interface KnownShape {
  readonly operations: PacketShape['operations'];
  readonly facts: readonly FactField[];
  /** Words that some value of them may have. */
  readonly possible: number;
  /** Undefined where a field is missing. */
  readonly compared: readonly ComparedField[] | undefined;
}

/** What comes with the record of a packet: direction, class, channel and type. */
interface Head {
  readonly classId: string;
  readonly packetType: number;
  readonly mask: number;
  /** Whether it meets the comparisons that only it decides. */
  readonly meets: boolean;
  /** Undefined until one with a structure has been met. */
  shapes: PacketShapes<KnownShape> | undefined;
}

/** Fields that are not decoded, and so come first: those of the head, and those that each packet has its own of. */
const headFields: Readonly<Record<string, (packet: VmbusPacketEvent) => bigint | string>> = {
  class: ({ classId }) => classId,
  channel: ({ channel }) => BigInt(channel),
  direction: ({ direction }) => direction,
  type: ({ packetType }) => BigInt(packetType),
};
const ownFields: ReadonlySet<string> = new Set(['operation', 'transaction', 'bytes', 'refusal']);

const offsetOf = offsetsIn(vmbusPacketRecord);
const reasonLengthAt = offsetOf('reasonLength');
const transactionAt = offsetOf('transactionId');
const sizeAt = offsetOf('sizeBytes');
/** What {@link Head} depends on. */
const headRanges: readonly RecordRange[] = [
  [headerOffsets.partition, sizeAt],
  [offsetOf('class'), offsetOf('bytesAt')],
];

/** Values of one field that are remembered. */
const valuesMax = 1 << 12;

const numeric = /^[0-9a-fx]+$/;

/** Whether a fact of this field may have a word; true where that cannot be told. */
function mayHave(name: string, meaning: FieldMeaning | undefined, word: string): boolean {
  const start = `${name.toLowerCase()}=`;
  if (start.includes(word)) return true;
  switch (meaning?.kind) {
    case 'guid':
      return true;
    case 'bits': {
      // The names of its bits, and fields of several of them, are within brackets.
      const named = meaning.bits.flatMap((each) => [
        each.name,
        ...Object.values(each.values ?? {}),
      ]);
      if (/[[\]=]/.test(word)) return true;
      if (named.some((each) => each.toLowerCase().includes(word))) return true;
      break;
    }
    case 'values': {
      const shown = Object.values(meaning.names).map((each) => `${start}${each.toLowerCase()}`);
      if (shown.some((text) => text.includes(word))) return true;
      break;
    }
    default:
  }
  // A number, or the end of the name with the beginning of a number.
  const equals = word.lastIndexOf('=') + 1;
  return start.endsWith(word.slice(0, equals)) && numeric.test(word.slice(equals));
}

const emptyShape: KnownShape = { operations: [], facts: [], possible: 0, compared: [] };

class PacketFilter {
  private readonly words: Words;
  private readonly ofHead: readonly FieldComparison[];
  private readonly ofPacket: readonly FieldComparison[];
  private readonly decoded: readonly FieldComparison[];
  private readonly heads = new DistinctRecords(headRanges);
  private known: Head[] = [];
  private generation = 0;
  private readonly shapes = new Map<string, PacketShapes<KnownShape>>();
  private readonly factsOf = new Map<ValueField, FactField['facts']>();
  private readonly operationMasks = new Map<string, number>();
  private readonly moreMask: number;
  private readonly where: StructPlace = { bytes: new Uint8Array(0), at: 0, end: 0 };
  private readonly packet = {
    ...{ bytes: new Uint8Array(0), start: 0, end: 0, classId: '', packetType: 0 },
  };

  constructor(
    private readonly packets: TraceLog['vmbusPackets'],
    private readonly condition: EventCondition,
    private readonly lookedAt: LookedAt,
  ) {
    const { comparisons } = condition;
    this.words = new Words(condition.words);
    this.moreMask = this.words.in(moreFacts);
    this.ofHead = comparisons.filter(({ name }) => Object.hasOwn(headFields, name));
    this.ofPacket = comparisons.filter(({ name }) => ownFields.has(name));
    this.decoded = comparisons.filter(
      (each) => !this.ofHead.includes(each) && !this.ofPacket.includes(each),
    );
  }

  passes(index: number): boolean {
    const { records } = this.packets;
    const at = records.placeOf(index);
    if (at === undefined) return false;
    const { partition } = this.condition;
    if (partition !== undefined && partitionAt(records.allBytes, at) !== partition) return false;
    const head = this.headOf(index, at);
    if (!head.meets) return false;
    const shape = this.shapeOf(index, head);
    if (shape.compared === undefined) return false;
    for (const each of shape.compared) if (!this.meets(each)) return false;
    if (this.ofPacket.length > 0 && !this.meetsOwn(index, at, shape)) return false;
    const { all } = this.words;
    let found = head.mask;
    if (found === all) return true;
    found |= this.operationMask(head, shape);
    if (found === all) return true;
    if (records.allBytes[at + reasonLengthAt] !== 0) {
      found |= this.words.in(`refused: ${this.packets.borrow(index)?.refusal ?? ''}`);
    }
    if ((all & ~found & ~(shape.possible | this.moreMask)) !== 0) return false;
    return this.hasInFacts(shape, found);
  }

  /** Whether the facts have the words that are missing yet. */
  private hasInFacts({ facts }: KnownShape, before: number): boolean {
    const { bytes, at } = this.where;
    const { all } = this.words;
    let found = before;
    let length = 0;
    for (const field of facts) {
      if (found === all) return true;
      const { placed } = field;
      const key = readKey(bytes, at + placed.at, placed.field);
      if (key === 0 && !field.isShownAsZero) continue;
      const fact = field.facts.get(key) ?? this.addFact(field, key);
      length += fact.length;
      if (length > factsLengthMax) return (found | this.moreMask) === all;
      found |= fact.mask;
    }
    return found === all;
  }

  private addFact({ placed, facts }: FactField, key: StructValue | number): Fact {
    const text = factText(placed.field.name, { layout: placed.layout, value: key });
    const fact = { mask: this.words.in(text), length: text.length + 1 };
    // Where each packet has a value of its own, to remember them costs more than to look at them.
    if (facts.size < valuesMax) facts.set(key, fact);
    return fact;
  }

  private meets({ placed, comparison, answers }: ComparedField): boolean {
    const { bytes, at } = this.where;
    const key = readKey(bytes, at + placed.at, placed.field);
    const known = answers.get(key);
    if (known !== undefined) return known;
    const value = readOne(bytes, at + placed.at, placed.field);
    const answer = fieldMeets('vmbus-packet', placed.field.name, value, comparison);
    if (answers.size < valuesMax) answers.set(key, answer);
    return answer;
  }

  private meetsOwn(index: number, at: number, shape: KnownShape): boolean {
    for (const comparison of this.ofPacket) {
      const value = this.ownField(comparison.name, index, at, shape);
      if (!fieldMeets('vmbus-packet', comparison.name, value, comparison)) return false;
    }
    return true;
  }

  private ownField(name: string, index: number, at: number, shape: KnownShape): bigint | string {
    const { view } = this.packets.records;
    switch (name) {
      case 'operation':
        return this.operationOf(shape) ?? '';
      case 'transaction':
        return view.getBigUint64(at + transactionAt, true);
      case 'bytes':
        return BigInt(view.getUint32(at + sizeAt, true));
      default:
        return this.packets.borrow(index)?.refusal ?? '';
    }
  }

  private operationOf({ operations }: KnownShape): string | undefined {
    const { bytes, at } = this.where;
    for (const { placed, names } of operations) {
      const name = names[Number(readKey(bytes, at + placed.at, placed.field))];
      if (name !== undefined) return name;
    }
    return undefined;
  }

  private operationMask({ packetType }: Head, shape: KnownShape): number {
    const name = this.operationOf(shape) ?? packetTypeName(packetType);
    let mask = this.operationMasks.get(name);
    if (mask === undefined) this.operationMasks.set(name, (mask = this.words.in(name)));
    return mask;
  }

  private headOf(index: number, at: number): Head {
    const sort = this.heads.sortOf(this.packets.records, at);
    if (this.heads.generation !== this.generation) {
      this.generation = this.heads.generation;
      this.known = [];
    }
    return (this.known[sort] ??= this.makeHead(index));
  }

  private makeHead(index: number): Head {
    this.lookedAt.count++;
    const packet = this.packets.at(index);
    if (packet === undefined) {
      return { classId: '', packetType: 0, mask: 0, meets: false, shapes: undefined };
    }
    const { classId, packetType, direction, channel } = packet;
    const arrow = direction === 'to-parent' ? '→' : '←';
    const meets = this.ofHead.every((comparison) => {
      const value = headFields[comparison.name]?.(packet);
      return value !== undefined && fieldMeets('vmbus-packet', comparison.name, value, comparison);
    });
    return {
      classId,
      packetType,
      mask: this.words.in(`${arrow} [${channel} ${classId}]`),
      meets,
      shapes: undefined,
    };
  }

  private shapesOf({ classId, packetType }: Head, layout: StructLayout): PacketShapes<KnownShape> {
    const key = `${classId} ${packetType === PacketType.completion}`;
    const known = this.shapes.get(key);
    if (known !== undefined) return known;
    const made = new PacketShapes(classId, layout, (shape) => this.learn(classId, shape));
    this.shapes.set(key, made);
    return made;
  }

  /** The structure of the packet then lies at `where`. */
  private shapeOf(index: number, head: Head): KnownShape {
    const { packet, where } = this;
    packet.classId = head.classId;
    packet.packetType = head.packetType;
    const layout = this.packets.tailPlace(index, packet)
      ? placeStructure(packet, where)
      : undefined;
    if (layout === undefined) return this.withoutStructure;
    head.shapes ??= this.shapesOf(head, layout);
    return head.shapes.of(where);
  }

  private get withoutStructure(): KnownShape {
    return this.decoded.length === 0 ? emptyShape : { ...emptyShape, compared: undefined };
  }

  private learn(classId: string, { fields, operations }: PacketShape): KnownShape {
    this.lookedAt.count++;
    const shown = shownFields(fields, fieldsLeftOut(classId));
    const facts = shown.map(([name, placed]): FactField => {
      const known = this.factsOf.get(placed.field) ?? new Map<StructValue | number, Fact>();
      this.factsOf.set(placed.field, known);
      return { placed, isShownAsZero: isShownAsZero(name), facts: known };
    });
    const possible = this.words.that((word) =>
      shown.some(([name, { layout }]) => mayHave(name, layout.byName.get(name)?.meaning, word)),
    );
    const compared = this.decoded.map((comparison): ComparedField | undefined => {
      const found = [...fields].find(([name]) => name.toLowerCase() === comparison.name);
      return found && { placed: found[1], comparison, answers: new Map() };
    });
    const isComplete = compared.every((each) => each !== undefined);
    return { operations, facts, possible, compared: isComplete ? compared : undefined };
  }
}

/** @param condition with words that {@link Words} takes */
export function testOfPackets(
  packets: TraceLog['vmbusPackets'],
  condition: EventCondition,
  lookedAt: LookedAt,
): RecordTest {
  const filter = new PacketFilter(packets, condition, lookedAt);
  return (index) => filter.passes(index);
}
