/** Where a guest's console goes: filtered text, or a terminal that the guest may draw on. */
import { ConsoleFilter } from '../debugger/console-filter';
import type { HeadlessRun } from '../debugger/headless-run';
import { NamedLines } from '../debugger/named-lines';
import { TerminalFilter } from '../debugger/terminal-filter';

/** Output of the run that belongs to the guest. */
export interface ConsoleOutput {
  readonly writeConsole: (text: string) => void;
  readonly writeConsoleBytes: (bytes: Uint8Array) => void;
}

const keptCharacters = 65_536;

/** Whether a text stands in what has come last, or begins in what came before and ends there. */
function isAtEnd(text: string, before: string, latest: string): boolean {
  const kept = text.length - 1;
  return ((kept > 0 ? before.slice(-kept) : '') + latest).includes(text);
}

export class GuestConsole {
  private readonly filters = new Map<number, ConsoleFilter>();
  private readonly terminal = new TerminalFilter();
  private readonly lines: NamedLines | undefined;
  private readonly recent = new Map<number, string>();

  /**
   * @param isInteractive a person sits in front of it: escape sequences that stay on the screen pass
   * @param awaited text to look for
   * @param keepsText {@link hasShown} will be asked
   * @param names of the guests by partition; where there are several, lines say whose they are
   */
  constructor(
    private readonly output: ConsoleOutput,
    private readonly isInteractive: boolean,
    private readonly awaited: string | undefined,
    private readonly names: ReadonlyMap<number, string>,
    private readonly keepsText: boolean,
  ) {
    if (names.size > 1) this.lines = new NamedLines();
  }

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
    const outputs = machine.takeConsole();
    if (outputs.length === 0) this.output.writeConsole(this.lines?.flush() ?? '');
    for (const { partition, bytes, droppedBytes } of outputs) {
      if (!shown) makeRoom();
      shown = true;
      const filter = this.filterOf(partition);
      const text = filter.noteLost(droppedBytes) + filter.accept(bytes, 0);
      this.write(partition, bytes, text);
      if (!this.keepsText) continue;
      const before = this.recent.get(partition) ?? '';
      this.recent.set(partition, (before + text).slice(-keptCharacters));
      if (this.awaited !== undefined) matched ||= isAtEnd(this.awaited, before, text);
    }
    return { shown, matched };
  }

  /** Whether the end of what a guest wrote has a text. */
  hasShown(text: string): boolean {
    return [...this.recent.values()].some((recent) => recent.includes(text));
  }

  /** Shows what is still held back. */
  finish(): void {
    const drawsOnTerminal = this.isInteractive && this.lines === undefined;
    if (drawsOnTerminal) return;
    for (const [partition, filter] of this.filters) {
      this.write(partition, new Uint8Array(0), filter.finish());
    }
    this.output.writeConsole(this.lines?.flush() ?? '');
  }

  /** The screen of a terminal belongs to one guest; several have to share it as lines. */
  private write(partition: number, bytes: Uint8Array, text: string): void {
    if (this.lines !== undefined) {
      const name = this.names.get(partition) ?? '';
      this.output.writeConsole(this.lines.accept(name, text));
    } else if (this.isInteractive) this.output.writeConsoleBytes(this.terminal.accept(bytes));
    else this.output.writeConsole(text);
  }

  private filterOf(partition: number): ConsoleFilter {
    let filter = this.filters.get(partition);
    if (filter === undefined) {
      filter = new ConsoleFilter({
        lineLength: 65_536,
        linesPerSecond: Number.MAX_SAFE_INTEGER,
        charactersPerSecond: Number.MAX_SAFE_INTEGER,
      });
      this.filters.set(partition, filter);
    }
    return filter;
  }
}
