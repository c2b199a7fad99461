/** Backup: freezes the guest's file systems so that its disks can be copied, and thaws them. */
import {
  IcMessageType,
  IcStatus,
  icVss,
  icVssBytes,
  VssOperation,
} from '../../spec/vmbus/integration';
import { VmbusVersion } from '../../spec/vmbus/messages';
import { writeField } from '../../support/struct-layout';
import { UserError } from '../../support/user-error';
import type { OpenChannel } from '../vmbus/provider';
import { FlatComponent } from './flat-component';

const shortTimeLimitNs = 60_000_000_000;
/** The guest's kernel gives a freeze 15 minutes. */
const freezeTimeLimitNs = 1_000_000_000_000;

const steps = ['thawed', 'checking', 'freezing', 'frozen', 'thawing', 'completing'] as const;

/** Where a backup stands. */
export type BackupStep = (typeof steps)[number];

const initial = { step: 0, status: 0 };

export class Backup extends FlatComponent<typeof initial> {
  constructor() {
    super(
      {
        className: 'vss',
        messageType: IcMessageType.vss,
        versions: [[5, 0]],
        minimumVersion: VmbusVersion.v3_0,
      },
      initial,
    );
  }

  get step(): BackupStep {
    return steps[this.own.step] ?? 'thawed';
  }

  get detail(): string {
    if (this.phase !== 'ready') return '';
    const { status } = this.own;
    return status === 0 ? this.step : `${this.step}, last status 0x${status.toString(16)}`;
  }

  /** @throws UserError where the guest does not use the component, or is not thawed */
  freeze(): void {
    const channel = this.requireReady();
    this.requireStep('thawed');
    this.own.status = 0;
    this.go(channel, 'checking', VssOperation.checkHotBackup, shortTimeLimitNs);
  }

  /** @throws UserError where the guest does not use the component, or is not frozen */
  thaw(): void {
    const channel = this.requireReady();
    this.requireStep('frozen');
    this.go(channel, 'thawing', VssOperation.thaw, shortTimeLimitNs);
  }

  protected started(): void {
    this.resetOwn();
  }

  protected answered(channel: OpenChannel, status: number): void {
    if (status !== IcStatus.ok) return this.fail(status);
    switch (this.step) {
      // Linux means to say in the flags that it can, but leaves them zero: its daemon's status covers the operation.
      case 'checking':
        return this.go(channel, 'freezing', VssOperation.freeze, freezeTimeLimitNs);
      case 'freezing':
        return this.setStep('frozen');
      case 'thawing':
        return this.go(channel, 'completing', VssOperation.backupComplete, shortTimeLimitNs);
      default:
        return this.setStep('thawed');
    }
  }

  protected unanswered(): void {
    this.fail(IcStatus.notConnected);
  }

  protected stopped(): void {
    this.resetOwn();
  }

  private requireStep(step: BackupStep): void {
    if (this.step === step) return;
    throw new UserError(
      'backup-step',
      `The file systems of the guest are ${this.step}, not ${step}.`,
      'Freeze first; thaw once they are frozen.',
    );
  }

  private setStep(step: BackupStep): void {
    this.own.step = steps.indexOf(step);
  }

  /** A guest that could not thaw is still frozen; one that could not freeze has thawed everything itself. */
  private fail(status: number): void {
    this.own.status = status;
    this.setStep(this.step === 'thawing' ? 'frozen' : 'thawed');
  }

  private go(channel: OpenChannel, step: BackupStep, operation: number, limitNs: number): void {
    this.setStep(step);
    // Linux drops requests whose body is shorter than the structure with its flags.
    const body = new Uint8Array(icVssBytes);
    writeField(icVss, body, 'Operation', BigInt(operation));
    this.request(channel, body, limitNs);
  }
}
