/** How a guest and a storage controller come to an understanding: versions, properties, further channels. */
import {
  vstorChannelProperties,
  VstorOperation as op,
  vstorPropertyFlag,
  vstorProtocolVersion,
  VstorStatus as status,
  vstorSubChannels,
  vstorUnionOffset,
  VstorVersion,
} from '../../../spec/vmbus/storage';
import type { StateRecord } from '../../../support/state-record';
import type { StateNode } from '../../../support/state-tree';
import { readField, structWriter } from '../../../support/struct-layout';
import { scsiLimits } from './scsi-limits';

const stages = ['closed', 'begun', 'versioned', 'described', 'ready'] as const;
type Stage = (typeof stages)[number];

/** Guests are told of changes from this version on. */
const firstThatEnumerates = VstorVersion.v4_2;
const versionOfState = 1;

/** The stages of one controller, of which each operation needs one and leads to another. */
export class StorageProtocol {
  private stage: Stage = 'closed';
  private version = 0;
  private wantedSubChannels = 0;

  constructor(private readonly subChannelsMaximum: number) {}

  /** True once the guest may send commands. */
  get isReady(): boolean {
    return this.stage === 'ready';
  }

  /** True where the guest understands that its disks have changed. */
  get tellsChanges(): boolean {
    return this.isReady && this.version >= firstThatEnumerates;
  }

  /** A guest has opened or closed the first channel. */
  begin(): void {
    this.stage = 'closed';
    this.version = 0;
    this.wantedSubChannels = 0;
  }

  /** Channels that the guest has asked for since the last call. */
  takeWantedSubChannels(): number {
    const count = this.wantedSubChannels;
    this.wantedSubChannels = 0;
    return count;
  }

  /**
   * Does an operation that is no command.
   * @param answer the packet that goes back; what the operation answers is put into it
   * @returns status for the packet
   */
  handle(operation: number, subChannel: number, request: Uint8Array, answer: Uint8Array): number {
    if (operation === 0) return status.invalidParameter;
    if (subChannel !== 0) return status.invalidDeviceState;
    switch (operation) {
      case op.beginInitialization:
        return this.advance('closed', 'begun');
      case op.queryProtocolVersion:
        return this.chooseVersion(request);
      case op.queryProperties:
        return this.describe(answer);
      case op.endInitialization:
        return this.advance('described', 'ready');
      case op.createSubChannels:
        return this.createSubChannels(request);
      default:
        return status.invalidDeviceRequest;
    }
  }

  save(): StateNode {
    return { version: versionOfState, stage: this.stage, protocolVersion: this.version };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.stage = record.choice('stage', stages);
    this.version = record.number('protocolVersion');
    this.wantedSubChannels = 0;
  }

  private advance(from: Stage, to: Stage): number {
    if (this.stage !== from) return status.invalidDeviceState;
    this.stage = to;
    return status.success;
  }

  private chooseVersion(request: Uint8Array): number {
    if (this.stage !== 'begun') return status.invalidDeviceState;
    const asked = Number(readField(vstorProtocolVersion, request, 'Version', vstorUnionOffset));
    if (!Object.values(VstorVersion).some((known) => known === asked)) {
      return status.revisionMismatch;
    }
    this.version = asked;
    return this.advance('begun', 'versioned');
  }

  private describe(answer: Uint8Array): number {
    if (this.stage !== 'versioned') return status.invalidDeviceState;
    answer.fill(0, vstorUnionOffset);
    const write = structWriter(vstorChannelProperties, answer, vstorUnionOffset);
    write('MaximumSubChannelCount', BigInt(this.subChannelsMaximum));
    if (this.subChannelsMaximum > 0) write('Flags', BigInt(vstorPropertyFlag.supportsMultiChannel));
    write('MaximumTransferBytes', BigInt(scsiLimits.transferBytes));
    return this.advance('versioned', 'described');
  }

  /** Also taken before the end of the initialization, as other hosts do. */
  private createSubChannels(request: Uint8Array): number {
    if (this.stage !== 'described' && this.stage !== 'ready') return status.invalidDeviceState;
    const field = readField(vstorSubChannels, request, 'SubChannelCount', vstorUnionOffset);
    const count = Number(field);
    if (count > this.subChannelsMaximum) return status.invalidParameter;
    this.wantedSubChannels = count;
    return status.success;
  }
}
