/** Where a guest's console goes: filtered text, or a terminal that the guest may draw on. */
import { ConsoleFilter } from '../debugger/console-filter';
import type { HeadlessRun } from '../debugger/headless-run';
import { TerminalFilter } from '../debugger/terminal-filter';

/** Output of the run that belongs to the guest. */
export interface ConsoleOutput {
  readonly writeConsole: (text: string) => void;
  readonly writeConsoleBytes: (bytes: Uint8Array) => void;
}

const keptCharacters = 65_536;

export class GuestConsole {
  private readonly text = new ConsoleFilter({
    lineLength: 65_536,
    linesPerSecond: Number.MAX_SAFE_INTEGER,
    charactersPerSecond: Number.MAX_SAFE_INTEGER,
  });
  private readonly terminal = new TerminalFilter();
  private recent = '';

  /**
   * @param isInteractive a person sits in front of it: escape sequences that stay on the screen pass
   * @param awaited text to look for
   */
  constructor(
    private readonly output: ConsoleOutput,
    private readonly isInteractive: boolean,
    private readonly awaited: string | undefined,
  ) {}

  /**
   * Shows what has come; says whether there was any, and whether the awaited text was in it.
   * @param makeRoom called before anything is written
   */
  show(
    machine: HeadlessRun,
    makeRoom: () => void,
  ): { readonly shown: boolean; readonly matched: boolean } {
    let matched = false;
    let shown = false;
    for (const { bytes, droppedBytes } of machine.takeConsole()) {
      if (!shown) makeRoom();
      shown = true;
      const text = this.text.noteLost(droppedBytes) + this.text.accept(bytes, 0);
      if (this.isInteractive) this.output.writeConsoleBytes(this.terminal.accept(bytes));
      else this.output.writeConsole(text);
      if (this.awaited === undefined) continue;
      this.recent = (this.recent + text).slice(-keptCharacters);
      matched ||= this.recent.includes(this.awaited);
    }
    return { shown, matched };
  }

  /** Shows what is still held back. */
  finish(): void {
    if (!this.isInteractive) this.output.writeConsole(this.text.finish());
  }
}
