/** A file of named chunks, each with a version of its own, and a checksum at the end. */
import { equalBytes } from './equal-bytes';
import { StateHash } from './state-hash';
import { UserError } from './user-error';
import { decodeUtf8, encodeUtf8 } from './utf8';

/** A piece of the file. */
export interface Chunk {
  readonly name: string;
  readonly version: number;
  /** Bytes of `data` before they were compressed; the reader does not trust it beyond a limit. */
  readonly plainBytes: number;
  readonly data: Uint8Array;
}

/** A line feed behind a carriage return: a file that was sent as text has lost one of them. */
const magic = encodeUtf8('HSCOPE\r\n');
const headerBytes = magic.length + 4;
const endName = 'end';
const endVersion = 1;
const nameBytesMax = 64;

/** The pieces of a file, to be written one behind the other. */
export function encodeChunkFile(formatVersion: number, chunks: Iterable<Chunk>): Uint8Array[] {
  const hash = new StateHash();
  const pieces: Uint8Array[] = [];
  const add = (piece: Uint8Array): void => {
    hash.update(piece);
    pieces.push(piece);
  };
  const header = new Uint8Array(headerBytes);
  header.set(magic);
  new DataView(header.buffer).setUint32(magic.length, formatVersion, true);
  add(header);
  for (const chunk of chunks) {
    add(chunkHeader(chunk));
    add(chunk.data);
  }
  const data = encodeUtf8(hash.digest());
  pieces.push(chunkHeader({ name: endName, version: endVersion, plainBytes: data.length, data }));
  pieces.push(data);
  return pieces;
}

/**
 * Takes a file apart, whose checksum has been compared then.
 * @throws UserError where it is none, newer than `formatVersion`, cut or damaged
 */
export function decodeChunkFile(bytes: Uint8Array, formatVersion: number): readonly Chunk[] {
  const isOurs = bytes.length >= headerBytes && equalBytes(bytes.subarray(0, magic.length), magic);
  if (!isOurs) throw new UserError('saved-file-foreign', 'This file was not saved by Hyperscope.');
  const found = viewOf(bytes).getUint32(magic.length, true);
  if (found > formatVersion) {
    throw new UserError(
      'saved-file-newer',
      `The file has format ${found}, and this build reads up to ${formatVersion}.`,
      'Use the Hyperscope that saved it, or a newer one.',
    );
  }
  const hash = new StateHash().update(bytes.subarray(0, headerBytes));
  const chunks: Chunk[] = [];
  for (let at = headerBytes; ;) {
    const { chunk, start, end } = readChunk(bytes, at);
    if (chunk.name === endName) {
      const isWhole = chunk.version === endVersion && chunk.plainBytes === chunk.data.length;
      if (!isWhole || decodeUtf8(chunk.data) !== hash.digest()) {
        throw damaged('its checksum is wrong');
      }
      if (end !== bytes.length) throw damaged('something follows its end');
      return chunks;
    }
    hash.update(bytes.subarray(at, start)).update(chunk.data);
    chunks.push(chunk);
    at = end;
  }
}

function chunkHeader({ name, version, plainBytes, data }: Chunk): Uint8Array {
  const text = encodeUtf8(name);
  const bytes = new Uint8Array(4 + text.length + 20);
  const view = viewOf(bytes);
  view.setUint32(0, text.length, true);
  bytes.set(text, 4);
  view.setUint32(4 + text.length, version, true);
  view.setFloat64(8 + text.length, plainBytes, true);
  view.setFloat64(16 + text.length, data.length, true);
  return bytes;
}

function readChunk(
  bytes: Uint8Array,
  at: number,
): { readonly chunk: Chunk; readonly start: number; readonly end: number } {
  const view = viewOf(bytes);
  if (at + 4 > bytes.length) throw damaged('it is cut short');
  const nameBytes = view.getUint32(at, true);
  const start = at + 4 + nameBytes + 20;
  if (nameBytes > nameBytesMax || start > bytes.length) throw damaged('it is cut short');
  const name = decodeUtf8(bytes.subarray(at + 4, at + 4 + nameBytes));
  const fields = at + 4 + nameBytes;
  const plainBytes = view.getFloat64(fields + 4, true);
  const length = view.getFloat64(fields + 12, true);
  const isLength = Number.isSafeInteger(length) && length >= 0 && start + length <= bytes.length;
  if (!isLength || !Number.isSafeInteger(plainBytes) || plainBytes < 0) {
    throw damaged('it is cut short');
  }
  const end = start + length;
  const version = view.getUint32(fields, true);
  return { chunk: { name, version, plainBytes, data: bytes.subarray(start, end) }, start, end };
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function damaged(why: string): UserError {
  return new UserError('saved-file-damaged', `The saved file is damaged: ${why}.`);
}
