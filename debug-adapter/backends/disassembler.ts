/** The port that turns instruction bytes into text and the few facts that stepping needs. */

/** Notation of the text. */
export type AssemblySyntax = 'gnu' | 'intel' | 'nasm';

/** How control leaves an instruction. */
export type InstructionFlow =
  | 'next'
  | 'jump'
  | 'conditional-jump'
  | 'call'
  | 'return'
  | 'interrupt'
  | 'system-call'
  | 'hypercall'
  | 'halt'
  | 'exception';

/** One decoded instruction. */
export interface DisassembledInstruction {
  readonly address: bigint;
  /** 1 to 15; 1 for a byte that is no instruction. */
  readonly length: number;
  readonly text: string;
  /** False where the bytes are no instruction, or end inside one. */
  readonly valid: boolean;
  readonly flow: InstructionFlow;
  /** A string instruction under a REP, REPE or REPNE prefix. */
  readonly repeats: boolean;
  /** Target of a direct branch or call. */
  readonly target?: bigint;
}

/** Names an address for operands; undefined where it has no name. */
export type AddressNamer = (address: bigint) => string | undefined;

/** Decodes 64-bit code. */
export interface Disassembler {
  /**
   * Decodes up to `limit` instructions from the start of `bytes`, which lie at `address`.
   * Every returned row covers its bytes without gaps; decoding ends at the end of `bytes`.
   */
  decode(
    bytes: Uint8Array,
    address: bigint,
    limit: number,
    syntax: AssemblySyntax,
    nameOf: AddressNamer,
  ): readonly DisassembledInstruction[];
}
