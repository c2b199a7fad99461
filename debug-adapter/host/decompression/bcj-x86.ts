/**
 * Undoes the x86 filter of xz: the operands of CALL and JMP were made absolute, which compresses better.
 *
 * The filter must decide alike in both directions whether an E8 or E9 is an opcode. It looks at the top byte of the
 * operand, and remembers in a mask which of the three bytes before were E8 or E9 themselves: inside their operand an
 * opcode is unlikely.
 */

const opcodeBytes = 5;
const signBit = 0x1000000;
const operandMask = 0x1ffffff;

/** By mask: whether a conversion is possible at all, and which byte of the operand the earlier opcode spoils. */
const allowed = [true, true, true, false, true, false, false, false] as const;
const spoiledByte = [0, 1, 2, 2, 3, 3, 3, 3] as const;

const isSignByte = (byte: number | undefined): boolean => byte === 0 || byte === 0xff;

/** Whether one of four bytes is E8 or E9: then it becomes zero, and a zero borrows what no other byte does. */
function hasOpcode(word: number): boolean {
  const zeros = (word & 0xfefefefe) ^ 0xe8e8e8e8;
  return ((zeros - 0x01010101) & ~zeros & 0x80808080) !== 0;
}

/**
 * @param bytes one whole block, changed in place
 * @param startOffset position that the block's first byte counts as
 */
export function undoBcjX86(bytes: Uint8Array, startOffset: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length - opcodeBytes + 1;
  let last = -opcodeBytes;
  let mask = 0;
  for (let at = 0; at < end; at++) {
    while (at + 4 < end && !hasOpcode(view.getUint32(at, true))) at += 4;
    if (((bytes[at] ?? 0) & 0xfe) !== 0xe8) continue;
    const gap = at - last;
    last = at;
    mask = gap > 3 ? 0 : (mask << (gap - 1)) & 7;
    const isSpoiled =
      mask !== 0 &&
      (allowed[mask] !== true || isSignByte(bytes[at + 4 - (spoiledByte[mask] ?? 0)]));
    if (isSpoiled || !isSignByte(bytes[at + 4])) {
      mask = ((mask << 1) | 1) & 7;
      continue;
    }
    const relative = relativeOperand(view.getUint32(at + 1, true), startOffset + at, mask);
    const sign = (relative & signBit) === 0 ? 0 : ~operandMask;
    view.setUint32(at + 1, (relative & operandMask) | sign, true);
    at += 4;
  }
}

function relativeOperand(absolute: number, position: number, mask: number): number {
  let source = absolute;
  for (;;) {
    const relative = (source - (position + opcodeBytes)) | 0;
    if (mask === 0) return relative;
    const shift = (spoiledByte[mask] ?? 0) * 8;
    if (!isSignByte((relative >>> (24 - shift)) & 0xff)) return relative;
    source = relative ^ (2 ** (32 - shift) - 1);
  }
}
