/** Tells when disassembly that a front end has kept may be stale. */
import { pageOf } from '../machine/addresses';
import { vmcsEncoding } from '../machine/processor-state';
import type { DebuggedThread } from './debugged-machine';

const guestCr3 = vmcsEncoding('GUEST_CR3');

/** A number that is part of memory references; another one after code may have changed. */
export class CodeEpoch {
  private epoch = 1;
  /** What lay at RIP at the last stop, by partition and page. */
  private readonly contentByPage = new Map<number, string>();

  get current(): number {
    return this.epoch;
  }

  /** Code may have changed anywhere. */
  advance(): void {
    this.epoch++;
  }

  /** Another program runs. */
  startAnew(): void {
    this.epoch++;
    this.contentByPage.clear();
  }

  /** Moves on where the code at RIP of a thread is not the code that was there at the last stop. */
  noteStop(threads: readonly DebuggedThread[]): void {
    for (const thread of threads) {
      const { core } = thread.processor;
      const { memory } = thread.partition;
      const translation = core.translate(core.state.rip, 'execute');
      if (translation.kind !== 'mapped') continue;
      const page = pageOf(translation.gpa);
      const frame = memory.frameOf(page);
      const key = thread.partition.id * 2 ** 32 + page;
      const content = `${core.state.vmcs(guestCr3)}:${frame < 0 ? '' : memory.contentOf(frame)}`;
      const before = this.contentByPage.get(key);
      if (before !== undefined && before !== content) this.epoch++;
      this.contentByPage.set(key, content);
    }
  }
}
