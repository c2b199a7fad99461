/** One 8259A interrupt controller: requests, masks, priorities and its two ports. */
import type { InspectedValue } from '../../machine/inspect';
import {
  icw1,
  icw2VectorMask,
  icw4,
  ocw2,
  ocw3,
  pollInterrupt,
  spuriousInput,
} from '../../spec/pc/interrupt-controller-8259';
import { restoreFlat, saveFlat } from '../../support/flat-state';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import type { Chip } from './chip';
import type { ByteRegisters } from './port-device';

const versionOfState = 1;

/** Which initialization command word the data port expects next. */
const Expecting = { nothing: 0, icw2: 2, icw3: 3, icw4: 4 } as const;

/** Position of the controller in the cascade. */
export interface CascadeRole {
  readonly name: string;
  /** Inputs to which another controller is wired; 0 for a slave. */
  readonly cascadedInputs: number;
  /** Inputs that stay edge-triggered whatever the edge/level register says. */
  readonly edgeOnlyInputs: number;
  /** Called when the output may have changed. */
  outputChanged(asserted: boolean): void;
  /** Vector of the controller at a cascaded input. */
  acknowledgeCascaded(): number;
}

const afterReset = {
  /** Requests; of an edge-triggered input, latched until acknowledged. */
  irr: 0,
  isr: 0,
  imr: 0,
  /** What the wires carry. */
  levels: 0,
  /** Level-triggered inputs. */
  edgeLevel: 0,
  vectorBase: 0,
  expecting: Expecting.nothing as number, // one of Expecting
  /** No request passes before the first complete initialization. */
  isInitialized: false,
  needsIcw4: false,
  isSingle: false,
  levelTriggered: false,
  automaticEoi: false,
  rotateInAutomaticEoi: false,
  specialFullyNested: false,
  specialMask: false,
  /** Input with the lowest priority; the next one has the highest. */
  lowestPriority: 7,
  readsIsr: false,
  polls: false,
  output: false,
};

type State = typeof afterReset;

/**
 * Deviates from the data sheet in one point, as other emulations do: an edge stays latched when the wire falls before
 * it is acknowledged, so short pulses are not lost. A cascaded controller's output makes no such pulses.
 */
export class InterruptController8259 implements Chip, ByteRegisters {
  readonly name: string;
  private state: State = { ...afterReset };

  constructor(private readonly role: CascadeRole) {
    this.name = role.name;
  }

  /** What a wire at an input carries. */
  setInput(input: number, level: boolean): void {
    const bit = 1 << input;
    const { state } = this;
    const wasHigh = (state.levels & bit) !== 0;
    state.levels = level ? state.levels | bit : state.levels & ~bit;
    if (this.levelInputs & bit) {
      state.irr = level ? state.irr | bit : state.irr & ~bit;
    } else if (level && !wasHigh) state.irr |= bit;
    else if (!level && this.role.cascadedInputs & bit) state.irr &= ~bit;
    this.update();
  }

  /** The interrupt acknowledge cycle: answers the vector of the request with the highest priority. */
  acknowledge(): number {
    const input = this.highestRequest();
    if (input === undefined) return this.state.vectorBase | spuriousInput;
    this.take(input);
    const isCascaded = (this.role.cascadedInputs & (1 << input)) !== 0;
    const vector = isCascaded ? this.role.acknowledgeCascaded() : this.state.vectorBase | input;
    this.update();
    return vector;
  }

  /** The edge/level register of this half of the inputs. */
  get edgeLevel(): number {
    return this.state.edgeLevel;
  }

  set edgeLevel(value: number) {
    this.state.edgeLevel = value & ~this.role.edgeOnlyInputs & 0xff;
    const { levelInputs } = this;
    this.state.irr = (this.state.irr & ~levelInputs) | (this.state.levels & levelInputs);
    this.update();
  }

  /** What its output carries. */
  get isAsserted(): boolean {
    return this.state.output;
  }

  /** Offset 0 is the command port, 1 the data port. */
  readByte(offset: number): number {
    if (this.state.polls) return this.poll();
    if (offset === 1) return this.state.imr;
    return this.state.readsIsr ? this.state.isr : this.state.irr;
  }

  writeByte(offset: number, value: number): void {
    if (offset === 1) this.writeData(value);
    else if (value & icw1.isIcw1) this.beginInitialization(value);
    else if (value & ocw3.isOcw3) this.writeOcw3(value);
    else this.writeOcw2(value >> 5, value & 7);
    this.update();
  }

  reset(): void {
    this.state = { ...afterReset };
    this.role.outputChanged(false);
  }

  save(): StateNode {
    return { version: versionOfState, ...saveFlat(this.state) };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.state = restoreFlat(record, afterReset);
  }

  inspect(): readonly InspectedValue[] {
    const { irr, isr, imr, edgeLevel, vectorBase, automaticEoi, specialMask, output } = this.state;
    return [
      { name: 'IRR', value: irr },
      { name: 'ISR', value: isr },
      { name: 'IMR', value: imr },
      { name: 'ELCR', value: edgeLevel },
      { name: 'vector base', value: vectorBase },
      { name: 'automatic EOI', value: automaticEoi },
      { name: 'special mask mode', value: specialMask },
      { name: 'INT', value: output },
    ];
  }

