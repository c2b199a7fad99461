/** Decodes instructions from guest memory. */
import type {
  AssemblySyntax,
  DisassembledInstruction,
  Disassembler,
} from '../../backends/disassembler';
import type { DebuggedThread } from '../debugged-machine';
import type { SymbolIndex } from '../symbols/symbol-index';
import { readLinear } from './linear-memory';

const longestInstructionBytes = 15;
const longestCallBytes = 8;

/** Instruction-level reading for one program. */
export class CodeReader {
  constructor(
    private readonly disassembler: Disassembler,
    private readonly symbols: SymbolIndex,
    private readonly syntax: AssemblySyntax,
  ) {}

  /** The instruction at `address`; undefined where its bytes cannot be read or are none. */
  instructionAt(thread: DebuggedThread, address: bigint): DisassembledInstruction | undefined {
    const bytes = readLinear(thread, address, longestInstructionBytes);
    if (bytes.length === 0) return undefined;
    const row = this.decode(bytes, address, 1)[0];
    return row?.valid === true ? row : undefined;
  }

  /** Decodes `bytes` that lie at `address`, at most `limit` rows. */
  decode(bytes: Uint8Array, address: bigint, limit: number): readonly DisassembledInstruction[] {
    return this.disassembler.decode(bytes, address, limit, this.syntax, (at) =>
      this.symbols.nameOf(at),
    );
  }

  /** True where a call instruction ends exactly at `address`: it may be a return address. */
  followsCall(thread: DebuggedThread, address: bigint): boolean {
    if (address < BigInt(longestCallBytes)) return false;
    const bytes = readLinear(thread, address - BigInt(longestCallBytes), longestCallBytes);
    if (bytes.length < longestCallBytes) return false;
    for (let length = 2; length <= longestCallBytes; length++) {
      const from = bytes.subarray(longestCallBytes - length);
      const row = this.decode(from, address - BigInt(length), 1)[0];
      if (row?.flow === 'call' && row.length === length) return true;
    }
    return false;
  }
}
