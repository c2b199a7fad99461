/**
 * Makes guest console output fit for a real terminal: text, cursor movement and colours pass; whatever could reach
 * beyond the screen (titles, clipboard, links, commands to the terminal's owner) does not. ECMA-48, section 5.
 */

const escape = 0x1b;
const bell = 0x07;
const controlSequence = 0x5b; // ESC [
const ignored = new Uint8Array(0);

/** String controls: OSC, DCS, SOS, PM and APC, after ESC. They end with ST (ESC \) or BEL. */
const stringControls: ReadonlySet<number> = new Set([0x5d, 0x50, 0x58, 0x5e, 0x5f]);
/** Bytes of one sequence; a longer one is dropped. */
const sequenceBytesMax = 64;
/** C0 controls that a console needs: BEL, BS, HT, LF, VT, FF, CR, SO, SI. */
const isHarmlessControl = (byte: number): boolean => byte >= bell && byte <= 0x0f;

/** First byte of U+0080 to U+00BF in UTF-8, of which the lower half are C1 controls: sequences without ESC. */
const beforeC1 = 0xc2;

type State = 'text' | 'before-c1' | 'escape' | 'sequence' | 'string' | 'string-escape';

/** Final bytes of window reports and changes (XTWINOPS) and of media copy, which print or answer with titles. */
const refusedFinals: ReadonlySet<number> = new Set([0x74, 0x69]);

/** Filters the console of one partition, byte by byte, across calls. */
export class TerminalFilter {
  private state: State = 'text';
  private sequence: number[] = [];

  /** Bytes that may go to the terminal. */
  accept(bytes: Uint8Array): Uint8Array {
    const out: number[] = [];
    for (const byte of bytes) for (const passed of this.next(byte)) out.push(passed);
    return Uint8Array.from(out);
  }

  private next(byte: number): Iterable<number> {
    switch (this.state) {
      case 'text':
        return this.inText(byte);
      case 'before-c1':
        this.state = 'text';
        return byte >= 0x80 && byte < 0xa0 ? ignored : [beforeC1, ...this.inText(byte)];
      case 'escape':
        return this.afterEscape(byte);
      case 'sequence':
        return this.inSequence(byte);
      case 'string':
        if (byte === bell) this.state = 'text';
        if (byte === escape) this.state = 'string-escape';
        return ignored;
      case 'string-escape':
        this.state = byte === 0x5c ? 'text' : 'string';
        return ignored;
    }
  }

  private inText(byte: number): Iterable<number> {
    if (byte === escape) {
      this.state = 'escape';
      return ignored;
    }
    if (byte === beforeC1) {
      this.state = 'before-c1';
      return ignored;
    }
    const passes = byte >= 0x20 ? byte !== 0x7f : isHarmlessControl(byte);
    return passes ? [byte] : ignored;
  }

  private afterEscape(byte: number): Iterable<number> {
    this.state = 'text';
    if (byte === controlSequence) {
      this.state = 'sequence';
      this.sequence = [escape, byte];
      return ignored;
    }
    if (stringControls.has(byte)) {
      this.state = 'string';
      return ignored;
    }
    if (byte === escape) {
      this.state = 'escape';
      return ignored;
    }
    // ESC with a final byte: save, restore, index, keypad mode. A character set takes one more byte, which is text.
    return byte >= 0x30 && byte < 0x7f ? [escape, byte] : ignored;
  }

  private inSequence(byte: number): Iterable<number> {
    this.sequence.push(byte);
    if (byte >= 0x20 && byte < 0x40) {
      if (this.sequence.length > sequenceBytesMax) this.state = 'text';
      return ignored;
    }
    this.state = 'text';
    const isFinal = byte >= 0x40 && byte < 0x7f;
    return isFinal && !refusedFinals.has(byte) ? this.sequence : ignored;
  }
}
