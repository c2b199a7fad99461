/** What the request handlers of one session share. */
import type { DebuggedThread } from '../debugger/debugged-machine';
import type { MachineControl } from '../debugger/machine-control';
import { parseReference } from '../debugger/references';
import type { TargetPorts } from '../debugger/open-target';
import { UserError } from '../support/user-error';
import type { DebuggeeRun } from './debuggee-run';
import { tripleFaultFilter } from './exception-filters';
import { DiskExports } from './disk-exports';
import type { LaunchPlan } from './launch-plan';
import type { RequestArguments } from './request-arguments';
import { VariableReferences } from './variable-references';

/** Answers one request: returns the body of the response, or throws a UserError. */
export type RequestHandler = (session: SessionState, args: RequestArguments) => object | undefined;

/** Handlers by DAP command. */
export type HandlerTable = Readonly<Record<string, RequestHandler>>;

const framesPerThread = 1024;

/** A launched debuggee. */
export interface Debuggee {
  readonly plan: LaunchPlan;
  readonly noDebug: boolean;
  readonly control: MachineControl;
  readonly run: DebuggeeRun;
}

/** State of one DAP session. */
export class SessionState {
  readonly variables = new VariableReferences();
  readonly exports: DiskExports;
  debuggee: Debuggee | undefined;
  linesStartAt1 = true;
  columnsStartAt1 = true;
  stopsAtTripleFault = true;
  showsProgress = false;
  private readonly afterwards: (() => void)[] = [];
  private postponed: ((answer: (body: () => object | undefined) => void) => void) | undefined;

  /**
   * @param sendEvent sends a DAP event
   * @param end closes the connection after the client has disconnected
   */
  constructor(
    readonly ports: TargetPorts,
    readonly sendEvent: (event: string, body?: object) => void,
    readonly end: () => void,
  ) {
    this.exports = new DiskExports(this, ports.clock);
  }

  /** The launched debuggee. @throws UserError before launch */
  get launched(): Debuggee {
    if (this.debuggee !== undefined) return this.debuggee;
    throw new UserError('not-launched', 'No guest has been launched in this session.');
  }

  get control(): MachineControl {
    return this.launched.control;
  }

  /** Does something after the response of the present request has been sent. */
  after(action: () => void): void {
    this.afterwards.push(action);
  }

  /** Answers the present request later: with a body, or by throwing. */
  later(begin: (answer: (body: () => object | undefined) => void) => void): undefined {
    this.postponed = begin;
    return undefined;
  }

  /** What was to be answered later, if the present request was. */
  takePostponed(): ((answer: (body: () => object | undefined) => void) => void) | undefined {
    const { postponed } = this;
    this.postponed = undefined;
    return postponed;
  }

  /** The actions that wait for the response; the list is empty then. */
  takeAfterwards(): readonly (() => void)[] {
    return this.afterwards.splice(0);
  }

  /** Chooses the exception filters that are switched on. */
  setFilters(filters: ReadonlySet<string>, vectors: ReadonlySet<number>): void {
    this.stopsAtTripleFault = filters.has(tripleFaultFilter);
    this.control.watchVectors(vectors);
  }

  /** Shows text in the Debug Console. */
  print(category: 'console' | 'stdout' | 'stderr' | 'important', output: string): void {
    if (output !== '') this.sendEvent('output', { category, output });
  }

  forgetVariables(): void {
    this.variables.clear();
  }

  /** Says that what clients show of the machine is out of date. */
  invalidate(): void {
    this.sendEvent('invalidated', { areas: ['all'] });
  }

  frameIdOf(threadId: number, index: number): number {
    return threadId * framesPerThread + index;
  }

  /** Thread and index of a frame. */
  frame(frameId: number): { readonly thread: DebuggedThread; readonly index: number } {
    const thread = this.control.thread(Math.floor(frameId / framesPerThread));
    return { thread, index: frameId % framesPerThread };
  }

  /** The thread of the frame named in `args`, or the first thread. */
  threadOfFrame(args: RequestArguments): DebuggedThread {
    const frameId = args.optionalInteger('frameId');
    return frameId === undefined ? this.firstThread() : this.frame(frameId).thread;
  }

  /** The memory that the text and byte offset refer to. @throws UserError where they make no sense */
  memory(
    reference: string,
    offset: number,
  ): { readonly thread: DebuggedThread; readonly address: bigint } {
    const parsed = parseReference(reference, offset);
    if (parsed === undefined) {
      throw new UserError(
        'bad-memory-reference',
        `"${reference}" with offset ${offset} is no address of the guest.`,
      );
    }
    const { threadId, address } = parsed;
    const thread = threadId === undefined ? this.firstThread() : this.control.thread(threadId);
    return { thread, address };
  }

  /** A line of the client as a line from 1. */
  lineFromClient(line: number): number {
    return this.linesStartAt1 ? line : line + 1;
  }

  lineToClient(line: number): number {
    return this.linesStartAt1 ? line : line - 1;
  }

  private firstThread(): DebuggedThread {
    const [thread] = this.control.threads;
    if (thread !== undefined) return thread;
    throw new UserError('no-thread', 'The machine has no guest processor.');
  }
}
