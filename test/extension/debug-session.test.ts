// A whole debug session through VS Code's own API: launch, stop on entry, step, break on a hypercall, run to the end.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as vscode from 'vscode';
import { customRequest } from '../../debug-adapter/protocol/custom-requests';
import { placeRequest } from '../../debug-adapter/protocol/log-places';
import { activateExtension, eventually, workspaceFolder } from './extension-under-test';

type Message = DebugProtocol.ProtocolMessage;
type Stopped = DebugProtocol.StoppedEvent['body'];

/** Records what the adapter sends to VS Code. */
class AdapterListener implements vscode.DebugAdapterTracker {
  readonly messages: Message[] = [];
  readonly requests: DebugProtocol.Request[] = [];
  private taken = 0;

  onWillReceiveMessage(message: DebugProtocol.Request): void {
    this.requests.push(message);
  }

  onDidSendMessage(message: Message): void {
    this.messages.push(message);
  }

  events(name: string): readonly DebugProtocol.Event[] {
    return this.messages.filter(
      (message): message is DebugProtocol.Event =>
        message.type === 'event' && 'event' in message && message.event === name,
    );
  }

  /** The next `stopped` event that has not been taken yet. */
  async nextStop(): Promise<Stopped> {
    const event = await eventually('a stopped event', () => this.events('stopped')[this.taken]);
    this.taken++;
    return event.body;
  }

  /** Everything the guest and the debugger wrote to the debug console. */
  get output(): string {
    return this.events('output')
      .map((event) => event.body.output)
      .join('');
  }
}

/** Variables of the processes that this one has started with a program (proc(5)). */
function environmentsOfChildren(program: string): readonly (readonly string[])[] {
  const isChild = (pid: string): boolean =>
    readFileSync(`/proc/${pid}/status`, 'latin1').includes(`PPid:\t${process.pid}\n`) &&
    readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(program);
  const found: string[][] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (isChild(pid)) found.push(readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0'));
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

describe('debug session of hello-partition', () => {
  let listener: AdapterListener;
  let session: vscode.DebugSession;
  const subscriptions: vscode.Disposable[] = [];

  before(async () => {
    await activateExtension();
    listener = new AdapterListener();
    subscriptions.push(
      vscode.debug.registerDebugAdapterTrackerFactory('hyperscope', {
        createDebugAdapterTracker: () => listener,
      }),
      vscode.debug.onDidStartDebugSession((started) => (session = started)),
    );
    const started = await vscode.debug.startDebugging(workspaceFolder(), {
      type: 'hyperscope',
      request: 'launch',
      name: 'hello-partition',
      program: '${workspaceFolder}/hello-partition/hello-partition.elf',
      stopOnEntry: true,
    });
    assert.equal(started, true);
  });

  after(async () => {
    vscode.debug.removeBreakpoints(vscode.debug.breakpoints);
    await vscode.debug.stopDebugging();
    for (const subscription of subscriptions) subscription.dispose();
  });

  const topFrame = async (threadId: number): Promise<DebugProtocol.StackFrame> => {
    const { stackFrames } = await session.customRequest('stackTrace', { threadId });
    assert.ok(stackFrames.length > 0, 'the stack is not empty');
    return stackFrames[0];
  };

  it('stops on entry, in the source', async () => {
    const stop = await listener.nextStop();
    assert.equal(stop.reason, 'entry');
    const frame = await topFrame(stop.threadId ?? 0);
    assert.match(frame.name, /_start/);
    assert.match(frame.source?.path ?? '', /hello-partition\.s$/);
    assert.ok(frame.line > 1);
  });

  it('has an adapter that asks for huge pages', function () {
    if (process.platform !== 'linux') this.skip();
    const adapters = environmentsOfChildren('debug-adapter.cjs');
    assert.equal(adapters.length, 1);
    const wanted = process.env['GLIBC_TUNABLES'] ?? 'glibc.malloc.hugetlb=1';
    assert.ok(adapters[0]?.some((line) => line.startsWith(`GLIBC_TUNABLES=${wanted}`)));
  });

  it('steps one instruction', async () => {
    const [thread] = (await session.customRequest('threads')).threads;
    const before = await topFrame(thread.id);
    await session.customRequest('next', { threadId: thread.id, granularity: 'instruction' });
    const stop = await listener.nextStop();
    assert.equal(stop.reason, 'step');
    const after = await topFrame(thread.id);
    assert.notEqual(after.instructionPointerReference, before.instructionPointerReference);
  });

  it('stops on a hypercall named by a function breakpoint', async () => {
    vscode.debug.addBreakpoints([
      new vscode.FunctionBreakpoint('hypercall:HvCallNotifyLongSpinWait'),
    ]);
    const [thread] = (await session.customRequest('threads')).threads;
    await eventually('the breakpoint to reach the adapter', () =>
      listener.requests.find(({ command, arguments: args }) =>
        command === 'setFunctionBreakpoints' ? args.breakpoints[0] : undefined,
      ),
    );
    await session.customRequest('continue', { threadId: thread.id });
    const stop = await listener.nextStop();
    assert.match(`${stop.description ?? ''} ${stop.text ?? ''}`, /HvCallNotifyLongSpinWait/);
  });

  it('opens the VM exit log, which asks the adapter for its rows', async () => {
    await vscode.commands.executeCommand('hyperscope.openExitLog');
    const request = await eventually('a request for exits', () =>
      listener.requests.find(({ command }) => command === customRequest.exits),
    );
    const body = await session.customRequest(customRequest.exits, request.arguments);
    assert.ok(body.rows.length > 0);
    assert.ok(body.rows.some(({ reasonName }: { reasonName: string }) => reasonName === 'CPUID'));
  });

  it('shows a row of one log in another, as the menus of the rows ask', async () => {
    const filter = {};
    const { rows } = await session.customRequest(customRequest.exits, {
      ...{ start: 0, count: 10, filter },
    });
    const target = { rowId: rows[0].id, rowKind: 'exits' };
    for (const [command, request] of [
      ['showInEventLog', placeRequest.eventPlace],
      ['showInExitLog', placeRequest.exitPlace],
      ['showInVmbusTraffic', placeRequest.trafficPlace],
    ] as const) {
      await vscode.commands.executeCommand(`hyperscope.${command}`, target);
      const asked = await eventually(`a request of ${command}`, () =>
        listener.requests.find((each) => each.command === request),
      );
      assert.equal(asked.arguments.id, target.rowId);
    }
  });

  it('runs to the end and prints to the debug console', async () => {
    vscode.debug.removeBreakpoints(vscode.debug.breakpoints);
    await session.customRequest('setFunctionBreakpoints', { breakpoints: [] });
    const [thread] = (await session.customRequest('threads')).threads;
    await session.customRequest('continue', { threadId: thread.id });
    await eventually('the console text', () =>
      listener.output.includes('Hello from a guest partition') ? true : undefined,
    );
    await eventually('the end or a final stop', () =>
      listener.events('terminated').length > 0 || listener.events('stopped').length > 3
        ? true
        : undefined,
    );
  });
});
