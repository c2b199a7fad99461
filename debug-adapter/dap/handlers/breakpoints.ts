/** Requests about breakpoints of all kinds, exception filters and places for breakpoints. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { noTarget, type Breakpoint } from '../../debugger/breakpoints/breakpoint';
import type { BreakpointOptions } from '../../debugger/breakpoints/breakpoint-gate';
import { parseReference } from '../../debugger/references';
import { exceptionFilters } from '../exception-filters';
import type { RequestArguments } from '../request-arguments';
import type { HandlerTable, SessionState } from '../session-state';

function optionsOf(args: RequestArguments, disabled: boolean): BreakpointOptions {
  return {
    // Without debugging, breakpoints are kept but never stop.
    condition: disabled ? '0' : args.optionalString('condition'),
    hitCondition: args.optionalString('hitCondition'),
    logMessage: args.optionalString('logMessage'),
  };
}

function describe(breakpoint: Breakpoint): DebugProtocol.Breakpoint {
  const { id, target } = breakpoint;
  switch (target.kind) {
    case 'none':
      return { id, verified: false, message: target.message };
    case 'exit':
      return { id, verified: true, message: `Stops at ${target.title}` };
    case 'code': {
      const first = target.addresses[0];
      return {
        id,
        verified: true,
        ...(first === undefined ? {} : { instructionReference: `0x${first.toString(16)}` }),
      };
    }
  }
}

function setBreakpoints(session: SessionState, args: RequestArguments): object {
  const { control, noDebug } = session.launched;
  const path = args.object('source').optionalString('path');
  const lines = args.objects('breakpoints');
  if (path === undefined) {
    const message = 'Breakpoints need the path of a source file.';
    return { breakpoints: lines.map(() => ({ verified: false, message })) };
  }
  const wanted = lines.map((line) => ({
    line: session.lineFromClient(line.integer('line')),
    options: optionsOf(line, noDebug),
  }));
  const source = { path, name: path.split(/[\\/]/).at(-1) ?? path };
  const breakpoints = control.setSourceBreakpoints(path, wanted).map((breakpoint, index) => {
    const { target } = breakpoint;
    const line = (target.kind === 'code' ? target.line : undefined) ?? wanted[index]?.line ?? 1;
    return { ...describe(breakpoint), line: session.lineToClient(line), source };
  });
  return { breakpoints };
}

function setInstructionBreakpoints(session: SessionState, args: RequestArguments): object {
  const { control, noDebug } = session.launched;
  const wanted = args.objects('breakpoints').map((row) => {
    const reference = row.string('instructionReference');
    const parsed = parseReference(reference, row.optionalInteger('offset') ?? 0);
    return {
      target:
        parsed === undefined
          ? noTarget(`"${reference}" is no address of the guest.`)
          : ({ kind: 'code', addresses: [parsed.address] } as const),
      options: optionsOf(row, noDebug),
    };
  });
  return { breakpoints: control.setInstructionBreakpoints(wanted).map(describe) };
}

function setFunctionBreakpoints(session: SessionState, args: RequestArguments): object {
  const { control, noDebug } = session.launched;
  const wanted = args
    .objects('breakpoints')
    .map((row) => ({ name: row.string('name'), options: optionsOf(row, noDebug) }));
  return { breakpoints: control.setNamedBreakpoints(wanted).map(describe) };
}

function setExceptionBreakpoints(session: SessionState, args: RequestArguments): object {
  const options = args.objects('filterOptions').map((option) => option.string('filterId'));
  const wanted = [...args.strings('filters'), ...options];
  const chosen = exceptionFilters.filter(({ filter }) => wanted.includes(filter));
  session.setFilters(
    new Set(chosen.map(({ filter }) => filter)),
    new Set(session.launched.noDebug ? [] : chosen.flatMap(({ vectors }) => vectors)),
  );
  const breakpoints = wanted.map((filter) => {
    const verified = exceptionFilters.some((known) => known.filter === filter);
    return verified ? { verified } : { verified, message: `There is no filter "${filter}".` };
  });
  return { breakpoints };
}

function breakpointLocations(session: SessionState, args: RequestArguments): object {
  const path = args.object('source').optionalString('path');
  const first = session.lineFromClient(args.integer('line'));
  const endLine = args.optionalInteger('endLine');
  const last = endLine === undefined ? first : session.lineFromClient(endLine);
  const lines = path === undefined ? [] : session.control.linesWithCode(path);
  const breakpoints = lines
    .filter((line) => line >= first && line <= last)
    .map((line) => ({ line: session.lineToClient(line) }));
  return { breakpoints };
}

/** Handlers of this group. */
export const breakpointHandlers: HandlerTable = {
  setBreakpoints,
  setInstructionBreakpoints,
  setFunctionBreakpoints,
  setExceptionBreakpoints,
  breakpointLocations,
};
