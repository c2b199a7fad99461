/** The hypervisor: partitions, the handling of their exits, and what a parent may do to its children. */
import { pageOf } from '../machine/addresses';
import { rightRead, rightWrite, type GuestMemory } from '../machine/guest-memory';
import type { HypercallPort } from '../machine/hypercall-port';
import type { ChildControl } from '../machine/intercepts';
import type { InterruptRequest } from '../machine/interrupt-request';
import type { PartitionTime } from '../machine/partition-time';
import type { SyntheticInterruptTarget } from '../machine/synthetic-interrupts';
import { messagePayloadBytesMax } from '../spec/tlfs/synic';
import { ExitReasonNumber } from '../spec/x86/exit-reasons';
import { assert, present } from '../support/assert';
import { dispatchExit } from './exit-dispatch';
import { resume, type ExitContext, type HandledExit } from './exits/exit-handler';
import { completePortAccess } from './exits/io-instruction';
import { injectEvent, redeliverEvent } from './interrupt-injection';
import type { ChildTable } from './hypercalls/parent/parent-caller';
import { ParentPort, rootPartitionId } from './parent-port';
import type { Partition, PartitionEnd } from './partition';
import type { HypervisorServices } from './services';
import { portBuffer } from './synic/message';
import type { AwaitedAnswer, VirtualProcessor } from './virtual-processor';
import type { EntryFailure } from './entry-checks/entry-state';
import { findEntryFailure } from './vm-entry-checks';

/** Makes the memory and the processors of the next partition; undefined where the machine has none left. */
export type PartitionMaker = (id: number) => Partition | undefined;

export class Hypervisor implements ChildControl, ChildTable {
  private readonly byId = new Map<number, Partition>();
  /** The same in the order in which they were made: every exit goes through them. */
  private readonly inOrder: Partition[] = [];
  /** What handlers of exits work with, by partition and processor. */
  private readonly exitContexts: ExitContext[][] = [];
  /** Partitions that have ended since they were last taken. */
  private readonly ended: Partition[] = [];
  /** Partitions that are to start again. Empty between steps. */
  private readonly resets: Partition[] = [];

  /** Set only while a partition is made. */
  private placeToReuse: number | undefined;

  constructor(
    private readonly services: HypervisorServices,
    private readonly makePartition: PartitionMaker = () => undefined,
  ) {}

  /** Every partition that was ever made. */
  get partitions(): readonly Partition[] {
    return this.inOrder;
  }

  get children(): readonly Partition[] {
    return this.partitions.filter(({ lifeCycle }) => lifeCycle.state !== 'deleted');
  }

  child(id: number): Partition | undefined {
    const partition = this.byId.get(id);
    return partition?.lifeCycle.state === 'deleted' ? undefined : partition;
  }

  /**
   * The next child that is created takes the place of one that was deleted: its identifier, and the memory and the
   * processors that the machine has for it.
   */
  reusePlaceOf(id: number): void {
    assert(this.partition(id).lifeCycle.state === 'deleted', 'the place is free');
    this.placeToReuse = id;
  }

  /** Identifiers are given in order, behind the parent's, unless a place is to be reused. */
  createChild(): Partition | undefined {
    const { placeToReuse } = this;
    this.placeToReuse = undefined;
    if (placeToReuse !== undefined) {
      const again = this.partition(placeToReuse);
      again.renew();
      return again;
    }
    const partition = this.makePartition(rootPartitionId + 1 + this.byId.size);
    if (partition === undefined) return undefined;
    partition.lifeCycle.begin();
    this.addPartition(partition);
    return partition;
  }

  openHypercallPort(memory: GuestMemory): HypercallPort {
    return new ParentPort(memory, this, this.services);
  }

  /** Takes up a partition: one that is created, or one that exists already. */
  addPartition(partition: Partition): void {
    assert(!this.byId.has(partition.id), `partition id ${partition.id} is free`);
    this.byId.set(partition.id, partition);
    this.inOrder.push(partition);
    partition.connect(this.services);
    const { services } = partition;
    this.exitContexts[partition.id] = partition.processors.map((processor) => {
      const exit = processor.exitInformation;
      return { partition, processor, exit, services };
    });
  }

  partition(id: number): Partition {
    return present(this.byId.get(id), 'partition of the identifier');
  }

  /**
   * Makes the checks of VM entry that an edit made necessary. Where one of the guest state fails, the entry is a VM
   * exit with reason 33 (SDM vol. 3, 27.8); where one of the controls does, VMLAUNCH or VMRESUME fails with error 7
   * (27.2). The checks stay due, so that the guest runs only once the VMCS is mended.
   */
  failedEntry(processor: VirtualProcessor): EntryFailure | undefined {
    if (!processor.entryChecksDue) return undefined;
    const failure = findEntryFailure(processor.core);
    if (failure === undefined) processor.entryChecksDue = false;
    else processor.raiseEntryFailure(failure);
    return failure;
  }

