/** What keyboard and mouse have in common: commands, arguments, and a queue of answers. */
import type { InspectedValue } from '../../machine/inspect';
import { ps2Answer, ps2Command } from '../../spec/pc/keyboard-controller';
import { restoreFlat, saveFlat, type FlatState } from '../../support/flat-state';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import type { Chip } from './chip';

const versionOfState = 1;

/** Bytes that a device keeps for a controller that does not take them; more are dropped, as a keyboard does. */
const queueMaximum = 16;

const noCommand = -1;

/** A device at one of the controller's two ports. `S` is what it remembers beside the queue. */
export abstract class Ps2Device<S extends FlatState> implements Chip {
  abstract readonly name: string;
  protected settings: S;
  private queue: number[] = [];
  private lastSent = 0;
  /** The command whose argument comes next. */
  private argumentOf = noCommand;

  protected constructor(private readonly defaults: S) {
    this.settings = { ...defaults };
  }

  /** Takes a byte from the controller; what was still to be sent is given up for the answer. */
  receive(byte: number): void {
    this.queue = [];
    const command = this.argumentOf;
    this.argumentOf = noCommand;
    if (command !== noCommand && this.takeArgument(command, byte)) return;
    if (byte === ps2Command.resend) this.send(this.lastSent);
    else if (byte === ps2Command.reset) {
      this.settings = { ...this.defaults };
      this.send(ps2Answer.acknowledge, ps2Answer.selfTestPassed, ...this.identityAfterReset);
    } else if (!this.obey(byte)) this.send(ps2Answer.resend);
  }

  /** The next byte for the controller. */
  next(): number | undefined {
    const byte = this.queue.shift();
    if (byte !== undefined) this.lastSent = byte;
    return byte;
  }

  reset(): void {
    this.settings = { ...this.defaults };
    this.queue = [];
    this.lastSent = 0;
    this.argumentOf = noCommand;
  }

  save(): StateNode {
    return {
      version: versionOfState,
      settings: saveFlat(this.settings),
      queue: Uint8Array.from(this.queue),
      lastSent: this.lastSent,
      argumentOf: this.argumentOf,
    };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.settings = restoreFlat(record.record('settings'), this.defaults);
    this.queue = [...record.bytes('queue')];
    this.lastSent = record.number('lastSent') & 0xff;
    this.argumentOf = record.number('argumentOf');
  }

  inspect(): readonly InspectedValue[] {
    const settings = Object.entries(this.settings).map(([name, value]) => ({ name, value }));
    return [...settings, { name: 'bytes to send', value: this.queue.length }];
  }

  /** What follows the result of the self-test. */
  protected abstract readonly identityAfterReset: readonly number[];

  /** @returns false for a command that the device does not know */
  protected abstract obey(command: number): boolean;

  /** @returns false where the byte is no argument but a command */
  protected abstract takeArgument(command: number, byte: number): boolean;

  protected expectArgument(command: number): void {
    this.argumentOf = command;
    this.send(ps2Answer.acknowledge);
  }

  protected send(...bytes: readonly number[]): void {
    if (this.queue.length + bytes.length <= queueMaximum) this.queue.push(...bytes);
  }
}
