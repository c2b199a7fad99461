/** Requests that begin and end a session: initialize, launch, configurationDone, restart, terminate, disconnect. */
import { loadTarget, openTarget } from '../../debugger/open-target';
import { UserError } from '../../support/user-error';
import { capabilities } from '../capabilities';
import { describeBreakpoint } from '../breakpoint-body';
import { DebuggeeRun } from '../debuggee-run';
import { planLaunch } from '../launch-plan';
import type { RequestArguments } from '../request-arguments';
import type { Debuggee, HandlerTable, SessionState } from '../session-state';

function initialize(session: SessionState, args: RequestArguments): object {
  session.linesStartAt1 = !args.has('linesStartAt1') || args.boolean('linesStartAt1');
  session.columnsStartAt1 = !args.has('columnsStartAt1') || args.boolean('columnsStartAt1');
  session.showsProgress = args.boolean('supportsProgressReporting');
  return capabilities;
}

function launch(session: SessionState, args: RequestArguments): undefined {
  if (session.debuggee !== undefined) {
    throw new UserError('launched-twice', 'This session has launched its guest already.');
  }
  const plan = planLaunch(args.raw ?? {}, session.ports);
  const { settings, beginning } = plan;
  const control = openTarget(settings, session.ports, beginning);
  const noDebug = args.boolean('noDebug');
  const stopAtEnd = settings.stopAtEnd && !noDebug;
  const run = new DebuggeeRun(session, control, session.ports.clock, { ...settings, stopAtEnd });
  session.debuggee = { plan, control, run, noDebug };
  session.after(() => {
    for (const { notes } of control.programs) {
      for (const note of notes) session.print('console', `${note}\n`);
    }
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
function begin({ control, run, plan, noDebug }: Debuggee): void {
  if (plan.settings.stopOnEntry && !noDebug) {
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

/** A true reset: the program is read again, so that one built anew is run. Where that fails, nothing changes. */
function restart(session: SessionState, args: RequestArguments): undefined {
  const before = session.launched;
  const given = args.has('arguments') ? args.object('arguments').raw : undefined;
  const plan = planLaunch(given ?? before.plan.raw, session.ports);
  const { settings, beginning } = plan;
  const target = loadTarget(settings, session.ports, beginning);
  const { control, run } = before;
  run.cancel();
  control.restart(target);
  run.restarted({ ...settings, stopAtEnd: settings.stopAtEnd && !before.noDebug });
  session.variables.clear();
  const debuggee = { ...before, plan };
  session.debuggee = debuggee;
  session.after(() => {
    for (const { path, breakpoint } of control.breakpoints.all) {
      const body = describeBreakpoint(session, breakpoint, path);
      session.sendEvent('breakpoint', { reason: 'changed', breakpoint: body });
    }
    begin(debuggee);
  });
}

function terminate(session: SessionState): undefined {
  session.after(() => session.debuggee?.run.end());
}

function disconnect(session: SessionState): undefined {
  session.debuggee?.run.cancel();
  session.exports.cancelAll();
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
