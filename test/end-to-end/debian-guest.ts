// The stock Debian guest in a real VS Code, as the walks with it need it: fetched, at its shell, typed to.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/vscode-host/paths.mjs';
import { waitFor, type WorkbenchSession } from './workbench-session';

/** A boot takes seconds here, and much longer on a computer that does other things. */
export const bootTimeoutMs = 240_000;

/** Settings with which the terminal can be read. */
export const terminalSettings = {
  'terminal.integrated.gpuAcceleration': 'off',
  'window.zoomLevel': 0,
};

export const noGuestHere = 'apt-get is missing';

/** Fetches the guest; the reason where that cannot be done on this computer. */
export function fetchGuest(): string | undefined {
  try {
    execFileSync(process.execPath, [join(root, 'scripts/guest-debian.mjs')], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return existsSync('/usr/bin/apt-get') ? String(error) : noGuestHere;
  }
}

/** What is visible of the guest's terminal. */
export async function terminalText({ page }: WorkbenchSession): Promise<string> {
  return (await page.locator('.terminal .xterm-rows > div').allInnerTexts()).join('\n');
}

/** Waits, with the terminal in front, until the guest's shell asks. */
export async function waitForShell(workbench: WorkbenchSession): Promise<void> {
  await workbench.showPanel('Terminal');
  await waitFor(
    'the shell',
    async () => (await terminalText(workbench)).includes('guest:/#'),
    bootTimeoutMs,
  );
}

/** Types a line at the guest's shell; with an answer, waits until that is on the terminal. */
export async function typeToGuest(
  workbench: WorkbenchSession,
  line: string,
  answer?: RegExp,
): Promise<void> {
  await workbench.page.locator('.xterm-screen:visible').first().click();
  await workbench.page.keyboard.type(`${line}\n`);
  if (answer === undefined) return;
  await waitFor(
    `an answer to ${line}`,
    async () => answer.test(await terminalText(workbench)),
    60_000,
  );
}
