/** Requests that begin and end a session: initialize, launch, configurationDone, restart, terminate, disconnect. */
import { openTarget } from '../../debugger/open-target';
import { parseLaunchArguments } from '../../launch/launch-arguments';
import { UserError } from '../../support/user-error';
import { capabilities } from '../capabilities';
import { DebuggeeRun } from '../debuggee-run';
import type { RequestArguments } from '../request-arguments';
import type { Debuggee, HandlerTable, SessionState } from '../session-state';

function initialize(session: SessionState, args: RequestArguments): object {
  session.linesStartAt1 = !args.has('linesStartAt1') || args.boolean('linesStartAt1');
  session.columnsStartAt1 = !args.has('columnsStartAt1') || args.boolean('columnsStartAt1');
  return capabilities;
}

function launch(session: SessionState, args: RequestArguments): undefined {
  if (session.debuggee !== undefined) {
    throw new UserError('launched-twice', 'This session has launched its guest already.');
  }
  const settings = parseLaunchArguments(args.raw ?? {});
  const control = openTarget(settings, session.ports);
  const run = new DebuggeeRun(session, control, session.ports.clock, settings);
  session.debuggee = { settings, control, run, noDebug: args.boolean('noDebug') };
  session.after(() => {
    for (const note of control.program.notes) session.print('console', `${note}\n`);
    session.sendEvent('initialized');
  });
}

function attach(): never {
  throw new UserError(
    'cannot-attach',
    'Hyperscope runs the guest itself, so there is nothing to attach to.',
    'Use "request": "launch" in launch.json.',
  );
}

/** Stops on entry, or runs, as the launch arguments say. */
function begin({ control, run, settings, noDebug }: Debuggee): void {
  if (settings.stopOnEntry && !noDebug) {
    run.announce(control.lastStop);
    return;
  }
  control.continue();
  run.start();
}

function configurationDone(session: SessionState): undefined {
  const { launched } = session;
  session.after(() => begin(launched));
}

function restart(session: SessionState): undefined {
  const { launched } = session;
  const { control, run } = launched;
  run.cancel();
  control.restart();
  run.restarted();
  session.variables.clear();
  session.after(() => begin(launched));
}

function terminate(session: SessionState): undefined {
  session.after(() => session.debuggee?.run.end());
}

function disconnect(session: SessionState): undefined {
  session.debuggee?.run.cancel();
  session.after(() => session.end());
}

/** Handlers of this group. */
export const lifecycleHandlers: HandlerTable = {
  initialize,
  launch,
  attach,
  configurationDone,
  restart,
  terminate,
  disconnect,
};
