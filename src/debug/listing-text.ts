/** Writes disassembled instructions as a listing with the wanted one marked; pure. */
import type { DisassembledLine } from './disassembly-request';

const instructionColumns = 36;

/** One line for each instruction, a blank line and a label before each symbol, `=>` at `address`. */
export function listingText(lines: readonly DisassembledLine[], address: string): string {
  const wanted = BigInt(address);
  const out: string[] = [];
  for (const line of lines) {
    if (line.presentationHint === 'invalid') continue;
    const at = BigInt(line.address);
    if (line.symbol !== undefined && line.symbol !== '') {
      if (out.length > 0) out.push('');
      out.push(`${line.symbol}:`);
    }
    const mark = at === wanted ? '=>' : '  ';
    const comment = `# ${hex(at)}  ${line.instructionBytes ?? ''}`.trimEnd();
    out.push(`${mark}  ${line.instruction.padEnd(instructionColumns)} ${comment}`);
  }
  return out.length === 0
    ? `# Nothing can be disassembled at ${hex(wanted)}.\n`
    : `${out.join('\n')}\n`;
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
