/** Words of a filter as bits: each part of a text says which of them it has. */

/** More words than this are looked for in whole texts. */
export const maskedWordsMax = 30;

/** Words without white space, so that each lies within one of the parts between which a text has some. */
export class Words {
  /** Every word. */
  readonly all: number;

  /** @param words in lower case, at most {@link maskedWordsMax} */
  constructor(private readonly words: readonly string[]) {
    this.all = 2 ** words.length - 1;
  }

  /** The words that a part of a text has. */
  in(text: string): number {
    const lower = text.toLowerCase();
    let mask = 0;
    for (let index = 0; index < this.words.length; index++) {
      if (lower.includes(this.words[index] ?? '')) mask |= 1 << index;
    }
    return mask;
  }

  /** The words of which something holds. */
  that(holds: (word: string) => boolean): number {
    let mask = 0;
    this.words.forEach((word, index) => {
      if (holds(word)) mask |= 1 << index;
    });
    return mask;
  }
}
