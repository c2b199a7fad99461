// The reader of DAP frames: whatever comes, whole messages come out and nothing throws.
import assert from 'node:assert/strict';
import { MessageReader, type ReadMessage } from '../../../debug-adapter/dap/message-reader';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const frame = (body: string): string => `Content-Length: ${bytes(body).length}\r\n\r\n${body}`;

function values(read: readonly ReadMessage[]): readonly unknown[] {
  return read.map((row) => (row.kind === 'message' ? row.value : row.problem));
}

describe('message reader', () => {
  it('reads messages in any pieces', () => {
    const stream = bytes(frame('{"a":"ü"}') + frame('[1]') + frame('null'));
    for (const size of [1, 2, 7, 1000]) {
      const reader = new MessageReader();
      const found: unknown[] = [];
      for (let at = 0; at < stream.length; at += size) {
        found.push(...values(reader.accept(stream.subarray(at, at + size))));
      }
      assert.deepEqual(found, [{ a: 'ü' }, [1], null], `pieces of ${size}`);
    }
  });

  it('takes headers in any order and case', () => {
    const read = new MessageReader().accept(bytes('X: y\r\ncontent-length:2\r\n\r\n{}'));
    assert.deepEqual(values(read), [{}]);
  });

  it('goes on behind malformed frames', () => {
    const reader = new MessageReader();
    const stream = `${frame('{oops')}Bad: header\r\n\r\n${frame('1')}`;
    const read = reader.accept(bytes(stream));
    assert.deepEqual(
      read.map((row) => row.kind),
      ['malformed', 'malformed', 'message'],
    );
  });

  it('finds the next header in garbage', () => {
    for (const garbage of [10, 8000, 9000, 20_000]) {
      const read = new MessageReader().accept(bytes('x'.repeat(garbage) + frame('5')));
      assert.equal(read[0]?.kind, 'malformed');
      assert.equal(values(read).at(-1), 5, `${garbage} bytes`);
    }
  });

  it('skips a body that is too long without keeping it', () => {
    const reader = new MessageReader();
    assert.equal(reader.accept(bytes('Content-Length: 99999999\r\n\r\n'))[0]?.kind, 'malformed');
    for (let count = 0; count < 99; count++)
      assert.deepEqual(reader.accept(new Uint8Array(1_000_000)), []);
    assert.deepEqual(values(reader.accept(bytes(' '.repeat(999_999) + frame('8')))), [8]);
  });
});
