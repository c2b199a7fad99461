/** A local APIC: which interrupts a processor has been asked to take, which it is serving, and which comes next. */
import type { InterruptRequest } from '../../machine/interrupt-request';
import { stateOffsets, type ProcessorState } from '../../machine/processor-state';
import type { SavedPart } from '../../machine/saved-part';
import type { Timer } from '../../machine/timer-queue';
import {
  apicBase,
  apicError,
  ApicRegister,
  destinationFormat,
  lowestVector,
  lvt,
  lvtBits,
  spuriousVector,
  timerMode,
} from '../../spec/x86/local-apic';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { present } from '../../support/assert';
import { noEoiRequired } from '../../spec/tlfs/vp-assist-page';
import { ApicTimer } from './apic-timer';
import { VectorSet } from './vector-set';

/** What a local APIC is connected to. */
export interface LocalApicWires {
  createTimer(onDue: (dueNs: number) => void): Timer;
  /** Sends an interrupt message. @param shorthand a destination shorthand of the interrupt command register */
  send(request: InterruptRequest, shorthand: number): void;
  /** A level-triggered interrupt has ended: I/O APICs hear of it. */
  endOfLevelInterrupt(vector: number): void;
  /** Whether an interrupt with this vector ends when the processor takes it (TLFS 11.6, auto-EOI). */
  isAutoEndOfInterrupt(vector: number): boolean;
  /** An interrupt has ended, whether by the guest or by itself. */
  interruptEnded(vector: number): void;
  /** The APIC assist word of the processor's VP assist page; undefined where it has none (TLFS 10.3.5). */
  readAssist(): number | undefined;
  writeAssist(word: number): void;
  /** What the processor should do next may have changed. */
  changed(): void;
}

const version = 2;
const cr8Bits = 0xf;

export class LocalApic implements SavedPart {
  readonly timer: ApicTimer;
  readonly inService = new VectorSet();
  readonly requested = new VectorSet();
  readonly levelTriggered = new VectorSet();
  /** IA32_APIC_BASE. */
  base = 0n;
  logicalDestination = 0;
  destinationFormat: number = destinationFormat.reset;
  /** ICR without its destination, and the destination as the present mode writes it. */
  command = 0;
  commandDestination = 0;
  /** The last error status that was latched for reading. */
  errorStatus = 0;
  /** What waits for the processor besides vectors: NMI, INIT, and the vector of a start-up IPI. */
  isNmiPending = false;
  isInitPending = false;
  startUpVector: number | undefined;
  /** The line from an 8259 is asserted. */
  isLint0Asserted = false;

  /** The interrupt that the guest may end by clearing a bit of its assist page; 0 where there is none. */
  private assisted = 0;
  private spurious: number = spuriousVector.reset;
  private readonly entries = new Map<number, number>();
  private errors = 0;
  /** Lower half of TPR, good while CR8 is what it was when TPR was written. */
  private taskSubclass = 0;
  private taskClass = 0;

  constructor(
    readonly id: number,
    private readonly state: ProcessorState,
    readonly wires: LocalApicWires,
  ) {
    this.timer = new ApicTimer(wires.createTimer((dueNs) => this.timerIsDue(dueNs)));
    this.reset();
  }

  /** Power-on (SDM vol. 3, 11.4.7.1). */
  reset(): void {
    const boot = this.id === 0 ? apicBase.bootProcessor : 0n;
    this.base = apicBase.defaultAddress | apicBase.enabled | boot;
    this.initialize();
  }

  /** INIT resets all but the identifier and IA32_APIC_BASE (SDM vol. 3, 11.4.7.3). */
  initialize(): void {
    this.inService.clear();
    this.assisted = 0;
    this.requested.clear();
    this.levelTriggered.clear();
    this.logicalDestination = 0;
    this.destinationFormat = destinationFormat.reset;
    this.command = 0;
    this.commandDestination = 0;
    this.errorStatus = 0;
    this.errors = 0;
    this.spurious = spuriousVector.reset;
    for (const register of lvtBits.keys()) this.entries.set(register, lvt.reset);
    this.taskPriority = 0;
    this.isNmiPending = false;
    this.isInitPending = false;
    this.startUpVector = undefined;
    this.timer.reset();
  }

  /**
   * As firmware leaves the boot processor's: the 8259 reaches it through LINT0, the NMI line through LINT1
   * (MultiProcessor Specification 1.4, 3.6.2.2).
   */
  enterVirtualWireMode(): void {
    this.spurious = spuriousVector.reset | spuriousVector.enabled;
    this.entries.set(ApicRegister.LVT_LINT0, 0x700);
    this.entries.set(ApicRegister.LVT_LINT1, 0x400);
  }

  get isEnabled(): boolean {
    return (this.base & apicBase.enabled) !== 0n;
  }

  get isX2Apic(): boolean {
    return (this.base & apicBase.x2Apic) !== 0n;
  }

