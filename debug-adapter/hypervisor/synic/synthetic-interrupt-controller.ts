/** The synthetic interrupt controller of one virtual processor (TLFS chapter 11). */
import { pageSizeBytes } from '../../machine/addresses';
import { rightRead, rightWrite, type GuestMemory } from '../../machine/guest-memory';
import type { SavedPart } from '../../machine/saved-part';
import type {
  DeliveryReason,
  EventFlagEvent,
  SyntheticDelivery,
  SyntheticMessageEvent,
  TraceHeader,
} from '../../machine/trace';
import {
  eventFlagBytesPerSint,
  eventFlagsPerSint,
  lowestSintVector,
  messageBuffersPerPort,
  messageSlot,
  sintCount,
  sintFields,
  sintReset,
  synicControlFields,
  timerMessage,
} from '../../spec/tlfs/synic';
import { assert, present } from '../../support/assert';
import { extractBits, type BitField } from '../../support/bit-field';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { writeField } from '../../support/struct-layout';
import type { OverlayPages } from '../synthetic/overlay-pages';
import { overlayOwner, OverlayRegister } from '../synthetic/overlay-register';
import {
  MessageSlot,
  portBuffer,
  restoreSynicMessage,
  saveSynicMessage,
  type SynicMessage,
} from './message';

type Placeless<Event> = Event extends unknown ? Omit<Event, keyof TraceHeader> : never;

/** What became of a message or an event. */
export type DeliveryEvent = Placeless<SyntheticMessageEvent | EventFlagEvent>;

/** What the controllers of a partition are connected to; `index` is the processor's. */
export interface SynicWires {
  /** Raises an edge-triggered interrupt on the processor's own local APIC. */
  requestInterrupt(index: number, vector: number): void;
  /** Whether the processor's local APIC takes interrupts. */
  takesInterrupts(index: number): boolean;
  /** Now, in units of 100 ns. */
  referenceTime(): bigint;
  trace(index: number, event: DeliveryEvent): void;
}

const version = 1;

const isSet = (word: bigint, field: BitField): boolean => extractBits(word, field) === 1n;

export class SyntheticInterruptController implements SavedPart {
  /** HV_X64_MSR_SIMP; the page is zero when it is laid there. */
  readonly messagePage: OverlayRegister;
  /** HV_X64_MSR_SIEFP; the page is zero when it is laid there. */
  readonly eventFlagsPage: OverlayRegister;

  private controlRegister = 0n;
  private readonly sints = new Array<bigint>(sintCount).fill(sintReset);
  private readonly queues = Array.from({ length: sintCount }, (): SynicMessage[] => []);

  constructor(
    private readonly index: number,
    private readonly memory: GuestMemory,
    overlays: OverlayPages,
    private readonly wires: SynicWires,
  ) {
    const page = {
      contents: () => new Uint8Array(pageSizeBytes),
      rights: rightRead | rightWrite,
    };
    this.messagePage = new OverlayRegister(overlays, {
      ...page,
      owner: overlayOwner.messagePage + index,
    });
    this.eventFlagsPage = new OverlayRegister(overlays, {
      ...page,
      owner: overlayOwner.eventFlagsPage + index,
    });
  }

  /** HV_X64_MSR_SCONTROL; the reserved bits are kept for the guest. */
  get control(): bigint {
    return this.controlRegister;
  }

  set control(value: bigint) {
    this.controlRegister = value;
    this.scan();
  }

  /** Writes HV_X64_MSR_SIMP. */
  writeMessagePage(value: bigint): void {
    this.messagePage.write(value);
    this.scan();
  }

  /** HV_X64_MSR_SINTx. */
  sint(number: number): bigint {
    return present(this.sints[number], 'SINT');
  }

  /** @returns false where the write must raise #GP: an unmasked source with the vector of an exception */
  writeSint(number: number, value: bigint): boolean {
    const isMasked = isSet(value, sintFields.masked);
    if (!isMasked && extractBits(value, sintFields.vector) < lowestSintVector) return false;
    this.sints[number] = value;
    this.drain(number);
    return true;
  }

  /** Messages that wait for a SINT's slot. */
  waiting(sint: number): readonly SynicMessage[] {
    return this.queueOf(sint);
  }

  /**
   * Delivers a message, or keeps it until its slot can take it.
   * @returns false where no buffer is left for it
   */
  post(sint: number, message: SynicMessage): boolean {
    const queue = this.queueOf(sint);
    const used = queue.filter(({ buffer }) => buffer === message.buffer).length;
    const buffers = message.buffer === portBuffer ? messageBuffersPerPort : 1;
    if (used >= buffers) {
      this.traceMessage(sint, message, 'dropped', 'no free buffer');
      return false;
    }
    queue.push(message);
    const obstacle = this.drain(sint);
    if (obstacle !== '') this.traceMessage(sint, message, 'waiting', obstacle);
    return true;
  }

