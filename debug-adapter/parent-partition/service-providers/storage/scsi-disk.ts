/** A disk that takes SCSI commands (SBC-4). */
import { provisioningBits, ScsiOperation, ScsiServiceAction } from '../../../spec/scsi/commands';
import { scsiCommandBit } from '../../../spec/scsi/commands';
import { Sense } from '../../../spec/scsi/sense';
import { SrbStatus } from '../../../spec/vmbus/storage';
import type { DiskWrite, VirtualDisk } from '../../virtual-disks/virtual-disk';
import { inquire } from './inquiry';
import { selectModes, senseModes, type ModeState } from './mode-pages';
import {
  answer,
  checkCondition,
  encodeSense,
  good,
  invalidField,
  invalidOperation,
  wrongBuffer,
  type ScsiData,
  type ScsiOutcome,
} from './scsi-outcome';
import { scsiLimits } from './scsi-limits';

const outOfRange = checkCondition(Sense.logicalBlockAddressOutOfRange);
const writeProtected = checkCondition(Sense.writeProtected);
const badList = checkCondition(Sense.invalidFieldInParameterList, SrbStatus.invalidRequest);

/** What a write that did not succeed says. */
const refusedWrite: Readonly<Record<Exclude<DiskWrite, 'written'>, ScsiOutcome>> = {
  full: checkCondition(Sense.spaceAllocationFailedWriteProtect),
  failed: checkCondition(Sense.writeError),
};

/** Blocks that a command names. */
interface BlockRange {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** Does one command. */
type Perform = (disk: ScsiDisk, cdb: Uint8Array, data: ScsiData) => ScsiOutcome;

/** A disk with what the guest has set of it. */
export class ScsiDisk implements ModeState {
  isWriteCacheEnabled = true;
  private readonly piece = new Uint8Array(scsiLimits.pieceBytes);

  constructor(readonly disk: VirtualDisk) {}

  get isReadOnly(): boolean {
    return this.disk.isReadOnly;
  }

  /** Power-on. */
  reset(): void {
    this.isWriteCacheEnabled = true;
  }

  /** @param cdb 16 bytes, zeros behind a shorter command */
  execute(cdb: Uint8Array, data: ScsiData): ScsiOutcome {
    return (commands.get(cdb[0] ?? 0) ?? (() => invalidOperation))(this, cdb, data);
  }

  /** READ of any size. */
  read(cdb: Uint8Array, data: ScsiData): ScsiOutcome {
    const range = this.rangeOf(cdb);
    if (range === undefined) return outOfRange;
    if (range.lengthBytes > data.sizeBytes) return wrongBuffer;
    for (let done = 0; done < range.lengthBytes;) {
      const part = this.piece.subarray(0, Math.min(this.piece.length, range.lengthBytes - done));
      if (!this.disk.read(range.offset + done, part)) {
        return checkCondition(Sense.unrecoveredReadError);
      }
      if (!data.write(done, part)) return wrongBuffer;
      done += part.length;
    }
    return good(range.lengthBytes, range.lengthBytes);
  }

  /** WRITE, and WRITE AND VERIFY, of any size. */
  write(cdb: Uint8Array, data: ScsiData): ScsiOutcome {
    const range = this.rangeOf(cdb);
    if (this.isReadOnly) return writeProtected;
    if (range === undefined) return outOfRange;
    if (range.lengthBytes > data.sizeBytes) return wrongBuffer;
    for (let done = 0; done < range.lengthBytes;) {
      const part = this.piece.subarray(0, Math.min(this.piece.length, range.lengthBytes - done));
      if (!data.read(done, part)) return wrongBuffer;
      const outcome = this.disk.write(range.offset + done, part);
      if (outcome !== 'written') return refusedWrite[outcome];
      done += part.length;
    }
    return good(range.lengthBytes, range.lengthBytes);
  }

  /** VERIFY without comparing: the blocks must be there. */
  verify(cdb: Uint8Array): ScsiOutcome {
    if (((cdb[1] ?? 0) & scsiCommandBit.byteCheck) !== 0) return invalidField;
    return this.rangeOf(cdb) === undefined ? outOfRange : good();
  }

