/** What the hypervisor keeps for the synthetic MSRs of one partition and its processors. */
import { pageSizeBytes } from '../../machine/addresses';
import { rightRead, rightWrite, type GuestMemory } from '../../machine/guest-memory';
import type { SavedPart } from '../../machine/saved-part';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { vpAssistPage } from '../../spec/tlfs/vp-assist-page';
import { present } from '../../support/assert';
import { readNumber, writeField } from '../../support/struct-layout';
import { CrashRegisters } from './crash-registers';
import { OverlayPages, type OverlayListener } from './overlay-pages';
import { overlayOwner, OverlayRegister } from './overlay-register';
import { referenceTscPage } from './reference-time';
import {
  SyntheticInterruptController,
  type SynicWires,
} from '../synic/synthetic-interrupt-controller';
import type { SyntheticTimer } from './synthetic-timer';

const version = 3;

/** Of one virtual processor. */
export interface ProcessorSyntheticState {
  /** HV_X64_MSR_VP_ASSIST_PAGE; the page is zero when it is laid there. */
  readonly assistPage: OverlayRegister;
  readonly synic: SyntheticInterruptController;
}

/** Makes the timers of processor `index`; a timer is told by its number what it does when it is due. */
export type MakeTimers = (index: number) => readonly SyntheticTimer[];

export class SyntheticState implements SavedPart {
  readonly overlays: OverlayPages;
  readonly referenceTsc: OverlayRegister;
  readonly crash = new CrashRegisters();
  readonly processors: readonly ProcessorSyntheticState[];
  /** HV_X64_MSR_TSC_INVARIANT_CONTROL. */
  tscInvariantControl = 0n;

  private timers: readonly (readonly SyntheticTimer[])[] = [];

  constructor(
    private readonly memory: GuestMemory,
    processorCount: number,
    wires: SynicWires & { readonly overlayChanged: OverlayListener },
  ) {
    this.overlays = new OverlayPages(memory, wires.overlayChanged);
    this.referenceTsc = new OverlayRegister(this.overlays, {
      owner: overlayOwner.referenceTsc,
      contents: referenceTscPage,
      rights: rightRead,
    });
    this.processors = Array.from({ length: processorCount }, (_, index) => ({
      assistPage: new OverlayRegister(this.overlays, {
        owner: overlayOwner.vpAssist + index,
        contents: () => new Uint8Array(pageSizeBytes),
        rights: rightRead | rightWrite,
      }),
      synic: new SyntheticInterruptController(index, memory, this.overlays, wires),
    }));
  }

  /** Joins it to the machine's timers. */
  connect(makeTimers: MakeTimers): void {
    this.timers = this.processors.map((_, index) => makeTimers(index));
  }

  /** Timers of a processor, HV_X64_MSR_STIMER0 to 3; there once connected. */
  timersOf(index: number): readonly SyntheticTimer[] {
    return present(this.timers[index], 'synthetic timers');
  }

  /** The synthetic interrupt controller of a processor. */
  synicOf(index: number): SyntheticInterruptController {
    return present(this.processors[index], 'synthetic state of the processor').synic;
  }

  /** The APIC assist word of a processor; undefined where its VP assist page is not seen. */
  readAssist(index: number): number | undefined {
    const gpa = this.assistGpa(index);
    if (gpa === undefined) return undefined;
    const bytes = present(this.memory.read(gpa, vpAssistPage.sizeBytes), 'VP assist page');
    return readNumber(vpAssistPage, bytes, 'ApicAssist');
  }

  writeAssist(index: number, word: number): void {
    const gpa = present(this.assistGpa(index), 'VP assist page');
    const bytes = new Uint8Array(vpAssistPage.sizeBytes);
    writeField(vpAssistPage, bytes, 'ApicAssist', BigInt(word));
    this.memory.write(gpa, bytes);
  }

  private assistGpa(index: number): number | undefined {
    const page = present(this.processors[index], 'synthetic state of the processor').assistPage
      .seenPage;
    return page === undefined ? undefined : page * pageSizeBytes;
  }

  /** Stops every timer: the partition has ended. */
  stop(): void {
    for (const timer of this.timers.flat()) timer.stop();
  }

  reset(): void {
    for (const timer of this.timers.flat()) timer.reset();
    this.referenceTsc.write(0n);
    this.crash.restore([]);
    this.tscInvariantControl = 0n;
    for (const { assistPage, synic } of this.processors) {
      assistPage.write(0n);
      synic.reset();
    }
  }

  save(): StateNode {
    return {
      version,
      referenceTsc: this.referenceTsc.value,
      tscInvariantControl: this.tscInvariantControl,
      crash: this.crash.parameters.map((value) => ({ value })),
      processors: this.processors.map(({ assistPage, synic }, index) => ({
        assistPage: assistPage.value,
        synic: synic.save(),
        timers: (this.timers[index] ?? []).map((timer) => timer.save()),
      })),
    };
  }

  /** The memory has been restored before; the hypercall register adopts its page itself. */
  restore(record: StateRecord): void {
    record.expectVersion(version);
    this.overlays.forget();
    this.referenceTsc.restore(record.bigint('referenceTsc'));
    this.tscInvariantControl = record.bigint('tscInvariantControl');
    this.crash.restore(record.records('crash').map((parameter) => parameter.bigint('value')));
    const saved = record.records('processors');
    this.processors.forEach(({ assistPage, synic }, index) => {
      const processor = saved[index];
      if (processor === undefined) return;
      assistPage.restore(processor.bigint('assistPage'));
      synic.restore(processor.record('synic'));
      processor.records('timers').forEach((timer, n) => this.timers[index]?.[n]?.restore(timer));
    });
  }
}
