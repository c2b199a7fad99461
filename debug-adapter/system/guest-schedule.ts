/**
 * Which guest has its turn. Guests know nothing of one another, so each has rounds of its own for its lanes: who runs
 * besides makes no difference to it. In a turn of guests each of them runs up to a common moment.
 */
import { present } from '../support/assert';
import { quantumNs, type LaneSchedule } from './lane-schedule';

const unlimited = Number.MAX_SAFE_INTEGER;

/** The saved part: place and end of the turn, and the rounds of each guest. */
export interface GuestScheduleState {
  readonly current: number;
  readonly turnEndNs: number;
  readonly rounds: readonly { readonly current: number; readonly horizonNs: number }[];
}

export class GuestSchedule {
  private current = 0;
  private endNs = 0;

  /** @param rounds of each guest; of all together where their lanes share logical processors */
  constructor(private readonly rounds: readonly LaneSchedule[]) {}

  /** Moment up to which the guest whose turn it is may run. */
  get turnEndNs(): number {
    return this.endNs;
  }

  /** The guest that runs next, or passes idle time; undefined where nothing is due in any. All are settled. */
  get next(): LaneSchedule | undefined {
    return this.inTurn() ?? (this.beginTurn() ? this.inTurn() : undefined);
  }

  /** Whether the guest that has its turn still has it at a moment of its lanes. */
  isTurnOf(rounds: LaneSchedule, ns: number): boolean {
    return this.rounds[this.current] === rounds && ns < this.endNs;
  }

  /** Makes the next turn the first: something happened to a guest that had no say in it. */
  endTurn(): void {
    this.current = this.rounds.length;
  }

  get state(): GuestScheduleState {
    const { current, endNs: turnEndNs } = this;
    return { current, turnEndNs, rounds: this.rounds.map(({ state }) => state) };
  }

  set state(saved: GuestScheduleState) {
    this.current = saved.current;
    this.endNs = saved.turnEndNs;
    this.rounds.forEach((each, index) => {
      each.state = present(saved.rounds[index], 'rounds of the guest');
    });
  }

  private inTurn(): LaneSchedule | undefined {
    for (; this.current < this.rounds.length; this.current++) {
      const rounds = this.rounds[this.current];
      if (rounds !== undefined && rounds.momentNs < this.endNs) return rounds;
    }
    return undefined;
  }

  /** A guest runs on alone until the next one has something to do. @returns false where none has */
  private beginTurn(): boolean {
    let first = Infinity;
    let second = Infinity;
    for (const { momentNs } of this.rounds) {
      if (momentNs < first) [first, second] = [momentNs, first];
      else if (momentNs < second) second = momentNs;
    }
    this.current = 0;
    this.endNs = Math.min(unlimited, Math.max(first + quantumNs, second));
    return first !== Infinity;
  }
}