  /** Sets an event flag, and interrupts the processor where the flag was clear (TLFS 11.9). */
  signal(sint: number, flag: number): void {
    assert(flag >= 0 && flag < eventFlagsPerSint, 'an event flag of a SINT');
    const page = this.eventFlagsPage.seenPage;
    const source = this.sint(sint);
    const done = (outcome: SyntheticDelivery['outcome'], reason: DeliveryReason): void =>
      this.wires.trace(this.index, { kind: 'event-flag', sint, flag, outcome, reason });
    if (page === undefined) return done('dropped', 'no event flags page');
    const obstacle = this.obstacleOf(source);
    if (obstacle !== '') return done('dropped', obstacle);
    const gpa = page * pageSizeBytes + sint * eventFlagBytesPerSint + (flag >> 3);
    const [byte = 0] = present(this.memory.read(gpa, 1), 'event flags page');
    const mask = 1 << (flag & 7);
    if ((byte & mask) !== 0) return done('delivered', 'flag set already');
    this.memory.write(gpa, new Uint8Array([byte | mask]));
    done('delivered', this.interrupt(source));
  }

  /** The guest has freed slots: by a write to HV_X64_MSR_EOM. */
  endOfMessage(): void {
    this.scan();
  }

  /** The guest has ended an interrupt, or the local APIC has ended it for the guest. */
  endOfInterrupt(vector: number): void {
    for (let sint = 0; sint < sintCount; sint++) {
      if (this.queueOf(sint).length > 0 && this.hasVector(sint, vector)) this.drain(sint);
    }
  }

  /** Whether the local APIC ends an interrupt with this vector by itself: one unmasked source asks for it. */
  isAutoEndOfInterrupt(vector: number): boolean {
    return this.sints.some(
      (source, sint) => isSet(source, sintFields.autoEoi) && this.hasVector(sint, vector),
    );
  }

  reset(): void {
    this.controlRegister = 0n;
    this.sints.fill(sintReset);
    for (const queue of this.queues) queue.length = 0;
    this.messagePage.write(0n);
    this.eventFlagsPage.write(0n);
  }

  save(): StateNode {
    return {
      version,
      control: this.controlRegister,
      messagePage: this.messagePage.value,
      eventFlagsPage: this.eventFlagsPage.value,
      sources: this.sints.map((register, sint) => ({
        register,
        queue: this.queueOf(sint).map(saveSynicMessage),
      })),
    };
  }

  /** The pages themselves come back with the memory. */
  restore(record: StateRecord): void {
    record.expectVersion(version);
    this.controlRegister = record.bigint('control');
    this.messagePage.restore(record.bigint('messagePage'));
    this.eventFlagsPage.restore(record.bigint('eventFlagsPage'));
    const sources = record.records('sources');
    for (let sint = 0; sint < sintCount; sint++) {
      const saved = sources[sint];
      this.sints[sint] = saved?.bigint('register') ?? sintReset;
      this.queues[sint] = saved?.records('queue').map(restoreSynicMessage) ?? [];
    }
  }

  private queueOf(sint: number): SynicMessage[] {
    return present(this.queues[sint], 'message queue');
  }

  private hasVector(sint: number, vector: number): boolean {
    const source = this.sint(sint);
    return (
      !isSet(source, sintFields.masked) && extractBits(source, sintFields.vector) === BigInt(vector)
    );
  }

  private scan(): void {
    for (let sint = 0; sint < sintCount; sint++) this.drain(sint);
  }

  /**
   * Moves the first message that waits into the slot, and says in the slot where more wait.
   * @returns what holds back the messages that still wait
   */
  private drain(sint: number): DeliveryReason {
    const queue = this.queueOf(sint);
    for (let [first] = queue; first !== undefined; [first] = queue) {
      const page = this.messagePage.seenPage;
      const source = this.sint(sint);
      const obstacle = page === undefined ? 'no message page' : this.obstacleOf(source);
      if (page === undefined || obstacle !== '') return obstacle;
      const gpa = page * pageSizeBytes + sint * messageSlot.sizeBytes;
      const slot = new MessageSlot(this.memory, gpa);
      if (!slot.isFree) {
        slot.setPending();
        return 'slot busy';
      }
      queue.shift();
      slot.write(this.stamped(first));
      this.traceMessage(sint, first, 'delivered', this.interrupt(source));
    }
    return '';
  }

  /** A timer's message says when it was delivered (TLFS 12.5.3). */
  private stamped(message: SynicMessage): SynicMessage {
    if (message.buffer === portBuffer) return message;
    const payload = message.payload.slice();
    writeField(timerMessage, payload, 'DeliveryTime', this.wires.referenceTime());
    return { ...message, payload };
  }

  /** What holds back everything for a source. */
  private obstacleOf(source: bigint): DeliveryReason {
    if (!isSet(this.controlRegister, synicControlFields.enabled)) return 'SCONTROL disabled';
    return isSet(source, sintFields.masked) ? 'SINT masked' : '';
  }

  /** @returns why there is no interrupt: a polled source is looked at by the guest of its own accord */
  private interrupt(source: bigint): DeliveryReason {
    if (isSet(source, sintFields.polling)) return 'SINT polled';
    if (!this.wires.takesInterrupts(this.index)) return 'local APIC disabled';
    this.wires.requestInterrupt(this.index, Number(extractBits(source, sintFields.vector)));
    return '';
  }

  private traceMessage(
    sint: number,
    { type: messageType }: SynicMessage,
    outcome: SyntheticDelivery['outcome'],
    reason: DeliveryReason,
  ): void {
    this.wires.trace(this.index, { kind: 'synthetic-message', sint, messageType, outcome, reason });
  }
}
