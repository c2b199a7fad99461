/** State that is one record of integers and truth values, as most chips have it: saved and read by its own shape. */
import type { StateRecord } from './state-record';
import type { StateNode } from './state-tree';

/** Registers by name. */
export type FlatState = Readonly<Record<string, number | boolean>>;

/** The fields as nodes of a state tree; truth values become 0 and 1. */
export function saveFlat(state: FlatState): Readonly<Record<string, StateNode>> {
  return Object.fromEntries(
    Object.entries(state).map(([name, value]) => [
      name,
      typeof value === 'number' ? value : +value,
    ]),
  );
}

/**
 * Reads what {@link saveFlat} saved.
 * @param shape a state with the same fields, such as the one after reset
 * @throws UserError where a field is missing or no integer
 */
export function restoreFlat<T extends FlatState>(record: StateRecord, shape: T): T {
  const fields = Object.entries(shape).map(([name, like]): [string, number | boolean] => {
    const value = record.number(name);
    return [name, typeof like === 'number' ? value : value !== 0];
  });
  // The fields are those of `shape`, each of the same kind.
  return Object.fromEntries(fields) as T;
}
