/** Hit counts: at which of its hits a breakpoint stops. */

/** Says for the n-th hit, from 1, whether to stop. */
export type HitCondition = (hit: number) => boolean;

const pattern = /^\s*(>=|>|<=|<|==|=|%)?\s*(\d{1,15})\s*$/;

/**
 * Parses `5` (the fifth hit), `>=3`, `>3`, `<3`, `<=3`, `==3` or `%2` (every second hit).
 * @returns a condition, or the message that says what is wrong
 */
export function parseHitCondition(text: string): HitCondition | string {
  const match = pattern.exec(text);
  const count = Number(match?.[2] ?? Number.NaN);
  const usage = `"${text}" is no hit count; write 5, >=3, <4 or %2.`;
  if (match === null) return usage;
  switch (match[1]) {
    case '>=':
      return (hit) => hit >= count;
    case '>':
      return (hit) => hit > count;
    case '<=':
      return (hit) => hit <= count;
    case '<':
      return (hit) => hit < count;
    case '%':
      return count === 0 ? usage : (hit) => hit % count === 0;
    default:
      return (hit) => hit === count;
  }
}
