/** Renames labels, constants and macros in every file of the program. */
import type { Range, TextEdit } from 'vscode-languageserver';
import { findInstruction } from '../../../debug-adapter/spec/x86/instructions';
import { findRegister } from '../../../debug-adapter/spec/x86/registers';
import { definitionsAt, referencesAt } from './definition';
import type { Program } from './program';

/** Why a name cannot be given; empty where it can. */
function objectionTo(program: Program, name: string): string {
  if (!/^[A-Za-z_.][\w.$]*$/.test(name)) return `${name} is not a name that the assembler accepts.`;
  if (findRegister(name) !== undefined) return `${name} is a register.`;
  if (findInstruction(name) !== undefined) return `${name} is an instruction.`;
  return program.definitionsOf(name).length > 0 ? `${name} is already defined.` : '';
}

/** The name at `offset`, if it can be renamed; local labels and names of the processor cannot. */
export function renameableRangeAt(program: Program, offset: number): Range | undefined {
  const token = program.main.tokenAt(offset);
  const isName = token?.kind === 'name' && !/^[%\\]/.test(token.text);
  if (!isName || definitionsAt(program, offset).length === 0) return undefined;
  return program.main.rangeOf(token);
}

/**
 * The edits that give what stands at `offset` the name `newName`, by file.
 * @returns a sentence that says why not, where it cannot be done
 */
export function renameAt(
  program: Program,
  offset: number,
  newName: string,
): Record<string, TextEdit[]> | string {
  if (renameableRangeAt(program, offset) === undefined) return 'This cannot be renamed.';
  const objection = objectionTo(program, newName);
  if (objection !== '') return objection;
  const edits = new Map<string, TextEdit[]>();
  for (const { file, span } of referencesAt(program, offset, true)) {
    const edit = { range: file.rangeOf(span), newText: newName };
    const known = edits.get(file.uri);
    if (known === undefined) edits.set(file.uri, [edit]);
    else known.push(edit);
  }
  return Object.fromEntries(edits);
}
