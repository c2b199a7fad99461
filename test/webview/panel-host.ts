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
 * does not stretch.
 */
export async function pageWorkMeter(page: Page): Promise<() => Promise<number>> {
  const devTools = await page.context().newCDPSession(page);
  await devTools.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await devTools.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN) * 1000;
  };
}

/** Scrolls the grid to and fro over all of its rows; milliseconds of work that a frame took, rows that came included. */
export async function frameWork(
  page: Page,
  frames: number,
): Promise<{ readonly longestMs: number; readonly meanMs: number }> {
  const work = await pageWorkMeter(page);
  const times: number[] = [];
  let before = await work();
  for (let frame = 0; frame < frames; frame++) {
    await page.evaluate(
      async ([part = 0]) => {
        const grid = document.querySelector('#grid');
        if (grid === null) throw new Error('no grid');
        grid.scrollTop = grid.scrollHeight * part;
        await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
      },
      [((frame * 37) % frames) / frames],
    );
    const now = await work();
    times.push(now - before);
    before = now;
  }
  const sum = times.reduce((total, ms) => total + ms, 0);
  return { longestMs: Math.max(...times), meanMs: sum / frames };
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
