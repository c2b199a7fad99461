/** The DAP session: a table of handlers behind @vscode/debugadapter's message plumbing. */
import { DebugSession, Event, Response } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { TargetPorts } from '../debugger/open-target';
import { nearestName } from '../support/nearest-name';
import { UserError } from '../support/user-error';
import { describeBug } from './debuggee-run';
import { breakpointHandlers } from './handlers/breakpoints';
import { evaluationHandlers } from './handlers/evaluation';
import { executionHandlers } from './handlers/execution';
import { eventLogHandlers } from './handlers/event-log';
import { exitLogHandlers } from './handlers/exit-log';
import { guestDiskHandlers } from './handlers/guest-disks';
import { guestIntegrationHandlers } from './handlers/guest-integration';
import { lifecycleHandlers } from './handlers/lifecycle';
import { memoryHandlers } from './handlers/memory-and-disassembly';
import { partitionHandlers } from './handlers/partitions';
import { stackHandlers } from './handlers/stack-and-variables';
import { trafficHandlers } from './handlers/traffic';
import { vmcsHandlers } from './handlers/vmcs';
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
    partitionHandlers,
    exitLogHandlers,
    trafficHandlers,
    vmcsHandlers,
    guestIntegrationHandlers,
    eventLogHandlers,
    guestDiskHandlers,
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

/** What came of a request. */
type Answer = { readonly body: object | undefined } | { readonly refusal: Refusal };

/** Requests that do not wait while the machine is at another moment: they bring it back, or need no machine. */
const endsVisit: ReadonlySet<string> = new Set(['cancel', 'pause', 'disconnect', 'terminate']);

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
  /** Requests that came while the machine was at another moment. */
  private readonly waiting: DebugProtocol.Request[] = [];

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
    this.state.exports.cancelAll();
  }

  protected override dispatchRequest(request: DebugProtocol.Request): void {
    const isAway = this.state.debuggee?.run.isVisiting === true;
    if (isAway && !endsVisit.has(request.command)) this.waiting.push(request);
    else this.dispatchNow(request);
  }

  private dispatchNow(request: DebugProtocol.Request): void {
    const answer = this.answer(request, () => this.handle(request));
    const postponed = this.state.takePostponed();
    if (postponed === undefined) {
      this.respond(request, answer);
      return;
    }
    const later = (body: () => object | undefined): void => {
      this.respond(request, this.answer(request, body));
      for (const held of this.waiting.splice(0)) this.dispatchRequest(held);
    };
    const begun = this.answer(request, () => {
      postponed(later);
      return undefined;
    });
    if ('refusal' in begun) this.respond(request, begun);
  }

  private respond(request: DebugProtocol.Request, answer: Answer): void {
    const response: DebugProtocol.Response = new Response(request);
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

  private handle({ command, arguments: raw }: DebugProtocol.Request): object | undefined {
    const handler = handlers.get(command);
    // DebugProtocol types arguments as any: they are checked field by field from here on.
    return handler?.(this.state, new RequestArguments(command, raw as unknown));
  }

  private answer({ command }: DebugProtocol.Request, body: () => object | undefined): Answer {
    if (!handlers.has(command)) return { refusal: unknownCommand(command) };
    try {
      return { body: body() };
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
