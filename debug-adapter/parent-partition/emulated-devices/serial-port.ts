/** A 16550A serial port with a terminal at the other end of the wire. */
import type { InspectedValue } from '../../machine/inspect';
import type { TimerSource } from '../../machine/timer-queue';
import {
  fcr,
  ier,
  iir,
  lcr,
  lsr,
  mcr,
  msr,
  uartBaseRate,
  uartRegister as register,
} from '../../spec/pc/serial-port';
import { restoreFlat, saveFlat } from '../../support/flat-state';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import type { Chip } from './chip';
import type { InterruptLine } from './interrupt-line';
import type { ByteRegisters } from './port-device';
import { SerialReceiver } from './serial-receiver';

const versionOfState = 1;

/** What a serial port is wired to. */
export interface SerialPortWiring {
  /** `COM1`, for people and for the names of its timers. */
  readonly name: string;
  readonly timers: TimerSource;
  nowNs(): number;
  readonly interrupt: InterruptLine;
  /** A character goes out. */
  transmit(byte: number): void;
}

const afterReset = {
  IER: 0,
  LCR: 0,
  MCR: 0,
  SCR: 0,
  divisor: 12,
  /** Changes of modem inputs since the last read of MSR. */
  modemChanges: 0,
  /** The transmitter has become empty, and nobody has been told. */
  transmitterEmptied: false,
};

/** A terminal is connected and ready: clear to send, data set ready, carrier. */
const terminalInputs = msr.CTS | msr.DSR | msr.DCD;

/**
 * Characters take no time to go out: a guest that waits for the transmitter would only spend instructions. So the
 * transmitter is always empty, and its interrupt comes again after each character.
 */
export class SerialPort implements Chip, ByteRegisters {
  readonly name: string;
  private state = { ...afterReset };
  /** What its wire to the interrupt controllers carries; unknown behind a restore. */
  private isInterrupting: boolean | undefined = false;
  private readonly receiver: SerialReceiver;

  constructor(private readonly wiring: SerialPortWiring) {
    this.name = wiring.name;
    this.receiver = new SerialReceiver({
      arrivalTimer: wiring.timers.createTimer(`${this.name} arrival`, (dueNs) => {
        this.receiver.arrive(dueNs);
        this.update();
      }),
      timeoutTimer: wiring.timers.createTimer(`${this.name} time-out`, () => {
        this.receiver.timeOut();
        this.update();
      }),
      nowNs: () => wiring.nowNs(),
      characterNs: () => this.characterNs(),
      isReady: () => (this.state.MCR & (mcr.DTR | mcr.loop)) === mcr.DTR,
    });
  }

  /**
   * Characters from the terminal. They wait until the guest has set DTR.
   * @throws UserError, with nothing changed, where too much waits already
   */
  receive(data: Uint8Array): void {
    this.receiver.send(data);
  }

  readByte(offset: number): number {
    const { state } = this;
    const value = this.readRegister(offset);
    if (offset === register.MSR) state.modemChanges = 0;
    if (offset === register.LSR) this.receiver.clearErrors();
    this.update();
    return value;
  }

  writeByte(offset: number, value: number): void {
    const { state } = this;
    switch (offset) {
      case register.RBR_THR_DLL:
        if (this.isDivisorAccess) state.divisor = (state.divisor & 0xff00) | value;
        else this.transmit(value);
        break;
      case register.IER_DLM:
        if (this.isDivisorAccess) state.divisor = (state.divisor & 0xff) | (value << 8);
        else this.writeInterruptEnable(value);
        break;
      case register.IIR_FCR:
        this.writeFifoControl(value);
        break;
      case register.LCR:
        state.LCR = value;
        break;
      case register.MCR:
        this.writeModemControl(value & mcr.writable);
        break;
      case register.SCR:
        state.SCR = value;
    }
    this.update();
  }

  reset(): void {
    this.state = { ...afterReset };
    this.receiver.reset();
    this.isInterrupting = false;
    this.wiring.interrupt.set(false);
  }

  save(): StateNode {
    return { version: versionOfState, ...saveFlat(this.state), receiver: this.receiver.save() };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.state = restoreFlat(record, afterReset);
    this.isInterrupting = undefined;
    this.receiver.restore(record.record('receiver'));
  }

  inspect(): readonly InspectedValue[] {
    const { IER, LCR, MCR, SCR, divisor } = this.state;
    const { received, waiting } = this.receiver.counts;
    return [
      { name: 'IER', value: IER },
      { name: 'IIR', value: this.identification },
      { name: 'LCR', value: LCR },
      { name: 'MCR', value: MCR },
      { name: 'LSR', value: this.lineStatus },
      { name: 'MSR', value: this.modemStatus },
      { name: 'SCR', value: SCR },
      { name: 'divisor', value: divisor },
      { name: 'characters in the FIFO', value: received },
      { name: 'characters on their way', value: waiting },
    ];
  }

