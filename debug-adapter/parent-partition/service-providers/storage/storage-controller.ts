/** Synthetic storage: a SCSI controller, or the accelerator of one IDE drive, as a provider on VMBus. */
import { ScsiOperation } from '../../../spec/scsi/commands';
import {
  VstorOperation as op,
  vstorPacketBytes,
  VstorStatus as status,
  vstorUnionOffset,
} from '../../../spec/vmbus/storage';
import type { StateRecord } from '../../../support/state-record';
import type { StateNode } from '../../../support/state-tree';
import { totalBytes } from '../../vmbus/guest-ranges';
import type {
  ChannelOffer,
  OpenChannel,
  ProviderHost,
  ReceivedPacket,
  ServiceProvider,
} from '../../vmbus/provider';
import { inquireNothing } from './inquiry';
import { reportLuns } from './report-luns';
import { busy, invalidField, invalidLun, type ScsiData, type ScsiOutcome } from './scsi-outcome';
import type { ScsiDisk } from './scsi-disk';
import { scsiLimits } from './scsi-limits';
import { Srb } from './srb';
import { StorageProtocol } from './storage-protocol';

/** A disk and its logical unit number. */
export interface LogicalUnit {
  readonly lun: number;
  readonly unit: ScsiDisk;
  /** False until a person attaches it. */
  readonly isAttachedAtStart: boolean;
}

/** Modelled times of a disk. */
export interface DiskLatency {
  /** From a request to its completion, besides the time of the data. */
  readonly requestNs: number;
  /** For each KiB that is moved; the data of one request wait for those of another. */
  readonly kibibyteNs: number;
}

/** What differs from controller to controller. */
export interface StorageControllerOptions {
  readonly name: string;
  readonly offer: ChannelOffer;
  readonly units: readonly LogicalUnit[];
  readonly latency: DiskLatency;
  /** Channels that a guest may have besides the first. */
  readonly subChannelsMaximum: number;
  /** An IDE accelerator has one drive, whatever address the guest gives it. */
  readonly hasOneDrive: boolean;
}

/** A request whose completion is on its way. */
interface Outstanding {
  readonly work: number;
  readonly subChannel: number;
  readonly transactionId: bigint;
  readonly answer: Uint8Array;
}

const versionOfState = 1;
/** Smallest packet with an SRB: that of protocols up to 4.2. */
const shortPacketBytes = 48;

/**
 * What a command does is done when its packet arrives; its completion comes after the modelled time. So everything that
 * is under way is an answer, and a reset has nothing to abort: it lets the answers go out at once.
 */
export class StorageController implements ServiceProvider {
  readonly name: string;
  readonly offer: ChannelOffer;
  private readonly protocol: StorageProtocol;
  private readonly attached = new Set<number>();
  private outstanding: Outstanding[] = [];
  private nextWork = 0;
  /** Until when the medium is busy with data. */
  private busyUntilNs = 0;
  private host: ProviderHost | undefined;

  constructor(private readonly options: StorageControllerOptions) {
    this.name = options.name;
    this.offer = options.offer;
    this.protocol = new StorageProtocol(options.subChannelsMaximum);
    for (const { lun, isAttachedAtStart } of options.units) {
      if (isAttachedAtStart) this.attached.add(lun);
    }
  }

  connect(host: ProviderHost): void {
    this.host = host;
  }

  opened(channel: OpenChannel): void {
    if (channel.subChannel === 0) this.protocol.begin();
  }

  closed(channel: OpenChannel): void {
    this.outstanding = this.outstanding.filter((each) => each.subChannel !== channel.subChannel);
    if (channel.subChannel === 0) this.protocol.begin();
  }

  receive(channel: OpenChannel, packet: ReceivedPacket): void {
    const size = Math.min(Math.max(packet.payload.length, shortPacketBytes), vstorPacketBytes);
    const answer = new Uint8Array(size);
    answer.set(packet.payload.subarray(0, size));
    const request = answer.slice();
    const view = new DataView(answer.buffer);
    const operation = packet.payload.length < vstorUnionOffset ? 0 : view.getUint32(0, true);
    view.setUint32(0, op.completeIo, true);
    view.setUint32(4, 0, true);
    if (operation === op.executeSrb) return this.executeSrb(channel, packet, answer);
    if (isReset(operation)) this.completeOutstanding();
    const outcome = isReset(operation)
      ? status.success
      : this.protocol.handle(operation, channel.subChannel, request, answer);
    view.setUint32(8, outcome, true);
    this.complete(channel, packet, answer);
    const count = this.protocol.takeWantedSubChannels();
    if (count > 0) this.host?.offerSubChannels(count);
  }

  due(channel: OpenChannel, work: number): void {
    const found = this.outstanding.find((each) => each.work === work);
    if (found === undefined) return;
    this.outstanding = this.outstanding.filter((each) => each !== found);
    channel.complete(found.transactionId, found.answer);
  }

  /** True for a unit that a guest can reach. */
  isAttached(lun: number): boolean {
    return this.attached.has(lun);
  }

  /** Puts a disk in, or takes it out, while the guest runs; the guest is told to look again. */
  setAttached(lun: number, isAttached: boolean): void {
    if (isAttached) this.attached.add(lun);
    else this.attached.delete(lun);
    const [channel] = this.host?.openChannels() ?? [];
    if (channel === undefined || !this.protocol.tellsChanges) return;
    const payload = new Uint8Array(vstorPacketBytes);
    new DataView(payload.buffer).setUint32(0, op.enumerateBus, true);
    channel.send({ type: 'in-band', payload });
  }