  /** WRITE SAME(10) and (16): one block many times over. */
  writeSame(cdb: Uint8Array, data: ScsiData): ScsiOutcome {
    if (this.isReadOnly) return writeProtected;
    const range = this.rangeOf(cdb);
    if (range === undefined) return outOfRange;
    if (range.lengthBytes === 0 || range.lengthBytes > scsiLimits.writeSameBytes) {
      return invalidField;
    }
    const hasNoData =
      cdb[0] === ScsiOperation.writeSame16 && ((cdb[1] ?? 0) & scsiCommandBit.noDataOut) !== 0;
    const block = new Uint8Array(this.disk.sectorBytes);
    if (!hasNoData && !data.read(0, block)) return wrongBuffer;
    const transferred = hasNoData ? 0 : block.length;
    const outcome = block.every((byte) => byte === 0)
      ? this.disk.clear(range.offset, range.lengthBytes)
      : this.repeat(block, range);
    return outcome === 'written' ? good(transferred, range.lengthBytes) : refusedWrite[outcome];
  }

  /** UNMAP: what is unmapped reads as zeros. */
  unmap(cdb: Uint8Array, data: ScsiData): ScsiOutcome {
    if (this.isReadOnly) return writeProtected;
    const length = ((cdb[7] ?? 0) << 8) | (cdb[8] ?? 0);
    if (length === 0) return good();
    const list = new Uint8Array(length);
    if (length < 8 || length > data.sizeBytes || !data.read(0, list)) return invalidField;
    const view = new DataView(list.buffer);
    const descriptorBytes = view.getUint16(2);
    const isList = descriptorBytes % 16 === 0 && descriptorBytes <= length - 8;
    if (!isList || descriptorBytes / 16 > scsiLimits.unmapDescriptors) return badList;
    const ranges: BlockRange[] = [];
    for (let at = 8; at < 8 + descriptorBytes; at += 16) {
      const range = this.blocks(view.getBigUint64(at), view.getUint32(at + 8));
      if (range === undefined) return outOfRange;
      if (range.lengthBytes > scsiLimits.unmapBytes) return badList;
      ranges.push(range);
    }
    for (const { offset, lengthBytes } of ranges) {
      const outcome = this.disk.clear(offset, lengthBytes);
      if (outcome !== 'written') return refusedWrite[outcome];
    }
    return good(length, 0);
  }

  /** READ CAPACITY(10). */
  capacity10(data: ScsiData): ScsiOutcome {
    const view = new DataView(new ArrayBuffer(8));
    view.setUint32(0, Math.min(this.lastBlock, 0xffff_ffff));
    view.setUint32(4, this.disk.sectorBytes);
    return data.sizeBytes < 8 ? wrongBuffer : answer(data, new Uint8Array(view.buffer));
  }

  /** READ CAPACITY(16). */
  capacity16(cdb: Uint8Array, data: ScsiData): ScsiOutcome {
    if (((cdb[1] ?? 0) & 0x1f) !== ScsiServiceAction.readCapacity16) return invalidOperation;
    const { image, sectorBytes } = this.disk;
    const view = new DataView(new ArrayBuffer(32));
    view.setBigUint64(0, BigInt(this.lastBlock));
    view.setUint32(8, sectorBytes);
    let exponent = 0;
    while (sectorBytes << exponent < image.physicalSectorBytes) exponent++;
    view.setUint8(13, exponent);
    const { managed, readsZeros } = provisioningBits;
    view.setUint8(14, this.isReadOnly ? 0 : managed | readsZeros);
    const allocation = new DataView(cdb.buffer, cdb.byteOffset).getUint32(10);
    return data.sizeBytes < 12
      ? wrongBuffer
      : answer(data, new Uint8Array(view.buffer), allocation);
  }

  private get lastBlock(): number {
    return this.disk.sizeBytes / this.disk.sectorBytes - 1;
  }

