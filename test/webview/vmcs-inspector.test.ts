// The VMCS Inspector's page in Chromium, on a real machine: fields, changes, comparison, edits, keyboard, themes.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { InspectedGuest, VmcsHost, type VmcsPage } from './vmcs-host';
import { pageWorkMeter, type PageOptions } from './panel-host';

const image = 'guests/hello-partition/hello-partition.elf';

describe('VMCS Inspector page', function () {
  this.timeout(60_000);
  let host: VmcsHost;
  let shown: VmcsPage;

  before(async () => {
    host = await VmcsHost.start();
  });
  after(() => host.stop());
  afterEach(async () => {
    const { violations } = shown;
    await shown.page.close();
    assert.deepEqual(violations, [], 'errors in the page, or breaches of its security policy');
  });

  /** A page of a guest at its first CPUID, after a stop at a line before. */
  async function open(options: PageOptions = {}): Promise<VmcsPage> {
    const guest = new InspectedGuest(image);
    guest.step();
    guest.runTo('exit:CPUID');
    shown = await host.open(guest, options);
    await row('VM_EXIT_REASON').waitFor();
    return shown;
  }

  const row = (id: string) => shown.page.locator(`.row[data-row="${id}"]`);
  const cell = (id: string, name: string) => row(id).locator(`.cell.${name}`);
  const guestOf = (): InspectedGuest => {
    assert(shown.guest !== undefined);
    return shown.guest;
  };

  it('shows groups, values in words and where the manual has them', async () => {
    await open();
    const titles = await shown.page.locator('.row.group .name').allInnerTexts();
    assert.equal(titles.length, 4);
    for (const [index, title] of [
      /^Exit information\s*\d changed/,
      /^Guest state\s*\d+ changed/,
      /^Controls/,
      /^Host state/,
    ].entries()) {
      assert.match(titles[index] ?? '', title);
    }
    assert.equal(await cell('VM_EXIT_REASON', 'value').innerText(), '0xa');
    assert.equal(await cell('VM_EXIT_REASON', 'meaning').innerText(), 'CPUID');
    assert.equal(await cell('VM_EXIT_REASON', 'section').innerText(), 'SDM vol. 3, 25.9.1');
    assert.match(await shown.page.locator('.holdings').innerText(), /VP 0 · Now, exit \d+, CPUID/);
  });

  it('marks what has changed since the last stop, and shows only that on demand', async () => {
    await open();
    assert.match((await row('GUEST_RIP').getAttribute('class')) ?? '', /changed/);
    assert.match(await cell('GUEST_RIP', 'before').innerText(), /^0x10/);
    assert.doesNotMatch((await row('GUEST_CR3').getAttribute('class')) ?? '', /changed/);
    await shown.page.getByRole('button', { name: /Changed only/ }).click();
    await row('GUEST_CR3').waitFor({ state: 'detached' });
    const fields = await shown.page.locator('.row.field').count();
    assert.equal(fields, await shown.page.locator('.row.field.changed').count());
    assert.ok(fields > 2);
  });

  it('needs far less than 100 ms of work to be up to date after a stop', async () => {
    await open();
    const { page } = shown;
    const rounds = 12;
    const pageWork = await pageWorkMeter(page);
    const pageCosts: number[] = [];
    const totals: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const begun = await pageWork();
      guestOf().step();
      const { value } = guestOf().control.evaluate(thread(), '$rip');
      shown.answerMs = 0;
      await shown.postSource();
      await cell('GUEST_RIP', 'value')
        .getByText(`0x${value.toString(16)}`)
        .waitFor();
      const pageMs = (await pageWork()) - begun;
      pageCosts.push(pageMs);
      totals.push(pageMs + shown.answerMs);
    }
    const least = Math.min(...totals);
    console.log(
      `      a stop costs ${least.toFixed(1)} ms of work, the page ${Math.min(...pageCosts).toFixed(1)} of them`,
    );
    // Work, as the time on the clock has what else the machine does in it; the least of the rounds, as a busy machine
    // makes the same work longer.
    assert.ok(least <= 60, `${least} ms; ${totals.join()}`);
    assert.equal((await page.locator('.row.field.changed').count()) > 0, true);
  });

  const thread = () => guestOf().control.thread(guestOf().threadId);

  it('compares with the exit before, and with any exit of the log', async () => {
    await open();
    await shown.page.getByRole('combobox').selectOption('previous-exit');
    await cell('VM_EXIT_REASON', 'before').getByText('0x1e').waitFor();
    const { rows } = guestOf().control.exits.query(0, 500, {});
    const [first, , third] = rows;
    assert(first !== undefined && third !== undefined);
    await shown.post({ type: 'showExit', exit: third.id, comparedWith: first.id });
    await cell('GUEST_RIP', 'value').getByText(third.rip, { exact: true }).waitFor();
    const chip = shown.page.getByRole('button', { name: /^At exit 3/ });
    await chip.waitFor();
    assert.equal(await shown.page.locator('.editable').count(), 0, 'the past is not edited here');
    await chip.click();
    await cell('VM_EXIT_REASON', 'value').getByText('0xa', { exact: true }).waitFor();
  });

  it('edits a field and a single bit in place, with the keyboard alone', async () => {
    await open();
    const { page } = shown;
    await page.locator('#filter-text').fill('HLT exiting');
    await row('GUEST_CR3').waitFor({ state: 'detached' });
    await page.keyboard.press('Enter');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    const bit = 'CPU_BASED_VM_EXEC_CONTROL/7:7';
    await row(bit).waitFor();
    const before = BigInt(await cell('CPU_BASED_VM_EXEC_CONTROL', 'value').innerText());
    while (
      (await shown.page.locator('.row[aria-selected="true"]').getAttribute('data-row')) !== bit
    ) {
      await page.keyboard.press('ArrowDown');
    }
    await page.keyboard.press('Space');
    await cell(bit, 'value').getByText('0x0').waitFor();
    const after = BigInt(await cell('CPU_BASED_VM_EXEC_CONTROL', 'value').innerText());
    assert.equal(after, before & ~(1n << 7n));
    await page.locator('#filter-text').fill('EXCEPTION_BITMAP');
    await page.keyboard.press('Enter');
    await row('EXCEPTION_BITMAP').click();
    await page.keyboard.press('F2');
    await page.keyboard.type('1 << 14');
    await page.keyboard.press('Enter');
    await cell('EXCEPTION_BITMAP', 'meaning').getByText('[#PF]').waitFor();
    await page.waitForFunction(() => document.activeElement?.id === 'tree');
  });

  it('says why a value is not taken, and what VM entry will refuse', async () => {
    await open();
    const { page } = shown;
    await page.locator('#filter-text').fill('GUEST_CR4');
    await row('GUEST_CR4').dblclick();
    await page.keyboard.type('nonsense');
    await page.keyboard.press('Enter');
    await page
      .getByRole('alert')
      .getByText(/no register, symbol or field/)
      .waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Enter');
    await page.keyboard.type('0');
    await page.keyboard.press('Enter');
    await page
      .getByRole('alert')
      .getByText(/exit reason 33, invalid guest state: GUEST_CR4 must have PAE set/)
      .waitFor();
  });

  it('copies what is shown as text and as JSON lines', async () => {
    await open();
    const { page, received } = shown;
    await page.locator('#filter-text').fill('VM_EXIT_REASON');
    await row('GUEST_CR3').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: /as text/ }).click();
    await page.getByRole('button', { name: /as JSON lines/ }).click();
    await page.waitForTimeout(50);
    const [text, json] = received.flatMap((each) => (each.type === 'copy' ? [each.text] : []));
    assert.match(text ?? '', /Exit information\n {2}VM_EXIT_REASON +0xa +CPUID/);
    const line = JSON.parse(json ?? '');
    assert.deepEqual([line.field, line.value, line.encoding], ['VM_EXIT_REASON', '0xa', 0x4402]);
    assert.equal(line.bits['basic exit reason'], '0xa');
  });

  it('is a tree with levels for assistive technology', async () => {
    await open();
    const tree = shown.page.getByRole('treegrid', { name: 'VMCS fields' });
    await tree.focus();
    await shown.page.keyboard.press('Home');
    const active = await tree.getAttribute('aria-activedescendant');
    const head = shown.page.locator(`#${active ?? ''}`);
    assert.equal(await head.getAttribute('aria-level'), '1');
    assert.equal(await head.getAttribute('aria-expanded'), 'true');
    await shown.page.keyboard.press('ArrowLeft');
    await row('VM_EXIT_REASON').waitFor({ state: 'detached' });
    await shown.page.keyboard.press('ArrowRight');
    await row('VM_EXIT_REASON').waitFor();
    assert.match((await row('VM_EXIT_REASON').getAttribute('aria-label')) ?? '', /0xa, CPUID/);
  });

  it('keeps the values of a running guest, dimmed, and asks once it stops', async () => {
    await open();
    const asked = () => shown.received.filter(({ type }) => type === 'fetch').length;
    const before = asked();
    shown.running = true;
    await shown.postSource();
    await shown.page.locator('.tree.stale').waitFor();
    assert.equal(asked(), before);
    shown.running = false;
    await shown.postSource();
    await shown.page.locator('.tree:not(.stale)').waitFor();
    assert.equal(asked(), before + 1);
  });

  it('takes what comes with a stop, and asks only for what does not', async () => {
    await open();
    const asked = () => shown.received.filter(({ type }) => type === 'fetch').length;
    const before = asked();
    const source = { state: 'live', key: 's1', running: false } as const;
    const stop = async (): Promise<void> => {
      guestOf().step();
      const comparedWith = 'last-stop';
      const body = guestOf().inspect({ type: 'fetch', request: 0, comparedWith });
      await shown.post({ type: 'stop', source, comparedWith, body });
      const rip = guestOf().control.evaluate(thread(), '$rip').value.toString(16);
      await cell('GUEST_RIP', 'value').getByText(`0x${rip}`).waitFor();
    };
    await stop();
    assert.equal(asked(), before);
    await shown.page.getByRole('combobox').selectOption('previous-exit');
    while (asked() === before) await shown.page.waitForTimeout(10);
    await stop();
    while (asked() === before + 1) await shown.page.waitForTimeout(10);
    assert.equal(asked(), before + 2);
  });

  it('tells a person without a session what to do', async () => {
    shown = await host.open(undefined);
    await shown.page.getByRole('button', { name: 'Debug a Guest' }).click();
    await shown.page.waitForTimeout(50);
    assert.deepEqual(shown.received.at(-1), { type: 'run', command: 'debugGuest' });
  });

  for (const theme of ['dark', 'light', 'high-contrast'] as const) {
    it(`has readable text in the ${theme} theme`, async () => {
      await open({ theme });
      await row('CPU_BASED_VM_EXEC_CONTROL').locator('.twistie').click();
      const worst = await shown.page.locator('.tree .cell').evaluateAll((cells) => {
        const luminance = (color: string): number => {
          const [r = 0, g = 0, b = 0] = (color.match(/[\d.]+/g) ?? []).map(Number);
          const linear = [r, g, b].map((c) => {
            const s = c / 255;
            return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
          });
          return 0.2126 * (linear[0] ?? 0) + 0.7152 * (linear[1] ?? 0) + 0.0722 * (linear[2] ?? 0);
        };
        const ground = luminance(getComputedStyle(document.body).backgroundColor);
        const contrasts = cells.map((each) => {
          const text = luminance(getComputedStyle(each).color);
          return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
        });
        return Math.min(...contrasts);
      });
      mkdirSync('out/screenshots', { recursive: true });
      await shown.page.screenshot({ path: `out/screenshots/vmcs-inspector-${theme}.png` });
      assert.ok(worst >= 4.5, `contrast ${worst.toFixed(2)}`);
    });
  }
});
