/** A guest partition: its memory, its processors, and the hypervisor's state about it. */
import { rightExecute, rightRead, type GuestMemory } from '../machine/guest-memory';
import { PartitionClock } from '../machine/partition-clock';
import { PartitionTime } from '../machine/partition-time';
import { syntheticTimerCount } from '../spec/tlfs/synthetic-timers';
import type { PostedMessage, SignaledEvent } from '../machine/synthetic-interrupts';
import { messageType } from '../spec/tlfs/synic';
import { privilegeMask, type PrivilegeName } from '../spec/tlfs/privileges';
import { present } from '../support/assert';
import { hypercallPageContents } from './hypercall-page';
import { ConnectionTable } from './synic/connections';
import { nameOfOverlay, overlayOwner, processorOfOverlay } from './synthetic/overlay-register';
import { referenceTime } from './synthetic/reference-time';
import { SyntheticState } from './synthetic/synthetic-state';
import { SyntheticTimer } from './synthetic/synthetic-timer';
import { InterceptedRanges } from './intercepted-ranges';
import { PartitionLifeCycle } from './life-cycle/partition-life-cycle';
import { PartitionInterrupts } from './partition-interrupts';
import { servicesInTime, type HypervisorServices } from './services';
import { suspendReasons, type SuspendReason, type VirtualProcessor } from './virtual-processor';

/** Only what is built is given: a privilege promises that its registers and calls work. */
export const defaultPrivileges: readonly PrivilegeName[] = [
  'AccessVpRunTimeReg',
  'AccessPartitionReferenceCounter',
  'AccessSynicRegs',
  'AccessSyntheticTimerRegs',
  'AccessIntrCtrlRegs',
  'AccessHypercallMsrs',
  'AccessVpIndex',
  'AccessResetReg',
  'AccessGuestIdleReg',
  'AccessPartitionReferenceTsc',
  'AccessFrequencyRegs',
  'AccessTscInvariantControls',
  'PostMessages',
  'SignalEvents',
  'AccessVpRegisters',
  'EnableExtendedHypercalls',
];

export const hypercallEnable = 1n;
export const hypercallLocked = 2n;
const hypercallPageMask = ~0xfffn;

/** How a partition ended: at its own request, with an exit code, by a reset of its platform, or by its parent. */
export type PartitionEnd =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'reset' }
  | { readonly kind: 'finalized' };

/** What a partition is made from. */
export interface PartitionOptions {
  readonly id: number;
  readonly name: string;
  readonly memoryBytes: number;
  readonly memory: GuestMemory;
  readonly processors: readonly VirtualProcessor[];
  readonly clock?: PartitionClock;
  readonly privileges?: readonly PrivilegeName[];
  /** What a reset of its platform does; the guest starts again unless it is told to end. */
  readonly onReset?: ResetPolicy;
  /** What a triple fault does; the machine stops unless it is told to reset the platform, as a board does. */
  readonly onTripleFault?: TripleFaultPolicy;
}

interface PartitionServices {
  readonly services: HypervisorServices;
  readonly time: PartitionTime;
}

export type ResetPolicy = 'restart' | 'end';
export type TripleFaultPolicy = 'stop' | 'reset';

export class Partition {
  readonly id: number;
  readonly name: string;
  /** RAM from guest-physical address 0. */
  readonly memoryBytes: number;
  readonly memory: GuestMemory;
  readonly processors: readonly VirtualProcessor[];
  /** What guests read from clocks goes through it. */
  readonly clock: PartitionClock;
  /** Privileges that were asked for, as a hypercall does each time. */
  private readonly held = new Map<PrivilegeName, boolean>();
  /** How far its parent has got with it. */
  readonly lifeCycle: PartitionLifeCycle;

  readonly onReset: ResetPolicy;
  readonly onTripleFault: TripleFaultPolicy;

  private readonly initialPrivileges: bigint;
  private privilegeMask: bigint;
  private guestOs = 0n;
  private hypercall = 0n;
  private ended: PartitionEnd | undefined;
  /** What lies behind the synthetic MSRs. */
  readonly synthetic: SyntheticState;
  /** Where its messages and events may go. */
  readonly connections = new ConnectionTable();
  readonly portIntercepts = new InterceptedRanges();
  readonly memoryIntercepts = new InterceptedRanges();
  private controllers: PartitionInterrupts | undefined;
  private connected: PartitionServices | undefined;

