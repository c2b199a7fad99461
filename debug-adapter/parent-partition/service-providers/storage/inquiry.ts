/** What a disk says of itself: standard INQUIRY data and pages of vital product data (SPC-5 6.7, 7.7; SBC-4 6.6). */
import {
  inquiryData,
  provisioningPage,
  rotationRateNone,
  scsiCommandBit,
  unmapAlignmentValid,
  VitalProductDataPage as page,
} from '../../../spec/scsi/commands';
import { pageSizeBytes } from '../../../machine/addresses';
import { encodeUtf8 } from '../../../support/utf8';
import type { VirtualDisk } from '../../virtual-disks/virtual-disk';
import { answer, invalidField, type ScsiData, type ScsiOutcome } from './scsi-outcome';
import { scsiLimits } from './scsi-limits';

const standardBytes = 104;
/** Where the parts of standard data are that are not empty. */
const vendorAt = 8;
const productAt = 16;
const revisionAt = 32;
/** First bytes of the registered identifiers (NAA 6) of Microsoft's disks. */
const registeredPrefix = [0x60, 0x02, 0x24, 0x80];

function standardData(isThere: boolean, namesItself: boolean): Uint8Array {
  const data = new Uint8Array(standardBytes);
  data[0] = isThere ? 0 : inquiryData.noDevice;
  data[2] = inquiryData.versionSpc3;
  data[3] = inquiryData.responseDataFormat;
  data[4] = standardBytes - 5;
  data[7] = inquiryData.commandQueueing;
  if (!namesItself) return data;
  data.set(encodeUtf8('Msft    '), vendorAt);
  data.set(encodeUtf8('Virtual Disk    '), productAt);
  data.set(encodeUtf8('1.0 '), revisionAt);
  return data;
}

function allocationOf(cdb: Uint8Array): number {
  return ((cdb[3] ?? 0) << 8) | (cdb[4] ?? 0);
}

/** Vital product data with the header of a page in front. */
function vitalPage(code: number, body: Uint8Array | readonly number[]): Uint8Array {
  return Uint8Array.of(0, code, body.length >> 8, body.length & 0xff, ...body);
}

/** A text by which the disk is known again. */
function serialNumber({ image }: VirtualDisk): string {
  return [...image.identity].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function identification({ image: { identity } }: VirtualDisk): Uint8Array {
  const vendor = [...encodeUtf8('Msft    '), ...identity];
  const registered = [...registeredPrefix, ...identity.subarray(0, 6), ...identity.subarray(10)];
  return Uint8Array.of(
    ...[0x01, 0x01, 0, vendor.length, ...vendor],
    ...[0x01, 0x03, 0, registered.length, ...registered],
  );
}

/** Offsets are those of the whole page. */
function blockLimits({ sectorBytes, isReadOnly }: VirtualDisk): Uint8Array {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint8(1, page.blockLimits);
  data.setUint16(2, 60);
  data.setUint16(6, pageSizeBytes / sectorBytes);
  data.setUint32(8, scsiLimits.transferBytes / sectorBytes);
  data.setUint32(12, scsiLimits.transferBytes / sectorBytes);
  if (!isReadOnly) {
    data.setUint32(20, scsiLimits.unmapBytes / sectorBytes);
    data.setUint32(24, scsiLimits.unmapDescriptors);
    data.setUint32(28, pageSizeBytes / sectorBytes);
    data.setUint32(32, unmapAlignmentValid);
    data.setBigUint64(36, BigInt(scsiLimits.writeSameBytes / sectorBytes));
  }
  return new Uint8Array(data.buffer);
}

function provisioning({ isReadOnly }: VirtualDisk): Uint8Array {
  const { unmap, writeSame16Unmaps, writeSame10Unmaps, readsZeros, thin } = provisioningPage;
  const flags = isReadOnly ? 0 : unmap | writeSame16Unmaps | writeSame10Unmaps | readsZeros;
  return Uint8Array.of(0, flags, isReadOnly ? 0 : thin, 0);
}

/** A page, undefined for one that there is not. */
function vitalProductData(disk: VirtualDisk, code: number): Uint8Array | undefined {
  switch (code) {
    case page.supportedPages:
      return vitalPage(code, Object.values(page));
    case page.unitSerialNumber:
      return vitalPage(code, encodeUtf8(serialNumber(disk)));
    case page.deviceIdentification:
      return vitalPage(code, identification(disk));
    case page.blockLimits:
      return blockLimits(disk);
    case page.blockDeviceCharacteristics: {
      const body = new Uint8Array(60);
      body[1] = rotationRateNone;
      return vitalPage(code, body);
    }
    case page.logicalBlockProvisioning:
      return vitalPage(code, provisioning(disk));
    default:
      return undefined;
  }
}

/** INQUIRY to a disk. */
export function inquire(disk: VirtualDisk, cdb: Uint8Array, data: ScsiData): ScsiOutcome {
  const allocation = allocationOf(cdb);
  const flags = cdb[1] ?? 0;
  const code = cdb[2] ?? 0;
  if (flags === scsiCommandBit.enableVitalProductData) {
    const found = vitalProductData(disk, code);
    return found === undefined ? invalidField : answer(data, found, allocation);
  }
  if (flags !== 0 || code !== 0) return invalidField;
  return answer(data, standardData(true, true), allocation);
}

/** INQUIRY where no disk is: guests look for others only where this is answered. */
export function inquireNothing(cdb: Uint8Array, data: ScsiData, namesItself: boolean): ScsiOutcome {
  if ((cdb[1] ?? 0) !== 0 || (cdb[2] ?? 0) !== 0) return invalidField;
  return answer(data, standardData(false, namesItself), allocationOf(cdb));
}
