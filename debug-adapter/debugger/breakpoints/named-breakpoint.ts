/** Turns the text of a function breakpoint into its kind: an event by prefix, otherwise a symbol or address. */
import { nearestName } from '../../support/nearest-name';
import type { SymbolIndex } from '../symbols/symbol-index';
import { noTarget, type BreakpointTarget } from './breakpoint';
import { resolveExitBreakpoint } from './exit-breakpoint';
import { resolveFunctionBreakpoint } from './function-breakpoint';
import { resolveHypercallBreakpoint } from './hypercall-breakpoint';
import { resolveIoBreakpoint } from './io-breakpoint';
import { resolveMsrBreakpoint } from './msr-breakpoint';
import { resolvePacketBreakpoint } from './packet-breakpoint';
import { resolveVectorBreakpoint } from './vector-breakpoint';
import { resolveVmbusBreakpoint } from './vmbus-breakpoint';

/** Resolvers by prefix. */
const eventKinds: ReadonlyMap<string, (text: string) => BreakpointTarget> = new Map([
  ['hypercall', resolveHypercallBreakpoint],
  ['exit', resolveExitBreakpoint],
  ['io', resolveIoBreakpoint],
  ['msr', resolveMsrBreakpoint],
  ['vector', resolveVectorBreakpoint],
  ['vmbus', resolveVmbusBreakpoint],
  ['packet', resolvePacketBreakpoint],
]);

/** A breakpoint as typed: what it is on, and what it is to log instead of stopping. */
export interface NamedText {
  readonly name: string;
  readonly logMessage: string | undefined;
}

const logPattern = /^(.*?\S)\s+log\s+(\S.*)$/s;

/**
 * Parts `io:0xe9:w log wrote {value}`. DAP has log messages for lines only, so those of events and symbols stand in
 * the name, where VS Code also keeps them.
 */
export function readNamedText(text: string): NamedText {
  const match = logPattern.exec(text);
  return { name: match?.[1] ?? text, logMessage: match?.[2] };
}

/** Resolves the text a person typed as a function breakpoint. */
export function resolveNamedBreakpoint(text: string, symbols: SymbolIndex): BreakpointTarget {
  const trimmed = text.trim();
  if (trimmed === '') return noTarget('The breakpoint names nothing.');
  const colon = trimmed.indexOf(':');
  // Symbols may contain colons only in pairs (C++), so a single one announces an event.
  if (colon < 0 || trimmed.charAt(colon + 1) === ':') {
    return resolveFunctionBreakpoint(trimmed, symbols);
  }
  const prefix = trimmed.slice(0, colon).trim().toLowerCase();
  const resolve = eventKinds.get(prefix);
  if (resolve !== undefined) return resolve(trimmed.slice(colon + 1).trim());
  const near = nearestName(prefix, eventKinds.keys());
  const hint =
    near === undefined
      ? `Known: ${[...eventKinds.keys()].join(', ')}.`
      : `Did you mean "${near}:"?`;
  return noTarget(`There is no kind of event "${prefix}". ${hint}`);
}
