/** Reads and writes guest memory by linear address, without side effects on the guest. */
import { pageSizeBytes } from '../../machine/addresses';
import type { HostInput } from '../../machine/host-input';
import type { AccessKind } from '../../machine/processor';
import type { DebuggedThread } from '../debugged-machine';

const topOfAddresses = 1n << 64n;

interface Piece {
  readonly gpa: number;
  readonly offset: number;
  readonly length: number;
}

/** The physical pieces of a linear range, up to the first page that is not mapped. */
function piecesOf(
  { processor }: DebuggedThread,
  address: bigint,
  length: number,
  access: AccessKind,
): readonly Piece[] {
  const pieces: Piece[] = [];
  for (let offset = 0; offset < length;) {
    const at = address + BigInt(offset);
    if (at >= topOfAddresses) break;
    const inPage = Number(at & BigInt(pageSizeBytes - 1));
    const count = Math.min(length - offset, pageSizeBytes - inPage);
    const translation = processor.core.translate(at, access);
    if (translation.kind !== 'mapped') break;
    pieces.push({ gpa: translation.gpa, offset, length: count });
    offset += count;
  }
  return pieces;
}

/** Bytes from `address` on, as many of `length` as are mapped without a gap. */
export function readLinear(thread: DebuggedThread, address: bigint, length: number): Uint8Array {
  const result = new Uint8Array(length);
  let readable = 0;
  for (const piece of piecesOf(thread, address, length, 'read')) {
    const bytes = thread.partition.memory.read(piece.gpa, piece.length);
    if (bytes === undefined) break;
    result.set(bytes, piece.offset);
    readable = piece.offset + piece.length;
  }
  return result.subarray(0, readable);
}

/** Like {@link readLinear}, but all or nothing. */
export function readLinearExactly(
  thread: DebuggedThread,
  address: bigint,
  length: number,
): Uint8Array | undefined {
  const bytes = readLinear(thread, address, length);
  return bytes.length === length ? bytes : undefined;
}

/** Little-endian unsigned 64-bit value, undefined where it is not mapped. */
export function readLinearU64(thread: DebuggedThread, address: bigint): bigint | undefined {
  const bytes = readLinearExactly(thread, address, 8);
  if (bytes === undefined) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
}

/** The inputs that write `data` at `address`, as far as it is mapped without a gap. */
export function linearWriteInputs(
  thread: DebuggedThread,
  address: bigint,
  data: Uint8Array,
): { readonly inputs: readonly HostInput[]; readonly writtenBytes: number } {
  const inputs: HostInput[] = [];
  let writtenBytes = 0;
  const { memory, id } = thread.partition;
  for (const piece of piecesOf(thread, address, data.length, 'read')) {
    if (memory.read(piece.gpa, piece.length) === undefined) break;
    const bytes = data.slice(piece.offset, piece.offset + piece.length);
    inputs.push({ kind: 'edit-memory', partition: id, gpa: piece.gpa, data: bytes });
    writtenBytes += piece.length;
  }
  return { inputs, writtenBytes };
}
