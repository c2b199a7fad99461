/** REPORT LUNS (SPC-5 6.33), which is answered at every address. */
import { answer, invalidField, type ScsiData, type ScsiOutcome } from './scsi-outcome';

const headerBytes = 8;
const entryBytes = 8;
const allocationMinimum = 16;

/** @param luns below 256, ascending */
export function reportLuns(luns: readonly number[], cdb: Uint8Array, data: ScsiData): ScsiOutcome {
  const allocation = new DataView(cdb.buffer, cdb.byteOffset).getUint32(6);
  if (allocation < allocationMinimum) return invalidField;
  const list = new Uint8Array(headerBytes + luns.length * entryBytes);
  new DataView(list.buffer).setUint32(0, luns.length * entryBytes);
  luns.forEach((lun, index) => {
    list[headerBytes + index * entryBytes + 1] = lun;
  });
  return answer(data, list, allocation);
}