  constructor(options: PartitionOptions) {
    this.id = options.id;
    this.name = options.name;
    this.memoryBytes = options.memoryBytes;
    this.memory = options.memory;
    this.processors = options.processors;
    this.clock = options.clock ?? new PartitionClock();
    this.lifeCycle = new PartitionLifeCycle(options.processors.length);
    this.initialPrivileges = privilegeMask(options.privileges ?? defaultPrivileges);
    this.privilegeMask = this.initialPrivileges;
    this.onReset = options.onReset ?? 'restart';
    this.onTripleFault = options.onTripleFault ?? 'stop';
    this.synthetic = new SyntheticState(options.memory, options.processors.length, {
      requestInterrupt: (index, vector) =>
        this.interrupts.requestInterrupt(this.processorAt(index), vector),
      takesInterrupts: (index) => {
        const { apic } = this.processorAt(index);
        return apic.isEnabled && apic.isSoftwareEnabled;
      },
      referenceTime: () => referenceTime(this.clock.read(this.services.timeNs())),
      trace: (processor, event) =>
        this.services.trace.emit({ ...event, partition: this.id, processor }),
      overlayChanged: (owner, gpaPage, isLaid) =>
        this.services.trace.offer('overlay-change', () => ({
          kind: 'overlay-change',
          partition: this.id,
          processor: processorOfOverlay(owner),
          page: nameOfOverlay(owner),
          gpaPage,
          isLaid,
        })),
    });
  }

  /** The partition privilege mask (TLFS 4.2.2). */
  get privileges(): bigint {
    return this.privilegeMask;
  }

  /** @returns false, with nothing changed, where the mask has what no guest is given */
  setPrivileges(mask: bigint): boolean {
    if ((mask & ~privilegeMask(defaultPrivileges)) !== 0n) return false;
    this.privilegeMask = mask;
    this.held.clear();
    return true;
  }

  /** HV_X64_MSR_GUEST_OS_ID: 0 until the guest has said what it is. */
  get guestOsId(): bigint {
    return this.guestOs;
  }

  /** HV_X64_MSR_HYPERCALL. */
  get hypercallRegister(): bigint {
    return this.hypercall;
  }

  /** True once the guest has a hypercall page. */
  get hypercallsEnabled(): boolean {
    return (this.hypercall & hypercallEnable) !== 0n;
  }

  /** How the partition ended; undefined while it runs. */
  get end(): PartitionEnd | undefined {
    return this.ended;
  }

  /** Its parent has taken it apart. */
  get isDeleted(): boolean {
    return this.lifeCycle.state === 'deleted';
  }

  holds(privilege: PrivilegeName): boolean {
    let holds = this.held.get(privilege);
    if (holds === undefined) {
      holds = (this.privileges & privilegeMask([privilege])) !== 0n;
      this.held.set(privilege, holds);
    }
    return holds;
  }

  /** Writes HV_X64_MSR_GUEST_OS_ID; 0 takes the hypercall page away (TLFS 3.13). */
  setGuestOsId(value: bigint): void {
    this.guestOs = value;
    if (value === 0n && this.hypercallsEnabled) {
      this.synthetic.overlays.release(overlayOwner.hypercall);
      this.hypercall &= ~hypercallEnable;
    }
  }

  /**
   * Writes HV_X64_MSR_HYPERCALL: reserved bits are ignored, and the enable bit stays clear without a guest OS identity.
   * @returns false where the write must raise #GP: the register is locked, or the page is not RAM
   */
  setHypercallRegister(value: bigint): boolean {
    if ((this.hypercall & hypercallLocked) !== 0n) return false;
    const allowed = value & (hypercallPageMask | hypercallLocked | hypercallEnable);
    const next = BigInt.asUintN(64, this.guestOs === 0n ? allowed & ~hypercallEnable : allowed);
    const enabling = (next & hypercallEnable) !== 0n;
    const { overlays } = this.synthetic;
    if (enabling && this.memory.rightsOf(pageOfRegister(next)) === 0) return false;
    overlays.release(overlayOwner.hypercall);
    this.hypercall = next & ~hypercallEnable;
    if (!enabling) return true;
    if (!overlays.claim(overlayOwner.hypercall, hypercallOverlay(next))) return false;
    this.hypercall = next;
    return true;
  }

