/** What a stop says about an instruction that has no definition. */
import type { GuestMemory } from '../machine/guest-memory';
import { present } from '../support/assert';
import { decodeInstruction, instructionBytesMax } from './decode/decoder';
import type { PageWalker } from './paging/page-walk';

/** Up to 15 bytes at a linear address, without side effects; fewer where a page is missing. */
export function instructionBytesAt(
  walker: PageWalker,
  memory: GuestMemory,
  linear: bigint,
): Uint8Array {
  const bytes: number[] = [];
  for (let index = 0; index < instructionBytesMax; index++) {
    const translation = walker.inspect(linear + BigInt(index), 'execute');
    const byte = translation.kind === 'mapped' ? memory.read(translation.gpa, 1) : undefined;
    if (byte === undefined) break;
    bytes.push(present(byte[0], 'byte'));
  }
  return Uint8Array.from(bytes);
}

/** Mnemonic of an instruction without a definition. */
export function unbuiltName(bytes: Uint8Array): string {
  const result = decodeInstruction(bytes);
  return result.kind === 'instruction' ? result.instruction.row.mnemonic : '';
}
