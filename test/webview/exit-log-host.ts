// Opens the built page of the VM Exit Log in Chromium with a fake extension that answers from a sample log.
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser, type Page } from 'playwright-core';
import type { LogSource, ToExtension, ToPage } from '../../src/panels/exit-log/exit-log-messages';
import { exitLogPage } from '../../src/panels/exit-log/exit-log-page';
import { findChromium } from '../../scripts/vscode-host/chromium.mjs';
import { SampleLog } from './sample-exits';
import { themeColors, type ThemeKind } from './theme-colors';

const dist = new URL('../../dist/webviews/', import.meta.url);
const contentTypes: Readonly<Record<string, string>> = {
  js: 'text/javascript',
  css: 'text/css',
  ttf: 'font/ttf',
};

export interface PageOptions {
  readonly theme?: ThemeKind;
  readonly width?: number;
  readonly height?: number;
  readonly source?: LogSource;
  readonly log?: SampleLog;
  readonly forcedColors?: boolean;
  readonly keptState?: unknown;
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
  readonly violations: string[] = [];

  constructor(
    readonly page: Page,
    readonly log: SampleLog,
    public source: LogSource,
  ) {}

  async post(message: ToPage): Promise<void> {
    await this.page.evaluate((data) => window.postMessage(data, '*'), message);
  }

  async answer(message: ToExtension): Promise<void> {
    this.received.push(message);
    switch (message.type) {
      case 'ready':
        return this.post({ type: 'source', source: this.source, followTail: true });
      case 'fetchRows': {
        const { request, start, count, filter } = message;
        const body = this.log.exits(start, count, filter);
        return this.post({ type: 'rows', request, start, body });
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

/** A browser and the server of the built files; closed once, after all tests. */
export class ExitLogHost {
  private constructor(
    private readonly browser: Browser,
    private readonly server: Server,
    private readonly origin: string,
  ) {}

  static async start(): Promise<ExitLogHost> {
    const executablePath = findChromium();
    if (executablePath === undefined)
      throw new Error('There is no Chromium for the webview tests.');
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
      const path = pathname.slice(1);
      const type = contentTypes[path.split('.').at(-1) ?? ''];
      if (path === '') {
        const cspSource = `http://${request.headers.host ?? ''}`;
        response.setHeader('content-type', 'text/html');
        response.end(
          exitLogPage({
            cspSource,
            script: '/exit-log.js',
            style: '/exit-log.css',
            icons: '/codicon.css',
            nonce: 'n0nce',
          }),
        );
      } else if (path === 'favicon.ico') response.writeHead(204).end();
      else if (type === undefined) response.writeHead(404).end();
      else {
        response.setHeader('content-type', type);
        response.end(readFileSync(new URL(path, dist)));
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    // A server that listens on a port has an AddressInfo, not the name of a pipe.
    const { port } = server.address() as AddressInfo;
    const browser = await chromium.launch({
      executablePath,
      args: ['--no-sandbox', '--disable-gpu'],
    });
    return new ExitLogHost(browser, server, `http://127.0.0.1:${port}/`);
  }

  async open(options: PageOptions = {}): Promise<ExitLogPage> {
    const { theme = 'dark', width = 1280, height = 300, forcedColors = false } = options;
    const page = await this.browser.newPage({
      viewport: { width, height },
      forcedColors: forcedColors ? 'active' : 'none',
    });
    const shown = new ExitLogPage(
      page,
      options.log ?? new SampleLog(100_000),
      options.source ?? liveSource,
    );
    page.on('console', (message) => {
      if (message.type() === 'error') shown.violations.push(message.text());
    });
    page.on('pageerror', (error) => shown.violations.push(error.message));
    await page.exposeFunction('sendToExtension', (message: ToExtension) => shown.answer(message));
    // The test runner's compiler marks functions with this helper, also those that run in the page.
    await page.addInitScript('globalThis.__name = (value) => value');
    await page.addInitScript(installFakeApi, {
      colors: themeColors[theme],
      kept: options.keptState,
    });
    await page.goto(this.origin);
    return shown;
  }

  async stop(): Promise<void> {
    await this.browser.close();
    this.server.close();
  }
}

interface FakeWindow {
  acquireVsCodeApi: unknown;
  keptState: unknown;
  sendToExtension(message: unknown): void;
}

/** Runs in the page before its scripts. */
function installFakeApi({ colors, kept }: { colors: Record<string, string>; kept: unknown }): void {
  // The test's own properties of the window, which the DOM's types do not know.
  const fake = window as unknown as FakeWindow;
  fake.keptState = kept;
  fake.acquireVsCodeApi = () => ({
    postMessage: (message: unknown) => fake.sendToExtension(message),
    getState: () => fake.keptState,
    setState: (state: unknown) => {
      fake.keptState = state;
    },
  });
  document.addEventListener('DOMContentLoaded', () => {
    for (const [name, value] of Object.entries(colors)) {
      document.documentElement.style.setProperty(`--${name}`, value);
    }
    document.body.style.background = colors['vscode-panel-background'] ?? '';
  });
}
