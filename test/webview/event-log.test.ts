// The page of the Event Log in Chromium: kinds, recording on demand, fields, keyboard, roles, themes and widths, many rows.
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import {
  eventKindNames,
  type EventFilter,
  type EventRow,
  type EventsBody,
} from '../../debug-adapter/protocol/event-log';
import type { ToExtension, ToPage } from '../../src/panels/event-log/event-log-messages';
import type { LogSource } from '../../src/panels/log-messages';
import { longestScrollTaskMs, PanelHost, postTo, type PageOptions } from './panel-host';

const live: LogSource = { state: 'live', key: 's1', name: 'Debug debian', running: false };

const texts: readonly string[] = [
  'exit 4711 VMCALL: HvCallPostMessage at 0xffffc90000009000 hv_hypercall_pg+0x0',
  'HvCallSignalEvent → HV_STATUS_SUCCESS',
  'RDMSR HV_X64_MSR_TIME_REF_COUNT (0x40000020) → 0x1234',
  'vector 0xf3 at 0xffffffff81a17a0b native_safe_halt+0xb',
  'console 5 bytes',
  'console input "ls"',
  'message 0x1 for SINT 2: delivered',
  'synthetic timer 0 of processor 0 expires, due at 33865719 ns',
  'intercept message: reads, 1 bytes at port 0x3fd',
  'hypercall page is laid over guest page 0x1002',
  'processor 0 leaves logical processor 0 at 33865719 ns after 12000 ns: halted; the partition has had 81.20 % of one',
  '→ ExecuteSrb Read10 DataTransferLength=4096',
  'guest crash 0x1 0x2',
];

const rowAt = (index: number): EventRow => {
  const which = index % texts.length;
  return {
    ...{ id: `${index}.0`, kind: eventKindNames[which] ?? 'exits', text: texts[which] ?? '' },
    ...{
      position: index,
      timeNs: 33_865_000_000 + index * 977,
      partition: 2,
      processor: index % 2,
    },
  };
};

function eventsOf(total: number, start: number, count: number, filter: EventFilter): EventsBody {
  const length = filter.kinds.length === 0 ? 0 : Math.max(0, Math.min(count, total - start));
  const rows = Array.from({ length }, (_, at) => rowAt(start + at));
  const shown = filter.kinds.length === 0 ? 0 : total;
  return { total: shown, kept: shown, recorded: shown + 12, isComplete: true, rows };
}

