// The page of the VMCS Inspector with an extension behind it that answers from a real machine.
import type { Page } from 'playwright-core';
import type { VmcsBody } from '../../debug-adapter/protocol/vmcs-requests';
import type { ToExtension, ToPage } from '../../src/panels/vmcs-inspector/vmcs-messages';
import { nodePorts } from '../../debug-adapter/host/node-ports';
import { vmcsBody, vmcsComparison } from '../../debug-adapter/dap/vmcs-bodies';
import type { MachineControl } from '../../debug-adapter/debugger/machine-control';
import { openTarget } from '../../debug-adapter/debugger/open-target';
import { parseLaunchArguments } from '../../debug-adapter/launch/launch-arguments';
import { UserError } from '../../debug-adapter/support/user-error';
import { PanelHost, postTo, type OpenedPage, type PageOptions } from './panel-host';

/** A sample guest under the debugger, without DAP in between. */
export class InspectedGuest {
  readonly control: MachineControl;

  constructor(program: string) {
    this.control = openTarget(parseLaunchArguments({ program, pace: 'unlimited' }), nodePorts);
  }

  get threadId(): number {
    return this.control.threadIdOfStop(this.control.lastStop);
  }

  step(): void {
    this.control.step(this.threadId, 'into', 'instruction');
    this.finish();
  }

  /** Runs to the next event with a name. */
  runTo(name: string): void {
    this.control.breakpoints.setNamed([{ name, options: {} }]);
    this.control.continue();
    this.finish();
  }

  inspect(message: Extract<ToExtension, { type: 'fetch' }>): VmcsBody {
    const { vmcs } = this.control;
    const thread = this.control.thread(this.threadId);
    const { exit, comparedWith } = message;
    const moment =
      exit === undefined ? ({ kind: 'now' } as const) : ({ kind: 'exit', id: exit } as const);
    const comparison = vmcsComparison(comparedWith);
    const missing = vmcs.missing(thread, moment, comparison);
    if (missing.length > 0) {
      this.control.visit(missing, (at, found) => vmcs.keep(at, found));
      this.finish();
    }
    return vmcsBody(this.control, thread, moment, comparison);
  }

  private finish(): void {
    while (this.control.slice(50).kind !== 'stopped');
  }
}

/** One page with its extension. */
export class VmcsPage {
  readonly received: ToExtension[] = [];
  violations: readonly string[] = [];
  running = false;
  /** Processor time of the answers so far. */
  answerMs = 0;

  constructor(
    readonly page: Page,
    readonly guest: InspectedGuest | undefined,
  ) {}

  async post(message: ToPage): Promise<void> {
    await postTo(this.page, message);
  }

  /** What the extension says when the guest has stopped elsewhere, or runs. */
  async postSource(state: 'live' | 'ended' = 'live'): Promise<void> {
    if (this.guest === undefined) {
      return this.post({ type: 'source', source: { state: 'none' } });
    }
    const { running } = this;
    await this.post({ type: 'source', source: { state, key: 's1', running } });
  }

  async answer(message: ToExtension): Promise<void> {
    this.received.push(message);
    if (message.type === 'ready') return this.postSource();
    if (this.guest === undefined) return;
    if (message.type === 'fetch') {
      const { request } = message;
      const begun = process.cpuUsage();
      const body = this.guest.inspect(message);
      const { user, system } = process.cpuUsage(begun);
      this.answerMs += (user + system) / 1000;
      return this.post({ type: 'vmcs', request, body });
    }
    if (message.type === 'edit') {
      const { field, value } = message;
      let problem = '';
      try {
        const { control, threadId } = this.guest;
        control.assign(control.thread(threadId), field, value);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        problem = error.text;
      }
      await this.post({ type: 'edited', field, message: problem });
      if (problem === '') await this.postSource();
    }
  }
}

/** Opens pages of the inspector. */
export class VmcsHost {
  private constructor(private readonly host: PanelHost) {}

  static async start(): Promise<VmcsHost> {
    return new VmcsHost(await PanelHost.start('vmcs-inspector', 'vmcs-inspector-app'));
  }

  async open(guest: InspectedGuest | undefined, options: PageOptions = {}): Promise<VmcsPage> {
    let shown: VmcsPage | undefined;
    const of = (page: Page): VmcsPage => (shown ??= new VmcsPage(page, guest));
    const opened: OpenedPage = await this.host.open<ToExtension>(
      { height: 420, ...options },
      (message, page) => of(page).answer(message),
    );
    const page = of(opened.page);
    page.violations = opened.violations;
    return page;
  }

  stop(): Promise<void> {
    return this.host.stop();
  }
}
