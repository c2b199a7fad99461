// Measures in the real VS Code, on the clock, how long after a stop a panel shows it: from the key that lets the guest go on, and from
// the `stopped` event's arrival in VS Code's window, until the frame with the panel's last change is drawn.
import type { Frame, Page } from 'playwright-core';
import { waitFor } from './workbench-session';

/** Milliseconds from the moment of the name until the panel has shown a stop. */
export interface StopTimes {
  readonly fromKey: number;
  readonly fromStop: number;
}

/** A page that has not changed for so long has shown everything. */
const quietMs = 400;

/** Properties of this measurement, which the DOM's types do not know. Times since 1970, which frames have in common. */
interface WatchedWindow {
  keyAt: number | undefined;
  stopAt: number | undefined;
  drawnAt: number | undefined;
  changedAt: number | undefined;
}

/** Runs in VS Code's window before its own code: what an extension host says comes over a socket. */
function watchWindow(): void {
  if (window.top !== window) return;
  const watched = window as unknown as WatchedWindow;
  const text = new TextDecoder('latin1');
  window.addEventListener(
    'keydown',
    ({ timeStamp }) => (watched.keyAt = performance.timeOrigin + timeStamp),
    { capture: true },
  );
  window.WebSocket = class extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      this.addEventListener('message', ({ data, timeStamp }: MessageEvent<unknown>) => {
        const read = data instanceof Blob ? data.arrayBuffer() : Promise.resolve(data);
        void read.then((bytes) => {
          if (!(bytes instanceof ArrayBuffer)) return;
          if (!/"event":"stopped"/.test(text.decode(bytes))) return;
          watched.stopAt = performance.timeOrigin + timeStamp;
        });
      });
    }
  };
}

/** Runs in the page of a panel. */
function watchPanel(): void {
  const watched = window as unknown as WatchedWindow;
  const { port1, port2 } = new MessageChannel();
  // What is said in a frame is heard after that has been drawn.
  port1.onmessage = () => (watched.drawnAt = performance.timeOrigin + performance.now());
  new MutationObserver(() => {
    watched.changedAt = performance.timeOrigin + performance.now();
    requestAnimationFrame(() => port2.postMessage(undefined));
  }).observe(document.body, {
    ...{ subtree: true, childList: true, characterData: true, attributes: true },
  });
}

/** When a page that is quiet now was drawn last; undefined before that. */
function drawnIn(quiet: number): number | undefined {
  const { changedAt, drawnAt } = window as unknown as WatchedWindow;
  if (changedAt === undefined || drawnAt === undefined || drawnAt < changedAt) return undefined;
  return performance.timeOrigin + performance.now() - changedAt < quiet ? undefined : drawnAt;
}

function forget(): void {
  const watched = window as unknown as WatchedWindow;
  watched.keyAt = watched.stopAt = watched.drawnAt = watched.changedAt = undefined;
}

/** Watches one window, and in it one panel after the other. */
export class StopWatch {
  private constructor(private readonly page: Page) {}

  /** Loads the window anew. */
  static async start(page: Page): Promise<StopWatch> {
    await page.addInitScript(watchWindow);
    await page.reload();
    await page.locator('.monaco-workbench').waitFor();
    return new StopWatch(page);
  }

  /** Presses a key again and again; each must lead to a stop that the panel shows something new of. */
  async measure(panel: Frame, key: string, times: number): Promise<readonly StopTimes[]> {
    await panel.evaluate(watchPanel);
    const found: StopTimes[] = [];
    for (let time = 0; time < times; time++) {
      await panel.evaluate(forget);
      await this.page.evaluate(forget);
      await this.page.keyboard.press(key);
      const stop = await waitFor('a stop', () => this.page.evaluate(stopIn));
      const drawn = await waitFor('the panel to be up to date', () =>
        panel.evaluate(drawnIn, quietMs),
      );
      found.push({ fromKey: drawn - stop.keyAt, fromStop: drawn - stop.stopAt });
    }
    return found;
  }
}

function stopIn(): { readonly keyAt: number; readonly stopAt: number } | undefined {
  const { keyAt, stopAt } = window as unknown as WatchedWindow;
  return keyAt === undefined || stopAt === undefined ? undefined : { keyAt, stopAt };
}