  /** True where CPUID may say that the time-stamp counter is invariant: always, unless the guest has the say. */
  get showsInvariantTimeStamp(): boolean {
    if (!this.holds('AccessTscInvariantControls')) return true;
    return (this.synthetic.tscInvariantControl & 1n) !== 0n;
  }

  /** Joins the partition to the hypervisor that runs it. */
  connect(ofMachine: HypervisorServices): void {
    const time = new PartitionTime(ofMachine.timers, () => ofMachine.timeNs(), this.id);
    const services = servicesInTime(ofMachine, time);
    this.connected = { services, time };
    this.controllers = new PartitionInterrupts(this, services);
    this.synthetic.connect((index) => makeSyntheticTimers(this, index, services));
  }

  /** The machine's services, in the partition's time; there once it is connected. */
  get services(): HypervisorServices {
    return present(this.connected, 'hypervisor of the partition').services;
  }

  /** Its virtual time; there once it is connected. */
  get time(): PartitionTime {
    return present(this.connected, 'hypervisor of the partition').time;
  }

  /** The local APICs of its processors; there once the partition is connected. */
  get interrupts(): PartitionInterrupts {
    return present(this.controllers, 'local APICs');
  }

  /** Puts a message or an event into the parent's queue. @returns false where the port has no buffer left for it */
  postToParent(message: PostedMessage | SignaledEvent): boolean {
    return this.services.intercepts.post(message);
  }

  isAutoEndOfInterrupt(index: number, vector: number): boolean {
    return this.synthetic.synicOf(index).isAutoEndOfInterrupt(vector);
  }

  interruptEnded(index: number, vector: number): void {
    this.synthetic.synicOf(index).endOfInterrupt(vector);
  }

  readAssist(index: number): number | undefined {
    return this.synthetic.readAssist(index);
  }

  writeAssist(index: number, word: number): void {
    this.synthetic.writeAssist(index, word);
  }

  private processorAt(index: number): VirtualProcessor {
    return present(this.processors[index], 'virtual processor');
  }

  /** None of its processors may run (TLFS 4.3, the Suspend property). */
  get isSuspended(): boolean {
    return this.lifeCycle.isSuspended;
  }

  /** Lets its processors run, or none of them; its time stands still meanwhile. */
  setSuspended(isSuspended: boolean): void {
    if (this.lifeCycle.isSuspended === isSuspended) return;
    this.lifeCycle.isSuspended = isSuspended;
    for (const processor of this.processors) processor.suspend('partition', isSuspended);
    if (isSuspended) this.time.stop();
    else this.services.resume(this.id, this.time.goOn());
  }

  /** A processor gives up what is left of its turn (TLFS 18, HvCallNotifyLongSpinWait). */
  yieldProcessor(index: number): void {
    this.services.yieldTurn(this.processorAt(index));
  }

  /** Suspends a processor for a reason, or ends that (TLFS 7.5); it runs where no reason is left. */
  suspend(index: number, reason: SuspendReason, isSuspended: boolean): void {
    const processor = this.processorAt(index);
    processor.suspend(reason, isSuspended);
    if (processor.runState === 'active') this.services.wake(processor);
  }

  /** Gives rights to guest-physical pages that are mapped from now on, if they were not before. */
  applyRights(gpaPage: number, count: number, rights: number): void {
    this.memory.mapRam(gpaPage, count, rights);
  }

  unmapPages(gpaPage: number, count: number): void {
    this.memory.unmap(gpaPage, count);
  }

  /** Zeroes the memory; what is mapped stays so. */
  clearMemory(): void {
    this.memory.clear();
    for (const { gpaPage, count, rights } of this.lifeCycle.gpaMap.runs) {
      this.memory.mapRam(gpaPage, count, rights);
    }
  }

