// The VM Exit Log's page in Chromium: rows, keyboard, roles, filters, details, hostile text, kept state.
import assert from 'node:assert/strict';
import { ExitLogHost, type ExitLogPage, type PageOptions } from './exit-log-host';
import { longestScrollTaskMs } from './panel-host';
import { hostileText, SampleLog } from './sample-exits';

describe('VM Exit Log page', function () {
  this.timeout(30_000);
  let host: ExitLogHost;
  let shown: ExitLogPage;

  before(async () => {
    host = await ExitLogHost.start();
  });
  after(() => host.stop());
  afterEach(async () => {
    const { violations } = shown;
    await shown.page.close();
    assert.deepEqual(violations, [], 'errors in the page, or breaches of its security policy');
  });

  async function open(options: PageOptions = {}): Promise<ExitLogPage> {
    shown = await host.open(options);
    return shown;
  }

  async function openWithRows(options: PageOptions = {}): Promise<ExitLogPage> {
    await open(options);
    await shown.page.locator('.rows .row[data-row]').first().waitFor();
    return shown;
  }

  const selected = () => shown.page.locator('.row[aria-selected="true"]');

  async function selectedNumber(): Promise<string> {
    return selected().locator('.number').innerText();
  }

  it('renders few of many rows and says how many there are', async () => {
    const { page } = await openWithRows();
    const grid = page.getByRole('grid', { name: 'VM exits' });
    assert.equal(await grid.getAttribute('aria-rowcount'), '100001');
    assert.ok((await page.locator('.rows .row').count()) < 60);
    assert.equal(await page.locator('.holdings').innerText(), '100,000 exits');
  });

  it('scrolls through a million rows, and no frame needs more than 50 ms of work', async () => {
    const { page } = await openWithRows({ log: new SampleLog(1_000_000) });
    const longestMs = await longestScrollTaskMs(page, 60);
    assert.ok((await page.locator('.rows .row').count()) < 60);
    assert.ok(longestMs <= 50, `a task of ${longestMs.toFixed(1)} ms`);
  });

  it('names its columns and gives every row its index', async () => {
    const { page } = await openWithRows({ log: new SampleLog(5) });
    const headers = await page.getByRole('columnheader').allInnerTexts();
    assert.deepEqual(headers, ['#', 'Time (s)', 'VP', 'Exit reason', 'Detail', 'Guest RIP']);
    const indexes = await page
      .locator('.rows .row')
      .evaluateAll((rows) => rows.map((row) => row.getAttribute('aria-rowindex')));
    assert.deepEqual(indexes, ['2', '3', '4', '5', '6']);
  });

  it('follows the newest exit until the person scrolls, and again on demand', async () => {
    const log = new SampleLog(1000);
    const { page } = await openWithRows({ log });
    await page.locator('[data-row]', { hasText: '1,000' }).waitFor();
    log.grow(500);
    await shown.post({ type: 'traceChanged' });
    await page.locator('[data-row]', { hasText: '1,500' }).waitFor();
    await page.locator('#grid').hover();
    await page.mouse.wheel(0, -2000);
    const follow = page.getByRole('button', { name: 'Follow the newest exit' });
    await page
      .locator('button[aria-pressed="false"][aria-label="Follow the newest exit"]')
      .waitFor();
    log.grow(500);
    await shown.post({ type: 'traceChanged' });
    await page.locator('.holdings', { hasText: '2,000 exits' }).waitFor();
    assert.equal(await page.locator('[data-row]', { hasText: '2,000' }).count(), 0);
    await follow.click();
    await page.locator('[data-row]', { hasText: '2,000' }).waitFor();
  });

  it('is used with the keyboard alone', async () => {
    const { page } = await openWithRows();
    await page.locator('#grid').focus();
    for (const [key, number] of [
      ['Home', '1'],
      ['ArrowDown', '2'],
      ['ArrowDown', '3'],
      ['ArrowUp', '2'],
      ['End', '100,000'],
      ['ArrowUp', '99,999'],
      ['Home', '1'],
    ] as const) {
      await page.keyboard.press(key);
      await page.locator('.row[aria-selected="true"] .number', { hasText: number }).waitFor();
      assert.equal(await selectedNumber(), number, key);
    }
    await page.keyboard.press('PageDown');
    const afterPage = Number(await selectedNumber());
    assert.ok(afterPage > 5 && afterPage < 20, `a page is some ten rows, not ${afterPage}`);
    const active = await page.locator('#grid').getAttribute('aria-activedescendant');
    assert.equal(active, await selected().getAttribute('id'));
  });

  it('shows the registers of the moment on Enter and closes them on Escape', async () => {
    const { page } = await openWithRows();
    await page.locator('#grid').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    const pane = page.getByRole('region', { name: 'Details of the chosen exit' });
    await pane.getByText('EXIT_QUALIFICATION').waitFor();
    await pane.getByText('R15').waitFor();
    await page.keyboard.press('Escape');
    await pane.waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'grid');
  });

  it('asks to go to the moment of a row: by double click, by key and by button', async () => {
    const { page, received } = await openWithRows({ log: new SampleLog(10) });
    await page.locator('.rows .row').nth(2).dblclick();
    await page.keyboard.press('g');
    await page.getByRole('button', { name: 'Go to this moment' }).click();
    await page.waitForTimeout(50);
    const asked = received.filter((message) => message.type === 'goToMoment');
    assert.equal(asked.length, 3);
    assert.deepEqual(asked[0], asked[2]);
    assert.deepEqual(asked[0], asked[1]);
  });

  it('asks to go to the instruction, and to copy, for the chosen row', async () => {
    const { page, received } = await openWithRows({ log: new SampleLog(10) });
    await page.locator('.rows .row').nth(2).click();
    await page.getByRole('button', { name: 'Go to instruction' }).click();
    await page.locator('dt', { hasText: 'RAX' }).waitFor();
    await page.getByRole('button', { name: 'Copy details as text' }).click();
    await page.waitForTimeout(50);
    const goTo = received.find((message) => message.type === 'goToInstruction');
    assert.deepEqual(goTo, { type: 'goToInstruction', address: '0x000000000010000e' });
    const copied = received.find((message) => message.type === 'copy');
    assert.match(copied?.type === 'copy' ? copied.text : '', /RAX +0x/);
  });

  it('filters by text, by reason and by processor, and clears', async () => {
    const log = new SampleLog(1000);
    const { page } = await openWithRows({ log });
    await page.getByRole('textbox').fill('HvCall');
    const expected = log.exits(0, 0, { text: 'HvCall' }).total;
    await page.locator('.holdings', { hasText: `${expected} of 1,000 exits` }).waitFor();
    await page.getByRole('textbox').fill('');
    await page.getByRole('button', { name: /^CPUID/ }).click();
    await page.locator('.holdings', { hasText: 'of 1,000' }).waitFor();
    const reasons = new Set(await page.locator('.rows .reason').allInnerTexts());
    assert.deepEqual([...reasons], ['CPUID']);
    await shown.post({ type: 'filterProcessor', partition: 9, processor: 0 });
    await page.getByText('No exit passes the filter').waitFor();
    await page.getByRole('button', { name: 'Clear Filters' }).click();
    await page.locator('.holdings').getByText('1,000 exits', { exact: true }).waitFor();
  });

  it('keeps what is typed while rows arrive', async () => {
    const log = new SampleLog(1000);
    const { page } = await openWithRows({ log });
    await page.locator('#filter-text').pressSequentially('print ', { delay: 20 });
    log.grow(3);
    await shown.post({ type: 'traceChanged' });
    await page.locator('.holdings', { hasText: 'of 1,003 exits' }).waitFor();
    assert.equal(await page.locator('#filter-text').inputValue(), 'print ');
  });

  it('shows guest-controlled text as text', async () => {
    const { page } = await openWithRows({ log: new SampleLog(10) });
    await page.getByText(hostileText, { exact: true }).first().waitFor();
    assert.equal(await page.locator('.grid img, .grid b').count(), 0);
    assert.equal(await page.evaluate(() => 'broken' in window), false);
  });

  it('says how many rows the log no longer has', async () => {
    const { page } = await openWithRows({ log: new SampleLog(1200, 200) });
    await page.getByText('1,200 exits · 200 oldest dropped').waitFor();
  });

  it('starts over when the machine restarts', async () => {
    const log = new SampleLog(1000);
    const { page } = await openWithRows({ log });
    await page.locator('.rows .row').first().click();
    const fresh = new SampleLog(7);
    log.exits = (start, count, filter) => fresh.exits(start, count, filter);
    await shown.post({ type: 'traceChanged' });
    await page.locator('.holdings').getByText('7 exits', { exact: true }).waitFor();
    assert.equal(await selected().count(), 0);
  });

  it('keeps its rows when the session ends', async () => {
    const { page } = await openWithRows({ log: new SampleLog(8) });
    await shown.post({
      type: 'source',
      followTail: true,
      source: { state: 'ended', key: 's1', name: 'Debug hello-partition', running: false },
    });
    await page.getByText('8 exits · session ended').waitFor();
    assert.equal(await page.locator('.rows .row').count(), 8);
  });

  it('tells a person without a session what to do', async () => {
    const { page, received } = await open({ source: { state: 'none' } });
    await page.getByRole('button', { name: 'Debug a Guest' }).click();
    await page.getByRole('button', { name: 'Open a Sample Guest' }).click();
    await page.waitForTimeout(50);
    assert.deepEqual(received.slice(1), [
      { type: 'run', command: 'debugGuest' },
      { type: 'run', command: 'openSampleGuest' },
    ]);
  });

  it('says that the rows of an ended session are gone', async () => {
    const { page } = await open({
      source: { state: 'ended', key: 's1', name: 'Debug hello-partition', running: false },
    });
    await page.getByText('The session has ended').waitFor();
  });

  it('restores filter and pane after it was hidden', async () => {
    const log = new SampleLog(1000);
    const expected = log.exits(0, 0, { reasons: [12] }).total;
    const { page } = await openWithRows({
      log,
      keptState: { filter: { reasons: [12], text: '' }, detailOpen: true, detailPixels: 300 },
    });
    await page.locator('.holdings', { hasText: `${expected} of 1,000 exits` }).waitFor();
    const box = await page.locator('.detail-box').boundingBox();
    assert.equal(Math.round(box?.width ?? 0), 300);
  });

  for (const theme of ['dark', 'light', 'high-contrast'] as const) {
    it(`has readable text in the ${theme} theme`, async () => {
      const { page } = await openWithRows({ theme, log: new SampleLog(10) });
      const worst = await page.locator('.rows .cell, .header .cell').evaluateAll((cells) => {
        const luminance = (color: string): number => {
          const [r = 0, g = 0, b = 0] = (color.match(/[\d.]+/g) ?? []).map(Number);
          const linear = [r, g, b].map((c) => {
            const s = c / 255;
            return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
          });
          return 0.2126 * (linear[0] ?? 0) + 0.7152 * (linear[1] ?? 0) + 0.0722 * (linear[2] ?? 0);
        };
        const ground = luminance(getComputedStyle(document.body).backgroundColor);
        const contrasts = cells.map((cell) => {
          const text = luminance(getComputedStyle(cell).color);
          return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
        });
        return Math.min(...contrasts);
      });
      assert.ok(worst >= 4.5, `contrast ${worst.toFixed(2)}`);
    });
  }
});
