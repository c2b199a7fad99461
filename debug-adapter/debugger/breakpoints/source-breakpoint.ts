/** Breakpoints on source lines. */
import type { SourcePaths } from '../symbols/source-paths';
import type { SymbolIndex } from '../symbols/symbol-index';
import { noTarget, type BreakpointTarget } from './breakpoint';

/**
 * Resolves a line of a local file to code.
 * @param path local path
 * @param line from 1
 */
export function resolveSourceBreakpoint(
  path: string,
  line: number,
  symbols: SymbolIndex,
  paths: SourcePaths,
): BreakpointTarget {
  if (!symbols.hasLines) {
    return noTarget('The program has no line information; assemble it with -g.');
  }
  const recorded = paths.recordedOf(path);
  if (recorded === undefined) {
    return noTarget(`No code of the program comes from ${path}; check "sourceMap".`);
  }
  const placement = symbols.placeLine(recorded, line);
  if (placement === undefined) {
    return noTarget(`There is no code at or after line ${line}.`);
  }
  return { kind: 'code', addresses: placement.addresses, line: placement.line };
}