  /** SVR bit 8. */
  get isSoftwareEnabled(): boolean {
    return (this.spurious & spuriousVector.enabled) !== 0;
  }

  /** TPR: bits 7:4 are CR8. */
  get taskPriority(): number {
    const high = this.state.readU32(stateOffsets.cr8) & cr8Bits;
    return (high << 4) | (high === this.taskClass ? this.taskSubclass : 0);
  }

  set taskPriority(value: number) {
    this.taskClass = value >>> 4;
    this.taskSubclass = value & 0xf;
    this.state.writeU64(stateOffsets.cr8, BigInt(this.taskClass));
    this.wires.changed();
  }

  /** PPR (SDM vol. 3, 11.8.3.1). */
  get processorPriority(): number {
    const task = this.taskPriority;
    const service = this.inService.highest & 0xf0;
    return (task & 0xf0) >= service ? task : service;
  }

  /** The vector to take next; 0 where none has the priority. */
  get deliverable(): number {
    const vector = this.requested.highest;
    if (vector === 0 || !this.isEnabled) return 0;
    return vector >>> 4 > this.processorPriority >>> 4 ? vector : 0;
  }

  /** True where only the task priority holds an interrupt back. */
  get isHeldByTaskPriority(): boolean {
    const vector = this.requested.highest;
    if (vector === 0 || !this.isEnabled || this.deliverable !== 0) return false;
    return vector >>> 4 > this.inService.highest >>> 4;
  }

  /** True where the 8259 asks for service and LINT0 lets it (SDM vol. 3, 11.5.1). */
  get isExternalInterruptPending(): boolean {
    if (!this.isLint0Asserted) return false;
    if (!this.isEnabled) return true;
    return (this.entry(ApicRegister.LVT_LINT0) & (lvt.masked | lvt.mode)) === 0x700;
  }

  /** Nothing waits for the processor, held back or not, and its assist page says nothing that is to be taken note of. */
  get isQuiet(): boolean {
    return (
      this.requested.isEmpty &&
      this.assisted === 0 &&
      !this.isLint0Asserted &&
      !this.isNmiPending &&
      !this.isInitPending &&
      this.startUpVector === undefined
    );
  }

  /** The processor takes the deliverable interrupt. */
  acknowledge(): number {
    const vector = this.deliverable;
    this.requested.delete(vector);
    if (this.wires.isAutoEndOfInterrupt(vector)) this.wires.interruptEnded(vector);
    else {
      const isAlone = this.inService.highest === 0 && this.requested.highest === 0;
      this.inService.add(vector);
      if (isAlone && !this.levelTriggered.has(vector)) this.offerAssist(vector);
    }
    return vector;
  }

  /** EOI (SDM vol. 3, 11.8.5). */
  endOfInterrupt(): void {
    const vector = this.inService.highest;
    if (vector === 0) return;
    if (this.assisted !== 0) this.withdrawAssist();
    this.inService.delete(vector);
    if (this.levelTriggered.has(vector)) this.wires.endOfLevelInterrupt(vector);
    this.wires.interruptEnded(vector);
    this.wires.changed();
  }

  /**
   * Takes note of the end of an interrupt that the guest has told by its assist page alone. Where another interrupt has
   * come meanwhile, the guest must tell by EOI after all.
   */
  settleAssist(): void {
    if (this.assisted === 0) return;
    const word = this.wires.readAssist();
    if (word === undefined) this.assisted = 0;
    else if ((word & noEoiRequired) === 0) {
      this.assisted = 0;
      this.endOfInterrupt();
    } else if (this.requested.highest !== 0) this.withdrawAssist();
  }

  /** Accepts a fixed interrupt; a disabled APIC drops it. */
  request(vector: number, isLevel = false): void {
    if (!this.isEnabled || !this.isSoftwareEnabled) return;
    if (vector < lowestVector) {
      this.raiseError(apicError.receivedIllegalVector);
      return;
    }
    this.requested.add(vector);
    if (isLevel) this.levelTriggered.add(vector);
    else this.levelTriggered.delete(vector);
    this.wires.changed();
  }

  signalNmi(): void {
    this.isNmiPending = true;
    this.wires.changed();
  }

  /** INIT: a start-up IPI that came before it is forgotten. */
  signalInit(): void {
    this.isInitPending = true;
    this.startUpVector = undefined;
    this.wires.changed();
  }

  signalStartUp(vector: number): void {
    this.startUpVector = vector;
    this.wires.changed();
  }

  /** SVR. */
  get spuriousInterrupt(): number {
    return this.spurious;
  }

  /** A software-disabled APIC has all its LVT entries masked (SDM vol. 3, 11.4.7.2). */
  set spuriousInterrupt(value: number) {
    this.spurious = value & spuriousVector.writable;
    if (this.isSoftwareEnabled) return;
    for (const [register, value] of this.entries) this.entries.set(register, value | lvt.masked);
  }

