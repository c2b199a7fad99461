/** Breakpoints on symbols and bare addresses: `print_string`, `_start+0x10`, `*0x100000`. */
import { nearestName } from '../../support/nearest-name';
import type { SymbolIndex } from '../symbols/symbol-index';
import { noTarget, type BreakpointTarget } from './breakpoint';

const addressPattern = /^\*?\s*(0[xX][0-9a-fA-F]{1,16})$/;
const namePattern = /^(.+?)(?:\s*\+\s*(0[xX][0-9a-fA-F]{1,16}|\d{1,18}))?$/;

/** Resolves a symbol or an address to code. */
export function resolveFunctionBreakpoint(text: string, symbols: SymbolIndex): BreakpointTarget {
  const address = addressPattern.exec(text)?.[1];
  if (address !== undefined) return { kind: 'code', addresses: [BigInt(address)] };
  const match = namePattern.exec(text);
  const name = match?.[1] ?? text;
  const base = symbols.addressOf(name);
  if (base !== undefined) {
    const offset = match?.[2] === undefined ? 0n : BigInt(match[2]);
    return { kind: 'code', addresses: [BigInt.asUintN(64, base + offset)] };
  }
  const near = nearestName(
    name,
    symbols.names.map((known) => known.name),
  );
  const hint =
    near === undefined
      ? 'Name a symbol, an address (*0x100000), or an event: hypercall:NAME, exit:NAME, io:PORT, msr:NUMBER, vector:NUMBER, vmbus:MESSAGE, packet:CLASS.OPERATION.'
      : `Did you mean "${near}"?`;
  return noTarget(`The program has no symbol "${name}". ${hint}`);
}
