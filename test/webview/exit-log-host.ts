// The page of the VM Exit Log with a fake extension that answers from a sample log.
import type { Page } from 'playwright-core';
import type { ToExtension, ToPage } from '../../src/panels/exit-log/exit-log-messages';
import type { LogSource } from '../../src/panels/log-messages';
import { PanelHost, postTo, type PageOptions as PanelOptions } from './panel-host';
import { SampleLog } from './sample-exits';

export interface PageOptions extends PanelOptions {
  readonly source?: LogSource;
  readonly log?: SampleLog;
}

const liveSource: LogSource = {
  state: 'live',
  key: 's1',
  name: 'Debug hello-partition',
  running: false,
};

/** One page with its fake extension. */
export class ExitLogPage {
  readonly received: ToExtension[] = [];
  violations: readonly string[] = [];

  constructor(
    readonly page: Page,
    readonly log: SampleLog,
    public source: LogSource,
  ) {}

  async post(message: ToPage): Promise<void> {
    await postTo(this.page, message);
  }

  async answer(message: ToExtension): Promise<void> {
    this.received.push(message);
    switch (message.type) {
      case 'ready':
        return this.post({ type: 'source', source: this.source, followTail: true });
      case 'fetchRows': {
        const { request, start, count, filter } = message;
        const body = this.log.exits(start, count, filter);
        return this.post({ type: 'rows', request, body });
      }
      case 'fetchDetail':
        return this.post({
          type: 'detail',
          request: message.request,
          body: this.log.detail(message.id),
        });
    }
  }
}

/** Opens pages of the log. */
export class ExitLogHost {
  private constructor(private readonly host: PanelHost) {}

  static async start(): Promise<ExitLogHost> {
    return new ExitLogHost(await PanelHost.start('exit-log', 'exit-log-app'));
  }

  async open(options: PageOptions = {}): Promise<ExitLogPage> {
    const log = options.log ?? new SampleLog(100_000);
    const source = options.source ?? liveSource;
    let shown: ExitLogPage | undefined;
    const of = (page: Page): ExitLogPage => (shown ??= new ExitLogPage(page, log, source));
    const opened = await this.host.open<ToExtension>(options, (message, page) =>
      of(page).answer(message),
    );
    const page = of(opened.page);
    page.violations = opened.violations;
    return page;
  }

  stop(): Promise<void> {
    return this.host.stop();
  }
}
