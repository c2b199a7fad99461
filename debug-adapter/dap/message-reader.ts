/** Splits the byte stream of a DAP client into messages; malformed input is reported and skipped, never thrown. */
import { Buffer } from 'node:buffer';

/** One thing found in the stream. */
export type ReadMessage =
  | { readonly kind: 'message'; readonly value: unknown }
  | { readonly kind: 'malformed'; readonly problem: string };

const maxHeaderBytes = 8192;
const maxBodyBytes = 32 * 1024 * 1024;
const headerEnd = Buffer.from('\r\n\r\n');
const contentLength = /^content-length\s*:\s*(\d{1,10})\s*$/i;

function lengthOf(header: string): number | undefined {
  for (const line of header.split('\r\n')) {
    const match = contentLength.exec(line);
    if (match !== null) return Number(match[1]);
  }
  return undefined;
}

function parseBody(body: Buffer): ReadMessage {
  try {
    return { kind: 'message', value: JSON.parse(body.toString('utf8')) as unknown };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'malformed', problem: `the message is no JSON: ${reason}` };
  }
}

/** Reads base-protocol frames (DAP specification, "Base Protocol"). */
export class MessageReader {
  private buffer: Buffer = Buffer.alloc(0);
  private bodyLength: number | undefined;
  /** Bytes of an oversized body that are still to be skipped. */
  private skip = 0;

  /** Messages that are complete with these bytes, in order. */
  accept(chunk: Uint8Array): readonly ReadMessage[] {
    this.buffer = Buffer.concat([this.buffer, chunk]);
    const found: ReadMessage[] = [];
    for (let more = true; more;) {
      const read = this.readOne();
      if (read === 'more') more = false;
      else if (read !== 'again') found.push(read);
    }
    return found;
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
    const end = this.buffer.indexOf(headerEnd);
    if (end < 0) {
      if (this.buffer.length <= maxHeaderBytes) return 'more';
      this.buffer = this.resynchronized();
      return { kind: 'malformed', problem: `a header is longer than ${maxHeaderBytes} bytes` };
    }
    const header = this.buffer.toString('latin1', 0, end);
    this.buffer = this.buffer.subarray(end + headerEnd.length);
    const length = lengthOf(header);
    if (length === undefined) {
      return { kind: 'malformed', problem: 'a header has no Content-Length' };
    }
    if (length > maxBodyBytes) {
      this.skip = length;
      return { kind: 'malformed', problem: `a message of ${length} bytes is too long` };
    }
    this.bodyLength = length;
    return 'again';
  }

  /** After garbage without a header end, the next possible header start is kept. */
  private resynchronized(): Buffer {
    const next = this.buffer.indexOf('Content-Length', 1, 'latin1');
    return next < 0 ? Buffer.alloc(0) : this.buffer.subarray(next);
  }
}
