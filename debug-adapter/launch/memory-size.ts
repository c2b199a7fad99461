/** Sizes of guest memory as people write them. */
import { UserError } from '../support/user-error';

const units: Readonly<Record<string, number>> = { k: 1 / 1024, m: 1, g: 1024 };
const mebibyte = 1024 * 1024;
const pageBytes = 4096;
const minimumMebibytes = 2;
/** A partition's memory has 32-bit addresses, of which the processors' own structures take a part. */
const maximumMebibytes = 3584;

function wrong(message: string): UserError {
  return new UserError(
    'launch-argument-memory',
    `The launch argument "memory" ${message}.`,
    'Give a number of MiB from 2 to 3584, or a text such as "64M" or "3.5G".',
  );
}

/**
 * Bytes of a size given as a number of MiB or as text with K, M or G (powers of 1024, optionally `KiB`, `MB` …).
 * @throws UserError where it is no size, or not a whole number of pages, or out of range
 */
export function parseMemorySize(size: number | string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(?:([kmg])(?:i?b)?)?\s*$/i.exec(String(size));
  if (match === null) throw wrong(`is "${size}", which is no size`);
  const mebibytes = Number(match[1]) * (units[(match[2] ?? 'm').toLowerCase()] ?? 1);
  const bytes = mebibytes * mebibyte;
  if (mebibytes < minimumMebibytes) throw wrong(`is ${size}: too little for a guest`);
  if (mebibytes > maximumMebibytes) throw wrong(`is ${size}: more than a guest can have`);
  if (!Number.isInteger(bytes / pageBytes)) throw wrong(`is ${size}: not a whole number of pages`);
  return bytes;
}
