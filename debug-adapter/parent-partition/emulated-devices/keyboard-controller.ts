/** The i8042 keyboard controller: two ports for devices, one byte of output, and lines for reset and A20. */
import type { InspectedValue } from '../../machine/inspect';
import {
  commandByte,
  controllerAnswer,
  controllerCommand as command,
  controllerStatus,
  outputPort,
  translatedAnswers,
} from '../../spec/pc/keyboard-controller';
import { restoreFlat, saveFlat } from '../../support/flat-state';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import type { Chip } from './chip';
import type { InterruptLine } from './interrupt-line';
import type { ByteRegisters } from './port-device';
import { Ps2Keyboard } from './ps2-keyboard';
import { Ps2Mouse } from './ps2-mouse';

const versionOfState = 1;

/** What the controller is wired to. */
export interface KeyboardControllerWiring {
  readonly keyboardInterrupt: InterruptLine;
  readonly mouseInterrupt: InterruptLine;
  resetMachine(): void;
}

const none = -1;

/** As firmware leaves it: a keyboard with translated codes, no mouse. */
const initialCommandByte =
  commandByte.keyboardInterrupt |
  commandByte.systemFlag |
  commandByte.mouseDisabled |
  commandByte.translate;

const afterReset = {
  commandByte: initialCommandByte as number, // a guest sets others
  outputPort: outputPort.notReset | outputPort.a20,
  /** The byte in the output buffer. */
  output: 0,
  isFull: false,
  isFromMouse: false,
  /** An answer of the controller itself, which waits for the buffer. */
  answer: none,
  /** The command whose data byte comes next. */
  dataOf: none,
  lastWasCommand: false,
};

/** The A20 line is kept and has no effect: address line 20 is always there. */
export class KeyboardController implements Chip {
  readonly name = 'keyboard controller';
  /** Port 60h. */
  readonly data: ByteRegisters = {
    name: this.name,
    readByte: () => this.readData(),
    writeByte: (_offset, value) => this.writeData(value),
  };
  /** Port 64h. */
  readonly control: ByteRegisters = {
    name: this.name,
    readByte: () => this.status,
    writeByte: (_offset, value) => this.writeCommand(value),
  };
  private readonly keyboard = new Ps2Keyboard();
  private readonly mouse = new Ps2Mouse();
  private state = { ...afterReset };

  constructor(private readonly wiring: KeyboardControllerWiring) {}

  reset(): void {
    this.state = { ...afterReset };
    this.keyboard.reset();
    this.mouse.reset();
    this.wiring.keyboardInterrupt.set(false);
    this.wiring.mouseInterrupt.set(false);
  }

  save(): StateNode {
    return {
      version: versionOfState,
      ...saveFlat(this.state),
      keyboard: this.keyboard.save(),
      mouse: this.mouse.save(),
    };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.state = restoreFlat(record, afterReset);
    this.keyboard.restore(record.record('keyboard'));
    this.mouse.restore(record.record('mouse'));
  }

  inspect(): readonly InspectedValue[] {
    return [
      { name: 'status', value: this.status },
      { name: 'command byte', value: this.state.commandByte },
      { name: 'output port', value: this.state.outputPort },
      { name: 'output buffer', value: this.state.output },
      ...[this.keyboard, this.mouse].flatMap((device) =>
        device.inspect().map(({ name, value }) => ({ name: `${device.name}: ${name}`, value })),
      ),
    ];
  }

  private get status(): number {
    const { state } = this;
    return (
      controllerStatus.unlocked |
      (state.isFull ? controllerStatus.outputFull : 0) |
      (state.isFull && state.isFromMouse ? controllerStatus.fromMouse : 0) |
      (state.commandByte & commandByte.systemFlag ? controllerStatus.systemFlag : 0) |
      (state.lastWasCommand ? controllerStatus.lastWasCommand : 0)
    );
  }

