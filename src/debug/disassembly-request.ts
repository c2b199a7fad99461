/** The DAP `disassemble` request as the extension uses it. */
import type * as vscode from 'vscode';

/** Fields of a DAP DisassembledInstruction that are shown here. */
export interface DisassembledLine {
  readonly address: string;
  readonly instruction: string;
  readonly instructionBytes?: string;
  readonly symbol?: string;
  readonly location?: { readonly path?: string };
  readonly line?: number;
  readonly presentationHint?: 'normal' | 'invalid';
}

/** Instructions around `address`, `offset` instructions before or after it on. */
export async function disassemble(
  session: vscode.DebugSession,
  address: string,
  offset: number,
  count: number,
): Promise<readonly DisassembledLine[]> {
  // The shape is the Debug Adapter Protocol's; VS Code hands responses on untyped.
  const body = (await session.customRequest('disassemble', {
    memoryReference: address,
    instructionOffset: offset,
    instructionCount: count,
    resolveSymbols: true,
  })) as { readonly instructions: readonly DisassembledLine[] };
  return body.instructions;
}
