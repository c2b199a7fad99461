/** Assertions for conditions that only a bug of ours can break. */

/** A bug in Hyperscope itself; never caused by a guest and never shown as the person's mistake. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Throws {@link InvariantError} with `message` unless `condition` holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Marks a point that an exhaustive switch cannot reach. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable case: ${JSON.stringify(value)}`);
}

/** Returns `value`, which the caller knows to be present. */
export function present<T>(value: T | undefined | null, what: string): T {
  return value ?? missing(what);
}

/** Apart from {@link present}, which so stays short enough to be made part of whoever calls it. */
function missing(what: string): never {
  throw new InvariantError(`missing: ${what}`);
}
