/** Splits the byte stream of a DAP client into messages; malformed input is reported and skipped, never thrown. */
import { decodeUtf8, encodeUtf8 } from '../support/utf8';

/** One thing found in the stream. */
export type ReadMessage =
  | { readonly kind: 'message'; readonly value: unknown }
  | { readonly kind: 'malformed'; readonly problem: string };

const maxHeaderBytes = 8192;
const maxBodyBytes = 8 * 1024 * 1024;
const headerEnd = encodeUtf8('\r\n\r\n');
const headerStart = encodeUtf8('Content-Length');
const contentLength = /^content-length\s*:\s*(\d{1,10})\s*$/i;

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  const [first] = wanted;
  if (first === undefined) return -1;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}

function lengthOf(header: string): number | undefined {
  for (const line of header.split('\r\n')) {
    const match = contentLength.exec(line);
    if (match !== null) return Number(match[1]);
  }
  return undefined;
}

function parseBody(body: Uint8Array): ReadMessage {
  try {
    const value: unknown = JSON.parse(decodeUtf8(body));
    return { kind: 'message', value };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'malformed', problem: `the message is no JSON: ${reason}` };
  }
}

/** Reads base-protocol frames (DAP specification, "Base Protocol"). */
export class MessageReader {
  private buffer: Uint8Array = new Uint8Array(0);
  /** Pieces of a body that is not complete, and their total length. */
  private pieces: Uint8Array[] = [];
  private piecesLength = 0;
  private bodyLength: number | undefined;
  /** Bytes of an oversized body that are still to be skipped. */
  private skip = 0;

  /** Messages that are complete with these bytes, in order. */
  accept(chunk: Uint8Array): readonly ReadMessage[] {
    this.pieces.push(chunk);
    this.piecesLength += chunk.length;
    if (this.bodyLength !== undefined && this.buffer.length + this.piecesLength < this.bodyLength) {
      return [];
    }
    this.gather();
    const found: ReadMessage[] = [];
    for (let more = true; more;) {
      const read = this.readOne();
      if (read === 'more') more = false;
      else if (read !== 'again') found.push(read);
    }
    return found;
  }

  /** Joins the pieces once, not at every chunk: a long body in small chunks stays cheap. */
  private gather(): void {
    const result = new Uint8Array(this.buffer.length + this.piecesLength);
    result.set(this.buffer);
    let at = this.buffer.length;
    for (const piece of this.pieces) {
      result.set(piece, at);
      at += piece.length;
    }
    this.buffer = result;
    this.pieces = [];
    this.piecesLength = 0;
  }

  private readOne(): ReadMessage | 'more' | 'again' {
    if (this.skip > 0) {
      const count = Math.min(this.skip, this.buffer.length);
      this.buffer = this.buffer.subarray(count);
      this.skip -= count;
      return this.skip > 0 || this.buffer.length === 0 ? 'more' : 'again';
    }
    if (this.bodyLength === undefined) return this.readHeader();
    if (this.buffer.length < this.bodyLength) return 'more';
    const body = this.buffer.subarray(0, this.bodyLength);
    this.buffer = this.buffer.subarray(this.bodyLength);
    this.bodyLength = undefined;
    return parseBody(body);
  }

  private readHeader(): ReadMessage | 'more' | 'again' {
    const end = indexOf(this.buffer, headerEnd, 0);
    if (end < 0) {
      if (this.buffer.length <= maxHeaderBytes) return 'more';
      this.resynchronize();
      return { kind: 'malformed', problem: `a header is longer than ${maxHeaderBytes} bytes` };
    }
    const length = lengthOf(decodeUtf8(this.buffer.subarray(0, end)));
    if (length === undefined) {
      // Garbage may stand before a good header in what looks like one.
      const next = indexOf(this.buffer.subarray(0, end), headerStart, 1);
      this.buffer = this.buffer.subarray(next < 0 ? end + headerEnd.length : next);
      return { kind: 'malformed', problem: 'a header has no Content-Length' };
    }
    this.buffer = this.buffer.subarray(end + headerEnd.length);
    if (length > maxBodyBytes) {
      this.skip = length;
      return { kind: 'malformed', problem: `a message of ${length} bytes is too long` };
    }
    this.bodyLength = length;
    return 'again';
  }

  /** After garbage without a header end, the next possible header start is kept. */
  private resynchronize(): void {
    const next = indexOf(this.buffer, headerStart, 1);
    this.buffer = next < 0 ? new Uint8Array(0) : this.buffer.subarray(next);
  }
}
