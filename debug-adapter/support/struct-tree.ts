/** Bytes taken apart by a layout: a tree of named fields, each with the bytes that it stands in. Never trusts the bytes. */
import { extractBits, type BitField } from './bit-field';
import { guidText } from './guid';
import {
  fieldSizeBytes,
  readBigEndian,
  readField,
  type FieldMeaning,
  type StructCount,
  type StructField,
  type StructLayout,
  type StructPart,
} from './struct-layout';

/** A field, or a group of them, with its place. */
export interface StructNode {
  readonly name: string;
  /** From the start of the bytes. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** A number, or text; undefined for groups and for bytes without a meaning. */
  readonly value?: bigint | string;
  /** Name of the number, where it has one. */
  readonly valueName?: string;
  /** Read in base ten. */
  readonly isCount?: boolean;
  readonly isReserved?: boolean;
  readonly children: readonly StructNode[];
}

/** Values that choices and counts may ask for, by field name: the innermost structure first. */
export type StructScope = (name: string) => bigint | undefined;

/** Most elements of one list that are taken apart; the bytes of the others stay bytes. */
const elementsMax = 1024;

const noChildren: readonly StructNode[] = [];

/** Name of what follows where the layout knows no more. */
export const restName = 'Rest';

/** Name of bytes between fields, which no field has. */
export const paddingName = 'Padding';

/** Name of a field that the bytes end within. */
export const cutOffName = 'CutOff';

function bitNodes(word: bigint, bits: readonly BitField[], at: StructNode): readonly StructNode[] {
  const { offset, sizeBytes } = at;
  return bits.map((field) => {
    const value = extractBits(word, field);
    const valueName = field.values?.[Number(value)];
    const node = { name: field.name, offset, sizeBytes, value, children: noChildren };
    return valueName === undefined ? node : { ...node, valueName };
  });
}

/** Text up to the first zero, with the characters that cannot be shown replaced. */
function textOf(bytes: Uint8Array, unitBytes: 1 | 2): string {
  let text = '';
  for (let at = 0; at + unitBytes <= bytes.length; at += unitBytes) {
    const unit = (bytes[at] ?? 0) | (unitBytes === 2 ? (bytes[at + 1] ?? 0) << 8 : 0);
    if (unit === 0) break;
    text += unit < 0x20 ? '\ufffd' : String.fromCharCode(unit);
  }
  return text;
}

function bytesNode(
  name: string,
  bytes: Uint8Array,
  offset: number,
  sizeBytes: number,
  meaning?: FieldMeaning,
): StructNode {
  const node = { name, offset, sizeBytes, children: noChildren };
  const own = bytes.subarray(offset, offset + sizeBytes);
  switch (meaning?.kind) {
    case 'guid':
      return { ...node, value: guidText(own) };
    case 'utf16':
      return { ...node, value: textOf(own, 2) };
    case 'ascii':
      return { ...node, value: textOf(own, 1) };
    case 'reserved':
      return { ...node, isReserved: true };
    case 'big-endian':
      return { ...node, isCount: true, value: readBigEndian(bytes, offset, sizeBytes) };
    case 'structure': {
      return { ...node, children: wholeTree(meaning.layout, bytes, offset, sizeBytes) };
    }
    default:
      return node;
  }
}

function integerNode(field: StructField, value: bigint, offset: number): StructNode {
  const sizeBytes = fieldSizeBytes(field.type);
  const node = { name: field.name, offset, sizeBytes, value, children: noChildren };
  const { meaning } = field;
  switch (meaning?.kind) {
    case 'bits':
      return { ...node, children: bitNodes(value, meaning.bits, node) };
    case 'values': {
      const valueName = meaning.names[Number(value)];
      return valueName === undefined ? node : { ...node, valueName };
    }
    case 'signed':
      return { ...node, isCount: true, value: BigInt.asIntN(sizeBytes * 8, value) };
    case 'count':
      return { ...node, isCount: true };
    case 'reserved':
      return { ...node, isReserved: true };
    default:
      return node;
  }
}

