/** The DAP session: a table of handlers behind @vscode/debugadapter's message plumbing. */
import { DebugSession, Event, Response } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { TargetPorts } from '../debugger/open-target';
import { nearestName } from '../support/nearest-name';
import { UserError } from '../support/user-error';
import { describeBug } from './debuggee-run';
import { breakpointHandlers } from './handlers/breakpoints';
import { customHandlers } from './handlers/custom';
import { evaluationHandlers } from './handlers/evaluation';
import { executionHandlers } from './handlers/execution';
import { lifecycleHandlers } from './handlers/lifecycle';
import { memoryHandlers } from './handlers/memory-and-disassembly';
import { stackHandlers } from './handlers/stack-and-variables';
import { MessageReader } from './message-reader';
import { RequestArguments } from './request-arguments';
import { SessionState, type RequestHandler } from './session-state';

const handlers: ReadonlyMap<string, RequestHandler> = new Map(
  [
    lifecycleHandlers,
    breakpointHandlers,
    executionHandlers,
    stackHandlers,
    memoryHandlers,
    evaluationHandlers,
    customHandlers,
  ].flatMap((table) => Object.entries(table)),
);

/** Where a session's bytes go and what ends it. */
export interface SessionConnection {
  /** Sends one protocol message to the client. */
  send(message: object): void;
  /** Closes the connection; nothing is sent afterwards. */
  end(): void;
}

interface Refusal {
  readonly id: number;
  readonly message: string;
  readonly text: string;
}

function isRequest(value: unknown): value is DebugProtocol.Request {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    value.type === 'request' &&
    'command' in value &&
    typeof value.command === 'string' &&
    'seq' in value &&
    typeof value.seq === 'number'
  );
}

/** One client's session. Feed it bytes; it answers through the connection and never throws. */
export class HyperscopeSession extends DebugSession {
  private readonly reader = new MessageReader();
  private readonly state: SessionState;

  constructor(ports: TargetPorts, connection: SessionConnection) {
    super();
    this.onDidSendMessage((message) => connection.send(message));
    this.state = new SessionState(
      ports,
      (event, body) => this.sendEvent(new Event(event, body)),
      () => connection.end(),
    );
  }

  /** Takes bytes of the client. */
  receive(chunk: Uint8Array): void {
    for (const read of this.reader.accept(chunk)) {
      if (read.kind === 'message' && isRequest(read.value)) this.handleMessage(read.value);
      else if (read.kind === 'malformed') this.refuseMessage(read.problem);
      else this.refuseMessage('the message is no DAP request');
    }
  }

  /** Stops running the guest, after the client has gone. */
  close(): void {
    this.state.debuggee?.run.cancel();
  }

  protected override dispatchRequest(request: DebugProtocol.Request): void {
    const response: DebugProtocol.Response = new Response(request);
    const answer = this.answer(request);
    if ('refusal' in answer) {
      const { id, message, text } = answer.refusal;
      response.success = false;
      response.message = message;
      response.body = { error: { id, format: text, showUser: true } };
    } else if (answer.body !== undefined) {
      response.body = answer.body;
    }
    this.sendResponse(response);
    for (const action of this.state.takeAfterwards()) this.runAfterwards(action);
    this.state.debuggee?.run.printLogs();
  }

  private answer(
    request: DebugProtocol.Request,
  ): { readonly body: object | undefined } | { readonly refusal: Refusal } {
    const { command } = request;
    const handler = handlers.get(command);
    if (handler === undefined) return { refusal: unknownCommand(command) };
    try {
      // DebugProtocol types arguments as any: they are checked field by field from here on.
      const args = new RequestArguments(command, request.arguments as unknown);
      return { body: handler(this.state, args) };
    } catch (error) {
      this.state.takeAfterwards();
      if (error instanceof UserError) {
        return { refusal: { id: 1, message: error.text, text: error.text } };
      }
      const text = describeBug(error);
      return { refusal: { id: 2, message: text, text } };
    }
  }

  private runAfterwards(action: () => void): void {
    try {
      action();
    } catch (error) {
      const text = error instanceof UserError ? error.text : describeBug(error);
      this.state.print('stderr', `${text}\n`);
    }
  }

  /** There is no request to answer, so the client is told by an event and, as far as it can be, by a response. */
  private refuseMessage(problem: string): void {
    const response = new Response({ seq: 0, type: 'request', command: 'malformed' });
    const refusal: DebugProtocol.Response = response;
    refusal.success = false;
    refusal.message = `Malformed message: ${problem}.`;
    this.sendResponse(refusal);
  }
}

function unknownCommand(command: string): Refusal {
  const near = nearestName(command, handlers.keys());
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
  const shown = command.slice(0, 100);
  const text = `Hyperscope does not know the request "${shown}".${hint}`;
  return { id: 3, message: text, text };
}
