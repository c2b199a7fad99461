// A client of the real debug adapter process, for tests.
import { DebugClient } from '@vscode/debugadapter-testsupport';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The bundle under test. */
export const adapterPath = join(root, 'dist/debug-adapter.cjs');

/** Image of a sample guest. */
export function guestImage(name: string): string {
  return join(root, 'guests', name, `${name}.elf`);
}

/** Source of a sample guest. */
export function guestSource(name: string): string {
  return join(root, 'guests', name, `${name}.s`);
}

type StoppedBody = DebugProtocol.StoppedEvent['body'];
type Variable = DebugProtocol.Variable;

/** One session; every request goes to the real process. */
export class AdapterSession {
  readonly client = new DebugClient('node', adapterPath, 'hyperscope');
  /** Output of the session so far, by category. */
  readonly output = new Map<string, string>();
  private ended = false;

  static async start(): Promise<AdapterSession> {
    if (!existsSync(adapterPath)) throw new Error(`${adapterPath} is missing: npm run build`);
    const session = new AdapterSession();
    session.client.defaultTimeout = 20_000;
    session.client.on('output', (event: DebugProtocol.OutputEvent) => {
      const category = event.body.category ?? 'console';
      const before = session.output.get(category) ?? '';
      session.output.set(category, before + event.body.output);
    });
    await session.client.start();
    return session;
  }

  /** Starts a session with a guest that is stopped on entry. */
  static async launched(guest: string, options: object = {}): Promise<AdapterSession> {
    const session = await AdapterSession.start();
    await session.launch({ program: guestImage(guest), stopAtEnd: false, ...options });
    await session.stopOf(() => session.client.configurationDoneRequest());
    return session;
  }

  /** `initialize` and `launch`; resolves when the adapter is ready for breakpoints. */
  async launch(options: object): Promise<void> {
    await this.client.initializeRequest({
      ...{ adapterID: 'hyperscope', linesStartAt1: true, columnsStartAt1: true },
      ...{ pathFormat: 'path', supportsProgressReporting: true },
    });
    const ready = this.client.waitForEvent('initialized');
    await this.client.customRequest('launch', options);
    await ready;
  }

  /** Does something and waits for the stop that it leads to. */
  async stopOf(action: () => Promise<unknown>): Promise<StoppedBody> {
    const [event] = await Promise.all([this.client.waitForEvent('stopped'), action()]);
    // The client types the body as any; the adapter's `stopped` event has this one.
    return event.body as StoppedBody;
  }

  async threadId(): Promise<number> {
    const { threads } = (await this.client.threadsRequest()).body;
    return threads[0]?.id ?? 0;
  }

  async frames(): Promise<readonly DebugProtocol.StackFrame[]> {
    const threadId = await this.threadId();
    return (await this.client.stackTraceRequest({ threadId })).body.stackFrames;
  }

  async topFrame(): Promise<DebugProtocol.StackFrame> {
    const [frame] = await this.frames();
    if (frame === undefined) throw new Error('no frame');
    return frame;
  }

  /** Value of RIP as a number. */
  async rip(): Promise<number> {
    return Number((await this.evaluate('$rip')).split(' ')[0]);
  }

  async evaluate(expression: string, context = 'watch'): Promise<string> {
    const { body } = await this.client.evaluateRequest({ expression, context });
    return body.result;
  }

  /** Children along a path of names, the first of which is a scope. */
  async variables(...path: readonly string[]): Promise<readonly Variable[]> {
    return (await this.variablesAt(path)).variables;
  }

  /** One variable by its path. */
  async variable(...path: readonly string[]): Promise<Variable> {
    const name = path.at(-1) ?? '';
    const found = (await this.variables(...path.slice(0, -1))).find((row) => row.name === name);
    if (found === undefined) throw new Error(`no variable ${path.join('/')}`);
    return found;
  }

  /** Sets one variable by its path; returns its new value. */
  async setVariable(path: readonly string[], value: string): Promise<string> {
    const name = path.at(-1) ?? '';
    const { reference } = await this.variablesAt(path.slice(0, -1));
    const response = await this.client.setVariableRequest({
      variablesReference: reference,
      name,
      value,
    });
    return response.body.value;
  }

  /** Message with which a request is refused. */
  async refusal(command: string, args: object | undefined): Promise<string> {
    try {
      await this.client.customRequest(command, args);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    throw new Error(`${command} was not refused`);
  }

  async end(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    // The adapter ends its process after `disconnect`; waiting for it to be killed would last for ever.
    await this.client.disconnectRequest().catch(() => this.client.stop());
  }

  private async variablesAt(
    path: readonly string[],
  ): Promise<{ readonly reference: number; readonly variables: readonly Variable[] }> {
    const { id } = await this.topFrame();
    const { scopes } = (await this.client.scopesRequest({ frameId: id })).body;
    let reference = scopes.find((scope) => scope.name === path[0])?.variablesReference ?? 0;
    let { variables } = (await this.client.variablesRequest({ variablesReference: reference }))
      .body;
    for (const name of path.slice(1)) {
      reference = variables.find((row) => row.name === name)?.variablesReference ?? 0;
      ({ variables } = (
        await this.client.variablesRequest({ variablesReference: reference })
      ).body);
    }
    return { reference, variables };
  }
}
