// What guests wrote waits by partition until it is taken; what does not fit is counted.
import assert from 'node:assert/strict';
import { ConsoleBuffer } from '../../../debug-adapter/debugger/console-buffer';

const mostBytes = 1 << 20;

describe('console buffer', () => {
  it('gives each partition its bytes, the first one of an access first', () => {
    const buffer = new ConsoleBuffer();
    buffer.write(2, 0x434241, 3);
    buffer.write(3, 0x5a, 1);
    buffer.write(2, 0xff, 1);
    assert.deepEqual(buffer.take(), [
      { partition: 2, bytes: Uint8Array.of(0x41, 0x42, 0x43, 0xff), droppedBytes: 0 },
      { partition: 3, bytes: Uint8Array.of(0x5a), droppedBytes: 0 },
    ]);
    assert.deepEqual(buffer.take(), []);
  });

  it('keeps a mebibyte, and says how much was lost', () => {
    const buffer = new ConsoleBuffer();
    for (let written = 0; written < mostBytes + 12; written += 4) buffer.write(2, written, 4);
    const [output] = buffer.take();
    assert.equal(output?.bytes.length, mostBytes);
    assert.equal(output?.droppedBytes, 12);
    const last = new DataView(output.bytes.buffer).getUint32(mostBytes - 4, true);
    assert.equal(last, mostBytes - 4);
    buffer.write(2, 0x41, 1);
    assert.deepEqual(buffer.take()[0]?.bytes, Uint8Array.of(0x41));
  });
});
