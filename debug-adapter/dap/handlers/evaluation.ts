/** Requests about expressions: evaluate, completions, setExpression. */
import type { RequestArguments } from '../request-arguments';
import type { HandlerTable, SessionState } from '../session-state';
import { referenceFor, variableBody } from './stack-and-variables';

/** `target = value`, but no comparison. */
const assignment = /^([^=]*[^=!<>\s])\s*=\s*([^=\s][\s\S]*)$/;

function evaluate(session: SessionState, args: RequestArguments): object {
  const { control } = session;
  const thread = session.threadOfFrame(args);
  let expression = args.string('expression').trim();
  const assigned = args.optionalString('context') === 'repl' ? assignment.exec(expression) : null;
  if (assigned?.[1] !== undefined && assigned[2] !== undefined) {
    control.assign(thread, assigned[1], assigned[2]);
    session.after(() => session.invalidate());
    expression = assigned[1];
  }
  const result = control.evaluate(thread, expression);
  const reference =
    result.node === undefined ? 0 : variableBody(session, thread, result.node).variablesReference;
  return {
    result: result.text,
    type: result.type,
    variablesReference: reference,
    memoryReference: referenceFor(session, thread, result.address ?? result.value),
  };
}

function setExpression(session: SessionState, args: RequestArguments): object {
  const thread = session.threadOfFrame(args);
  const expression = args.string('expression');
  session.control.assign(thread, expression, args.string('value'));
  session.after(() => session.invalidate());
  return { value: session.control.evaluate(thread, expression).text };
}

function completions(session: SessionState, args: RequestArguments): object {
  const text = args.string('text');
  const column = args.integer('column');
  const end = Math.max(0, column - (session.columnsStartAt1 ? 1 : 0));
  const thread = session.threadOfFrame(args);
  const targets = session.control.complete(thread, text.slice(0, end)).map((proposal) => ({
    label: proposal.label,
    detail: proposal.detail,
    type:
      proposal.kind === 'register'
        ? 'variable'
        : proposal.kind === 'symbol'
          ? 'function'
          : proposal.kind,
    start: column - proposal.length,
    length: proposal.length,
  }));
  return { targets };
}

/** Handlers of this group. */
export const evaluationHandlers: HandlerTable = { evaluate, setExpression, completions };
