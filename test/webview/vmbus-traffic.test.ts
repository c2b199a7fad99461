// The page of VMBus Traffic in Chromium: ladder, channels, tree and bytes, filters, keyboard, roles, many rows.
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import type { LogSource } from '../../src/panels/log-messages';
import type { ToExtension, ToPage } from '../../src/panels/vmbus-traffic/traffic-messages';
import {
  longestScrollTaskMs,
  PanelHost,
  pageWorkMeter,
  postTo,
  type PageOptions,
} from './panel-host';
import { conversation, EndlessTraffic, type TrafficSample } from './sample-traffic';

const live: LogSource = { state: 'live', key: 's1', name: 'Debug debian', running: false };

interface Opened {
  readonly page: Page;
  readonly received: readonly ToExtension[];
  readonly violations: readonly string[];
  post(message: ToPage): Promise<void>;
}

describe('VMBus Traffic page', function () {
  this.timeout(60_000);
  let host: PanelHost;
  let shown: Opened;

  before(async () => {
    host = await PanelHost.start('vmbus-traffic', 'vmbus-traffic-app');
  });
  after(() => host.stop());
  afterEach(async () => {
    const { violations } = shown;
    await shown.page.close();
    assert.deepEqual(violations, [], 'errors in the page, or breaches of its security policy');
  });

  async function open(
    sample: TrafficSample = conversation(40),
    options: PageOptions = {},
    source: LogSource = live,
  ): Promise<Opened> {
    const received: ToExtension[] = [];
    const answer = async (message: ToExtension, page: Page): Promise<void> => {
      received.push(message);
      const post = (answered: ToPage): Promise<void> => postTo(page, answered);
      switch (message.type) {
        case 'ready':
          return post({ type: 'source', source });
        case 'fetchRows': {
          const { request, start, count, filter } = message;
          return post({ type: 'rows', request, body: sample.query(start, count, filter) });
        }
        case 'fetchPlace': {
          const { request, id, filter } = message;
          return post({ type: 'place', request, body: sample.place(id, filter) });
        }
        case 'fetchBuses':
          return post({ type: 'buses', request: message.request, body: sample.buses() });
        case 'fetchDetail': {
          const { request, id } = message;
          const body = sample.detail(id);
          return body === undefined
            ? post({ type: 'failed', request, message: 'not kept' })
            : post({ type: 'detail', request, body });
        }
        default:
      }
    };
    const { page, violations } = await host.open<ToExtension>(
      { width: 1600, height: 480, ...options },
      answer,
    );
    shown = { page, received, violations, post: (message) => postTo(page, message) };
    return shown;
  }

  const rows = () => shown.page.locator('.rows .row[data-row]');

  async function openWithRows(sample?: TrafficSample, options?: PageOptions): Promise<Page> {
    await open(sample, options);
    await rows().first().waitFor();
    return shown.page;
  }

  for (const theme of ['dark', 'light'] as const) {
    it(`shows the ladder, the channels and a row in full (${theme})`, async () => {
      const page = await openWithRows(undefined, { theme });
      await page.locator('[data-row="12.0"]').waitFor({ state: 'detached' });
      await page.locator('#grid').focus();
      await page.keyboard.press('Home');
      await page.locator('.row', { hasText: 'ExecuteSrb completion' }).first().click();
      const tree = page.getByRole('tree', { name: 'Fields' });
      const length = tree.getByRole('treeitem', { name: /^DataTransferLength 1024/ });
      await length.hover();
      assert.equal(await page.locator('.bytes b.on').count(), 4);
      assert.match(await page.locator('.detail-pane').innerText(), /Answers\s+ExecuteSrb\s+after/);
      await page.screenshot({ path: `out/screenshots/vmbus-traffic-${theme}.png` });
    });
  }

  it('goes through the fields by keys from one stop of Tab, and to the field of a byte', async () => {
    const page = await openWithRows();
    await page.locator('#grid').focus();
    await page.keyboard.press('Home');
    await page.locator('.row', { hasText: 'ExecuteSrb completion' }).first().click();
    const fields = page.getByRole('tree', { name: 'Fields' });
    await fields.locator('.node').first().waitFor();
    assert.equal(await fields.locator('.node[tabindex="0"]').count(), 1);
    await fields.locator('.node[tabindex="0"]').focus();
    await page.keyboard.press('End');
    const last = await fields.locator('.node').last().innerText();
    assert.equal(await fields.locator('.node:focus').innerText(), last);
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    assert.equal(await fields.locator('.node').nth(1).getAttribute('tabindex'), '0');
    await page.locator('.bytes b[data-at="40"]').click();
    await fields.locator('.node.marked').filter({ hasText: 'DataTransferLength' }).waitFor();
  });

  it('goes from an answer to its request and back, whatever is filtered', async () => {
    const page = await openWithRows();
    await page.locator('#filter-text').fill('completion');
    await page.locator('.holdings', { hasText: / of / }).waitFor();
    await page.locator('.row', { hasText: 'ExecuteSrb completion' }).first().click();
    const id = await page.locator('.row[aria-selected="true"]').getAttribute('data-row');
    await page.getByRole('button', { name: 'ExecuteSrb', exact: true }).click();
    await page.locator('.row[aria-selected="true"]', { hasText: /ExecuteSrb\s/ }).waitFor();
    await page.getByRole('button', { name: 'ExecuteSrb completion', exact: true }).click();
    await page.locator(`.row[data-row="${id}"][aria-selected="true"]`).waitFor();
    assert.equal(shown.received.filter(({ type }) => type === 'goToMoment').length, 0);
  });

  it('says what the channels wait for, and restricts the rows to one', async () => {
    const page = await openWithRows();
    const channel = page.getByRole('button', {
      name: /Channel 6, SCSI controller, open.*Ring to guest: /,
    });
    assert.match(await channel.innerText(), /SCSI controller/);
    await channel.click();
    const strip = page.locator('.silence');
    await strip.filter({ hasText: 'without an answer of the parent' }).waitFor();
    await page.locator('.holdings', { hasText: 'of' }).waitFor();
    await channel.click();
    await page.getByRole('button', { name: 'Bus messages' }).click();
    await page.locator('.row', { hasText: 'AllOffersDelivered' }).waitFor();
    assert.equal(await page.locator('.rows .vmbus-packet').count(), 0);
  });

  it('filters by words, fields and kinds', async () => {
    const page = await openWithRows(conversation(2000));
    await page.locator('#filter-text').fill('completion DataTransferLength>8000');
    await page.locator('.holdings', { hasText: ' of ' }).waitFor();
    const facts = await page.locator('.rows .row .facts').allInnerTexts();
    assert.ok(facts.length > 0 && facts.every((text) => text.includes('DataTransferLength=8192')));
    await page.getByRole('button', { name: 'Clear', exact: true }).click();
    await page.getByRole('button', { name: 'Signals' }).click();
    await page.locator('.row.vmbus-signal').first().waitFor();
    assert.equal(await page.locator('.rows .vmbus-packet').count(), 0);
  });

  it('is used with the keyboard alone', async () => {
    const page = await openWithRows();
    await page.locator('#grid').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('tree').waitFor();
    const selected = page.locator('.row[aria-selected="true"]');
    assert.match((await selected.getAttribute('aria-label')) ?? '', /^Message VersionResponse/);
    await page.keyboard.press('g');
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#detail').count(), 0);
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'filter-text');
    const moment = shown.received.find(({ type }) => type === 'goToMoment');
    assert.deepEqual(moment, { type: 'goToMoment', position: 2, partition: 2, processor: 0 });
  });

  it('leads to the Event Log by key, button and menu', async () => {
    const page = await openWithRows();
    await page.locator('#grid').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('e');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: /Show in the Event Log/ }).click();
    const wishes = shown.received.filter(({ type }) => type === 'showRow');
    const wish = { type: 'showRow', log: 'events', id: '1.0', kind: 'vmbus' };
    assert.deepEqual(wishes, [wish, wish]);
    // VS Code takes what its menus say from here; the keyboard opens that of the grid, for the chosen row.
    const menu = { webviewSection: 'row', rowId: '1.0', rowKind: 'vmbus' };
    for (const place of ['#grid', '.row[aria-selected="true"]']) {
      const context = await page.locator(place).getAttribute('data-vscode-context');
      assert.deepEqual(JSON.parse(context ?? ''), {
        ...menu,
        preventDefaultContextMenuItems: true,
      });
    }
  });

  for (const [where, id, text] of [
    ['passes the filter', '10.0', 'ExecuteSrb'],
    ['does not pass it', '10.0', 'nowhere'],
    ['is far away', '7000.0', ''],
  ] as const) {
    it(`chooses a row that another log leads to, and that ${where}`, async () => {
      const page = await openWithRows(conversation(2000));
      if (text !== '') await page.locator('#filter-text').fill(text);
      if (text === 'nowhere') await page.getByText('Nothing passes the filter').waitFor();
      else if (text !== '') await page.locator('.holdings', { hasText: ' of ' }).waitFor();
      await shown.post({ type: 'reveal', id });
      await page.locator(`.row[data-row="${id}"][aria-selected="true"]`).waitFor();
      await page.getByRole('tree', { name: 'Fields' }).waitFor();
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'grid');
      const kept = text === 'nowhere' ? '' : text;
      assert.equal(await page.locator('#filter-text').inputValue(), kept);
    });
  }

  it('says so where a row is no longer kept', async () => {
    const page = await openWithRows();
    await page.locator('#grid').focus();
    await page.keyboard.press('Home');
    await shown.post({ type: 'reveal', id: '99999.0' });
    await page.getByRole('alert').filter({ hasText: 'no longer kept' }).waitFor();
  });

  it('has the roles and names of a grid', async () => {
    const page = await openWithRows();
    const grid = page.getByRole('grid', { name: 'VMBus traffic' });
    assert.equal(await grid.getAttribute('aria-rowcount'), String(9 + 40 * 4 - 4 + 1));
    const headers = await page.getByRole('columnheader').allInnerTexts();
    assert.equal(headers.length, 6);
    assert.deepEqual(headers.slice(2), ['Channel', 'What', 'Fields', 'Latency']);
  });

  it('scrolls through a million rows, and no frame needs more than 50 ms of work', async () => {
    const page = await openWithRows(new EndlessTraffic(1_000_000));
    const longestMs = await longestScrollTaskMs(page, 60);
    assert.ok((await rows().count()) < 60);
    assert.ok(longestMs <= 50, `a task of ${longestMs.toFixed(1)} ms`);
  });

  it('reads what has changed after a stop', async () => {
    const sample = new EndlessTraffic(1000);
    const page = await openWithRows(sample);
    sample.recorded = 1100;
    const work = await pageWorkMeter(page);
    const before = await work();
    await shown.post({ type: 'traceChanged' });
    await page.locator('.holdings', { hasText: '1,100 rows' }).waitFor();
    const workMs = (await work()) - before;
    // What the adapter does for a stop is measured by test/oracles/traffic-speed.ts: 3 ms with a full log.
    assert.ok(workMs <= 90, `${workMs.toFixed(1)} ms of work`);
    await page.locator('.row', { hasText: 'Row=1099' }).waitFor();
  });

  it('says what to do where there is nothing to show', async () => {
    await open(new EndlessTraffic(0), {}, { state: 'none' });
    await shown.page.getByRole('button', { name: 'Debug a Guest' }).click();
    assert.ok(shown.received.some(({ type }) => type === 'run'));
  });

  it('says why nothing crossed, and how to stop where something does', async () => {
    await open(new EndlessTraffic(0));
    await shown.page.getByText('set a breakpoint on vmbus:InitiateContact').waitFor();
  });
});
