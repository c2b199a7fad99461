/** The local APICs of a partition and the bus between them: who gets an interrupt message, and what it does there. */
import { deliveryMode, type InterruptRequest } from '../machine/interrupt-request';
import { shorthand as shorthands } from '../spec/x86/local-apic';
import { present } from '../support/assert';
import type { InterruptDelivery } from './interrupt-delivery';
import { prepareEntry } from './interrupt-injection';
import { isDestination } from './local-apic/destination';
import { LocalApic } from './local-apic/local-apic';
import { readCommand, writeCommand } from './local-apic/register-access';
import type { HypervisorServices } from './services';
import type { VirtualProcessor } from './virtual-processor';

/** What it needs to know of its partition. */
export interface InterruptedPartition {
  readonly id: number;
  readonly processors: readonly VirtualProcessor[];
  /** Set once the partition has ended: nothing reaches its processors then. */
  readonly end: object | undefined;
  /** Whether the synthetic interrupt controller of a processor has interrupts with this vector end by themselves. */
  isAutoEndOfInterrupt(index: number, vector: number): boolean;
  /** The APIC assist word of a processor; undefined where it has no VP assist page. */
  readAssist(index: number): number | undefined;
  writeAssist(index: number, word: number): void;
  /** An interrupt of a processor has ended. */
  interruptEnded(index: number, vector: number): void;
}

export class PartitionInterrupts implements InterruptDelivery {
  /**
   * Processors for which something may have changed in this step, each once and in this order: those of the list from
   * `settled` to `dueCount`. Every exit goes through it, so it is not made shorter. None between steps.
   */
  private readonly due: VirtualProcessor[] = [];
  private settled = 0;
  private dueCount = 0;

  constructor(
    private readonly partition: InterruptedPartition,
    private readonly services: HypervisorServices,
  ) {
    const { id, processors } = partition;
    for (const processor of processors) {
      const { index, state } = processor;
      const name = `partition ${id}, processor ${index}: local APIC`;
      const apic = new LocalApic(index, state, {
        createTimer: (onDue) =>
          services.timers.createTimer(name, (dueNs) => {
            services.trace.offer('timer-expiration', () => ({
              kind: 'timer-expiration',
              partition: id,
              processor: index,
              source: 'local APIC timer',
              timer: 0,
              dueNs,
            }));
            onDue(dueNs);
          }),
        send: (request, shorthand) => this.sendFrom(processor, request, shorthand),
        endOfLevelInterrupt: (vector) =>
          services.intercepts.post({ kind: 'apic-eoi', partition: id, processor: index, vector }),
        isAutoEndOfInterrupt: (vector) => partition.isAutoEndOfInterrupt(index, vector),
        interruptEnded: (vector) => partition.interruptEnded(index, vector),
        readAssist: () => partition.readAssist(index),
        writeAssist: (word) => partition.writeAssist(index, word),
        changed: () => this.reconsider(processor),
      });
      processor.connectApic(apic);
    }
  }

  requestInterrupt(processor: VirtualProcessor, vector: number): void {
    processor.apic.request(vector);
  }

  send(request: InterruptRequest): void {
    this.deliver(request, (processor) =>
      isDestination(processor.apic, request.destination, request.isLogical),
    );
  }

  endOfInterrupt(processor: VirtualProcessor): void {
    processor.apic.endOfInterrupt();
  }

  readTaskPriority(processor: VirtualProcessor): number {
    return processor.apic.taskPriority;
  }

  writeTaskPriority(processor: VirtualProcessor, value: number): void {
    processor.apic.taskPriority = value & 0xff;
  }

  readCommand(processor: VirtualProcessor): bigint {
    return readCommand(processor.apic);
  }

  writeCommand(processor: VirtualProcessor, value: bigint): void {
    writeCommand(processor.apic, value);
  }

  /** The output of an 8259, which is wired to the boot processor. */
  setExternalInterruptLine(asserted: boolean): void {
    present(this.partition.processors[0], 'boot processor').apic.setLint0(asserted);
  }

  /** What `processor` does at its next VM entry is to be decided again. */
  reconsider(processor: VirtualProcessor): void {
    for (let index = this.settled; index < this.dueCount; index++) {
      if (this.due[index] === processor) return;
    }
    this.due[this.dueCount++] = processor;
  }

  /**
   * Decides for every processor for which something changed what its next VM entry delivers.
   * @returns true where the parent has been asked for a vector
   */
  settle(): boolean {
    let asksParent = false;
    while (this.settled < this.dueCount) {
      const processor = present(this.due[this.settled++], 'processor to settle');
      if (this.partition.end !== undefined) continue;
      asksParent = prepareEntry(processor, this.services) || asksParent;
    }
    this.settled = 0;
    this.dueCount = 0;
    return asksParent;
  }

  /** Ends every timer: the partition has ended. */
  stop(): void {
    for (const { apic } of this.partition.processors) apic.timer.disarm();
  }

  /** Whether a processor's local APIC is enabled in IA32_APIC_BASE. */
  hasEnabledApic(processor: number): boolean {
    return this.partition.processors[processor]?.apic.isEnabled ?? false;
  }

  /** Page of a processor's registers; undefined where it has none. */
  registerPage({ apic }: VirtualProcessor): number | undefined {
    if (!apic.isEnabled || apic.isX2Apic) return undefined;
    return Number(apic.base >> 12n);
  }

  private sendFrom(source: VirtualProcessor, request: InterruptRequest, shorthand: number): void {
    switch (shorthand) {
      case shorthands.self:
        return this.deliver(request, (processor) => processor === source);
      case shorthands.all:
        return this.deliver(request, () => true);
      case shorthands.others:
        return this.deliver(request, (processor) => processor !== source);
      default:
        return this.send(request);
    }
  }

  private deliver(
    request: InterruptRequest,
    isTarget: (target: VirtualProcessor) => boolean,
  ): void {
    const targets = this.partition.processors.filter(
      (processor) => processor.apic.isEnabled && isTarget(processor),
    );
    if (request.mode === deliveryMode.lowestPriority) {
      lowestPriority(targets)?.apic.request(request.vector, request.isLevel);
      return;
    }
    for (const target of targets) signal(target, request);
  }
}

/** Among equals, the processor with the lowest number. */
function lowestPriority(targets: readonly VirtualProcessor[]): VirtualProcessor | undefined {
  let chosen: VirtualProcessor | undefined;
  for (const target of targets) {
    if (!target.apic.isSoftwareEnabled) continue;
    const isLower =
      chosen === undefined || target.apic.processorPriority < chosen.apic.processorPriority;
    if (isLower) chosen = target;
  }
  return chosen;
}

function signal({ apic }: VirtualProcessor, { mode, vector, isLevel }: InterruptRequest): void {
  switch (mode) {
    case deliveryMode.fixed:
      return apic.request(vector, isLevel);
    case deliveryMode.nmi:
      return apic.signalNmi();
    case deliveryMode.init:
      return apic.signalInit();
    case deliveryMode.startUp:
      return apic.signalStartUp(vector);
    default:
      // Lowest priority has been decided; SMI has no handler here, and ExtINT comes by LINT0 only.
      return;
  }
}