  private get levelInputs(): number {
    return this.state.levelTriggered ? 0xff : this.state.edgeLevel;
  }

  /** Input from 0 for the highest priority on. */
  private inputOfPriority(priority: number): number {
    return (this.state.lowestPriority + 1 + priority) & 7;
  }

  private highestOf(inputs: number): number | undefined {
    for (let priority = 0; priority < 8; priority++) {
      const input = this.inputOfPriority(priority);
      if (inputs & (1 << input)) return input;
    }
    return undefined;
  }

  /** The request that would be served now; one in service keeps itself and everything below it away. */
  private highestRequest(): number | undefined {
    const { state } = this;
    if (!state.isInitialized) return undefined;
    const requests = state.irr & ~state.imr;
    const blocking = state.specialMask ? state.isr & ~state.imr : state.isr;
    for (let priority = 0; priority < 8; priority++) {
      const input = this.inputOfPriority(priority);
      const bit = 1 << input;
      // Special fully nested mode: a slave in service may have a request of higher priority of its own.
      const nests = state.specialFullyNested && (this.role.cascadedInputs & bit) !== 0;
      if (requests & bit && (!(blocking & bit) || nests)) return input;
      if (blocking & bit) return undefined;
    }
    return undefined;
  }

  private take(input: number): void {
    const bit = 1 << input;
    const { state } = this;
    if (!(this.levelInputs & bit)) state.irr &= ~bit;
    if (!state.automaticEoi) state.isr |= bit;
    else if (state.rotateInAutomaticEoi) state.lowestPriority = input;
  }

  /** A read after the poll command acknowledges, and says which input it was (data sheet, "Poll Command"). */
  private poll(): number {
    this.state.polls = false;
    const input = this.highestRequest();
    if (input === undefined) return 0;
    this.take(input);
    this.update();
    return pollInterrupt | input;
  }

  private beginInitialization(value: number): void {
    const { levels, edgeLevel } = this.state;
    this.state = {
      ...afterReset,
      levels,
      edgeLevel,
      expecting: Expecting.icw2,
      needsIcw4: (value & icw1.IC4) !== 0,
      isSingle: (value & icw1.SNGL) !== 0,
      levelTriggered: (value & icw1.LTIM) !== 0,
    };
    this.state.irr = levels & this.levelInputs;
  }

  private writeData(value: number): void {
    const { state } = this;
    switch (state.expecting) {
      case Expecting.icw2:
        state.vectorBase = value & icw2VectorMask;
        return this.expectAfterIcw2(!state.isSingle);
      case Expecting.icw3:
        // The wiring of the cascade is the board's; the word is taken and not needed.
        return this.expectAfterIcw2(false);
      case Expecting.icw4:
        state.automaticEoi = (value & icw4.AEOI) !== 0;
        state.specialFullyNested = (value & icw4.SFNM) !== 0;
        return this.finishInitialization();
      default:
        state.imr = value;
    }
  }

  private expectAfterIcw2(wantsIcw3: boolean): void {
    if (wantsIcw3) this.state.expecting = Expecting.icw3;
    else if (this.state.needsIcw4) this.state.expecting = Expecting.icw4;
    else this.finishInitialization();
  }

  private finishInitialization(): void {
    this.state.expecting = Expecting.nothing;
    this.state.isInitialized = true;
  }

  private writeOcw3(value: number): void {
    const { state } = this;
    if (value & ocw3.P) state.polls = true;
    else if (value & ocw3.RR) state.readsIsr = (value & ocw3.RIS) !== 0;
    if (value & ocw3.ESMM) state.specialMask = (value & ocw3.SMM) !== 0;
  }

  private writeOcw2(command: number, level: number): void {
    const { state } = this;
    switch (command) {
      case ocw2.rotateInAutomaticEoiClear:
      case ocw2.rotateInAutomaticEoiSet:
        state.rotateInAutomaticEoi = command === ocw2.rotateInAutomaticEoiSet;
        return;
      case ocw2.nonspecificEoi:
      case ocw2.rotateOnNonspecificEoi:
        return this.endHighest(command === ocw2.rotateOnNonspecificEoi);
      case ocw2.specificEoi:
        state.isr &= ~(1 << level);
        return;
      case ocw2.rotateOnSpecificEoi:
        state.isr &= ~(1 << level);
        state.lowestPriority = level;
        return;
      case ocw2.setPriority:
        state.lowestPriority = level;
    }
  }

  /** In special mask mode a masked input in service is not the one that is meant (data sheet, "Special Mask Mode"). */
  private endHighest(rotates: boolean): void {
    const { state } = this;
    const input = this.highestOf(state.specialMask ? state.isr & ~state.imr : state.isr);
    if (input === undefined) return;
    state.isr &= ~(1 << input);
    if (rotates) state.lowestPriority = input;
  }

  private update(): void {
    const output = this.highestRequest() !== undefined;
    if (output === this.state.output) return;
    this.state.output = output;
    this.role.outputChanged(output);
  }
}
