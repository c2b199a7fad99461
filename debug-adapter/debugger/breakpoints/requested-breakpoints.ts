/** What a person asked to stop at, kept beside what it came to: resolved anew when programs change or move. */
import type { GuestPrograms } from '../guest-programs';
import type { Breakpoint, BreakpointTarget } from './breakpoint';
import type { BreakpointOptions } from './breakpoint-gate';
import {
  parseGate,
  type BreakpointOwner,
  type BreakpointSet,
  type WantedBreakpoint,
} from './breakpoint-set';
import { readNamedText, resolveNamedBreakpoint } from './named-breakpoint';
import { resolveSourceBreakpoint } from './source-breakpoint';

/** What is wrong with a breakpoint, empty where nothing is, and what its condition may name. */
export interface CheckedBreakpoint {
  readonly problem: string;
  readonly fieldNames: readonly string[];
}

/** The lists of breakpoints that a person set, by where they were set. Outlives restarts of the machine. */
export class RequestedBreakpoints {
  private readonly resolvers = new Map<BreakpointOwner, () => readonly WantedBreakpoint[]>();

  /** @param programs the programs of the present machine */
  constructor(
    private readonly set: BreakpointSet,
    private readonly programs: () => GuestPrograms,
  ) {}

  /** Replaces the breakpoints of a local source file. */
  setInSource(
    path: string,
    wanted: readonly { readonly line: number; readonly options: BreakpointOptions }[],
  ): readonly Breakpoint[] {
    return this.replace(`source:${path}`, () =>
      wanted.map(({ line, options }) => ({
        target: this.programs().resolve(({ symbols, sources }) =>
          resolveSourceBreakpoint(path, line, symbols, sources),
        ),
        options,
      })),
    );
  }

  /** Replaces the breakpoints on instructions. */
  setOnInstructions(wanted: readonly WantedBreakpoint[]): readonly Breakpoint[] {
    return this.replace('instruction', () => wanted);
  }

  /** Replaces the breakpoints on symbols and on events of the hypervisor. */
  setNamed(
    wanted: readonly { readonly name: string; readonly options: BreakpointOptions }[],
  ): readonly Breakpoint[] {
    return this.replace('named', () =>
      wanted.map((row) => {
        const { name, logMessage = row.options.logMessage } = readNamedText(row.name);
        return { target: this.resolveNamed(name), options: { ...row.options, logMessage } };
      }),
    );
  }

  /** What {@link setNamed} would make of a breakpoint, without setting it. */
  check(name: string, options: BreakpointOptions): CheckedBreakpoint {
    const target = this.resolveNamed(readNamedText(name).name);
    if (target.kind === 'none') return { problem: target.message, fieldNames: [] };
    const gate = parseGate(target, options, (symbol) => this.isSymbol(symbol));
    return {
      problem: typeof gate === 'string' ? gate : '',
      fieldNames: target.kind === 'event' ? target.fieldNames : [],
    };
  }

  /** Every breakpoint, with the local source file that it was set in, if it was. */
  get all(): readonly { readonly path: string | undefined; readonly breakpoint: Breakpoint }[] {
    return this.set.all.map(({ owner, breakpoint }) => ({
      path: owner.startsWith('source:') ? owner.slice('source:'.length) : undefined,
      breakpoint,
    }));
  }

  /** Lines of a local file that have code, ascending; empty where none comes from it. */
  linesWithCode(path: string): readonly number[] {
    const lines = new Set<number>();
    for (const { program } of this.programs().all) {
      const recorded = program.sources.recordedOf(path);
      if (recorded === undefined) continue;
      for (const line of program.symbols.linesOf(recorded)) lines.add(line);
    }
    return [...lines].sort((a, b) => a - b);
  }

  /** Resolves every breakpoint anew: another program runs, or the program runs elsewhere. */
  resolveAgain(): void {
    for (const [owner, resolve] of this.resolvers) {
      this.set.retarget(
        owner,
        resolve().map(({ target }) => target),
      );
    }
  }

  private resolveNamed(name: string): BreakpointTarget {
    return this.programs().resolve(({ symbols }) => resolveNamedBreakpoint(name, symbols));
  }

  private isSymbol(name: string): boolean {
    return this.programs().all.some(({ symbols }) => symbols.addressOf(name) !== undefined);
  }

  private replace(
    owner: BreakpointOwner,
    resolve: () => readonly WantedBreakpoint[],
  ): readonly Breakpoint[] {
    this.resolvers.set(owner, resolve);
    return this.set.replace(owner, resolve(), (name) => this.isSymbol(name));
  }
}
