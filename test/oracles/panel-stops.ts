// Measures in the real VS Code how long after a stop each panel shows it, on the clock: from the message to its page until the frame
// in which the answer of the debug adapter is drawn, and until the page changed last. The sample guest is stepped by instructions.
// The quickest tenth and the median. Arguments: [--steps N] [--check]; --check fails where the quickest tenth took more than 100 ms.
import { loadavg } from 'node:os';
import type { Frame } from 'playwright-core';
import { waitFor, WorkbenchSession } from '../end-to-end/workbench-session';

const goalMs = 100;
const option = process.argv.indexOf('--steps');
const steps = option < 0 ? 30 : Number(process.argv[option + 1]);
/** A page that has not changed for so long has shown everything. */
const quietMs = 400;

const panels = [
  ['VMCS Inspector', 'Open VMCS Inspector', 'vmcs-inspector-app'],
  ['VM Exit Log', 'Open VM Exit Log', 'exit-log-app'],
  ['Event Log', 'Open Event Log', 'event-log-app'],
] as const;

interface WatchedWindow {
  /** Since a step was asked for: when the page was told of the stop, when the answer was shown, when it changed last. */
  told: number | undefined;
  shown: number | undefined;
  changed: number | undefined;
  answers: number;
}

/** Runs in the page of a panel. */
function watch(): void {
  // Properties of this measurement, which the DOM's types do not know.
  const watched = window as unknown as WatchedWindow;
  interface Message {
    readonly type?: string;
    readonly source?: { readonly running?: boolean };
  }
  const listen = { capture: true };
  window.addEventListener(
    'message',
    ({ data }: MessageEvent<Message>) => {
      const isStop = data.type === 'source' && data.source?.running === false;
      if (isStop || data.type === 'traceChanged') watched.told ??= performance.now();
      if (data.type !== 'vmcs' && data.type !== 'rows') return;
      if (watched.told === undefined) return;
      watched.answers = (watched.answers || 0) + 1;
      // The frame after the one that this message leads to.
      requestAnimationFrame(() =>
        requestAnimationFrame(() => (watched.shown ??= performance.now())),
      );
    },
    listen,
  );
  new MutationObserver(() => (watched.changed = performance.now())).observe(document.body, {
    ...{ subtree: true, childList: true, characterData: true, attributes: true },
  });
}

interface Stop {
  readonly answers: number;
  readonly shownMs: number;
  readonly lastMs: number;
}

/** Undefined while the page is not quiet yet. */
function stopIn(quiet: number): Stop | undefined {
  const watched = window as unknown as WatchedWindow;
  const { told, shown, changed } = watched;
  if (told === undefined || shown === undefined || changed === undefined) return undefined;
  if (performance.now() - changed < quiet) return undefined;
  watched.told = watched.shown = watched.changed = undefined;
  const { answers } = watched;
  watched.answers = 0;
  return { answers, shownMs: shown - told, lastMs: changed - told };
}

async function measure(workbench: WorkbenchSession, frame: Frame): Promise<readonly Stop[]> {
  await frame.evaluate(watch);
  const stops: Stop[] = [];
  for (let step = 0; step < steps; step++) {
    await workbench.page.keyboard.press('Alt+F11');
    stops.push(await waitFor('the panel to be up to date', () => frame.evaluate(stopIn, quietMs)));
  }
  return stops;
}

/** The quickest tenth and the median. */
function parts(times: readonly number[]): readonly number[] {
  const sorted = [...times].sort((a, b) => a - b);
  return [0.1, 0.5].map((part) => sorted[Math.floor(sorted.length * part)] ?? NaN);
}

const workbench = await WorkbenchSession.open();
try {
  await workbench.openSample('hello-partition');
  await workbench.page.keyboard.press('F5');
  await workbench.waitForPause(/(stopped|paused) on entry/i, 60_000);
  for (const [title, command, element] of panels) {
    await workbench.run(`Hyperscope: ${command}`);
    const frame = await workbench.webview(element);
    const stops = await measure(workbench, frame);
    const shown = parts(stops.map(({ shownMs }) => shownMs));
    const last = parts(stops.map(({ lastMs }) => lastMs));
    const text = [shown, last].map((all) => all.map((ms) => ms.toFixed(0)).join(' / ')).join(', ');
    const answers = stops.reduce((sum, stop) => sum + stop.answers, 0) / stops.length;
    const load = loadavg()[0]?.toFixed(1);
    console.log(
      `${title.padEnd(16)}${answers.toFixed(1)} answers; shown, changed last: ${text} ms; load ${load}`,
    );
    if (process.argv.includes('--check') && (shown[0] ?? NaN) > goalMs) process.exitCode = 1;
  }
} finally {
  await workbench.close();
}
