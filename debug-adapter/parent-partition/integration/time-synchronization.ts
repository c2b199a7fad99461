/**
 * Time synchronization: sets the guest's clock once, then gives it a sample every five seconds. The sample after a time
 * that the guest has missed sets its clock again.
 */
import {
  icTimesync,
  icTimesyncLegacy,
  IcMessageType,
  TimesyncFlags,
} from '../../spec/vmbus/integration';
import { structWriter } from '../../support/struct-layout';
import type { OpenChannel } from '../vmbus/provider';
import { FlatComponent } from './flat-component';

const sampleIntervalNs = 5_000_000_000;
const timeLimitNs = 60_000_000_000;
const sample = 1;

/** Seconds from 1601-01-01 to 1970-01-01. */
const epochSeconds = 11_644_473_600n;
const unitsPerSecond = 10_000_000n;
const unitNs = 100;

const unitsOf = (ns: number): bigint => BigInt(Math.floor(ns / unitNs));

const initial = { samples: 0, wantsSync: false, toldBehindNs: 0 };

export class TimeSynchronization extends FlatComponent<typeof initial> {
  /** @param bootTime time of day at the parent's virtual time 0: seconds since 1970-01-01 00:00:00 UTC */
  constructor(private readonly bootTime: number) {
    super(
      {
        className: 'timesync',
        messageType: IcMessageType.timesync,
        versions: [
          [4, 0],
          [3, 0],
          [1, 0],
        ],
      },
      initial,
    );
  }

  get detail(): string {
    return this.phase === 'ready' ? `${this.own.samples} samples` : '';
  }

  /**
   * Sets the guest's clock at once.
   * @throws UserError where the guest does not use the component
   */
  synchronize(): void {
    const channel = this.requireReady();
    if (this.isBusy) this.own.wantsSync = true;
    else this.give(channel, TimesyncFlags.sync);
  }

  protected started(channel: OpenChannel): void {
    this.give(channel, TimesyncFlags.sync);
  }

  protected answered(channel: OpenChannel): void {
    this.own.samples++;
    if (this.own.wantsSync) this.scheduled(channel);
    else channel.schedule(sampleIntervalNs, sample);
  }

  protected unanswered(channel: OpenChannel): void {
    channel.schedule(sampleIntervalNs, sample);
  }

  protected override scheduled(channel: OpenChannel): void {
    if (this.isBusy) return;
    const wantsSync = this.own.wantsSync || this.behindNs() !== this.own.toldBehindNs;
    this.own.wantsSync = false;
    this.give(channel, wantsSync ? TimesyncFlags.sync : TimesyncFlags.sample);
  }

  protected stopped(): void {
    this.resetOwn();
  }

  private give(channel: OpenChannel, flags: number): void {
    const behindNs = this.behindNs();
    this.own.toldBehindNs = behindNs;
    const referenceTime = unitsOf(this.nowNs());
    const parentTime =
      (BigInt(this.bootTime) + epochSeconds) * unitsPerSecond + unitsOf(this.nowNs() + behindNs);
    const isLegacy = this.majorVersion < 4;
    const layout = isLegacy ? icTimesyncLegacy : icTimesync;
    // Guests check for a least size; the structure is padded to its alignment.
    const body = new Uint8Array(Math.ceil(layout.sizeBytes / 8) * 8);
    const set = structWriter(layout, body);
    set('ParentTime', parentTime);
    if (!isLegacy) set('VmReferenceTime', referenceTime);
    set('Flags', BigInt(flags));
    this.request(channel, body, timeLimitNs);
  }
}
