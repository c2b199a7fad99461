/** What a loader wants: bytes in memory and a processor in its entry state; nothing has happened yet. */
import type { GuestMemory } from '../../machine/guest-memory';
import { UserError } from '../../support/user-error';
import type { ProcessorEntry } from './processor-entry';

/** Bytes at a guest-physical address. */
export interface MemoryPiece {
  readonly gpa: number;
  readonly bytes: Uint8Array;
}

/** Outcome of a loader. Memory that no piece covers is zero. */
export interface BootPlan {
  readonly pieces: readonly MemoryPiece[];
  /**
   * Pieces that are made while they are placed, to be taken once: each is good until the next is asked for.
   * @throws UserError where one cannot be made
   */
  readonly unpackedPieces?: Iterable<MemoryPiece>;
  readonly entry: ProcessorEntry;
}

/**
 * Writes the pieces of a plan into memory that is all zero.
 * @throws UserError where a piece cannot be made, or RAM is exhausted
 */
export function placePieces({ pieces, unpackedPieces = [] }: BootPlan, memory: GuestMemory): void {
  placeEach(pieces, memory);
  placeEach(unpackedPieces, memory);
}

function placeEach(pieces: Iterable<MemoryPiece>, memory: GuestMemory): void {
  for (const { gpa, bytes } of pieces) {
    if (memory.write(gpa, bytes)) continue;
    throw new UserError(
      'guest-memory-exhausted',
      `There is no memory left to load the guest at 0x${gpa.toString(16)}.`,
      'Give the guest more memory, or load a smaller image.',
    );
  }
}
