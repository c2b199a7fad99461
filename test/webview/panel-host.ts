// Opens a built page of a panel in Chromium, with a fake extension behind it.
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser, type Page } from 'playwright-core';
import { panelPage } from '../../src/panels/panel-page';
import { findChromium } from '../../scripts/vscode-host/chromium.mjs';
import { themeColors, type ThemeKind } from './theme-colors';

const dist = new URL('../../dist/webviews/', import.meta.url);
const contentTypes: Readonly<Record<string, string>> = {
  js: 'text/javascript',
  css: 'text/css',
  ttf: 'font/ttf',
};

/** How a page is shown. */
export interface PageOptions {
  readonly theme?: ThemeKind;
  readonly width?: number;
  readonly height?: number;
  readonly forcedColors?: boolean;
  readonly keptState?: unknown;
}

/** One page; what it breached or threw is in `violations`. */
export interface OpenedPage {
  readonly page: Page;
  readonly violations: readonly string[];
}

/** A browser and the server of the built files; closed once, after all tests. */
export class PanelHost {
  private constructor(
    private readonly browser: Browser,
    private readonly server: Server,
    private readonly origin: string,
  ) {}

  /**
   * @param bundle folder in `src/webviews`
   * @param element name of the custom element that is the page
   */
  static async start(bundle: string, element: string): Promise<PanelHost> {
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
          panelPage(
            { title: bundle, element },
            {
              cspSource,
              script: `/${bundle}.js`,
              style: `/${bundle}.css`,
              icons: '/codicon.css',
              nonce: 'n0nce',
            },
          ),
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
    return new PanelHost(browser, server, `http://127.0.0.1:${port}/`);
  }

  /**
   * Opens the page.
   * @param receive what the extension does with a message of the page; may come before this returns
   */
  async open<Message>(
    options: PageOptions,
    receive: (message: Message, page: Page) => Promise<void>,
  ): Promise<OpenedPage> {
    const { theme = 'dark', width = 1280, height = 300, forcedColors = false } = options;
    const page = await this.browser.newPage({
      viewport: { width, height },
      forcedColors: forcedColors ? 'active' : 'none',
    });
    const violations: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') violations.push(message.text());
    });
    page.on('pageerror', (error) => violations.push(error.message));
    await page.exposeFunction('sendToExtension', (message: Message) => receive(message, page));
    // The test runner's compiler marks functions with this helper, also those that run in the page.
    await page.addInitScript('globalThis.__name = (value) => value');
    await page.addInitScript(installFakeApi, {
      colors: themeColors[theme],
      kept: options.keptState,
    });
    await page.goto(this.origin);
    return { page, violations };
  }

  async stop(): Promise<void> {
    await this.browser.close();
    this.server.close();
  }
}

/** Sends a message to a page, as the extension does. */
export async function postTo(page: Page, message: unknown): Promise<void> {
  await page.evaluate((data) => window.postMessage(data, '*'), message);
}

/**
 * A meter of the milliseconds that the page's thread has worked so far: processor time, which other work of the computer
 * does not stretch, without what the driver of the test has it do.
 */
export async function pageWorkMeter(page: Page): Promise<() => Promise<number>> {
  const devTools = await page.context().newCDPSession(page);
  await devTools.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await devTools.send('Performance.getMetrics');
    const secondsOf = (wanted: string): number =>
      metrics.find(({ name }) => name === wanted)?.value ?? NaN;
    return (secondsOf('TaskDuration') - secondsOf('DevToolsCommandDuration')) * 1000;
  };
}

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Processor time, microseconds. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** Milliseconds of processor time of the longest task of the page's thread while `act` runs: no frame is shorter. */
async function longestTaskMs(page: Page, act: () => Promise<void>): Promise<number> {
  const browser = page.context().browser();
  if (browser === null) throw new Error('the page is of no browser');
  const categories = ['__metadata', 'toplevel', 'disabled-by-default-devtools.timeline'];
  await browser.startTracing(page, { categories });
  await act();
  const trace = await browser.stopTracing();
  // The format of Chromium's traces.
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: readonly TraceEvent[] };
  const placeOf = ({ pid, tid }: TraceEvent): string => `${pid}/${tid}`;
  const isMain = ({ name, args }: TraceEvent): boolean =>
    name === 'thread_name' && args?.name === 'CrRendererMain';
  const mainThreads = new Set(traceEvents.filter(isMain).map(placeOf));
  const tasks = traceEvents.filter(
    (event) => event.name.endsWith('RunTask') && mainThreads.has(placeOf(event)),
  );
  if (tasks.length === 0) throw new Error('the trace has no tasks');
  return Math.max(...tasks.map(({ tdur = 0 }) => tdur / 1000));
}

const scrollRounds = 3;

/**
 * Scrolls the grid to and fro over all of its rows; milliseconds of work of the longest task, rows that came
 * included. The least of several rounds: what else the computer does, with its caches too, only adds.
 */
export async function longestScrollTaskMs(page: Page, frames: number): Promise<number> {
  const scroll = async (): Promise<void> => {
    await page.evaluate(async (count) => {
      const grid = document.querySelector('#grid');
      if (grid === null) throw new Error('no grid');
      for (let frame = 0; frame < count; frame++) {
        grid.scrollTop = (grid.scrollHeight * ((frame * 37) % count)) / count;
        await new Promise(requestAnimationFrame);
      }
    }, frames);
  };
  // The engine has seen the code before, as it has after the first second of use.
  await scroll();
  let leastMs = Infinity;
  for (let round = 0; round < scrollRounds; round++) {
    leastMs = Math.min(leastMs, await longestTaskMs(page, scroll));
  }
  return leastMs;
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
