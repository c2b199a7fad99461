/** Requests about breakpoints of all kinds, exception filters and places for breakpoints. */
import { noTarget, type BreakpointTarget } from '../../debugger/breakpoints/breakpoint';
import type { BreakpointOptions } from '../../debugger/breakpoints/breakpoint-gate';
import { partitionOfThread } from '../../debugger/debugged-machine';
import { parseReference, type MemoryReference } from '../../debugger/references';
import { customRequest, type CheckBreakpointBody } from '../../protocol/custom-requests';
import { describeBreakpoint } from '../breakpoint-body';
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
  const breakpoints = control.breakpoints
    .setInSource(path, wanted)
    .map((breakpoint, index) => describeBreakpoint(session, breakpoint, path, wanted[index]?.line));
  return { breakpoints };
}

/** An address of a thread's disassembly is meant in the thread's partition only. */
function placeTarget({ threadId, address }: MemoryReference): BreakpointTarget {
  const addresses = [address];
  if (threadId === undefined) return { kind: 'code', addresses };
  return {
    kind: 'code',
    addresses,
    partitions: new Map([[partitionOfThread(threadId), addresses]]),
  };
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
          : placeTarget(parsed),
      options: optionsOf(row, noDebug),
    };
  });
  return {
    breakpoints: control.breakpoints
      .setOnInstructions(wanted)
      .map((row) => describeBreakpoint(session, row)),
  };
}

function setFunctionBreakpoints(session: SessionState, args: RequestArguments): object {
  const { control, noDebug } = session.launched;
  const wanted = args
    .objects('breakpoints')
    .map((row) => ({ name: row.string('name'), options: optionsOf(row, noDebug) }));
  return {
    breakpoints: control.breakpoints
      .setNamed(wanted)
      .map((row) => describeBreakpoint(session, row)),
  };
}

function checkBreakpoint(session: SessionState, args: RequestArguments): CheckBreakpointBody {
  const condition = args.optionalString('condition');
  const { problem, fieldNames } = session.control.breakpoints.check(args.string('name'), {
    condition,
  });
  return { problem, fields: fieldNames };
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
  const lines = path === undefined ? [] : session.control.breakpoints.linesWithCode(path);
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
  [customRequest.checkBreakpoint]: checkBreakpoint,
  breakpointLocations,
};
