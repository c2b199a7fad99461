/** A PS/2 mouse with two buttons as far as drivers ask for it; nobody moves it yet. */
import {
  mouseCommand,
  mouseDefaults,
  mouseStatus,
  movementAlways,
  ps2Answer,
  ps2Command,
} from '../../spec/pc/keyboard-controller';
import { Ps2Device } from './ps2-device';

const defaults = {
  isEnabled: false,
  isRemote: false,
  scaling2: false,
  rate: mouseDefaults.rate as number, // a guest sets others
  resolution: mouseDefaults.resolution as number, // a guest sets others
};

export class Ps2Mouse extends Ps2Device<typeof defaults> {
  readonly name = 'mouse';
  protected readonly identityAfterReset = [ps2Answer.mouseId];

  constructor() {
    super(defaults);
  }

  protected obey(command: number): boolean {
    if (this.changeSetting(command)) {
      this.send(ps2Answer.acknowledge);
      return true;
    }
    switch (command) {
      case mouseCommand.setResolution:
      case ps2Command.setRate:
        this.expectArgument(command);
        return true;
      case mouseCommand.status:
        this.send(ps2Answer.acknowledge, ...this.status);
        return true;
      case mouseCommand.readData:
        this.send(ps2Answer.acknowledge, movementAlways, 0, 0);
        return true;
      case ps2Command.identify:
        this.send(ps2Answer.acknowledge, ps2Answer.mouseId);
        return true;
      default:
        return false;
    }
  }

  protected takeArgument(command: number, byte: number): boolean {
    if (command === ps2Command.setRate) this.settings.rate = byte;
    else this.settings.resolution = byte & 3;
    this.send(ps2Answer.acknowledge);
    return true;
  }

  /** @returns false where the command is not just a setting */
  private changeSetting(command: number): boolean {
    const { settings } = this;
    switch (command) {
      case mouseCommand.scaling1:
      case mouseCommand.scaling2:
        settings.scaling2 = command === mouseCommand.scaling2;
        return true;
      case mouseCommand.streamMode:
      case mouseCommand.remoteMode:
        settings.isRemote = command === mouseCommand.remoteMode;
        return true;
      case ps2Command.enable:
      case ps2Command.disable:
        settings.isEnabled = command === ps2Command.enable;
        return true;
      case ps2Command.setDefaults:
        this.settings = { ...defaults };
        return true;
      default:
        return command === mouseCommand.resetWrapMode;
    }
  }

  private get status(): readonly number[] {
    const { isRemote, isEnabled, scaling2, resolution, rate } = this.settings;
    const flags =
      (isRemote ? mouseStatus.remote : 0) |
      (isEnabled ? mouseStatus.enabled : 0) |
      (scaling2 ? mouseStatus.scaling2 : 0);
    return [flags, resolution, rate];
  }
}