describe('Event Log page', function () {
  this.timeout(60_000);
  let host: PanelHost;
  let shown: { page: Page; received: readonly ToExtension[]; violations: readonly string[] };

  before(async () => {
    host = await PanelHost.start('event-log', 'event-log-app');
  });
  after(() => host.stop());
  afterEach(async () => {
    const { violations } = shown;
    await shown.page.close();
    assert.deepEqual(violations, [], 'errors in the page, or breaches of its security policy');
  });

  async function open(total = 40, options: PageOptions = {}, source = live): Promise<Page> {
    const received: ToExtension[] = [];
    const answer = async (message: ToExtension, page: Page): Promise<void> => {
      received.push(message);
      const post = (answered: ToPage): Promise<void> => postTo(page, answered);
      switch (message.type) {
        case 'ready':
          return post({ type: 'source', source });
        case 'fetchRows': {
          const { request, start, count, filter } = message;
          return post({ type: 'rows', request, body: eventsOf(total, start, count, filter) });
        }
        case 'fetchPlace': {
          const index = Number(message.id.split('.')[0]);
          return post({ type: 'place', request: message.request, body: { index, total } });
        }
        case 'fetchDetail': {
          const row = rowAt(Number(message.id.split('.')[0]));
          const fields = [
            { name: 'code', value: '0x5c', note: 'HvCallPostMessage' },
            { name: 'control', value: '0x5c' },
            { name: 'status', value: '0x0', note: 'HV_STATUS_SUCCESS' },
          ];
          const code = { rip: '0xffffc90000009000', text: '0xffffc90000009000 hv_hypercall_pg' };
          return post({ type: 'detail', request: message.request, body: { row, fields, code } });
        }
        default:
      }
    };
    const size = { width: 1400, height: 420, ...options };
    const opened = await host.open<ToExtension>(size, answer);
    shown = { ...opened, received };
    return opened.page;
  }

  const rows = () => shown.page.locator('.rows .row[data-row]');
  const sent = (type: ToExtension['type']) => shown.received.filter((each) => each.type === type);

  for (const [theme, width] of [
    ['dark', 1400],
    ['light', 1400],
    ['high-contrast', 1400],
    ['dark', 700],
    ['light', 420],
  ] as const) {
    it(`shows kinds, rows and fields (${theme}, ${width} pixels wide)`, async () => {
      const page = await open(40, { theme, width });
      await rows().first().waitFor();
      await page.locator('.row', { hasText: 'HvCallSignalEvent' }).first().click();
      await page.locator('dd', { hasText: 'HvCallPostMessage' }).waitFor();
      await page.screenshot({ path: `out/screenshots/event-log-${theme}-${width}.png` });
      const wide = await page.evaluate(
        () => document.documentElement.scrollWidth <= document.documentElement.clientWidth,
      );
      assert.ok(wide, 'nothing sticks out');
    });
  }

  it('has kinds recorded on demand, and only those that are shown fetched', async () => {
    const page = await open();
    await rows().first().waitFor();
    assert.equal(sent('record').length, 0);
    const chip = page.getByRole('button', { name: 'MSR accesses' });
    assert.equal(await chip.getAttribute('aria-pressed'), 'false');
    await chip.click();
    await page.getByRole('button', { name: 'VMBus' }).click();
    await rows().first().waitFor();
    assert.deepEqual(sent('record'), [{ type: 'record', kinds: ['msrs'] }]);
    const last = sent('fetchRows').at(-1);
    assert.ok(last?.type === 'fetchRows' && !last.filter.kinds.includes('vmbus'));
  });

  it('is used with the keyboard alone', async () => {
    const page = await open();
    await rows().first().waitFor();
    await page.locator('#grid').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.locator('dd').first().waitFor();
    const selected = page.locator('.row[aria-selected="true"]');
    assert.match(
      (await selected.getAttribute('aria-label')) ?? '',
      /^Hypercall, HvCallSignalEvent/,
    );
    await page.keyboard.press('F12');
    await page.keyboard.press('g');
    await page.keyboard.press('Control+c');
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#detail').count(), 0);
    assert.equal(sent('goToInstruction').length, 1);
    assert.deepEqual(sent('goToMoment'), [
      { type: 'goToMoment', position: 1, partition: 2, processor: 1 },
    ]);
    const copied = sent('copy')[0];
    assert.match(copied?.type === 'copy' ? copied.text : '', /status +0x0 +HV_STATUS_SUCCESS/);
    await page.keyboard.press('/');
    await page.keyboard.type('vector=14');
    await page.waitForTimeout(300);
    const last = sent('fetchRows').at(-1);
    assert.ok(last?.type === 'fetchRows' && last.filter.text === 'vector=14');
  });

  it('has a row chosen as the mouse goes down: rows that come in may move it from under the mouse', async () => {
    const page = await open();
    await rows().first().waitFor();
    const row = page.locator('.row', { hasText: 'HvCallSignalEvent' }).last();
    await row.hover();
    await page.mouse.down();
    await page.locator('dd').first().waitFor();
    await page.mouse.up();
  });

  it('does not follow the newest row any more once the person scrolls, be it as the page does', async () => {
    const page = await open();
    await rows().first().waitFor();
    const tops = await page.evaluate(async () => {
      const app = document.querySelector('event-log-app') as HTMLElement & {
        readonly updateComplete: Promise<boolean>;
      };
      const grid = document.querySelector('#grid') as HTMLElement;
      const frames = async () => {
        for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
      };
      grid.scrollTop = 0;
      await frames();
      grid.dispatchEvent(new KeyboardEvent('keydown', { key: 'End' }));
      await app.updateComplete;
      const followed = grid.scrollTop;
      grid.scrollTop = 0;
      await frames();
      return { followed, after: grid.scrollTop };
    });
    assert.ok(tops.followed > 0, 'the page scrolled to the newest row');
    assert.equal(tops.after, 0, 'the person scrolled to the oldest');
  });

  it('leads to the log that has more about a row, by key, button and menu', async () => {
    const page = await open();
    await rows().first().waitFor();
    await page.locator('#grid').focus();
    for (const [key, log, kind] of [
      ['Home', 'exits', 'exits'],
      ['ArrowDown', undefined, 'hypercalls'],
    ] as const) {
      const before = sent('showRow').length;
      await page.keyboard.press(key);
      await page.keyboard.press('e');
      const context = await page.locator('#grid').getAttribute('data-vscode-context');
      assert.equal(JSON.parse(context ?? '').rowKind, kind);
      assert.equal(sent('showRow').length, before + (log === undefined ? 0 : 1));
    }
    await page.locator('.row', { hasText: 'ExecuteSrb' }).first().click();
    await page.getByRole('button', { name: /Show in VMBus Traffic/ }).click();
    assert.deepEqual(sent('showRow'), [
      { type: 'showRow', log: 'exits', id: '0.0', kind: 'exits' },
      { type: 'showRow', log: 'traffic', id: '11.0', kind: 'vmbus' },
    ]);
  });

  it('chooses a row that another log leads to, and shows its kind', async () => {
    const page = await open(40_000, { keptState: { kinds: ['exits'] } });
    await rows().first().waitFor();
    await postTo(page, { type: 'reveal', id: '30000.0', kind: 'vmbus' });
    await page.locator('.row[data-row="30000.0"][aria-selected="true"]').waitFor();
    const chip = page.getByRole('button', { name: 'VMBus' });
    assert.equal(await chip.getAttribute('aria-pressed'), 'true');
    await page.locator('dd').first().waitFor();
  });

  it('scrolls through a million rows, and no frame needs more than 50 ms of work', async () => {
    const page = await open(1_000_000);
    await rows().first().waitFor();
    const longestMs = await longestScrollTaskMs(page, 60);
    assert.ok((await rows().count()) < 60);
    assert.ok(longestMs <= 50, `a task of ${longestMs.toFixed(1)} ms`);
  });

  it('says what to do where there is nothing to show', async () => {
    const page = await open(0, {}, { state: 'none' });
    await page.getByRole('button', { name: 'Debug a Guest' }).click();
    assert.equal(sent('run').length, 1);
  });

  it('says so where no kind is chosen', async () => {
    const page = await open(0, { keptState: { kinds: [] } });
    await page.getByText('No kind is chosen').waitFor();
  });
});
