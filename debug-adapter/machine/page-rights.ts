/** Rights to guest pages as a person writes them: `rwx`, with a dash for each that is missing. */
import { rightExecute, rightRead, rightWrite } from './guest-memory';

const letters = [
  ['r', rightRead],
  ['w', rightWrite],
  ['x', rightExecute],
] as const;

/** Rights as text. */
export function formatRights(rights: number): string {
  return letters.map(([letter, right]) => ((rights & right) === 0 ? '-' : letter)).join('');
}

/** The rights that a text names, undefined where it is none. */
export function parseRights(text: string): number | undefined {
  if (!/^[r-][w-][x-]$/.test(text)) return undefined;
  return letters.reduce((all, [letter, right]) => (text.includes(letter) ? all | right : all), 0);
}