  private get isDivisorAccess(): boolean {
    return (this.state.LCR & lcr.divisorLatchAccess) !== 0;
  }

  /** Start bit, data bits, parity, stop bits. */
  private characterNs(): number {
    const { LCR, divisor } = this.state;
    const bits =
      7 +
      (LCR & lcr.wordLengthMask) +
      (LCR & lcr.parityEnable ? 1 : 0) +
      (LCR & lcr.stopBits ? 1 : 0);
    return Math.floor((bits * Math.max(1, divisor) * 1_000_000_000) / uartBaseRate);
  }

  private readRegister(offset: number): number {
    const { state } = this;
    switch (offset) {
      case register.RBR_THR_DLL:
        return this.isDivisorAccess ? state.divisor & 0xff : this.receiver.take();
      case register.IER_DLM:
        return this.isDivisorAccess ? state.divisor >> 8 : state.IER;
      case register.IIR_FCR:
        return this.readIdentification();
      case register.LCR:
        return state.LCR;
      case register.MCR:
        return state.MCR;
      case register.LSR:
        return this.lineStatus;
      case register.MSR:
        return this.modemStatus;
      default:
        return state.SCR;
    }
  }

  private get lineStatus(): number {
    return this.receiver.status | lsr.THRE | lsr.TEMT;
  }

  private get modemStatus(): number {
    return modemInputs(this.state.MCR) | this.state.modemChanges;
  }

  /** The cause with the highest priority, as IIR shows it without the FIFO bits. */
  private get cause(): number {
    const { state, receiver } = this;
    const { IER } = state;
    if ((IER & ier.ELSI) !== 0 && receiver.errors !== 0) return iir.lineStatus;
    if ((IER & ier.ERBFI) !== 0 && receiver.isAtTrigger) return iir.dataAvailable;
    if ((IER & ier.ERBFI) !== 0 && receiver.hasTimedOut) return iir.characterTimeout;
    if ((IER & ier.ETBEI) !== 0 && state.transmitterEmptied) return iir.transmitterEmpty;
    if ((IER & ier.EDSSI) !== 0 && state.modemChanges !== 0) return iir.modemStatus;
    return iir.none;
  }

  private get identification(): number {
    return this.cause | (this.receiver.hasFifo ? iir.fifosEnabled : 0);
  }

  /** Reading IIR takes note of an empty transmitter, if that is what it shows. */
  private readIdentification(): number {
    const value = this.identification;
    if (this.cause === iir.transmitterEmpty) this.state.transmitterEmptied = false;
    return value;
  }

  private transmit(byte: number): void {
    const { state, wiring } = this;
    state.transmitterEmptied = false;
    this.update();
    if (state.MCR & mcr.loop) this.receiver.accept(byte & this.wordMask, wiring.nowNs());
    else wiring.transmit(byte & this.wordMask);
    state.transmitterEmptied = true;
  }

  private get wordMask(): number {
    return 0xff >> (3 - (this.state.LCR & lcr.wordLengthMask));
  }

  private writeInterruptEnable(value: number): void {
    const { state } = this;
    const before = state.IER;
    state.IER = value & ier.writable;
    if (state.IER & ~before & ier.ETBEI) state.transmitterEmptied = true;
  }

  private writeFifoControl(value: number): void {
    const isEnabled = (value & fcr.enable) !== 0;
    // The other bits count only together with the enable bit.
    const clears = isEnabled && (value & fcr.clearReceiver) !== 0;
    this.receiver.control(isEnabled, clears, (value >> fcr.triggerShift) & 3);
  }

  private writeModemControl(value: number): void {
    const before = modemInputs(this.state.MCR);
    this.state.MCR = value;
    const after = modemInputs(value);
    const changed = before ^ after;
    // RI is reported only where it falls; the other inputs where they change.
    const reported = (changed & ~msr.RI) | (changed & before & msr.RI);
    this.state.modemChanges |= reported >> 4;
    this.receiver.expectNext();
  }

  /** OUT2 is the gate of the interrupt on a PC; in loop mode the pin is off. */
  private update(): void {
    const { IER, MCR } = this.state;
    const isGated = (MCR & (mcr.OUT2 | mcr.loop)) === mcr.OUT2;
    const isInterrupting = IER !== 0 && isGated && this.cause !== iir.none;
    if (isInterrupting !== this.isInterrupting) this.setInterrupt(isInterrupting);
  }

  private setInterrupt(level: boolean): void {
    this.isInterrupting = level;
    this.wiring.interrupt.set(level);
  }
}

/** In loop mode the modem control outputs are the modem inputs (PC16550D, 8.6, bit 4). */
function modemInputs(control: number): number {
  if (!(control & mcr.loop)) return terminalInputs;
  return (
    (control & mcr.RTS ? msr.CTS : 0) |
    (control & mcr.DTR ? msr.DSR : 0) |
    (control & mcr.OUT1 ? msr.RI : 0) |
    (control & mcr.OUT2 ? msr.DCD : 0)
  );
}
