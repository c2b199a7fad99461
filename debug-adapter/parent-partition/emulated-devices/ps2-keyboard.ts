/** A PS/2 keyboard as far as drivers ask for it: reset, identification, settings. Nobody presses its keys yet. */
import { keyboardCommand, ps2Answer, ps2Command } from '../../spec/pc/keyboard-controller';
import { Ps2Device } from './ps2-device';

const defaults = { isEnabled: true, indicators: 0, scanCodeSet: 2, rate: 0x2b };

export class Ps2Keyboard extends Ps2Device<typeof defaults> {
  readonly name = 'keyboard';
  protected readonly identityAfterReset = [];

  constructor() {
    super(defaults);
  }

  protected obey(command: number): boolean {
    switch (command) {
      case keyboardCommand.setIndicators:
      case keyboardCommand.scanCodeSet:
      case ps2Command.setRate:
        this.expectArgument(command);
        return true;
      case keyboardCommand.echo:
        this.send(keyboardCommand.echo);
        return true;
      case ps2Command.identify:
        this.send(ps2Answer.acknowledge, ...ps2Answer.keyboardId);
        return true;
      case ps2Command.enable:
        this.settings.isEnabled = true;
        this.send(ps2Answer.acknowledge);
        return true;
      case ps2Command.disable:
      case ps2Command.setDefaults:
        this.settings = { ...defaults, isEnabled: command === ps2Command.setDefaults };
        this.send(ps2Answer.acknowledge);
        return true;
      default:
        return false;
    }
  }

  /** A byte from EDh on is a command even where an argument is due. */
  protected takeArgument(command: number, byte: number): boolean {
    const { settings } = this;
    if (byte >= keyboardCommand.setIndicators) return false;
    if (command === keyboardCommand.setIndicators) settings.indicators = byte & 7;
    else if (command === ps2Command.setRate) settings.rate = byte & 0x7f;
    else if (byte === 0) {
      this.send(ps2Answer.acknowledge, settings.scanCodeSet);
      return true;
    } else if (byte <= 3) settings.scanCodeSet = byte;
    this.send(ps2Answer.acknowledge);
    return true;
  }
}
