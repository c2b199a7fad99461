/** How SCSI commands end: status, sense data, and how much data has moved. */
import { fixedSense, Sense, type SenseCode } from '../../../spec/scsi/sense';
import { ScsiStatus, srbStatusFlag, SrbStatus } from '../../../spec/vmbus/storage';

/** What goes back to the guest. */
export interface ScsiOutcome {
  readonly srbStatus: number;
  readonly scsiStatus: number;
  /** Empty where there is none. */
  readonly sense: Uint8Array;
  readonly transferredBytes: number;
  /** Bytes for which the medium was busy; undefined where it was not asked. */
  readonly mediumBytes?: number;
}

/** Data of a command, in the guest's memory. */
export interface ScsiData {
  /** Bytes that the guest provides, or has room for. */
  readonly sizeBytes: number;
  /** @returns false where the guest's pages cannot be read, or end before */
  read(offset: number, target: Uint8Array): boolean;
  /** @returns false where the guest's pages cannot be written, or end before */
  write(offset: number, source: Uint8Array): boolean;
}

const noSense = new Uint8Array(0);

/** Sense data in the fixed format. */
export function encodeSense({ key, code, qualifier }: SenseCode): Uint8Array {
  const bytes = new Uint8Array(fixedSense.sizeBytes);
  bytes[0] = fixedSense.responseCode;
  bytes[fixedSense.key] = key;
  bytes[fixedSense.additionalLength] = fixedSense.sizeBytes - fixedSense.additionalLength - 1;
  bytes[fixedSense.additionalSenseCode] = code;
  bytes[fixedSense.additionalSenseCodeQualifier] = qualifier;
  return bytes;
}

/** The command did what it should. */
export function good(transferredBytes = 0, mediumBytes?: number): ScsiOutcome {
  return {
    srbStatus: SrbStatus.success,
    scsiStatus: ScsiStatus.good,
    sense: noSense,
    transferredBytes,
    ...(mediumBytes === undefined ? {} : { mediumBytes }),
  };
}

/** The command could not be done. */
export function checkCondition(code: SenseCode, srbStatus: number = SrbStatus.error): ScsiOutcome {
  return {
    srbStatus: srbStatus | srbStatusFlag.autosenseValid,
    scsiStatus: ScsiStatus.checkCondition,
    sense: encodeSense(code),
    transferredBytes: 0,
  };
}

/** A field of the command has a value that is not served. */
export const invalidField = checkCondition(Sense.invalidFieldInCdb, SrbStatus.invalidRequest);

/** The command itself is not served. */
export const invalidOperation = checkCondition(
  Sense.invalidCommandOperationCode,
  SrbStatus.invalidRequest,
);

/** The guest's buffer is smaller than the command moves, or not the guest's. */
export const wrongBuffer = checkCondition(Sense.invalidFieldInCdb, SrbStatus.dataOverrun);

/** Nothing is at this address. */
export const invalidLun = checkCondition(Sense.logicalUnitNotSupported, SrbStatus.invalidLun);

/** The guest is to try again later. */
export const busy: ScsiOutcome = {
  srbStatus: SrbStatus.busy,
  scsiStatus: ScsiStatus.busy,
  sense: noSense,
  transferredBytes: 0,
};

/**
 * Answers with `response` as far as the guest wants it.
 * @param allocationBytes what the command says; the guest's buffer may be smaller
 */
export function answer(
  data: ScsiData,
  response: Uint8Array,
  allocationBytes = Infinity,
): ScsiOutcome {
  const count = Math.min(response.length, allocationBytes, data.sizeBytes);
  if (!data.write(0, response.subarray(0, count))) return wrongBuffer;
  return good(count);
}
