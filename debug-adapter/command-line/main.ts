/** The command line: the same machine without an editor. */
import { traceKindsOfAll } from '../debugger/event-log/event-kinds';
import { openHeadless } from '../debugger/open-target';
import { readGuestFile } from '../debugger/program';
import type { HeadlessRun } from '../debugger/headless-run';
import { launchOfRestored, readSavedMachine } from '../debugger/saved-machine';
import { absolutePath, nodeFileSource } from '../host/node-file-source';
import { keepTranslatedCode, nodePorts, portsWithoutCache } from '../host/node-ports';
import { nodeBlockFiles } from '../host/node-block-files';
import { nodeWallClock } from '../host/node-wall-clock';
import { openKeyboard, openTextFile, terminal } from '../host/terminal';
import { parseLaunchArguments } from '../launch/launch-arguments';
import { resolveLaunchPaths } from '../launch/launch-paths';
import { UserError } from '../support/user-error';
import { parseCommandLine, usage, type RunOptions } from './options';
import { prepareProgram } from './preparation';
import { exitStatus, GuestRun, type TurnOutcome } from './run-guest';

type Ports = Parameters<typeof openHeadless>[1];

/** @throws UserError that says what cannot be opened */
function openGuest(options: RunOptions, ports: Ports): HeadlessRun {
  const given = { ...readConfiguration(options.configFile), ...options.launch };
  const { restoreFile, checkpointInterval } = options;
  const saved = restoreFile === undefined ? undefined : readSavedMachine(restoreFile, nodePorts);
  const launch = saved === undefined ? given : launchOfRestored(saved, given);
  const origin = resolveLaunchPaths(launch, absolutePath);
  const run = openHeadless(parseLaunchArguments(launch), ports, checkpointInterval, {
    origin,
    saved,
  });
  if (options.restorePartition !== undefined) run.restorePartition(options.restorePartition);
  return run;
}

/** @throws UserError where the file is no JSON object */
function readConfiguration(path: string | undefined): object {
  if (path === undefined) return {};
  const role = { id: 'config', argument: '--config', hint: 'Check "--config".' };
  const text = new TextDecoder().decode(readGuestFile(path, nodeFileSource, role));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (problem) {
    const why = problem instanceof Error ? problem.message : String(problem);
    throw new UserError('config-not-json', `${path} is no JSON: ${why}.`, role.hint);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new UserError('config-no-object', `${path} holds no JSON object.`, role.hint);
}

/** Starts the trace; returns what flushes it. */
function startTrace(machine: HeadlessRun, options: RunOptions): () => void {
  const kinds =
    options.traceFile === undefined
      ? options.trace
      : options.trace.length > 0
        ? options.trace
        : (['exits'] as const);
  if (kinds.length === 0) return () => undefined;
  const file = options.traceFile === undefined ? undefined : openTextFile(options.traceFile);
  const write = file?.write ?? terminal.writeMessage;
  const asJson = options.traceFile?.endsWith('.jsonl') === true;
  machine.trace(traceKindsOfAll(kinds), (event) => {
    const { position, timeNs, partition, text } = event;
    write(asJson ? JSON.stringify(event) : `${position} ${timeNs} ns p${partition} ${text}`);
  });
  return () => file?.close();
}

/** A key that is pressed meanwhile waits so long at most. */
const turnsMs = 8;

const copiedRole = { id: 'copy', argument: '--ask', hint: 'Check "--ask".' };

/** Turns for as long as nobody notices: going back to the event loop costs more than a turn's own bookkeeping. */
function manyTurns(guest: GuestRun): TurnOutcome {
  const endMs = nodeWallClock.nowMs() + turnsMs;
  for (;;) {
    const outcome = guest.turn();
    const goesOn = outcome.kind === 'running' && outcome.waitMs === 0;
    if (!goesOn || nodeWallClock.nowMs() >= endMs) return outcome;
  }
}

function run(machine: HeadlessRun, options: RunOptions): void {
  const endTrace = startTrace(machine, options);
  // A run with a goal is for scripts: nobody types, and nothing is gained by waiting.
  const keyboard = options.until === undefined && !options.quiet ? openKeyboard() : undefined;
  if (keyboard !== undefined) terminal.writeMessage('Press Ctrl-] to leave the guest.\r');
  const guest = new GuestRun(machine, options, {
    writeConsole: terminal.writeConsole,
    writeConsoleBytes: terminal.writeConsoleBytes,
    writeMessage: terminal.writeMessage,
    readFile: (path) => readGuestFile(path, nodeFileSource, copiedRole),
    nowMs: () => nodeWallClock.nowMs(),
    interrupted: terminal.watchInterrupt(),
    exportDisk: (wanted) => machine.exportDisk(wanted, wanted.path, nodeBlockFiles),
    ...(keyboard === undefined ? {} : { keyboard }),
    ...(terminal.showsProgress && !options.quiet ? { writeProgress: terminal.writeProgress } : {}),
  });
  let waiting: NodeJS.Timeout | undefined;
  const turn = (): void => {
    clearTimeout(waiting);
    waiting = undefined;
    try {
      const outcome = manyTurns(guest);
      if (outcome.kind === 'ended') {
        endTrace();
        keepTranslatedCode();
        terminal.exit(outcome.status);
      } else if (outcome.waitMs === 0) setImmediate(turn);
      else waiting = setTimeout(turn, outcome.waitMs);
    } catch (error) {
      keyboard?.close();
      fail(error);
    }
  };
  keyboard?.onKey(() => {
    if (waiting !== undefined) turn();
  });
  turn();
}

/** @param status where the error is the person's to mend */
function fail(error: unknown, status: number = exitStatus.failure): void {
  if (error instanceof UserError) {
    terminal.writeMessage(`hyperscope: ${error.text}`);
    terminal.exit(status);
    return;
  }
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  terminal.writeMessage(`hyperscope: a bug in Hyperscope itself: ${what}`);
  terminal.exit(exitStatus.failure);
}

try {
  const command = parseCommandLine(terminal.commandArguments);
  if (command.kind === 'run') {
    const { options } = command;
    run(openGuest(options, options.usesCache ? nodePorts : portsWithoutCache), options);
  } else if (command.kind === 'prepare') prepareProgram();
  else terminal.writeConsole(usage);
} catch (error) {
  // Nothing has run yet: what is wrong was given on the command line.
  fail(error, exitStatus.usage);
}
