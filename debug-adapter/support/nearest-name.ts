/** Finds the name a person probably meant. */

const maxLength = 64;

/** Edit distance without regard to case: insertions, deletions, replacements and swaps of neighbours. */
function distance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      let best = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + same,
      );
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (row > 1 && column > 1 && swapped)
        best = Math.min(best, (beforePrevious[column - 2] ?? 0) + 1);
      current.push(best);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/**
 * The known name nearest to `name`, undefined where none is near enough to be meant.
 * A name that contains the wanted text, or is contained in it, counts as near.
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const wanted = name.slice(0, maxLength).toLowerCase();
  if (wanted === '') return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of known) {
    const lower = candidate.slice(0, maxLength).toLowerCase();
    const contained = wanted.length >= 4 && (lower.includes(wanted) || wanted.includes(lower));
    const far = Math.abs(lower.length - wanted.length) >= bestDistance;
    if (far && !contained) continue;
    const measured = contained ? Math.min(1, distance(wanted, lower)) : distance(wanted, lower);
    if (measured < bestDistance) {
      bestDistance = measured;
      best = candidate;
    }
  }
  return best;
}