  /** An entry of the local vector table. */
  entry(register: number): number {
    return present(this.entries.get(register), 'LVT entry');
  }

  setEntry(register: number, value: number): void {
    const bits = present(lvtBits.get(register), 'LVT entry') & ~(lvt.pending | lvt.remoteIrr);
    const before = this.timerMode;
    const forced = this.isSoftwareEnabled ? 0 : lvt.masked;
    this.entries.set(register, (value & bits) | forced);
    const isDeadline = this.timerMode === timerMode.tscDeadline;
    if (isDeadline !== (before === timerMode.tscDeadline)) this.timer.disarm();
    this.wires.changed();
  }

  get timerMode(): number {
    return (this.entry(ApicRegister.LVT_TIMER) & lvt.timerMode) >>> lvt.timerModeShift;
  }

  /** The 8259's output changes; in fixed and NMI mode its rising edge is an interrupt. */
  setLint0(isAsserted: boolean): void {
    const rises = isAsserted && !this.isLint0Asserted;
    this.isLint0Asserted = isAsserted;
    if (rises && this.isEnabled) this.trigger(ApicRegister.LVT_LINT0);
    this.wires.changed();
  }

  /** Notes an error; ESR shows it after the next write to it (SDM vol. 3, 11.5.3). */
  raiseError(error: number): void {
    this.errors |= error;
    const entry = this.entry(ApicRegister.LVT_ERROR);
    const vector = entry & lvt.vector;
    // An illegal vector here would be an error each time it is reported.
    if ((entry & lvt.masked) === 0 && vector >= lowestVector) this.request(vector);
  }

  latchErrors(): void {
    this.errorStatus = this.errors;
    this.errors = 0;
  }

  /** Cluster and member of x2APIC mode (SDM vol. 3, 11.12.10.2). */
  get x2LogicalDestination(): number {
    return ((this.id >>> 4) << 16) | (1 << (this.id & 0xf));
  }

  private offerAssist(vector: number): void {
    const word = this.wires.readAssist();
    if (word === undefined) return;
    this.wires.writeAssist(word | noEoiRequired);
    this.assisted = vector;
  }

  private withdrawAssist(): void {
    const word = this.wires.readAssist();
    if (word !== undefined) this.wires.writeAssist(word & ~noEoiRequired);
    this.assisted = 0;
  }

  private timerIsDue(dueNs: number): void {
    this.timer.expire(dueNs, this.timerMode);
    this.trigger(ApicRegister.LVT_TIMER);
  }

  private trigger(register: number): void {
    const entry = this.entry(register);
    if ((entry & lvt.masked) !== 0) return;
    const mode = (entry & lvt.mode) >>> lvt.modeShift;
    if (mode === 0) this.request(entry & lvt.vector, (entry & lvt.level) !== 0);
    if (mode === 4) this.isNmiPending = true;
    this.wires.changed();
  }

  save(): StateNode {
    return {
      version,
      base: this.base,
      requested: this.requested.save(),
      inService: this.inService.save(),
      levelTriggered: this.levelTriggered.save(),
      logicalDestination: this.logicalDestination,
      destinationFormat: this.destinationFormat,
      command: this.command,
      commandDestination: this.commandDestination,
      errorStatus: this.errorStatus,
      errors: this.errors,
      spurious: this.spurious,
      entries: [...this.entries.values()],
      task: [this.taskClass, this.taskSubclass],
      signals: [Number(this.isNmiPending), Number(this.isInitPending), this.startUpVector ?? -1],
      assisted: this.assisted,
      lint0: Number(this.isLint0Asserted),
      timer: this.timer.save(),
    };
  }

  restore(record: StateRecord): void {
    record.expectVersion(version);
    this.base = record.bigint('base');
    this.requested.restore(record.numbers('requested'));
    this.inService.restore(record.numbers('inService'));
    this.levelTriggered.restore(record.numbers('levelTriggered'));
    this.logicalDestination = record.number('logicalDestination');
    this.destinationFormat = record.number('destinationFormat');
    this.command = record.number('command');
    this.commandDestination = record.number('commandDestination');
    this.errorStatus = record.number('errorStatus');
    this.errors = record.number('errors');
    this.spurious = record.number('spurious');
    const entries = record.numbers('entries');
    [...lvtBits.keys()].forEach((register, index) => {
      this.entries.set(register, entries[index] ?? lvt.reset);
    });
    const [taskClass = 0, taskSubclass = 0] = record.numbers('task');
    this.taskClass = taskClass;
    this.taskSubclass = taskSubclass;
    const [nmi = 0, init = 0, startUp = -1] = record.numbers('signals');
    this.isNmiPending = nmi !== 0;
    this.isInitPending = init !== 0;
    this.startUpVector = startUp < 0 ? undefined : startUp;
    this.assisted = record.number('assisted');
    this.isLint0Asserted = record.number('lint0') !== 0;
    this.timer.restore(record.record('timer'));
  }
}
