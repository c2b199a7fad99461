/** Host inputs: what each changes, and what is refused without a change. */
import assert from 'node:assert/strict';
import type { HostInput } from '../../../debug-adapter/machine/host-input';
import { stateOffsets, vmcsEncoding } from '../../../debug-adapter/machine/processor-state';
import { Hypervisor } from '../../../debug-adapter/hypervisor/hypervisor';
import type { Partition } from '../../../debug-adapter/hypervisor/partition';
import { ParentPartition } from '../../../debug-adapter/parent-partition/parent-partition';
import { SampleGuestPlatform } from '../../../debug-adapter/parent-partition/sample-guest-platform';
import { UserError } from '../../../debug-adapter/support/user-error';
import {
  applyInput,
  describeInput,
  type InputTarget,
} from '../../../debug-adapter/system/apply-input';
import { detachedServices, scriptedPartition } from '../hypervisor/scripted-core';

const at = { partition: 2, processor: 0 } as const;

const refused: readonly (readonly [string, HostInput])[] = [
  ['no-such-partition', { kind: 'edit-gpr', partition: 1, processor: 0, register: 0, value: 0n }],
  ['no-such-processor', { kind: 'edit-rip', partition: 2, processor: 1, value: 0n }],
  ['no-such-register', { kind: 'edit-gpr', ...at, register: 16, value: 0n }],
  ['no-such-register', { kind: 'edit-gpr', ...at, register: 0.5, value: 0n }],
  ['value-too-wide', { kind: 'edit-gpr', ...at, register: 0, value: 1n << 64n }],
  ['value-too-wide', { kind: 'edit-gpr', ...at, register: 0, value: -1n }],
  ['not-canonical', { kind: 'edit-rip', ...at, value: 1n << 60n }],
  ['rflags-reserved', { kind: 'edit-rflags', ...at, value: 0 }],
  ['rflags-reserved', { kind: 'edit-rflags', ...at, value: 0x8002 }],
  ['no-such-vmcs-field', { kind: 'edit-vmcs', ...at, encoding: 0x1234, value: 0n }],
  ['vmcs-read-only', { kind: 'edit-vmcs', ...at, encoding: 0x4402, value: 0n }],
  ['vmcs-read-only', { kind: 'edit-vmcs', ...at, encoding: 0x6c16, value: 0n }],
  ['value-too-wide', { kind: 'edit-vmcs', ...at, encoding: 0x0802, value: 0x10000n }],
  ['not-canonical', { kind: 'edit-vmcs', ...at, encoding: 0x681e, value: 1n << 60n }],
  ['msr-refused', { kind: 'edit-msr', ...at, msr: 0x12345, value: 0n }],
  ['msr-refused', { kind: 'edit-msr', ...at, msr: 0xc0000080, value: 2n }],
  [
    'memory-not-there',
    { kind: 'edit-memory', partition: 2, gpa: 0x3ffff, data: Uint8Array.of(1, 2) },
  ],
  ['memory-not-there', { kind: 'edit-memory', partition: 2, gpa: -1, data: Uint8Array.of(1) }],
  ['memory-not-there', { kind: 'edit-memory', partition: 2, gpa: 0, data: Uint8Array.of() }],
  ['no-such-disk', { kind: 'attach-disk', partition: 2, disk: 3 }],
  ['console-has-no-input', { kind: 'console-input', partition: 2, data: Uint8Array.of(65) }],
];

function targetOf(partition: Partition, timeNs: number): InputTarget {
  const services = detachedServices();
  const hypervisor = new Hypervisor(services);
  hypervisor.addPartition(partition);
  const parent = new ParentPartition(hypervisor, services.trace);
  parent.attachGuest(partition.id, (world) => new SampleGuestPlatform(world));
  return {
    ...{ guests: [partition], parent, timeNs },
    places: {
      delete: (id) => parent.deleteGuest(id),
      start: () => assert.fail('no guest is started'),
      restore: () => assert.fail('no guest is restored'),
    },
    setDiskAttached: (_partition, disk) => {
      throw new UserError('no-such-disk', `The guest has no disk ${disk}.`);
    },
  };
}

describe('host inputs', () => {
  for (const [id, input] of refused) {
    it(`refuses ${describeInput(input)}: ${id}`, () => {
      const { partition, core } = scriptedPartition();
      const before = core.state.architecturalBytes.slice();
      assert.throws(
        () => applyInput(targetOf(partition, 0), input),
        (problem) => problem instanceof UserError && problem.id === id,
      );
      assert.deepEqual(core.state.architecturalBytes, before);
    });
  }

  function edited(input: HostInput) {
    const made = scriptedPartition();
    applyInput(targetOf(made.partition, 1000), input);
    return made;
  }

  it('edits registers, VMCS fields, MSRs and memory', () => {
    assert.equal(
      edited({ kind: 'edit-gpr', ...at, register: 15, value: 5n }).core.state.gpr(15),
      5n,
    );
    assert.equal(edited({ kind: 'edit-rflags', ...at, value: 0x246 }).core.state.rflags, 0x246);
    const cs = edited({ kind: 'edit-vmcs', ...at, encoding: 0x0802, value: 0x33n });
    assert.equal(cs.core.state.vmcs(vmcsEncoding('GUEST_CS_SELECTOR')), 0x33n);
    assert(cs.processor.entryChecksDue && cs.core.edits > 0);
    const tsc = edited({ kind: 'edit-msr', ...at, msr: 0x10, value: 1500n });
    assert.equal(tsc.core.state.readU64(stateOffsets.tscOffset), 500n);
    const memory = edited({
      kind: 'edit-memory',
      partition: 2,
      gpa: 0xfff,
      data: Uint8Array.of(1, 2),
    });
    assert.deepEqual([...(memory.partition.memory.read(0xfff, 2) ?? [])], [1, 2]);
  });

  it('a new RIP forgets the exit of the old one', () => {
    const { partition, processor, core } = scriptedPartition();
    core.state.writeU32(stateOffsets.exitPending, 1);
    processor.exitIdentity = { position: 1, ordinal: 0, timeNs: 1 };
    applyInput(targetOf(partition, 0), { kind: 'edit-rip', ...at, value: 0x1000n });
    assert.deepEqual(
      [core.state.rip, processor.isExitPending, processor.pendingExit],
      [0x1000n, false, undefined],
    );
  });

  it('a new RIP forgets what devices have answered to the instruction at the old one', () => {
    const { partition, core } = scriptedPartition();
    core.state.writeU32(stateOffsets.answerCount, 2);
    applyInput(targetOf(partition, 0), { kind: 'edit-rip', ...at, value: 0x1000n });
    assert.equal(core.state.readU32(stateOffsets.answerCount), 0);
  });
});
