/** Typed reading of a record of a state tree; what does not fit is a problem of the saved state, not a bug. */
import type { StateNode } from './state-tree';
import { UserError } from './user-error';

/** No count of a machine comes near it, and what is added to it stays a safe integer. */
const countMax = 2 ** 52;

/** One record with its place in the tree, for messages. */
export class StateRecord {
  private readonly fields: ReadonlyMap<string, StateNode>;

  /** @throws UserError `saved-state-mismatch` where `node` is no record */
  constructor(
    node: StateNode,
    private readonly where: string,
  ) {
    if (typeof node !== 'object' || node instanceof Uint8Array || Array.isArray(node)) {
      throw this.mismatch('', 'a record');
    }
    this.fields = new Map(Object.entries(node));
  }

  /** @throws UserError where the record has another version */
  expectVersion(version: number): void {
    const found = this.number('version');
    if (found === version) return;
    throw new UserError(
      'saved-state-version',
      `The saved state of ${this.where} has version ${found}; this build reads version ${version}.`,
      'Use the build that saved it.',
    );
  }

  has(key: string): boolean {
    return this.fields.has(key);
  }

  /** An integer from -2^52 to 2^52, so that what is added to it stays a whole number. */
  number(key: string): number {
    const value = this.fields.get(key);
    if (!isModest(value)) throw this.mismatch(key, 'an integer of at most 2^52');
    return value;
  }

  /** The same, up to a limit of its own. */
  numberUpTo(key: string, most: number): number {
    const value = this.fields.get(key);
    const fits = typeof value === 'number' && value >= -countMax && value <= most;
    if (!fits) throw this.mismatch(key, `an integer of at most ${most}`);
    return value;
  }

  /** An unsigned integer of 64 bits. */
  bigint(key: string): bigint {
    const value = this.fields.get(key);
    if (typeof value !== 'bigint' || BigInt.asUintN(64, value) !== value) {
      throw this.mismatch(key, 'a large integer of 64 bits');
    }
    return value;
  }

  string(key: string): string {
    const value = this.fields.get(key);
    if (typeof value !== 'string') throw this.mismatch(key, 'a text');
    return value;
  }

  /** One of `choices`. */
  choice<Choice extends string>(key: string, choices: readonly Choice[]): Choice {
    const value = this.string(key);
    const known = choices.find((choice) => choice === value);
    if (known === undefined) throw this.mismatch(key, `one of "${choices.join('", "')}"`);
    return known;
  }

  bytes(key: string, length?: number): Uint8Array {
    const value = this.fields.get(key);
    if (!(value instanceof Uint8Array)) throw this.mismatch(key, 'bytes');
    if (length !== undefined && value.length !== length) {
      throw this.mismatch(key, `${length} bytes`);
    }
    return value;
  }

  record(key: string): StateRecord {
    return new StateRecord(this.fields.get(key) ?? '', `${this.where}.${key}`);
  }

  /** The records of a list. */
  records(key: string): readonly StateRecord[] {
    const value = this.fields.get(key);
    if (!isList(value)) throw this.mismatch(key, 'a list');
    return value.map((item, index) => new StateRecord(item, `${this.where}.${key}[${index}]`));
  }

  /** The items of a list, whatever they are. */
  nodes(key: string): readonly StateNode[] {
    const value = this.fields.get(key);
    if (!isList(value)) throw this.mismatch(key, 'a list');
    return value;
  }

  /** The integers of a list. */
  numbers(key: string): readonly number[] {
    const value = this.fields.get(key);
    if (!isList(value)) throw this.mismatch(key, 'a list');
    return value.map((item) => {
      if (!isModest(item)) throw this.mismatch(key, 'a list of integers of at most 2^52');
      return item;
    });
  }

  /** The byte strings of a list. */
  byteLists(key: string): readonly Uint8Array[] {
    const value = this.fields.get(key);
    if (!isList(value)) throw this.mismatch(key, 'a list');
    return value.map((item) => {
      if (!(item instanceof Uint8Array)) throw this.mismatch(key, 'a list of bytes');
      return item;
    });
  }

  /** A number of things, or of one among them: 0 to `most`. */
  count(key: string, most = countMax): number {
    const value = this.fields.get(key);
    const isCount = typeof value === 'number' && value >= 0 && value <= most;
    if (!isCount) throw this.mismatch(key, `from 0 to ${most}`);
    return value;
  }

  /** The problem of a field that cannot have been saved; `expected` follows "is not". */
  mismatch(key: string, expected: string): UserError {
    const place = key === '' ? this.where : `${this.where}.${key}`;
    return new UserError(
      'saved-state-mismatch',
      `The saved state does not fit: ${place} is not ${expected}.`,
      'Use a saved state of this machine, or start the machine anew.',
    );
  }
}

function isModest(node: StateNode | undefined): node is number {
  return typeof node === 'number' && Math.abs(node) <= countMax;
}

function isList(node: StateNode | undefined): node is readonly StateNode[] {
  return Array.isArray(node);
}