  /** Handles the pending exit of a processor. Its event must have been recorded. */
  handleExit(processor: VirtualProcessor): HandledExit {
    const exitContext = this.contextOf(processor.partitionId, processor.index);
    const { partition, exit } = exitContext;
    assert(processor.hasRecordedExit, 'the exit has been recorded');
    processor.clearPendingExit();
    processor.apic.settleAssist();
    const outcome = dispatchExit(exitContext);
    if (outcome.kind === 'awaits-parent') processor.awaited = outcome.answer;
    // A switch through a task gate is the delivery of its event, emulated.
    if (exit.reason !== ExitReasonNumber.TASK_SWITCH) redeliverEvent(processor.state);
    partition.interrupts.reconsider(processor);
    if (outcome.kind === 'resume' || outcome.kind === 'awaits-parent') return outcome;
    const isReset =
      outcome.kind === 'partition-reset' ||
      (outcome.kind === 'triple-fault' && partition.onTripleFault === 'reset');
    if (isReset) this.resetPartition(partition.id);
    return outcome.kind === 'partition-reset' || isReset ? resume : outcome;
  }

  /**
   * Decides what the next VM entry of each processor delivers, for those that something happened to.
   * @returns true where the parent has been asked for the vector of an external interrupt
   */
  deliverInterrupts(): boolean {
    let asksParent = false;
    for (const { interrupts } of this.inOrder) {
      asksParent = interrupts.settle() || asksParent;
    }
    return asksParent;
  }

  /** What a processor's next VM entry delivers is decided again: after an edit. */
  reconsider(partition: Partition): void {
    for (const processor of partition.processors) partition.interrupts.reconsider(processor);
  }

  get hasEnd(): boolean {
    return this.ended.length > 0;
  }

  /** A partition that has ended and has not been taken yet. */
  takeEnd(): Partition | undefined {
    return this.ended.length === 0 ? undefined : this.ended.shift();
  }

  completePortIntercept(partition: number, index: number, value: number): void {
    completePortAccess(this.resume(partition, index, 'port'), value);
  }

  installMemoryIntercept(partition: number, gpa: number, bytes: number): void {
    this.partition(partition).installMemoryIntercept(gpa, bytes);
  }

  removeMemoryIntercept(partition: number, gpa: number, bytes: number): void {
    this.partition(partition).removeMemoryIntercept(gpa, bytes);
  }

  completeMemoryIntercept(partition: number, index: number, value: bigint): void {
    this.resume(partition, index, 'memory').core.answerAccess(value);
  }

  assertInterrupt(partition: number, request: InterruptRequest): void {
    this.partition(partition).interrupts.send(request);
  }

  setExternalInterruptLine(partition: number, asserted: boolean): void {
    this.partition(partition).interrupts.setExternalInterruptLine(asserted);
  }

  completeInterruptAcknowledge(partition: number, index: number, vector: number): void {
    const processor = this.resume(partition, index, 'interrupt-acknowledge');
    injectEvent(processor, vector & 0xff, this.partition(partition).services);
  }

  timeOf(partition: number): PartitionTime {
    return this.partition(partition).time;
  }

  readChildMemory(partition: number, gpa: number, target: Uint8Array): boolean {
    const { memory } = this.partition(partition);
    if (!isAllowed(memory, gpa, target.length, rightRead)) return false;
    target.set(present(memory.read(gpa, target.length), 'mapped pages'));
    return true;
  }

  writeChildMemory(partition: number, gpa: number, source: Uint8Array): boolean {
    const { memory } = this.partition(partition);
    if (!isAllowed(memory, gpa, source.length, rightWrite)) return false;
    return memory.write(gpa, source);
  }

  postMessage(
    { partition, processor, sint }: SyntheticInterruptTarget,
    type: number,
    payload: Uint8Array,
  ): boolean {
    assert(payload.length <= messagePayloadBytesMax, 'a message has at most 240 bytes');
    const synic = this.partition(partition).synthetic.synicOf(processor);
    return synic.post(sint, { type, payload: payload.slice(), buffer: portBuffer });
  }

  signalEvent({ partition, processor, sint }: SyntheticInterruptTarget, flag: number): void {
    this.partition(partition).synthetic.synicOf(processor).signal(sint, flag);
  }

  endPartition(partition: number, exitCode: number): void {
    this.end(this.partition(partition), { kind: 'exit', code: exitCode });
  }

  resetPartition(id: number): void {
    const partition = this.partition(id);
    if (partition.end !== undefined) return;
    if (partition.onReset === 'end') this.end(partition, { kind: 'reset' });
    else if (!this.resets.includes(partition)) this.resets.push(partition);
  }

  /** A partition that is to start again, which happens within the step that asked for it. */
  takeReset(): Partition | undefined {
    return this.resets.length === 0 ? undefined : this.resets.shift();
  }

  /** The processor that waits for this answer goes on; a guest that has ended stays as it is. */
  private resume(id: number, index: number, answer: AwaitedAnswer): VirtualProcessor {
    const { partition, processor } = this.contextOf(id, index);
    assert(processor.awaited === answer, 'the processor waits for the answer');
    processor.awaited = undefined;
    if (processor.isRunnable) this.services.wake(processor);
    partition.interrupts.reconsider(processor);
    return processor;
  }

  private contextOf(partition: number, index: number): ExitContext {
    return present(this.exitContexts[partition]?.[index], 'virtual processor');
  }

  private end(partition: Partition, end: PartitionEnd): void {
    if (partition.end !== undefined) return;
    partition.endBy(end);
    this.ended.push(partition);
  }
}

function isAllowed(memory: GuestMemory, gpa: number, bytes: number, right: number): boolean {
  for (let page = pageOf(gpa); page <= pageOf(gpa + Math.max(bytes, 1) - 1); page++) {
    if ((memory.rightsOf(page) & right) === 0) return false;
  }
  return true;
}
