/** The receiving half of a UART: characters on their way, the FIFO, its trigger level and its time-out. */
import type { Timer } from '../../machine/timer-queue';
import { fifoBytes, lsr, receiverTriggers } from '../../spec/pc/serial-port';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { UserError } from '../../support/user-error';

/** Characters that wait on the sender's side; the sender of more is told so. */
const waitingBytesMaximum = 65_536;

/** Characters without a read after which the FIFO asks for service below its trigger level. */
const timeoutCharacters = 4;

/** What the receiver needs of the UART around it. */
export interface ReceiverSurroundings {
  readonly arrivalTimer: Timer;
  readonly timeoutTimer: Timer;
  nowNs(): number;
  characterNs(): number;
  /** The guest's side of the wire is ready: nothing is sent to a UART that has not been set up. */
  isReady(): boolean;
}

/**
 * Characters arrive one by one at the speed of the line, and only while there is room: the sender respects flow
 * control, so what a person types or pastes is never lost.
 */
export class SerialReceiver {
  private fifo: number[] = [];
  private waiting: number[] = [];
  private isFifoEnabled = false;
  private triggerCode = 0;
  private overrun = false;
  private timedOut = false;

  constructor(private readonly around: ReceiverSurroundings) {}

  /** @throws UserError, with nothing changed, where too much waits already */
  send(data: Uint8Array): void {
    if (this.waiting.length + data.length > waitingBytesMaximum) {
      throw new UserError(
        'console-input-full',
        `The guest has not read its serial port: ${this.waiting.length} bytes of input wait.`,
        'Send the rest when the guest has read some.',
      );
    }
    for (const byte of data) this.waiting.push(byte);
    this.expectNext();
  }

  /** Sets when the next waiting character comes, if it can. */
  expectNext(): void {
    const { arrivalTimer } = this.around;
    if (arrivalTimer.dueNs !== undefined || this.waiting.length === 0) return;
    if (!this.around.isReady() || this.fifo.length >= this.capacity) return;
    arrivalTimer.setDue(this.around.nowNs() + this.around.characterNs());
  }

  /** The arrival timer ran. */
  arrive(dueNs: number): void {
    if (!this.around.isReady() || this.fifo.length >= this.capacity) return;
    const byte = this.waiting.shift();
    if (byte !== undefined) this.accept(byte, dueNs);
    if (this.waiting.length === 0 || this.fifo.length >= this.capacity) return;
    this.around.arrivalTimer.setDue(dueNs + this.around.characterNs());
  }

  /** The time-out timer ran. */
  timeOut(): void {
    this.timedOut = this.fifo.length > 0;
  }

  /** Takes a character from the line. */
  accept(byte: number, nowNs: number): void {
    if (this.fifo.length >= this.capacity) {
      this.overrun = true;
      // Without a FIFO the newer character replaces the older one (PC16550D, 8.4, OE).
      if (!this.isFifoEnabled) this.fifo = [byte];
      return;
    }
    this.fifo.push(byte);
    this.startTimeout(nowNs);
  }

  /** What a read of RBR finds; 0 where there is nothing. */
  take(): number {
    const byte = this.fifo.shift() ?? 0;
    this.startTimeout(this.around.nowNs());
    this.expectNext();
    return byte;
  }

  /** Enabling or disabling the FIFO empties it. */
  control(isEnabled: boolean, clears: boolean, triggerCode: number): void {
    if (clears || isEnabled !== this.isFifoEnabled) {
      this.fifo = [];
      this.startTimeout(this.around.nowNs());
    }
    this.isFifoEnabled = isEnabled;
    this.triggerCode = isEnabled ? triggerCode : 0;
    this.expectNext();
  }

  get hasFifo(): boolean {
    return this.isFifoEnabled;
  }

  /** Enough has come that the guest should read. */
  get isAtTrigger(): boolean {
    return this.fifo.length >= (receiverTriggers[this.triggerCode] ?? 1);
  }

  get hasTimedOut(): boolean {
    return this.timedOut;
  }

  /** Bits of the line status register. */
  get status(): number {
    return (this.fifo.length > 0 ? lsr.DR : 0) | (this.overrun ? lsr.OE : 0);
  }

  get errors(): number {
    return this.overrun ? lsr.OE : 0;
  }

  /** Reading the line status register clears its error bits. */
  clearErrors(): void {
    this.overrun = false;
  }

  get counts(): { readonly received: number; readonly waiting: number } {
    return { received: this.fifo.length, waiting: this.waiting.length };
  }

  /** Characters on their way stay there. */
  reset(): void {
    this.fifo = [];
    this.isFifoEnabled = false;
    this.triggerCode = 0;
    this.overrun = false;
    this.timedOut = false;
    this.around.arrivalTimer.cancel();
    this.around.timeoutTimer.cancel();
  }

  save(): StateNode {
    return {
      fifo: Uint8Array.from(this.fifo),
      waiting: Uint8Array.from(this.waiting),
      isFifoEnabled: +this.isFifoEnabled,
      triggerCode: this.triggerCode,
      overrun: +this.overrun,
      timedOut: +this.timedOut,
    };
  }

  restore(record: StateRecord): void {
    this.fifo = [...record.bytes('fifo')].slice(0, fifoBytes);
    this.waiting = [...record.bytes('waiting')];
    this.isFifoEnabled = record.number('isFifoEnabled') !== 0;
    this.triggerCode = record.number('triggerCode') & 3;
    this.overrun = record.number('overrun') !== 0;
    this.timedOut = record.number('timedOut') !== 0;
  }

  private get capacity(): number {
    return this.isFifoEnabled ? fifoBytes : 1;
  }

  private startTimeout(nowNs: number): void {
    this.timedOut = false;
    if (!this.isFifoEnabled || this.fifo.length === 0) this.around.timeoutTimer.cancel();
    else this.around.timeoutTimer.setDue(nowNs + timeoutCharacters * this.around.characterNs());
  }
}
