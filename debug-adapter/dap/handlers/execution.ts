/** Requests that run, step and pause the guest, and tell why it stopped. */
import type { StepKind, StepUnit } from '../../debugger/execution/step-planner';
import { exceptionByVectorName } from '../exception-names';
import type { RequestArguments } from '../request-arguments';
import type { HandlerTable, RequestHandler, SessionState } from '../session-state';

function unitOf(args: RequestArguments): StepUnit {
  return args.optionalString('granularity') === 'instruction' ? 'instruction' : 'line';
}

function stepping(kind: StepKind): RequestHandler {
  return (session, args) => {
    const { control, run } = session.launched;
    const threadId = args.integer('threadId');
    const announce = args.boolean('announceContinued');
    control.step(threadId, kind, unitOf(args));
    session.after(() => {
      if (announce) session.sendEvent('continued', { threadId, allThreadsContinued: true });
      run.start();
    });
    return undefined;
  };
}

function continueRun(session: SessionState, args: RequestArguments): object {
  const { control, run } = session.launched;
  control.thread(args.integer('threadId'));
  control.continue();
  session.after(() => run.start());
  return { allThreadsContinued: true };
}

function stepBack(session: SessionState, args: RequestArguments): undefined {
  const { control, run } = session.launched;
  const threadId = args.integer('threadId');
  const announce = args.boolean('announceContinued');
  control.stepBack(threadId, unitOf(args));
  session.after(() => {
    if (announce) session.sendEvent('continued', { threadId, allThreadsContinued: true });
    run.start();
  });
}

function reverseContinue(session: SessionState, args: RequestArguments): undefined {
  const { control, run } = session.launched;
  control.reverseContinue(args.integer('threadId'));
  session.after(() => run.start());
}

/** Ends a long travel where it began, or gives up an export; requests themselves are answered at once. */
function cancel(session: SessionState, args: RequestArguments): undefined {
  const progressId = args.optionalString('progressId');
  if (progressId === undefined) return;
  session.debuggee?.run.cancelProgress(progressId);
  session.exports.cancel(progressId);
}

function pause(session: SessionState, args: RequestArguments): undefined {
  const { control, run } = session.launched;
  control.thread(args.integer('threadId'));
  if (control.running) {
    control.pause();
    run.wake();
  } else session.after(() => run.announce({ at: control.lastStop.at, reason: { kind: 'pause' } }));
}

function exceptionInfo(session: SessionState, args: RequestArguments): object {
  const { control } = session;
  control.thread(args.integer('threadId'));
  const { reason } = control.lastStop;
  const { description, text } = control.describeStop(control.lastStop);
  const exceptionId =
    reason.kind === 'exception' ? exceptionByVectorName(reason.vector) : description;
  return { exceptionId, description: text === '' ? description : text, breakMode: 'always' };
}

/** Handlers of this group. */
export const executionHandlers: HandlerTable = {
  continue: continueRun,
  next: stepping('over'),
  stepIn: stepping('into'),
  stepOut: stepping('out'),
  stepBack,
  reverseContinue,
  cancel,
  pause,
  exceptionInfo,
};
