// A real VS Code with a copy of the sample guests, and the hands and eyes of the person in front of it.
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Browser, Frame, Locator, Page } from 'playwright-core';
import { root } from '../../scripts/vscode-host/paths.mjs';
import { startHost, type Host } from '../../scripts/vscode-host/server.mjs';
import {
  clickGutter,
  findWebview,
  openBrowser,
  paneRows,
  runCommand,
  typeIntoQuickInput,
  waitFor,
} from '../../scripts/vscode-host/workbench.mjs';

const screenshotFolder = join(root, 'out/screenshots');
const publishedFolder = join(root, 'media/screenshots');

const settings = {
  'workbench.colorTheme': 'Default Dark Modern',
  'editor.hover.delay': 100,
  // The floating tool bar would cover the tabs of this window.
  'debug.toolBarLocation': 'commandCenter',
};

export interface WorkbenchOptions {
  /** A package to install; without it the extension runs from the repository. */
  readonly vsix?: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Changes the person's copy of the sample guests before it is opened. */
  readonly prepare?: (workspace: string) => void;
}

/** A place in the window, in CSS pixels. */
interface Place {
  readonly x: number;
  readonly y: number;
}

interface Box extends Place {
  readonly width: number;
  readonly height: number;
}

export class WorkbenchSession {
  private constructor(
    private readonly host: Host,
    private readonly browser: Browser,
    readonly page: Page,
    /** Removed in the end; the workspace is in it. */
    readonly folder: string,
  ) {}

