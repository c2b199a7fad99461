/** Sizes as people write them: of guest memory, and of what is kept of writes to a disk. */
import { UserError } from '../support/user-error';

const units: Readonly<Record<string, number>> = { k: 1 / 1024, m: 1, g: 1024 };
const mebibyte = 1024 * 1024;
const pageBytes = 4096;

interface SizeRange {
  readonly argument: string;
  readonly minimumMebibytes: number;
  readonly maximumMebibytes: number;
  readonly tooLittle: string;
  readonly tooMuch: string;
  readonly hint: string;
}

/** A partition's memory has 32-bit addresses, of which the processors' own structures take a part. */
const memory: SizeRange = {
  argument: 'memory',
  minimumMebibytes: 2,
  maximumMebibytes: 3584,
  tooLittle: 'too little for a guest',
  tooMuch: 'more than a guest can have',
  hint: 'Give a number of MiB from 2 to 3584, or a text such as "64M" or "3.5G".',
};

const writeLimit: SizeRange = {
  argument: 'disks',
  minimumMebibytes: 1,
  maximumMebibytes: 64 * 1024,
  tooLittle: 'too little for a disk that is written',
  tooMuch: 'more than can be kept',
  hint: 'Give for "writeLimit" a number of MiB from 1 to 65536, or a text such as "256M" or "4G".',
};

/**
 * Bytes of a guest's memory, given as a number of MiB or as text with K, M or G (powers of 1024, optionally `KiB`,
 * `MB` …).
 * @throws UserError where it is no size, or not a whole number of pages, or out of range
 */
export function parseMemorySize(size: number | string): number {
  return parseSize(size, memory);
}

/** Bytes kept of what a guest writes to a disk, written as {@link parseMemorySize} takes it. */
export function parseWriteLimit(size: number | string): number {
  return parseSize(size, writeLimit);
}

function parseSize(size: number | string, range: SizeRange): number {
  const wrong = (problem: string): UserError =>
    new UserError(
      `launch-argument-${range.argument}`,
      `The launch argument "${range.argument}" is ${problem}.`,
      range.hint,
    );
  const match = /^\s*(\d+(?:\.\d+)?)\s*(?:([kmg])(?:i?b)?)?\s*$/i.exec(String(size));
  if (match === null) throw wrong(`"${size}", which is no size`);
  const mebibytes = Number(match[1]) * (units[(match[2] ?? 'm').toLowerCase()] ?? 1);
  const bytes = mebibytes * mebibyte;
  if (mebibytes < range.minimumMebibytes) throw wrong(`${size}: ${range.tooLittle}`);
  if (mebibytes > range.maximumMebibytes) throw wrong(`${size}: ${range.tooMuch}`);
  if (!Number.isInteger(bytes / pageBytes)) throw wrong(`${size}: not a whole number of pages`);
  return bytes;
}
