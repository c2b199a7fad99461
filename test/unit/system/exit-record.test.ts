/** The record written straight from a processor reads back as the event that describes the exit. */
import assert from 'node:assert/strict';
import { vmcsEncoding } from '../../../debug-adapter/machine/processor-state';
import type { TraceEvent } from '../../../debug-adapter/machine/trace';
import { TraceLog } from '../../../debug-adapter/system/trace-log';
import { scriptedPartition } from '../hypervisor/scripted-core';

const ones = (1n << 64n) - 1n;

/** An exit of which every field differs from every other. */
function recordedExit() {
  const { processor, core } = scriptedPartition();
  const fields = {
    VM_EXIT_REASON: 0x80000021n,
    EXIT_QUALIFICATION: ones,
    VM_EXIT_INSTRUCTION_LEN: 15n,
    VM_EXIT_INTR_INFO: 0xffffffffn,
    GUEST_PHYSICAL_ADDRESS: 0x1234_5678_9abcn,
    GUEST_LINEAR_ADDRESS: ones - 1n,
    GUEST_CR0: 0x80000011n,
    GUEST_CR3: 0x1000n,
    GUEST_CR4: 0x20n,
  };
  for (const [name, value] of Object.entries(fields)) core.state.setVmcs(vmcsEncoding(name), value);
  for (let index = 0; index < 16; index++) core.state.setGpr(index, ones - BigInt(index));
  core.state.rip = 0xffff_8000_0000_0000n;
  core.state.rflags = 0x246;
  processor.exits = 2 ** 33 + 5;
  processor.recordExit({ position: 2 ** 40 + 3, ordinal: 5, timeNs: 2 ** 45 + 1 });
  return processor;
}

describe('exit record', () => {
  it('has every field of the event', () => {
    const processor = recordedExit();
    const log = new TraceLog();
    log.recordExit(processor);
    assert.deepEqual(log.exits.at(0), processor.pendingExit);
    assert.equal(log.exits.at(0)?.exitNumber, 2 ** 33 + 6);
  });

  it('leaves nothing of the record that it replaces', () => {
    const processor = recordedExit();
    const log = new TraceLog();
    for (let count = 0; count <= 70_000; count++) {
      // An event of a place that has been recorded would be one of a replayed past.
      if (count === 70_000) processor.state.setGpr(0, 0n);
      processor.recordExit({ position: 2 ** 40 + count, ordinal: 5, timeNs: 2 ** 45 });
      log.recordExit(processor);
    }
    assert.deepEqual(log.exits.at(70_000), processor.pendingExit);
  });

  it('goes to those who listen to exits, and to nobody else', () => {
    const processor = recordedExit();
    const log = new TraceLog();
    const heard: TraceEvent[] = [];
    log.forwardTo({ record: (event) => heard.push(event) }, ['vm-exit']);
    log.forwardTo({ record: () => assert.fail('not a console event') }, ['console']);
    log.recordExit(processor);
    assert.deepEqual(heard, [processor.pendingExit]);
  });
});
