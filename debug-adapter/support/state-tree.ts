/** A self-describing binary tree: the form in which components save their state. */
import { present, unreachable } from './assert';
import { UserError } from './user-error';
import { decodeUtf8, encodeUtf8 } from './utf8';

/** A node: safe integer, bigint, string, bytes, list or record. */
export type StateNode =
  | number
  | bigint
  | string
  | Uint8Array
  | readonly StateNode[]
  | { readonly [key: string]: StateNode };

const Tag = { integer: 1, bigint: 2, string: 3, bytes: 4, list: 5, record: 6 } as const;

/** Nesting beyond this is refused; no component comes near it. */
const maximumDepth = 32;

class TreeWriter {
  private bytes = new Uint8Array(1024);
  private length = 0;

  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  node(node: StateNode): void {
    if (typeof node === 'number') this.integer(node);
    else if (typeof node === 'bigint') this.text(Tag.bigint, node.toString(16));
    else if (typeof node === 'string') this.text(Tag.string, node);
    else if (node instanceof Uint8Array) this.blob(Tag.bytes, node);
    else if (isList(node)) {
      this.header(Tag.list, node.length);
      for (const item of node) this.node(item);
    } else if (typeof node === 'object') {
      // In one order: an input is the same whether a front end made it or a saved state gave it back.
      const keys = Object.keys(node).sort();
      this.header(Tag.record, keys.length);
      for (const key of keys) {
        this.text(Tag.string, key);
        this.node(present(node[key], key));
      }
    } else unreachable(node);
  }

  private integer(value: number): void {
    if (!Number.isSafeInteger(value)) {
      throw new UserError('state-not-integer', `A component saved ${value}, which is no integer.`);
    }
    this.reserve(9);
    this.bytes[this.length++] = Tag.integer;
    new DataView(this.bytes.buffer).setBigInt64(this.length, BigInt(value), true);
    this.length += 8;
  }

  private text(tag: number, text: string): void {
    this.blob(tag, encodeUtf8(text));
  }

  private blob(tag: number, data: Uint8Array): void {
    this.header(tag, data.length);
    this.reserve(data.length);
    this.bytes.set(data, this.length);
    this.length += data.length;
  }

  private header(tag: number, count: number): void {
    this.reserve(5);
    this.bytes[this.length] = tag;
    new DataView(this.bytes.buffer).setUint32(this.length + 1, count, true);
    this.length += 5;
  }

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}

function isList(node: StateNode): node is readonly StateNode[] {
  return Array.isArray(node);
}

class TreeReader {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get atEnd(): boolean {
    return this.at === this.bytes.length;
  }

  node(depth: number): StateNode {
    if (depth > maximumDepth) throw damaged('it is nested too deeply');
    const tag = this.take(1)[0];
    switch (tag) {
      case Tag.integer:
        return this.integer();
      case Tag.bigint:
        return parseBigint(decodeUtf8(this.blob()));
      case Tag.string:
        return decodeUtf8(this.blob());
      case Tag.bytes:
        return this.blob().slice();
      case Tag.list:
        return this.list(depth);
      case Tag.record:
        return this.record(depth);
      default:
        throw damaged(`it has a node of unknown kind ${tag}`);
    }
  }

  private integer(): number {
    const raw = this.take(8);
    const value = Number(new DataView(raw.buffer, raw.byteOffset, 8).getBigInt64(0, true));
    if (!Number.isSafeInteger(value)) throw damaged('an integer is out of range');
    return value;
  }

  private list(depth: number): readonly StateNode[] {
    const count = this.count();
    const items: StateNode[] = [];
    for (let index = 0; index < count; index++) items.push(this.node(depth + 1));
    return items;
  }

  private record(depth: number): StateNode {
    const count = this.count();
    const entries: [string, StateNode][] = [];
    for (let index = 0; index < count; index++) {
      if (this.take(1)[0] !== Tag.string) throw damaged('a record has a field without a name');
      entries.push([decodeUtf8(this.blob()), this.node(depth + 1)]);
    }
    return Object.fromEntries(entries);
  }

  private blob(): Uint8Array {
    return this.take(this.count());
  }

  private count(): number {
    const raw = this.take(4);
    return new DataView(raw.buffer, raw.byteOffset, 4).getUint32(0, true);
  }

  private take(count: number): Uint8Array {
    if (this.at + count > this.bytes.length) throw damaged('it ends too early');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
}

function parseBigint(text: string): bigint {
  const match = /^(-?)([0-9a-f]+)$/.exec(text);
  if (match === null) throw damaged('a large integer is malformed');
  const magnitude = BigInt(`0x${match[2] ?? '0'}`);
  return match[1] === '-' ? -magnitude : magnitude;
}

function damaged(why: string): UserError {
  return new UserError(
    'saved-state-damaged',
    `The saved state cannot be read: ${why}.`,
    'Use another saved state, or start the machine anew.',
  );
}

/** Encodes a tree; equal trees give equal bytes. */
export function encodeStateTree(node: StateNode): Uint8Array {
  const writer = new TreeWriter();
  writer.node(node);
  return writer.finish();
}

/**
 * Decodes what {@link encodeStateTree} wrote.
 * @throws UserError `saved-state-damaged` for anything else
 */
export function decodeStateTree(bytes: Uint8Array): StateNode {
  const reader = new TreeReader(bytes);
  const node = reader.node(0);
  if (!reader.atEnd) throw damaged('bytes follow its end');
  return node;
}
