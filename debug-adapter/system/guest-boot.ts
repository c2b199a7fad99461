/** Puts a guest's image into its memory and its processors into their entry state: at power-on, and again at a reset. */
import type { Decompressor } from '../backends/decompressor';
import type { Partition } from '../hypervisor/partition';
import { createProcessor } from '../hypervisor/life-cycle/create-processor';
import type { GuestMemory } from '../machine/guest-memory';
import type { ParentPartition } from '../parent-partition/parent-partition';
import type { RegisterValue } from '../parent-partition/virtualization-stack/guest-creation';
import { placePieces, type BootPlan } from './boot/boot-plan';
import { formatOf } from './boot/guest-format';
import { planGuest } from './boot/load-guest';
import { entryRegisters } from './boot/entry-registers';
import { ramRanges, type MemoryRange } from './boot/memory-map';
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

  /** Where the guest has RAM. */
  get ram(): readonly MemoryRange[] {
    return ramRanges(this.format, this.guest.memoryBytes);
  }

  /** Loads the guest into memory that is all zero. @returns the registers with which its first processor begins */
  load(memory: GuestMemory): readonly RegisterValue[] {
    const plan = this.plan ?? this.makePlan();
    this.plan = undefined;
    placePieces(plan, memory);
    return entryRegisters(plan.entry);
  }

  /** As at power-on; the platform has been reset before. What the hypervisor counts goes on. */
  restart(partition: Partition, parent: ParentPartition): void {
    partition.reset();
    partition.clearMemory();
    for (const processor of partition.processors) {
      processor.powerOn();
      createProcessor(processor);
      processor.suspend('explicit', true);
    }
    parent.enterGuest(partition.id, this.load(partition.memory));
    this.connectInterruptController(partition);
    for (const processor of partition.processors) partition.interrupts.reconsider(processor);
    parent.startGuest(partition.id);
  }

  /** Guests that bring their own idea of a machine find the local APIC as firmware leaves it. */
  connectInterruptController({ processors }: Partition): void {
    if (this.format !== 'sample-guest') processors[0]?.apic.enterVirtualWireMode();
  }

  private makePlan(): BootPlan {
    return planGuest(this.guest, this.format, this.decompressor);
  }
}
