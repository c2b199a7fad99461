/** What rows of all logs are known by, and where one stands in a list of those that pass a filter. */
import type { TraceHeader } from '../machine/trace';

type EventPlace = Pick<TraceHeader, 'position' | 'ordinal'>;

/** Where a row stands in a list. */
export interface RowPlace {
  /** Undefined where it is not in it. */
  readonly index?: number;
  readonly total: number;
}

/** The identity of the row of an event: its position and its order within it. */
export function rowId({ position, ordinal }: EventPlace): string {
  return `${position}.${ordinal}`;
}

/** What {@link rowId} was made of; undefined where it was not made so. */
export function parseRowId(id: string): EventPlace | undefined {
  const match = /^(\d{1,16})\.(\d{1,10})$/.exec(id);
  return match === null ? undefined : { position: Number(match[1]), ordinal: Number(match[2]) };
}

/**
 * The first number below `count` whose event is not before `place`; `count` where there is none.
 * @param placeOf of an event by its number, ascending; undefined where it is no longer kept, which the oldest are
 */
export function firstNotBefore(
  place: EventPlace,
  count: number,
  placeOf: (number: number) => EventPlace | undefined,
): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(placeOf(middle), place)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isBefore(found: EventPlace | undefined, place: EventPlace): boolean {
  if (found === undefined) return true;
  if (found.position !== place.position) return found.position < place.position;
  return found.ordinal < place.ordinal;
}

/** Where `number` stands among ascending numbers. */
export function placeAmong(numbers: readonly number[], number: number | undefined): RowPlace {
  const total = numbers.length;
  if (number === undefined) return { total };
  let low = 0;
  let high = total;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? 0) < number) low = middle + 1;
    else high = middle;
  }
  return numbers[low] === number ? { index: low, total } : { total };
}