  /** Ends the partition and takes everything from it (TLFS 4.5.3). */
  finalize(): void {
    if (this.end === undefined) this.endBy({ kind: 'finalized' });
    this.reset();
    this.connections.clear();
    this.portIntercepts.clear();
    this.memoryIntercepts.clear();
    this.connected?.time.cancelAll();
    this.memory.clear();
    this.lifeCycle.finalize();
  }

  /** Is made again after it was deleted, in the same place: as a new one, but that counts go on. */
  renew(): void {
    this.ended = undefined;
    this.setPrivileges(this.initialPrivileges);
    this.lifeCycle.begin();
    this.connected?.time.goOn();
    for (const processor of this.processors) {
      processor.powerOn();
      for (const reason of suspendReasons) processor.suspend(reason, false);
    }
  }

  /** Makes accesses to ports go to the parent. */
  installPortIntercept(first: number, count: number): void {
    this.portIntercepts.add(first, count);
  }

  /** Undoes {@link installPortIntercept} with the same range. */
  removePortIntercept(first: number, count: number): void {
    this.portIntercepts.remove(first, count);
  }

  /** True where the parent sees accesses that begin at `port`. */
  interceptsPort(port: number): boolean {
    return this.portIntercepts.has(port);
  }

  /** Makes accesses to guest-physical memory that is not RAM go to the parent. */
  installMemoryIntercept(gpa: number, bytes: number): void {
    this.memoryIntercepts.add(gpa, bytes);
  }

  /** Undoes {@link installMemoryIntercept} with the same range. */
  removeMemoryIntercept(gpa: number, bytes: number): void {
    this.memoryIntercepts.remove(gpa, bytes);
  }

  /** True where the parent sees accesses that begin at `gpa` and meet no RAM. */
  interceptsMemory(gpa: number): boolean {
    return this.memoryIntercepts.has(gpa);
  }

  /** Makes what the hypervisor keeps about the guest what it is at power-on; its clock goes on. */
  reset(): void {
    this.guestOs = 0n;
    this.hypercall = 0n;
    this.synthetic.overlays.release(overlayOwner.hypercall);
    this.synthetic.reset();
  }

  /** Ends the partition; its processors do not run again. */
  endBy(end: PartitionEnd): void {
    this.ended = end;
    for (const processor of this.processors) processor.runState = 'shutdown';
    this.controllers?.stop();
    this.synthetic.stop();
  }

  /** Puts back what {@link savePartition} saved, after the synthetic state; the page itself belongs to the memory. */
  restoreRegisters(guestOsId: bigint, hypercall: bigint, end: PartitionEnd | undefined): void {
    this.guestOs = guestOsId;
    this.hypercall = hypercall;
    this.ended = end;
    if (!this.hypercallsEnabled) return;
    this.synthetic.overlays.adopt(overlayOwner.hypercall, hypercallOverlay(hypercall));
  }
}

/** The timers of one processor; an expiration is an interrupt on its own local APIC. */
function makeSyntheticTimers(
  { id, processors, interrupts, synthetic }: Partition,
  index: number,
  { timers, trace }: HypervisorServices,
): readonly SyntheticTimer[] {
  const processor = present(processors[index], 'processor of the timers');
  return Array.from({ length: syntheticTimerCount }, (_, number): SyntheticTimer => {
    const name = `partition ${id}, processor ${index}: synthetic timer ${number}`;
    const expire = (dueNs: number): void => {
      trace.offer('timer-expiration', () => ({
        kind: 'timer-expiration',
        partition: id,
        processor: index,
        source: 'synthetic timer',
        timer: number,
        dueNs,
      }));
      made.expire(dueNs);
    };
    const made: SyntheticTimer = new SyntheticTimer(number, timers.createTimer(name, expire), {
      interrupt: (vector) => interrupts.requestInterrupt(processor, vector),
      message: (sint, payload) =>
        synthetic
          .synicOf(index)
          .post(sint, { type: messageType.timerExpired, payload, buffer: number }),
    });
    return made;
  });
}

const pageOfRegister = (register: bigint): number => Number(register >> 12n);

function hypercallOverlay(register: bigint) {
  return {
    gpaPage: pageOfRegister(register),
    contents: hypercallPageContents,
    rights: rightRead | rightExecute,
  };
}
