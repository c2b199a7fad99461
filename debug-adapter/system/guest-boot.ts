/** Puts a guest's image into its memory and its processors into their entry state: at power-on, and again at a reset. */
import type { Decompressor } from '../backends/decompressor';
import type { Partition } from '../hypervisor/partition';
import { setUpMemoryTypes } from '../hypervisor/memory-type-msrs';
import { powerOn, resetMsrs } from '../hypervisor/processor-reset';
import type { VirtualProcessor } from '../hypervisor/virtual-processor';
import { followLongMode, setUpVmcsControls } from '../hypervisor/vmcs-setup';
import { pageSizeBytes } from '../machine/addresses';
import type { GuestMemory } from '../machine/guest-memory';
import { present } from '../support/assert';
import { placePieces, type BootPlan } from './boot/boot-plan';
import { formatOf } from './boot/guest-format';
import { planGuest } from './boot/load-guest';
import { ramRanges } from './boot/memory-map';
import { enterProcessor } from './boot/processor-entry';
import type { GuestConfiguration, GuestFormat } from './machine-configuration';

/** What a guest's memory and processors begin with. */
export class GuestBoot {
  readonly format: GuestFormat;
  /** Made when it is needed: a plan holds copies of kernel and RAM disk. */
  private plan: BootPlan | undefined;

  /** @throws UserError where the image cannot be used */
  constructor(
    private readonly guest: GuestConfiguration,
    private readonly decompressor: Decompressor | undefined,
  ) {
    this.format = formatOf(guest);
    this.plan = this.makePlan();
  }

  /** Loads the guest into memory of which nothing is mapped, and processors whose state is all zero. */
  load(memory: GuestMemory, processors: readonly VirtualProcessor[]): void {
    const plan = this.plan ?? this.makePlan();
    this.plan = undefined;
    for (const { start, end } of ramRanges(this.format, this.guest.memoryBytes)) {
      memory.mapRam(start / pageSizeBytes, (end - start) / pageSizeBytes);
    }
    for (const processor of processors) {
      setUpVmcsControls(processor.state, processor.index);
      setUpMemoryTypes(processor.state);
      resetMsrs(processor.state);
      if (processor.index === 0) continue;
      powerOn(processor);
      processor.waitForStartUp();
    }
    const boot = present(processors[0], 'boot processor');
    placePieces(plan.pieces, memory);
    enterProcessor(boot.state, plan.entry);
    followLongMode(boot.state);
    boot.core.stateWasEdited();
  }

  /** As at power-on; the platform has been reset before. What the hypervisor counts goes on. */
  restart(partition: Partition): void {
    partition.reset();
    partition.memory.clear();
    for (const processor of partition.processors) processor.powerOn();
    this.load(partition.memory, partition.processors);
    this.connectInterruptController(partition);
    for (const processor of partition.processors) partition.interrupts.reconsider(processor);
  }

  /** Guests that bring their own idea of a machine find the local APIC as firmware leaves it. */
  connectInterruptController({ processors }: Partition): void {
    if (this.format !== 'sample-guest') processors[0]?.apic.enterVirtualWireMode();
  }

  private makePlan(): BootPlan {
    return planGuest(this.guest, this.format, this.decompressor);
  }
}