/** Takes the parts of one structure apart, one after another. */
class StructReader {
  readonly nodes: StructNode[] = [];
  private readonly values = new Map<string, bigint>();
  private at: number;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly start: number,
    private readonly outer: StructScope,
  ) {
    this.at = start;
  }

  /** Where the structure ended. */
  get end(): number {
    return this.at;
  }

  readonly scope: StructScope = (name) => this.values.get(name) ?? this.outer(name);

  /** @returns false where the bytes end within the structure */
  read(layout: StructLayout): boolean {
    return this.readFields(layout) && layout.parts.every((part) => this.readPart(part));
  }

  private readFields(layout: StructLayout): boolean {
    for (const field of layout.fields) {
      const offset = this.start + field.offset;
      this.pad(offset);
      const end = offset + fieldSizeBytes(field.type);
      if (end > this.bytes.length) return this.cutOff();
      this.readOne(layout, field, offset);
      this.at = end;
    }
    this.pad(this.start + layout.sizeBytes);
    return true;
  }

  /** Keeps the bytes up to `end`, or those there are, as bytes. */
  private pad(end: number): void {
    const sizeBytes = Math.min(end, this.bytes.length) - this.at;
    if (sizeBytes <= 0) return;
    this.nodes.push(bytesNode(paddingName, this.bytes, this.at, sizeBytes));
    this.at += sizeBytes;
  }

  private readOne(layout: StructLayout, field: StructField, offset: number): void {
    if (typeof field.type !== 'string') {
      const { bytes: size } = field.type;
      this.nodes.push(bytesNode(field.name, this.bytes, offset, size, field.meaning));
      return;
    }
    const value = readField(layout, this.bytes, field.name, this.start);
    this.values.set(field.name, value);
    this.nodes.push(integerNode(field, value, offset));
  }

  private cutOff(): boolean {
    if (this.left > 0) this.nodes.push(bytesNode(cutOffName, this.bytes, this.at, this.left));
    this.at = Math.max(this.at, this.bytes.length);
    return false;
  }

  private readPart(part: StructPart): boolean {
    switch (part.kind) {
      case 'elements':
        return this.readElements(part);
      case 'bytes': {
        const sizeBytes = Math.min(this.countOf(part.length), this.left);
        if (sizeBytes === 0) return true;
        this.nodes.push(bytesNode(part.name, this.bytes, this.at, sizeBytes, part.meaning));
        this.at += sizeBytes;
        return true;
      }
      case 'placed':
        return this.readPlaced(part);
      case 'appended':
        return this.left === 0 || this.readInto(part.layout);
      case 'choice': {
        const value = this.scope(part.by);
        const chosen = value === undefined ? undefined : part.cases.get(Number(value));
        return chosen === undefined || this.readInto(chosen);
      }
    }
  }

  private get left(): number {
    return this.bytes.length - this.at;
  }

  /** Reads a structure whose fields stand beside those before it. */
  private readInto(layout: StructLayout): boolean {
    const inner = new StructReader(this.bytes, this.at, this.scope);
    const whole = inner.read(layout);
    this.nodes.push(...inner.nodes);
    for (const [name, value] of inner.values) this.values.set(name, value);
    this.at = inner.at;
    return whole;
  }

  private readPlaced(part: Extract<StructPart, { kind: 'placed' }>): boolean {
    const { at, base = 0 } = part;
    const place = at === undefined ? this.at - this.start - base : this.scope(at);
    const from = this.start + base + Number(place ?? -1);
    if (from < this.at || from > this.bytes.length) return true;
    const last = this.at;
    this.at = from;
    const sizeBytes = Math.min(this.countOf(part.length), this.left);
    this.at = last;
    if (sizeBytes === 0) return true;
    this.pad(from);
    const children = wholeTree(part.layout, this.bytes, from, sizeBytes, this.scope);
    this.nodes.push({ name: part.name, offset: from, sizeBytes, children });
    this.at += sizeBytes;
    return true;
  }

  private readElements(part: Extract<StructPart, { kind: 'elements' }>): boolean {
    const first = this.at;
    const children: StructNode[] = [];
    const wanted = this.countOf(part.count);
    let whole = true;
    while (children.length < Math.min(wanted, elementsMax) && this.left > 0 && whole) {
      const offset = this.at;
      const inner = new StructReader(this.bytes, offset, this.scope);
      whole = inner.read(part.element);
      this.at = inner.at;
      const sizeBytes = this.at - offset;
      if (sizeBytes === 0) break;
      const name = `[${children.length}]`;
      const [only] = inner.nodes;
      // An element of one field is that field.
      if (only !== undefined && inner.nodes.length === 1) children.push({ ...only, name });
      else children.push({ name, offset, sizeBytes, children: inner.nodes });
    }
    this.nodes.push({ name: part.name, offset: first, sizeBytes: this.at - first, children });
    // What lies behind a list that is not read to its end is not known.
    return whole && (wanted <= elementsMax || this.left === 0);
  }

  private countOf(count: StructCount): number {
    switch (count.kind) {
      case 'rest':
        return this.left;
      case 'field':
        return Number(this.scope(count.field) ?? 0n);
      case 'until': {
        const end = this.start + Number(this.scope(count.field) ?? 0n);
        return Math.max(0, end - this.at);
      }
      case 'pages': {
        const touched = (this.scope(count.length) ?? 0n) + (this.scope(count.offset) ?? 0n);
        return Number((touched + 4095n) >> 12n);
      }
    }
  }
}

const emptyScope: StructScope = () => undefined;

/** What {@link decodeTree} found. */
export interface StructTree {
  readonly nodes: readonly StructNode[];
  /** Where the structure ended; what is behind it belongs to something else, or to nothing. */
  readonly end: number;
  /** Finds values of the structure, and of `outer` behind it. */
  readonly scope: StructScope;
}

/**
 * Takes apart the structure that begins at `at`. What the bytes do not reach is missing; nothing is read behind them.
 * @param outer finds values of structures around this one
 */
export function decodeTree(
  layout: StructLayout,
  bytes: Uint8Array,
  at = 0,
  outer: StructScope = emptyScope,
): StructTree {
  const reader = new StructReader(bytes, at, outer);
  reader.read(layout);
  return { nodes: reader.nodes, end: reader.end, scope: reader.scope };
}

/** A node for the bytes from `at` on, where there are any. */
export function restNode(bytes: Uint8Array, at: number): readonly StructNode[] {
  const left = bytes.length - at;
  return left > 0 ? [bytesNode(restName, bytes, at, left)] : [];
}

/** The nodes of a structure that has `sizeBytes` bytes to itself, those of the rest included. */
function wholeTree(
  layout: StructLayout,
  bytes: Uint8Array,
  at: number,
  sizeBytes: number,
  outer?: StructScope,
): readonly StructNode[] {
  const own = bytes.subarray(0, at + sizeBytes);
  const { nodes, end } = decodeTree(layout, own, at, outer);
  return [...nodes, ...restNode(own, end)];
}