  static async open(options: WorkbenchOptions = {}): Promise<WorkbenchSession> {
    const folder = mkdtempSync(join(tmpdir(), 'hyperscope-walk-'));
    const workspace = join(folder, 'guests');
    cpSync(join(root, 'guests'), workspace, { recursive: true });
    // Fetched guests lie beside the samples, as in the repository.
    symlinkSync(join(root, '.cache'), join(folder, '.cache'));
    options.prepare?.(workspace);
    const host = await startHost({
      workspace,
      ...(options.vsix === undefined ? { developmentExtensions: [root] } : { vsix: options.vsix }),
      settings: { ...settings, ...options.settings },
    });
    const { browser, page } = await openBrowser();
    await page.goto(host.url);
    await page.locator('.monaco-workbench').waitFor();
    return new WorkbenchSession(host, browser, page, folder);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.host.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /**
   * Takes a picture into out/screenshots/. With `publish`, and UPDATE_SCREENSHOTS=1 in the environment, it also
   * replaces the one in media/screenshots/ that the README shows. `hovering` leaves the mouse where it is.
   */
  async screenshot(name: string, { publish = false, hovering = false } = {}): Promise<void> {
    if (!hovering) {
      // In the middle of the title bar nothing reacts to the mouse.
      await this.page.mouse.move(800, 2);
      await this.page.waitForTimeout(400);
    }
    // The host's terminals have no native part, of which its status item warns; a person would hide it, too.
    const stray = this.page.locator('.statusbar-item', { hasText: 'Pty Host' });
    if (publish && (await stray.isVisible()))
      await this.chooseFromMenu(stray, "Hide 'Pty Host Status'");
    const file = join(screenshotFolder, `${name}.png`);
    mkdirSync(dirname(file), { recursive: true });
    await this.page.screenshot({ path: file });
    if (!publish || process.env['UPDATE_SCREENSHOTS'] !== '1') return;
    mkdirSync(publishedFolder, { recursive: true });
    copyFileSync(file, join(publishedFolder, `${name}.png`));
  }

  /** Opens a sample in the Explorer: its folder, then its source. */
  async openSample(name: string): Promise<void> {
    await this.run('View: Show Explorer');
    const rows = this.page.locator('.explorer-folders-view .monaco-list-row');
    const folder = rows.filter({ hasText: new RegExp(`^${name}$`) }).first();
    if ((await folder.getAttribute('aria-expanded')) === 'false') await folder.click();
    await rows.filter({ hasText: `${name}.s` }).dblclick();
    await this.page.locator('.tab.active', { hasText: `${name}.s` }).waitFor();
    // Drawn by the language server: by then VS Code has also read launch.json, which F5 needs.
    await this.page.locator('.codelens-decoration', { hasText: 'Debug this guest' }).waitFor();
  }

  run(title: string): Promise<void> {
    return runCommand(this.page, title);
  }

  /** Starts a debug configuration of the workspace by its name. */
  async startConfiguration(name: string): Promise<void> {
    await this.run('View: Show Run and Debug');
    const row = this.page.locator('.quick-input-list .monaco-list-row', { hasText: name }).first();
    await waitFor(`the configuration ${name}`, async () => {
      // Until the workbench has read launch.json, the list is empty.
      await typeIntoQuickInput(this.page, 'Control+P', '');
      await typeIntoQuickInput(this.page, 'Control+P', 'debug ');
      return row.click({ timeout: 2000 }).then(
        () => true,
        () => false,
      );
    });
  }

  clickGutter(line: number): Promise<void> {
    return clickGutter(this.page, line);
  }

  webview(selector: string): Promise<Frame> {
    return findWebview(this.page, selector);
  }

  /** Opens the context menu of something in a panel, and chooses from it. */
  async chooseFromMenu(target: Locator, title: string): Promise<void> {
    const item = this.page.locator('.monaco-menu .action-item', { hasText: title });
    await waitFor(`the menu item ${title}`, async () => {
      if (!(await item.isVisible())) await target.click({ button: 'right' });
      try {
        await item.click({ timeout: 3000 });
        // A menu that has just opened takes no click, and stays.
        await item.waitFor({ state: 'hidden', timeout: 1000 });
        return true;
      } catch {
        return false;
      }
    });
  }

  pane(title: string): Locator {
    return paneRows(this.page, title);
  }

  /** Drags the edge of the side bar. */
  async widenSideBar(pixels: number): Promise<void> {
    const { x, y, width, height } = await this.boxOf('.part.sidebar');
    await this.drag({ x: x + width, y: y + height / 2 }, { x: x + width + pixels, y });
  }

  /** Drags the edge of the panel. */
  async heightenPanel(pixels: number): Promise<void> {
    const { x, y, width } = await this.boxOf('.part.panel');
    const from = { x: x + width / 2, y };
    await this.drag(from, { ...from, y: y - pixels });
  }

  /** Closes a pane of the side bar, which gives its room to the others. */
  async collapsePane(title: string): Promise<void> {
    const header = this.page.locator('.pane-header', { hasText: new RegExp(`^${title}`, 'i') });
    if ((await header.getAttribute('aria-expanded')) === 'true') await header.click();
  }

  /** Scrolls the active editor to a line and shows it in the middle. */
  async goToLine(line: number): Promise<void> {
    await typeIntoQuickInput(this.page, 'Control+G', `:${line}`);
    await this.page.keyboard.press('Enter');
    await this.page
      .locator('.editor-instance .line-numbers', { hasText: new RegExp(`^${line}$`) })
      .first()
      .waitFor();
  }

  /** Puts the mouse on a word of a visible line and waits for the hover. */
  async hoverWord(line: number, word: string): Promise<string> {
    const place = await waitFor(`${word} in line ${line}`, () =>
      this.page.evaluate(findWord, { line: String(line), word }),
    );
    const hover = this.page.locator('.monaco-editor .monaco-hover:not(.hidden)', { hasText: word });
    await waitFor(`a hover of ${word}`, async () => {
      // While the language server starts, the editor finds nothing and does not ask again by itself.
      await this.page.mouse.move(place.x, place.y + 200);
      await this.page.mouse.move(place.x - 3, place.y);
      await this.page.mouse.move(place.x, place.y);
      await this.page.waitForTimeout(1000);
      return hover.first().isVisible();
    });
    return hover.first().innerText();
  }

  /** Waits until the Call Stack says why the processor is stopped, in its header or beside a thread. */
  async waitForPause(reason: RegExp, timeoutMs?: number): Promise<void> {
    const header = this.page.locator('.pane-header', { hasText: /^Call Stack/i });
    const pane = this.page.locator('.pane', { has: header });
    await waitFor(
      `a stop that says ${String(reason)}`,
      async () => reason.test(await pane.innerText().catch(() => '')),
      timeoutMs,
    );
  }

  /** Line of the yellow arrow in the source, or undefined while it is not visible. */
  async stoppedLine(): Promise<number | undefined> {
    const glyph = this.page.locator('.codicon-debug-stackframe').first();
    const box = await glyph.boundingBox().catch(() => null);
    if (box === null) return undefined;
    for (const number of await this.page.locator('.editor-instance .line-numbers').all()) {
      const place = await number.boundingBox();
      if (place !== null && Math.abs(place.y - box.y) < 4) return Number(await number.innerText());
    }
    return undefined;
  }

  /** Texts of the rows of the disassembly that are visible. */
  disassembly(): Promise<string[]> {
    return this.page.locator('.disassembly-view .monaco-list-row').allInnerTexts();
  }

  private async boxOf(selector: string): Promise<Box> {
    const box = await this.page.locator(selector).boundingBox();
    if (box === null) throw new Error(`${selector} is not visible`);
    return box;
  }

  private async drag(from: Place, to: Place): Promise<void> {
    const { mouse } = this.page;
    await mouse.move(from.x, from.y);
    await mouse.down();
    await mouse.move(to.x, to.y, { steps: 5 });
    await mouse.up();
  }

  /** Puts the mouse into the middle of a pane, so that the wheel scrolls it. */
  private async pointAtPane(title: string): Promise<void> {
    const header = this.page.locator('.pane-header', { hasText: new RegExp(`^${title}`, 'i') });
    const box = await this.page.locator('.pane', { has: header }).boundingBox();
    if (box === null) throw new Error(`the pane ${title} is not visible`);
    await this.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  }

  /** Scrolls a pane from its top until a row with this text is drawn: long lists draw only what is visible. */
  async findRow(title: string, text: RegExp): Promise<Locator> {
    const rows = this.pane(title);
    await this.pointAtPane(title);
    await this.page.mouse.wheel(0, -100_000);
    const row = rows.filter({ hasText: text }).first();
    await waitFor(`a row of ${title} that says ${String(text)}`, async () => {
      if (await row.isVisible()) return true;
      await this.page.mouse.wheel(0, 150);
      return false;
    });
    return row;
  }

  /** Opens or closes a row of a pane's tree. Trees are drawn anew while values arrive, so this tries again. */
  async setExpanded(title: string, text: RegExp, wanted: boolean): Promise<void> {
    await waitFor(`${String(text)} to ${wanted ? 'open' : 'close'}`, async () => {
      const row = await this.findRow(title, text);
      if ((await row.getAttribute('aria-expanded')) === String(wanted)) return true;
      await row
        .locator('.monaco-tl-twistie')
        .click({ timeout: 1000 })
        .catch(() => undefined);
      await this.page.waitForTimeout(300);
      return false;
    });
  }

  /** Clicks one of the buttons that a row shows under the mouse. */
  async clickInRow(title: string, text: RegExp, button: string): Promise<void> {
    const row = await this.findRow(title, text);
    await row.hover();
    await row.getByRole('button', { name: button }).click();
  }

  /** Types into the input that has opened at the top, and leaves it open. */
  async fillInput(prompt: RegExp, text: string): Promise<void> {
    const widget = this.page.locator('.quick-input-widget', { hasText: prompt });
    await widget.locator('input.input').fill(text);
  }

  /** Chooses a row of the list that has opened at the top. */
  async choose(label: string): Promise<void> {
    await this.page.locator('.quick-input-list .monaco-list-row', { hasText: label }).click();
  }

  /** Enters a path, or another answer, into the input that has opened at the top. */
  async answerInput(prompt: RegExp, text: string): Promise<void> {
    const widget = this.page.locator('.quick-input-widget', { hasText: prompt });
    const input = widget.locator('input.input');
    await input.waitFor();
    await waitFor(`${text} to be taken`, async () => {
      // A file dialog first reads its folder, and then writes that over what has been typed.
      if ((await input.inputValue()) !== text) await input.fill(text, { timeout: 2000 });
      await this.page.waitForTimeout(1000);
      if ((await input.inputValue()) !== text) return false;
      await input.press('Enter');
      await this.page.waitForTimeout(500);
      // The next question may be in the same place.
      return !(await widget.isVisible()) || (await input.inputValue()) !== text;
    });
  }

  /** Waits until a notification says something, and takes it away. */
  async notification(text: RegExp, timeoutMs?: number): Promise<string> {
    const said = this.page.locator('.notification-toast', { hasText: text }).first();
    await said.waitFor(timeoutMs === undefined ? {} : { timeout: timeoutMs });
    const words = await said.innerText();
    await this.run('Notifications: Clear All Notifications');
    return words;
  }

  /** Brings a view of the panel to the front by its tab. */
  async showPanel(title: string): Promise<void> {
    await this.page.locator('.part.panel').getByRole('tab', { name: title }).click();
  }

  /** Removes every breakpoint, as the button of the Breakpoints view does. */
  async removeAllBreakpoints(): Promise<void> {
    const header = this.page.locator('.pane-header', { hasText: /^Breakpoints/i });
    await header.hover();
    await header.locator('[aria-label="Remove All Breakpoints"]').click();
  }

  /** Enters a function breakpoint as the person does with the + of the Breakpoints view. */
  async addFunctionBreakpoint(name: string): Promise<void> {
    const header = this.page.locator('.pane-header', { hasText: /^Breakpoints/i });
    // A pane that is closed does not show its buttons.
    if ((await header.getAttribute('aria-expanded')) === 'false') await header.click();
    await header.hover();
    await header.locator('[aria-label="Add Function Breakpoint"]').click();
    const input = this.page.locator('.debug-breakpoints .inputBoxContainer input');
    await waitFor('the input of the new breakpoint', async () => {
      // It is the last row, which the list draws only when it is scrolled into view.
      await this.pointAtPane('Breakpoints');
      await this.page.mouse.wheel(0, 2000);
      return input.isVisible();
    });
    await input.fill(name);
    await input.press('Enter');
    await this.pane('Breakpoints').filter({ hasText: name }).first().waitFor();
  }
}

/** Runs in the page: the middle of a word of a line of the active editor, or undefined while it is not drawn. */
function findWord(wanted: { line: string; word: string }): { x: number; y: number } | undefined {
  const numbers = [...document.querySelectorAll('.editor-instance .line-numbers')];
  const number = numbers.find((element) => element.textContent === wanted.line);
  const top = number?.getBoundingClientRect().top ?? NaN;
  const lines = [...document.querySelectorAll('.editor-instance .view-line')];
  const line = lines.find((element) => Math.abs(element.getBoundingClientRect().top - top) < 2);
  if (line === undefined) return undefined;
  const texts = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
    const start = node.textContent?.indexOf(wanted.word) ?? -1;
    if (start < 0) continue;
    const range = document.createRange();
    range.setStart(node, start);
    range.setEnd(node, start + wanted.word.length);
    const box = range.getBoundingClientRect();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  }
  return undefined;
}

export { waitFor };
