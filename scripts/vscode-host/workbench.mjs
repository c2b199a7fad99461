// Drives the workbench as a person would: palette, gutter, trees, webviews, screenshots.
import { chromium } from 'playwright-core';
import { chromiumAdvice, findChromium } from './chromium.mjs';

const browserArguments = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

/**
 * Opens a browser window without a screen.
 * @param {{ width?: number, height?: number }} [size] in CSS pixels
 */
export async function openBrowser({ width = 1600, height = 1000 } = {}) {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(`There is no Chromium. ${chromiumAdvice}`);
  const browser = await chromium.launch({ executablePath, args: browserArguments });
  const context = await browser.newContext({
    viewport: { width, height },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  return { browser, page: await context.newPage() };
}

/**
 * Waits until `probe` gives something other than undefined or false.
 * @template T
 * @param {string} what named in the error
 * @param {() => Promise<T | undefined | false>} probe
 * @param {number} [timeoutMs]
 * @returns {Promise<T>}
 */
export async function waitFor(what, probe, timeoutMs = 20_000) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** @param {string} text */
const escapeForRegExp = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/**
 * Opens the quick input by a key and types into it. A busy workbench can take the focus away and close it again: then
 * the key is pressed once more.
 * @param {import('playwright-core').Page} page
 * @param {string} key
 * @param {string} text
 */
export async function typeIntoQuickInput(page, key, text) {
  const input = page.locator('.quick-input-widget input.input');
  await waitFor(`the quick input after ${key}`, async () => {
    if (!(await input.isVisible())) await page.keyboard.press(key);
    try {
      await input.fill(text, { timeout: 3000 });
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Runs a command by its exact title in the palette. The workbench closes an open palette when
 * something else takes the focus, such as a stop that reveals an editor: it is then opened again.
 * Fails when the palette does not offer it: the title is wrong, or its `when` clause is false.
 * @param {import('playwright-core').Page} page
 * @param {string} title
 */
export async function runCommand(page, title) {
  const exact = new RegExp(`^${escapeForRegExp(title)}$`);
  const label = page.locator('.quick-input-list-label .label-name', { hasText: exact });
  const row = page.locator('.quick-input-list .monaco-list-row').filter({ has: label }).first();
  const clicked = async () => {
    await typeIntoQuickInput(page, 'F1', `>${title}`);
    try {
      await row.click({ timeout: 3000 });
      return true;
    } catch {
      return false;
    }
  };
  await waitFor(`the command ${title} in the palette`, clicked, 40_000);
}

/**
 * The frame of the webview that holds an element; several webviews can be open.
 * @param {import('playwright-core').Page} page
 * @param {string} selector
 * @returns {Promise<import('playwright-core').Frame>}
 */
export function findWebview(page, selector) {
  return waitFor(`a webview with ${selector}`, async () => {
    for (const frame of page.frames()) {
      if (!frame.url().includes('/webview/browser/pre/fake.html')) continue;
      const count = await frame
        .locator(selector)
        .count()
        .catch(() => 0);
      if (count > 0) return frame;
    }
    return undefined;
  });
}

/**
 * Clicks the gutter beside a line of the active editor, which sets or clears a breakpoint.
 * @param {import('playwright-core').Page} page
 * @param {number} line from 1; must be visible
 */
export async function clickGutter(page, line) {
  const number = page.locator('.editor-instance .line-numbers', {
    hasText: new RegExp(`^${line}$`),
  });
  const box = await number.first().boundingBox();
  if (box === null) throw new Error(`line ${line} is not visible in the editor`);
  await page.mouse.move(box.x - 12, box.y + box.height / 2);
  await page.mouse.click(box.x - 12, box.y + box.height / 2);
}

/**
 * The texts of all visible rows of a pane of the debug view.
 * @param {import('playwright-core').Page} page
 * @param {string} title `Variables`, `Call Stack`, …
 */
export function paneRows(page, title) {
  const header = page.locator('.pane-header', {
    hasText: new RegExp(`^${escapeForRegExp(title)}`, 'i'),
  });
  return page.locator('.pane', { has: header }).locator('.monaco-list-row');
}
