/** All breakpoints of a session, by where the person set them, and what they come to in the machine. */
import type { TraceEvent } from '../../machine/trace';
import type { EvaluationContext } from '../expressions/evaluate';
import { meansPlace, noTarget, type Breakpoint, type BreakpointTarget } from './breakpoint';
import { BreakpointGate, type BreakpointOptions } from './breakpoint-gate';

/** What the breakpoints at one place or event decided. */
export interface BreakpointVerdict {
  /** Ids of those that stop; empty where none does. */
  readonly stopped: readonly number[];
  readonly titles: readonly string[];
  readonly notes: readonly string[];
  readonly logs: readonly BreakpointLog[];
}

/** Text of a log message, and the breakpoint that it is of. */
export interface BreakpointLog {
  readonly id: number;
  readonly text: string;
}

/** How hits are judged: as they happen, or searched for in the past. */
export type HitMode = 'running' | 'searching';

/** Where a list of breakpoints came from; setting a list replaces the former one of the same owner. */
export type BreakpointOwner = `source:${string}` | 'instruction' | 'named';

/** A breakpoint whose place or event is known. */
export interface WantedBreakpoint {
  readonly target: BreakpointTarget;
  readonly options: BreakpointOptions;
}

/**
 * The conditions of a breakpoint; an event's may name its fields.
 * @returns what is wrong with the options, where something is
 */
export function parseGate(
  target: BreakpointTarget,
  options: BreakpointOptions,
  isSymbol: (name: string) => boolean,
): BreakpointGate | string {
  return BreakpointGate.parse(
    options,
    target.kind === 'event' ? { ...target, isSymbol } : undefined,
  );
}

/** The breakpoints of one session. Outlives restarts of the machine. */
export class BreakpointSet {
  private readonly byOwner = new Map<BreakpointOwner, readonly Breakpoint[]>();
  private byAddress = new Map<bigint, Breakpoint[]>();
  private byEvent = new Map<TraceEvent['kind'], Breakpoint[]>();
  private watched: ReadonlySet<TraceEvent['kind']> = new Set();
  private nextId = 1;
  /** Ids of breakpoints whose options are wrong. */
  private readonly refused = new Set<number>();

  /**
   * Replaces the breakpoints of `owner`; options that are wrong make a breakpoint without target.
   * @param isSymbol whether the program has a symbol that a condition may name
   */
  replace(
    owner: BreakpointOwner,
    wanted: readonly WantedBreakpoint[],
    isSymbol: (name: string) => boolean,
  ): readonly Breakpoint[] {
    const created = wanted.map(({ target, options }) => this.create(target, options, isSymbol));
    this.byOwner.set(owner, created);
    this.index();
    return created;
  }

  /** Gives the breakpoints of `owner` new targets, in their order; ids and what a person added stay. */
  retarget(owner: BreakpointOwner, targets: readonly BreakpointTarget[]): void {
    const list = this.byOwner.get(owner) ?? [];
    const moved = list.map((breakpoint, index) => {
      const target = targets[index];
      // What was refused for its options stays refused, whatever the program.
      const isFixed = target === undefined || this.refused.has(breakpoint.id);
      return isFixed ? breakpoint : { ...breakpoint, target };
    });
    this.byOwner.set(owner, moved);
    this.index();
  }

  /** Every breakpoint with its owner. */
  get all(): readonly { readonly owner: BreakpointOwner; readonly breakpoint: Breakpoint }[] {
    return [...this.byOwner].flatMap(([owner, list]) =>
      list.map((breakpoint) => ({ owner, breakpoint })),
    );
  }

  /** Linear addresses at which processors must stop. */
  get addresses(): ReadonlySet<bigint> {
    return new Set(this.byAddress.keys());
  }

  /** Kinds of event that some breakpoint waits for. */
  get watchedKinds(): ReadonlySet<TraceEvent['kind']> {
    return this.watched;
  }

  /** Asks the breakpoints at `address` in a partition. */
  reachedAddress(
    partition: number,
    address: bigint,
    context: EvaluationContext,
    mode: HitMode = 'running',
  ): BreakpointVerdict {
    const here = this.byAddress.get(address) ?? [];
    const meant = here.filter(({ target }) => meansPlace(target, partition, address));
    return decide(meant, context, mode);
  }

  /** Asks the breakpoints that wait for `event`; `context` is made only where one does. */
  reachedEvent(
    event: TraceEvent,
    context: (event: TraceEvent) => EvaluationContext,
    mode: HitMode = 'running',
  ): BreakpointVerdict | undefined {
    const reached = (this.byEvent.get(event.kind) ?? []).filter(
      ({ target }) => target.kind === 'event' && target.matches(event),
    );
    return reached.length === 0 ? undefined : decide(reached, context(event), mode);
  }

  /** Starts all hit counts again. */
  resetCounts(): void {
    for (const list of this.byOwner.values()) for (const { gate } of list) gate.reset();
  }

  private create(
    target: BreakpointTarget,
    options: BreakpointOptions,
    isSymbol: (name: string) => boolean,
  ): Breakpoint {
    const id = this.nextId++;
    const gate = parseGate(target, options, isSymbol);
    // What is wrong with the place is told before what is wrong with the condition.
    if (typeof gate !== 'string') return { id, target, gate };
    this.refused.add(id);
    const told = target.kind === 'none' ? target : noTarget(gate);
    return { id, target: told, gate: BreakpointGate.open() };
  }

  private index(): void {
    const byAddress = new Map<bigint, Breakpoint[]>();
    const byEvent = new Map<TraceEvent['kind'], Breakpoint[]>();
    for (const list of this.byOwner.values()) {
      for (const breakpoint of list) {
        const { target } = breakpoint;
        if (target.kind === 'event') {
          byEvent.set(target.on, [...(byEvent.get(target.on) ?? []), breakpoint]);
        }
        if (target.kind !== 'code') continue;
        for (const address of target.addresses) {
          byAddress.set(address, [...(byAddress.get(address) ?? []), breakpoint]);
        }
      }
    }
    this.byAddress = byAddress;
    this.byEvent = byEvent;
    this.watched = new Set(byEvent.keys());
  }
}

function decide(
  reached: readonly Breakpoint[],
  context: EvaluationContext,
  mode: HitMode,
): BreakpointVerdict {
  const stopped: number[] = [];
  const titles: string[] = [];
  const notes: string[] = [];
  const logs: BreakpointLog[] = [];
  for (const { id, gate, target } of reached) {
    const decision = mode === 'running' ? gate.decide(context) : gate.decideInPast(context);
    if (decision.kind === 'log') logs.push({ id, text: decision.text });
    if (decision.kind !== 'stop') continue;
    stopped.push(id);
    if (target.kind === 'event') titles.push(target.title);
    if (decision.note !== undefined) notes.push(decision.note);
  }
  return { stopped, titles, notes, logs };
}
