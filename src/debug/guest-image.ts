/** Which image belongs to a file that a person wants to debug; pure, so that it is tested without an editor. */

const sourceExtension = /\.(s|asm)$/i;
const imageExtension = /\.(elf|bin|img)$/i;

/** Where the image of `path` would be: beside an assembly source, the file itself for an image. */
export function imagePathFor(path: string): string | undefined {
  if (sourceExtension.test(path)) return path.replace(sourceExtension, '.elf');
  if (imageExtension.test(path)) return path;
  return undefined;
}

/** True for assembly sources, whose image has to be built first. */
export function isGuestSource(path: string): boolean {
  return sourceExtension.test(path);
}

/** Last part of a path without its extension; the name of a guest. */
export function guestName(path: string): string {
  const base = path.split(/[\\/]/).at(-1) ?? path;
  return base.replace(/\.[^.]+$/, '');
}

/** First sentence of the opening comment of an assembly source; empty where there is none. */
export function guestSummary(source: string): string {
  for (const line of source.split(/\r?\n/, 40)) {
    const text = line
      .replace(/^\s*(\/\*+|\*|#+|\/\/|;+)\s?/, '')
      .replace(/\*\/\s*$/, '')
      .trim();
    if (text === '') continue;
    if (text === line.trim()) return '';
    return text.length > 120 ? `${text.slice(0, 117)}…` : text;
  }
  return '';
}
