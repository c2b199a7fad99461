/** Blocks of words of one operand size, as they lie on stacks and in task-state segments. */

/** The words of a block, zero-extended, lowest address first. */
export function wordsOf(data: Uint8Array, bytes: number): bigint[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const words: bigint[] = [];
  // A plain loop: every return from an interrupt comes here.
  for (let at = 0; at < data.length; at += bytes) {
    if (bytes === 8) words.push(view.getBigUint64(at, true));
    else words.push(BigInt(bytes === 4 ? view.getUint32(at, true) : view.getUint16(at, true)));
  }
  return words;
}

/** Stores words from the start of a block, each cut to its size. */
export function storeWords(data: Uint8Array, bytes: number, words: readonly bigint[]): void {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  words.forEach((word, index) => {
    if (bytes === 8) view.setBigUint64(index * 8, BigInt.asUintN(64, word), true);
    else if (bytes === 4) view.setUint32(index * 4, Number(BigInt.asUintN(32, word)), true);
    else view.setUint16(index * 2, Number(BigInt.asUintN(16, word)), true);
  });
}

/** A block of words, lowest address first. */
export function blockOf(bytes: number, words: readonly bigint[]): Uint8Array {
  const data = new Uint8Array(words.length * bytes);
  storeWords(data, bytes, words);
  return data;
}
