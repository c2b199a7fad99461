/**
 * Reads whole files through a small window. Where a hypervisor shadows page tables, memory that the system has filled
 * is faulted in for the system first and then for the process that looks at it, which takes half as long again. A copy
 * out of a window that is used again and again is faulted in once, and costs little where hardware walks nested tables.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { once } from '../support/once';

/** Stays in the processor's cache. */
const windowBytes = 256 * 1024;

const windowOf = once(() => new Uint8Array(windowBytes));

/** The next bytes of an open file, in a buffer of their own: so many, or as many as it has. */
export function readBytes(file: number, count: number): Uint8Array {
  const window = windowOf();
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const read = readSync(file, window, 0, Math.min(windowBytes, count - at), null);
    if (read === 0) return bytes.slice(0, at);
    bytes.set(window.subarray(0, read), at);
    at += read;
  }
  return bytes;
}

/** All bytes of a file, in a buffer of their own. */
export function readWhole(path: string): Uint8Array {
  const file = openSync(path, 'r');
  try {
    return readBytes(file, fstatSync(file).size);
  } finally {
    closeSync(file);
  }
}
