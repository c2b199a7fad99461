/** Makes guest console output harmless: decodes it, shows control characters, bounds lines and rate. */
import { Utf8Decoder } from '../support/utf8';

/** Bounds of what is shown. */
export interface ConsoleLimits {
  readonly lineLength: number;
  readonly linesPerSecond: number;
  readonly charactersPerSecond: number;
}

const windowMs = 1000;
/** Bidirectional controls and line separators can make text look like other text. */
const misleading = /[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/;

/** How a character is shown: itself, a control picture (␛ for ESC), or its number. */
function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (character === '\n' || character === '\t') return character;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  if (code >= 0x80 && code < 0xa0) return `\\x${code.toString(16)}`;
  if (misleading.test(character)) return `\\u{${code.toString(16)}}`;
  return character;
}

/** End of the characters from `at` on that are shown as they are and take one place each. */
function plainEnd(text: string, at: number): number {
  let end = at;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code < 0x20 || code > 0x7e) break;
  }
  return end;
}

/** Filters the console of one partition. */
export class ConsoleFilter {
  private readonly decoder = new Utf8Decoder();
  private column = 0;
  private heldCarriageReturn = false;
  private windowStart = Number.NEGATIVE_INFINITY;
  private linesInWindow = 0;
  private charactersInWindow = 0;
  private droppedCharacters = 0;

  constructor(private readonly limits: ConsoleLimits) {}

  /**
   * Text to show for the next bytes.
   * @param nowMs present time, for the rate
   */
  accept(bytes: Uint8Array, nowMs: number): string {
    const text = this.decoder.decode(bytes);
    let shown = '';
    for (let at = 0; at < text.length;) {
      const end = this.heldCarriageReturn ? at : plainEnd(text, at);
      if (end > at && this.takesPlain(end - at, nowMs)) {
        shown += text.slice(at, end);
        at = end;
      } else {
        const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
        shown += this.acceptCharacter(character, nowMs);
        at += character.length;
      }
    }
    return shown;
  }

  /** Most of a console is plain characters within a line and within the limits: they are taken many at once. */
  private takesPlain(count: number, nowMs: number): boolean {
    const { linesPerSecond, charactersPerSecond, lineLength } = this.limits;
    const fits =
      nowMs - this.windowStart < windowMs &&
      this.linesInWindow < linesPerSecond &&
      this.charactersInWindow + count <= charactersPerSecond &&
      this.column + count < lineLength;
    if (!fits) return false;
    this.charactersInWindow += count;
    this.column += count;
    return true;
  }

  /** What is to be said after bytes were lost elsewhere. */
  noteLost(count: number): string {
    return count === 0 ? '' : this.note(`${count} bytes of console output were lost`);
  }

  /** Ends the stream: what is still held, and what was dropped. */
  finish(): string {
    const open = this.decoder.finish();
    return open + this.reportDropped();
  }

  private acceptCharacter(character: string, nowMs: number): string {
    // CR LF is one line end; a lone CR would let a guest overwrite what it wrote before.
    if (character === '\r' && !this.heldCarriageReturn) {
      this.heldCarriageReturn = true;
      return '';
    }
    const held = this.heldCarriageReturn;
    this.heldCarriageReturn = character === '\r';
    const before = held && character !== '\n' ? '\u240d' : '';
    const shown = before + (character === '\r' ? '' : visible(character));
    return this.place(shown, nowMs);
  }

  private place(shown: string, nowMs: number): string {
    let report = '';
    if (nowMs - this.windowStart >= windowMs) {
      this.windowStart = nowMs;
      this.linesInWindow = 0;
      this.charactersInWindow = 0;
      report = this.reportDropped();
    }
    const full =
      this.linesInWindow >= this.limits.linesPerSecond ||
      this.charactersInWindow >= this.limits.charactersPerSecond;
    if (full) {
      this.droppedCharacters += shown.length;
      return report;
    }
    this.charactersInWindow += shown.length;
    if (shown.endsWith('\n')) {
      this.column = 0;
      this.linesInWindow++;
      return report + shown;
    }
    this.column += shown.length;
    if (this.column < this.limits.lineLength) return report + shown;
    this.column = 0;
    this.linesInWindow++;
    return `${report}${shown}\n`;
  }

  private reportDropped(): string {
    const count = this.droppedCharacters;
    this.droppedCharacters = 0;
    return count === 0
      ? ''
      : this.note(`${count} characters were dropped: the guest prints too fast`);
  }

  private note(message: string): string {
    const start = this.column === 0 ? '' : '\n';
    this.column = 0;
    return `${start}[${message}]\n`;
  }
}