  private repeat(block: Uint8Array, { offset, lengthBytes }: BlockRange): DiskWrite {
    for (let at = 0; at < this.piece.length; at += block.length) this.piece.set(block, at);
    for (let done = 0; done < lengthBytes;) {
      const part = this.piece.subarray(0, Math.min(this.piece.length, lengthBytes - done));
      const outcome = this.disk.write(offset + done, part);
      if (outcome !== 'written') return outcome;
      done += part.length;
    }
    return 'written';
  }

  /** Blocks of a command, by the size of its command descriptor block; undefined where they are not all on the disk. */
  private rangeOf(cdb: Uint8Array): BlockRange | undefined {
    const view = new DataView(cdb.buffer, cdb.byteOffset, cdb.byteLength);
    // The first three bits of the operation code say how long the command is (SPC-5 4.2.5.1).
    switch (view.getUint8(0) >> 5) {
      case 0: {
        const block = view.getUint32(0) & 0x1f_ffff;
        return this.blocks(BigInt(block), view.getUint8(4) || 256);
      }
      case 1:
      case 2:
        return this.blocks(BigInt(view.getUint32(2)), view.getUint16(7));
      case 4:
        return this.blocks(view.getBigUint64(2), view.getUint32(10));
      default:
        return this.blocks(BigInt(view.getUint32(2)), view.getUint32(6));
    }
  }

  private blocks(first: bigint, count: number): BlockRange | undefined {
    const { sectorBytes, sizeBytes } = this.disk;
    if ((first + BigInt(count)) * BigInt(sectorBytes) > BigInt(sizeBytes)) return undefined;
    return { offset: Number(first) * sectorBytes, lengthBytes: count * sectorBytes };
  }
}

const op = ScsiOperation;
const read: Perform = (disk, cdb, data) => disk.read(cdb, data);
const write: Perform = (disk, cdb, data) => disk.write(cdb, data);
const verify: Perform = (disk, cdb) => disk.verify(cdb);
const writeSame: Perform = (disk, cdb, data) => disk.writeSame(cdb, data);
const nothing: Perform = () => good();
/** What was written is safe with the machine's state at once. */
const synchronize: Perform = () => good(0, 0);

const commands: ReadonlyMap<number, Perform> = new Map<number, Perform>([
  [op.testUnitReady, nothing],
  [
    op.requestSense,
    (_disk, cdb, data) =>
      answer(data, encodeSense(Sense.noAdditionalSenseInformation), cdb[4] ?? 0),
  ],
  [op.inquiry, ({ disk }, cdb, data) => inquire(disk, cdb, data)],
  ...[op.read6, op.read10, op.read12, op.read16].map((code) => [code, read] as const),
  ...[op.write6, op.write10, op.write12, op.write16].map((code) => [code, write] as const),
  ...[op.writeAndVerify10, op.writeAndVerify12, op.writeAndVerify16].map(
    (code) => [code, write] as const,
  ),
  ...[op.verify10, op.verify12, op.verify16].map((code) => [code, verify] as const),
  [op.writeSame10, writeSame],
  [op.writeSame16, writeSame],
  [op.unmap, (disk, cdb, data) => disk.unmap(cdb, data)],
  [op.readCapacity10, (disk, _cdb, data) => disk.capacity10(data)],
  [op.serviceActionIn16, (disk, cdb, data) => disk.capacity16(cdb, data)],
  [op.modeSense6, (disk, cdb, data) => senseModes(disk, cdb, data, 'six')],
  [op.modeSense10, (disk, cdb, data) => senseModes(disk, cdb, data, 'ten')],
  [op.modeSelect6, (disk, cdb, data) => selectModes(disk, cdb, data, 'six')],
  [op.modeSelect10, (disk, cdb, data) => selectModes(disk, cdb, data, 'ten')],
  ...[op.synchronizeCache10, op.synchronizeCache16].map((code) => [code, synchronize] as const),
  ...[
    op.reserve6,
    op.release6,
    op.startStopUnit,
    op.sendDiagnostic,
    op.preventAllowMediumRemoval,
  ].map((code) => [code, nothing] as const),
]);
