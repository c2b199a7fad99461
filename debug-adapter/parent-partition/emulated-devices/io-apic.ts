/** The I/O APIC: turns the levels of interrupt wires into messages to local APICs. */
import type { InspectedValue } from '../../machine/inspect';
import {
  deliveryMode,
  type DeliveryMode,
  type InterruptRequest,
} from '../../machine/interrupt-request';
import { ioApic } from '../../spec/pc/board';
import {
  ioApicIdMask,
  ioApicIdShift,
  ioApicIndex,
  ioApicOffset,
  ioApicVersion,
  maximumRedirectionEntryShift,
  redirection,
  redirectionHigh,
  redirectionWritable,
} from '../../spec/pc/io-apic';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { UserError } from '../../support/user-error';
import type { Chip } from './chip';
import type { MemoryDevice } from './memory-device';

const versionOfState = 1;

const deliveryModes: readonly DeliveryMode[] = Object.values(deliveryMode);

/** Wires are logical here: set means that service is wanted, so the polarity bit is kept and has no effect. */
export class IoApic implements Chip, MemoryDevice {
  readonly name = 'I/O APIC';
  private index = 0;
  private id: number = ioApic.id;
  private readonly low = new Uint32Array(ioApic.pins);
  private readonly high = new Uint32Array(ioApic.pins);
  /** What each wire carries, one bit for each. */
  private levels = 0;

  /** @param send passes a message to the local APICs */
  constructor(private readonly send: (request: InterruptRequest) => void) {
    this.reset();
  }

  /** An edge on a masked input is lost; a level is looked at again when the mask goes. */
  setInput(pin: number, level: boolean): void {
    const bit = 1 << pin;
    const wasHigh = (this.levels & bit) !== 0;
    this.levels = level ? this.levels | bit : this.levels & ~bit;
    if (level && !wasHigh) this.evaluate(pin, true);
  }

  /** A local APIC ended a level-triggered interrupt: entries with its vector may send again. */
  endOfInterrupt(vector: number): void {
    for (let pin = 0; pin < ioApic.pins; pin++) {
      const low = this.low[pin] ?? 0;
      if (!(low & redirection.remoteIrr) || (low & redirection.vectorMask) !== vector) continue;
      this.low[pin] = low & ~redirection.remoteIrr;
      this.evaluate(pin, false);
    }
  }

  /** Registers are 32 bits wide and 16 bytes apart; what lies between reads 0. */
  read(offset: number, sizeBytes: number): bigint {
    const value = this.readRegister(offset & ~0xf);
    const at = BigInt(8 * (offset & 0xf));
    return BigInt.asUintN(8 * sizeBytes, BigInt(value) >> at);
  }

  /** Only the low byte of IOREGSEL and EOIR matters; IOWIN takes 32-bit writes. */
  write(offset: number, sizeBytes: number, value: bigint): void {
    const word = Number(BigInt.asUintN(32, value));
    switch (offset) {
      case ioApicOffset.IOREGSEL:
        this.index = word & 0xff;
        return;
      case ioApicOffset.IOWIN:
        if (sizeBytes >= 4) this.writeIndexed(word);
        return;
      case ioApicOffset.EOIR:
        this.endOfInterrupt(word & 0xff);
    }
  }

  reset(): void {
    this.index = 0;
    this.id = ioApic.id << ioApicIdShift;
    this.low.fill(redirection.masked);
    this.high.fill(0);
    this.levels = 0;
  }

  save(): StateNode {
    return {
      version: versionOfState,
      index: this.index,
      id: this.id,
      low: [...this.low],
      high: [...this.high],
      levels: this.levels,
    };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    const low = record.numbers('low');
    const high = record.numbers('high');
    if (low.length !== ioApic.pins || high.length !== ioApic.pins) {
      throw new UserError(
        'saved-state-io-apic',
        'The saved I/O APIC has another number of inputs.',
      );
    }
    this.low.set(low);
    this.high.set(high);
    this.index = record.number('index') & 0xff;
    this.id = record.number('id');
    this.levels = record.number('levels');
  }

  inspect(): readonly InspectedValue[] {
    const entries = Array.from(this.low, (low, pin) => ({
      name: `entry ${pin}`,
      value: (BigInt(this.high[pin] ?? 0) << 32n) | BigInt(low),
    }));
    return [
      { name: 'IOREGSEL', value: this.index },
      { name: 'IOAPICID', value: this.id },
      { name: 'inputs', value: this.levels },
      ...entries,
    ];
  }

  private readRegister(offset: number): number {
    if (offset === ioApicOffset.IOREGSEL) return this.index;
    return offset === ioApicOffset.IOWIN ? this.readIndexed() : 0;
  }

  private readIndexed(): number {
    const at = this.index - ioApicIndex.IOREDTBL;
    if (at >= 0) return ((at & 1 ? this.high : this.low)[at >> 1] ?? 0) >>> 0;
    switch (this.index) {
      case ioApicIndex.IOAPICID:
      case ioApicIndex.IOAPICARB:
        return this.id;
      case ioApicIndex.IOAPICVER:
        return ioApicVersion | ((ioApic.pins - 1) << maximumRedirectionEntryShift);
      default:
        return 0;
    }
  }

  private writeIndexed(value: number): void {
    const at = this.index - ioApicIndex.IOREDTBL;
    const pin = at >> 1;
    if (this.index === ioApicIndex.IOAPICID) this.id = value & ioApicIdMask;
    if (at < 0 || pin >= ioApic.pins) return;
    if (at & 1) this.high[pin] = value & redirectionHigh.writable;
    else this.writeLow(pin, value);
  }

  /** An entry that becomes edge-triggered forgets that it waits for an EOI; guests end interrupts that way. */
  private writeLow(pin: number, value: number): void {
    const kept = value & redirection.levelTriggered ? redirection.remoteIrr : 0;
    this.low[pin] = ((this.low[pin] ?? 0) & kept) | (value & redirectionWritable);
    this.evaluate(pin, false);
  }

  /** Sends where the entry asks for it. */
  private evaluate(pin: number, isRisingEdge: boolean): void {
    const low = this.low[pin] ?? 0;
    const isAsserted = (this.levels & (1 << pin)) !== 0;
    if (low & redirection.masked || !isAsserted) return;
    const number = (low >> redirection.deliveryModeShift) & redirection.deliveryModeMask;
    const mode = deliveryModes.find((candidate) => candidate === number);
    if (mode === undefined || mode === deliveryMode.startUp) return;
    // Only fixed and lowest priority can be level-triggered (82093AA, 3.2.4, "Delivery Mode").
    const isLevel = (low & redirection.levelTriggered) !== 0 && mode <= deliveryMode.lowestPriority;
    if (isLevel ? low & redirection.remoteIrr : !isRisingEdge) return;
    if (isLevel) this.low[pin] = low | redirection.remoteIrr;
    this.send({
      mode,
      vector: low & redirection.vectorMask,
      destination: destinationOf(this.high[pin] ?? 0),
      isLogical: (low & redirection.logicalDestination) !== 0,
      isLevel,
    });
  }
}

function destinationOf(high: number): number {
  const { destinationShift, extendedDestinationShift, extendedDestinationMask } = redirectionHigh;
  const extended = (high >>> extendedDestinationShift) & extendedDestinationMask;
  return (extended << 8) | (high >>> destinationShift);
}
