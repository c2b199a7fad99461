/** Requests about threads, frames, scopes and variables. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { DebuggedThread } from '../../debugger/debugged-machine';
import { threadIdOf } from '../../debugger/debugged-machine';
import type { VariableNode } from '../../debugger/inspection/variable-node';
import { formatReference } from '../../debugger/references';
import type { NamedFrame } from '../../debugger/stack-frames';
import { UserError } from '../../support/user-error';
import type { RequestArguments } from '../request-arguments';
import type { HandlerTable, SessionState } from '../session-state';
import { threadName } from '../thread-name';

const mostFrames = 1000;

function idOf({ partition, processor }: DebuggedThread): number {
  return threadIdOf(partition.id, processor.index);
}

/** Reference to an address in a thread's address space. */
export function referenceFor(
  session: SessionState,
  thread: DebuggedThread,
  address: bigint,
): string {
  return formatReference(idOf(thread), session.control.referenceEpoch, address);
}

function threads(session: SessionState): object {
  if (session.debuggee === undefined) return { threads: [] };
  const { threads: all } = session.control;
  const there = all.filter(({ partition }) => !partition.isDeleted);
  // A debugger without threads would have nothing to go back in time with.
  const list = (there.length > 0 ? there : all).map((thread) => ({
    id: idOf(thread),
    name: threadName(thread),
  }));
  return { threads: list };
}

function frameBody(
  session: SessionState,
  thread: DebuggedThread,
  frame: NamedFrame,
  index: number,
): DebugProtocol.StackFrame {
  const { place } = frame;
  const source = place?.exists === true ? { source: { name: place.name, path: place.path } } : {};
  const line = place?.exists === true ? session.lineToClient(place.line) : 0;
  return {
    id: session.frameIdOf(idOf(thread), index),
    name: frame.name,
    line,
    column: place?.exists === true && session.columnsStartAt1 ? 1 : 0,
    instructionPointerReference: referenceFor(session, thread, frame.address),
    ...source,
  };
}

function stackTrace(session: SessionState, args: RequestArguments): object {
  const thread = session.control.thread(args.integer('threadId'));
  const start = args.optionalInteger('startFrame') ?? 0;
  const levels = args.optionalInteger('levels') ?? 0;
  const frames = session.control.frames(thread);
  const count = levels <= 0 ? mostFrames : levels;
  const stackFrames = frames
    .map((frame, index) => frameBody(session, thread, frame, index))
    .slice(Math.max(0, start), Math.max(0, start) + count);
  return { stackFrames, totalFrames: frames.length };
}

function scopes(session: SessionState, args: RequestArguments): object {
  const { thread } = session.frame(args.integer('frameId'));
  const list = session.control.scopes(thread).map((scope) => ({
    name: scope.name,
    expensive: scope.expensive,
    ...(scope.isRegisters ? { presentationHint: 'registers' } : {}),
    variablesReference: session.variables.add({ thread, nodes: scope.children }),
  }));
  return { scopes: list };
}

/** A node as the client sees it; children get a reference. */
export function variableBody(
  session: SessionState,
  thread: DebuggedThread,
  node: VariableNode,
): DebugProtocol.Variable {
  const { children, address, evaluateName, type } = node;
  return {
    name: node.name,
    value: node.value,
    variablesReference:
      children === undefined ? 0 : session.variables.add({ thread, nodes: children }),
    ...(type === undefined ? {} : { type }),
    ...(evaluateName === undefined ? {} : { evaluateName }),
    ...(address === undefined ? {} : { memoryReference: referenceFor(session, thread, address) }),
    ...(node.edit === undefined ? { presentationHint: { attributes: ['readOnly'] } } : {}),
  };
}

function variables(session: SessionState, args: RequestArguments): object {
  const { thread, nodes } = session.variables.get(args.integer('variablesReference'));
  const start = args.optionalInteger('start') ?? 0;
  const count = args.optionalInteger('count') ?? 0;
  const all = nodes();
  const shown = all.slice(Math.max(0, start), count > 0 ? start + count : all.length);
  return { variables: shown.map((node) => variableBody(session, thread, node)) };
}

function setVariable(session: SessionState, args: RequestArguments): object {
  const { thread, nodes } = session.variables.get(args.integer('variablesReference'));
  const name = args.string('name');
  const node = nodes().find((candidate) => candidate.name === name);
  if (node === undefined) {
    throw new UserError('no-such-variable', `There is no variable "${name}" here.`);
  }
  session.control.assignNode(thread, node, args.string('value'));
  session.after(() => session.invalidate());
  const changed = session.control
    .scopes(thread)
    .flatMap((scope) => scope.children())
    .find((candidate) => candidate.name === name);
  const again = nodes().find((candidate) => candidate.name === name) ?? changed ?? node;
  return { value: again.value };
}

/** Handlers of this group. */
export const stackHandlers: HandlerTable = { threads, stackTrace, scopes, variables, setVariable };