  /** Disks that a person has put in stay there, as they do when a machine is turned off. */
  reset(): void {
    this.protocol.begin();
    this.outstanding = [];
    this.nextWork = 0;
    this.busyUntilNs = 0;
    for (const { unit } of this.options.units) unit.reset();
  }

  save(): StateNode {
    return {
      version: versionOfState,
      protocol: this.protocol.save(),
      attached: [...this.attached].sort((a, b) => a - b),
      nextWork: this.nextWork,
      busyUntilNs: this.busyUntilNs,
      outstanding: this.outstanding.map((each) => ({ ...each })),
      writeCaches: this.options.units.map(({ unit }) => Number(unit.isWriteCacheEnabled)),
    };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.protocol.restore(record.record('protocol'));
    this.attached.clear();
    for (const lun of record.numbers('attached')) this.attached.add(lun);
    this.nextWork = record.number('nextWork');
    this.busyUntilNs = record.number('busyUntilNs');
    this.outstanding = record.records('outstanding').map((each) => ({
      work: each.number('work'),
      subChannel: each.number('subChannel'),
      transactionId: each.bigint('transactionId'),
      answer: each.bytes('answer'),
    }));
    record.numbers('writeCaches').forEach((isEnabled, index) => {
      const found = this.options.units[index];
      if (found !== undefined) found.unit.isWriteCacheEnabled = isEnabled !== 0;
    });
  }

  private executeSrb(channel: OpenChannel, packet: ReceivedPacket, answer: Uint8Array): void {
    const view = new DataView(answer.buffer);
    const isWhole = packet.payload.length >= shortPacketBytes;
    if (!this.protocol.isReady || !isWhole) {
      view.setUint32(8, isWhole ? status.invalidDeviceState : status.invalidParameter, true);
      return this.complete(channel, packet, answer);
    }
    const srb = new Srb(answer.subarray(vstorUnionOffset));
    const isTooMuch = this.outstanding.length >= scsiLimits.outstandingCommands;
    const outcome = isTooMuch ? busy : this.outcomeOf(srb, dataOf(channel, packet, srb));
    srb.answer(outcome);
    view.setUint32(8, status.success, true);
    if (outcome.mediumBytes === undefined) return this.complete(channel, packet, answer);
    if (!packet.needsCompletion) return;
    const work = this.nextWork++;
    const { subChannel } = channel;
    this.outstanding.push({ work, subChannel, transactionId: packet.transactionId, answer });
    channel.schedule(this.delayFor(outcome.mediumBytes), work);
  }

  private outcomeOf(srb: Srb, data: ScsiData | undefined): ScsiOutcome {
    if (data === undefined) return invalidField;
    const found = this.unitAt(srb);
    const operation = srb.cdb[0];
    if (operation === ScsiOperation.reportLuns) {
      return reportLuns(this.lunsAt(srb), srb.cdb, data);
    }
    if (found !== undefined) return found.execute(srb.cdb, data);
    if (operation === ScsiOperation.inquiry) return inquireNothing(srb.cdb, data, srb.lun === 0);
    return invalidLun;
  }

  private unitAt(srb: Srb): ScsiDisk | undefined {
    if (!this.lunsAt(srb).includes(srb.lun)) return undefined;
    return this.options.units.find(({ lun }) => lun === srb.lun)?.unit;
  }

  private lunsAt({ path, target }: Srb): readonly number[] {
    const isHere = this.options.hasOneDrive || (path === 0 && target === 0);
    return isHere ? [...this.attached].sort((a, b) => a - b) : [];
  }

  /** The data of one request wait for the medium; the rest of its time passes beside that of others. */
  private delayFor(mediumBytes: number): number {
    const { requestNs, kibibyteNs } = this.options.latency;
    const nowNs = this.host?.nowNs() ?? 0;
    const dataNs = Math.ceil(mediumBytes / 1024) * kibibyteNs;
    this.busyUntilNs = Math.max(nowNs, this.busyUntilNs) + dataNs;
    return this.busyUntilNs - nowNs + requestNs;
  }

  private complete(channel: OpenChannel, packet: ReceivedPacket, answer: Uint8Array): void {
    if (packet.needsCompletion) channel.complete(packet.transactionId, answer);
  }

  /** What is done is told at once. */
  private completeOutstanding(): void {
    const waiting = this.outstanding;
    this.outstanding = [];
    const channels = this.host?.openChannels() ?? [];
    for (const { subChannel, transactionId, answer } of waiting) {
      channels.find((each) => each.subChannel === subChannel)?.complete(transactionId, answer);
    }
  }
}

function isReset(operation: number): boolean {
  return operation === op.resetLun || operation === op.resetAdapter || operation === op.resetBus;
}

/** The guest's memory for the data of a request; undefined where it names more than the packet has. */
function dataOf(channel: OpenChannel, packet: ReceivedPacket, srb: Srb): ScsiData | undefined {
  const { ranges } = packet;
  const sizeBytes = srb.transferBytes;
  if (sizeBytes > totalBytes(ranges)) return undefined;
  return {
    sizeBytes,
    read: (offset, target) =>
      offset + target.length <= sizeBytes && channel.readPages(ranges, offset, target),
    write: (offset, source) =>
      offset + source.length <= sizeBytes && channel.writePages(ranges, offset, source),
  };
}
