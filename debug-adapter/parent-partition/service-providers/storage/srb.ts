/** The SCSI request block of a packet: the guest's request, and over it the answer. */
import {
  srbCdbBytesMax,
  srbCompletion,
  srbRequest,
  srbSenseBytesMax,
} from '../../../spec/vmbus/storage';
import { present } from '../../../support/assert';
import type { StructLayout } from '../../../support/struct-layout';
import type { ScsiOutcome } from './scsi-outcome';

function offsetOf(layout: StructLayout, name: string): number {
  return present(layout.byName.get(name), `field ${name}`).offset;
}

const at = {
  srbStatus: offsetOf(srbRequest, 'SrbStatus'),
  scsiStatus: offsetOf(srbRequest, 'ScsiStatus'),
  path: offsetOf(srbRequest, 'PathId'),
  target: offsetOf(srbRequest, 'TargetId'),
  lun: offsetOf(srbRequest, 'Lun'),
  cdbLength: offsetOf(srbRequest, 'CdbLength'),
  senseLength: offsetOf(srbRequest, 'SenseInfoLength'),
  transferLength: offsetOf(srbRequest, 'DataTransferLength'),
  cdb: offsetOf(srbRequest, 'Cdb'),
  sense: offsetOf(srbCompletion, 'SenseData'),
} as const;

/** Reads the request out of the bytes in which {@link answer} then writes. */
export class Srb {
  readonly path: number;
  readonly target: number;
  readonly lun: number;
  readonly transferBytes: number;
  /** 16 bytes; zeros behind what the guest says is the command. */
  readonly cdb = new Uint8Array(srbCdbBytesMax);
  private readonly view: DataView;

  /** @param bytes from the start of the request block on, 36 or more */
  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.path = this.view.getUint8(at.path);
    this.target = this.view.getUint8(at.target);
    this.lun = this.view.getUint8(at.lun);
    this.transferBytes = this.view.getUint32(at.transferLength, true);
    const length = Math.min(this.view.getUint8(at.cdbLength), srbCdbBytesMax);
    this.cdb.set(bytes.subarray(at.cdb, at.cdb + length));
  }

  /** Sense data take the place of the command, as far as the guest has room for them. */
  answer({ srbStatus, scsiStatus, sense, transferredBytes }: ScsiOutcome): void {
    const room = Math.min(this.view.getUint8(at.senseLength), srbSenseBytesMax, sense.length);
    this.view.setUint8(at.srbStatus, srbStatus);
    this.view.setUint8(at.scsiStatus, scsiStatus);
    this.view.setUint8(at.senseLength, room);
    this.view.setUint32(at.transferLength, transferredBytes, true);
    if (room > 0) this.bytes.set(sense.subarray(0, room), at.sense);
  }
}