  /** A read of an empty buffer finds the last byte again. */
  private readData(): number {
    const { output } = this.state;
    this.state.isFull = false;
    this.wiring.keyboardInterrupt.set(false);
    this.wiring.mouseInterrupt.set(false);
    this.fillOutput();
    return output;
  }

  private writeData(value: number): void {
    const { state } = this;
    const { dataOf } = state;
    state.dataOf = none;
    state.lastWasCommand = false;
    switch (dataOf) {
      case command.writeCommandByte:
        state.commandByte = value;
        break;
      case command.writeOutputPort:
        this.writeOutputPort(value);
        break;
      case command.writeKeyboardOutput:
        this.put(value, false);
        break;
      case command.writeMouseOutput:
        this.put(value, true);
        break;
      case command.writeToMouse:
        state.commandByte &= ~commandByte.mouseDisabled;
        this.mouse.receive(value);
        break;
      default:
        // Writing to the keyboard switches its port on.
        state.commandByte &= ~commandByte.keyboardDisabled;
        this.keyboard.receive(value);
    }
    this.fillOutput();
  }

  private writeCommand(value: number): void {
    const { state } = this;
    state.lastWasCommand = true;
    state.dataOf = none;
    if (value >= command.pulseOutputPort) {
      if (!(value & outputPort.notReset)) this.wiring.resetMachine();
      return;
    }
    switch (value) {
      case command.writeCommandByte:
      case command.writeOutputPort:
      case command.writeKeyboardOutput:
      case command.writeMouseOutput:
      case command.writeToMouse:
        state.dataOf = value;
        break;
      case command.disableMouse:
        state.commandByte |= commandByte.mouseDisabled;
        break;
      case command.enableMouse:
        state.commandByte &= ~commandByte.mouseDisabled;
        break;
      case command.disableKeyboard:
        state.commandByte |= commandByte.keyboardDisabled;
        break;
      case command.enableKeyboard:
        state.commandByte &= ~commandByte.keyboardDisabled;
        break;
      default:
        state.answer = this.answerTo(value);
    }
    this.fillOutput();
  }

  private answerTo(value: number): number {
    const { state } = this;
    switch (value) {
      case command.readCommandByte:
        return state.commandByte;
      case command.testPassword:
        return controllerAnswer.noPassword;
      case command.testMouseInterface:
      case command.testKeyboardInterface:
        return controllerAnswer.interfaceWorks;
      case command.selfTest:
        state.commandByte |= commandByte.systemFlag;
        return controllerAnswer.selfTestPassed;
      case command.readInputPort:
        return controllerAnswer.inputPort;
      case command.readOutputPort:
        return state.outputPort;
      default:
        return none;
    }
  }

  private writeOutputPort(value: number): void {
    this.state.outputPort = value | outputPort.notReset;
    if (!(value & outputPort.notReset)) this.wiring.resetMachine();
  }

  /** The controller's own answers go first, then the keyboard, then the mouse. */
  private fillOutput(): void {
    const { state } = this;
    if (state.isFull) return;
    if (state.answer !== none) {
      this.put(state.answer, false);
      state.answer = none;
      return;
    }
    if (!(state.commandByte & commandByte.keyboardDisabled)) {
      const byte = this.keyboard.next();
      if (byte !== undefined) return this.put(this.translate(byte), false);
    }
    if (!(state.commandByte & commandByte.mouseDisabled)) {
      const byte = this.mouse.next();
      if (byte !== undefined) this.put(byte, true);
    }
  }

  private put(byte: number, isFromMouse: boolean): void {
    const { state, wiring } = this;
    state.output = byte;
    state.isFull = true;
    state.isFromMouse = isFromMouse;
    if (isFromMouse)
      wiring.mouseInterrupt.set((state.commandByte & commandByte.mouseInterrupt) !== 0);
    else wiring.keyboardInterrupt.set((state.commandByte & commandByte.keyboardInterrupt) !== 0);
  }

  private translate(byte: number): number {
    if (!(this.state.commandByte & commandByte.translate)) return byte;
    return translatedAnswers.get(byte) ?? byte;
  }
}
