/** CPUID: the hypervisor's leaves follow the privileges (TLFS 2.4), the package has as many cores as the partition processors. */
import assert from 'node:assert/strict';
import { answerCpuid } from '../../../debug-adapter/hypervisor/cpuid-model';
import { defaultPrivileges, type Partition } from '../../../debug-adapter/hypervisor/partition';
import { featureBits, recommendationBits } from '../../../debug-adapter/spec/tlfs/cpuid-leaves';
import type { PrivilegeName } from '../../../debug-adapter/spec/tlfs/privileges';
import { scriptedPartitionOf } from './scripted-core';

function partitionOf(processorCount: number, privileges?: readonly PrivilegeName[]): Partition {
  return scriptedPartitionOf({ processorCount, privileges }).partition;
}

const bitOf = (rows: readonly { readonly name: string; readonly low: number }[], name: string) =>
  1 << (rows.find((row) => row.name === name) ?? assert.fail(name)).low;

describe('CPUID of a package', () => {
  for (const count of [1, 2, 3, 4, 8, 63, 64]) {
    it(`has ${count} cores of one thread, whose APIC ids are their indices`, () => {
      const partition = partitionOf(count);
      const bits = Math.ceil(Math.log2(count));
      for (const index of [0, count - 1]) {
        const basic = answerCpuid(partition, index, 1);
        assert.deepEqual([basic.ebx >>> 24, (basic.ebx >>> 16) & 0xff], [index, count]);
        assert.equal((basic.edx >>> 28) & 1, count > 1 ? 1 : 0, 'HTT');
        const threads = answerCpuid(partition, index, 0xb, 0);
        assert.deepEqual(threads, { eax: 0, ebx: 1, ecx: 0x100, edx: index });
        const cores = answerCpuid(partition, index, 0xb, 1);
        assert.deepEqual(cores, { eax: bits, ebx: count, ecx: 0x201, edx: index });
        const end = answerCpuid(partition, index, 0xb, 2);
        assert.deepEqual(end, { eax: 0, ebx: 0, ecx: 2, edx: index });
      }
      const levels = [0, 1, 2, 3, 4].map((subleaf) => answerCpuid(partition, 0, 4, subleaf));
      assert.deepEqual(
        levels.map(({ eax }) => [eax & 0x1f, (eax >>> 5) & 7]),
        [
          [1, 1],
          [2, 1],
          [3, 2],
          [3, 3],
          [0, 0],
        ],
      );
      assert.deepEqual(
        levels.slice(0, 4).map(({ eax }) => (eax >>> 14) & 0xfff),
        [0, 0, 0, 2 ** bits - 1],
      );
      assert.equal((levels[0]?.eax ?? 0) >>> 26, 2 ** bits - 1);
    });
  }
});

describe('CPUID of the hypervisor', () => {
  it('is Microsoft Hv with leaves to 0x4000000A, and no other interface is found', () => {
    const partition = partitionOf(1);
    assert.equal(answerCpuid(partition, 0, 0x40000000).eax, 0x4000000a);
    for (let leaf = 0x40000100; leaf <= 0x4000ff00; leaf += 0x100) {
      assert.deepEqual(answerCpuid(partition, 0, leaf), { eax: 0, ebx: 0, ecx: 0, edx: 0 });
    }
    for (const leaf of [0x4000000b, 0x4000000c, 0x40000080, 0x40000081, 0x4fffffff]) {
      assert.deepEqual(answerCpuid(partition, 0, leaf), { eax: 0, ebx: 0, ecx: 0, edx: 0 });
    }
  });

  it('shows the privileges of the partition, of which Linux needs two and must not see two', () => {
    const partition = partitionOf(1);
    const { eax, ebx } = answerCpuid(partition, 0, 0x40000003);
    assert.equal((BigInt(ebx) << 32n) | BigInt(eax), partition.privileges);
    assert.equal(eax & 0x60, 0x60, 'hypercall MSRs and VP index');
    assert.equal(ebx & ((1 << 1) | (1 << 12)), 0, 'partition id and CPU management');
  });

  const features: readonly (readonly [PrivilegeName, string])[] = [
    ['AccessFrequencyRegs', 'timer frequencies'],
    ['AccessSyntheticTimerRegs', 'direct synthetic timers'],
    ['AccessGuestIdleReg', 'virtual guest idle state'],
  ];
  for (const [privilege, feature] of features) {
    it(`${feature} come with ${privilege}`, () => {
      const bit = bitOf(featureBits, feature);
      const without = answerCpuid(partitionOf(1, []), 0, 0x40000003).edx;
      const having = answerCpuid(partitionOf(1, [privilege]), 0, 0x40000003).edx;
      assert.deepEqual([without & bit, having & bit], [0, bit]);
    });
  }

  it('asks nobody to notify long waits or to expect timely interrupts', () => {
    const { eax, ebx } = answerCpuid(partitionOf(1), 0, 0x40000004);
    assert.equal(ebx, 0xffffffff);
    const asked = bitOf(recommendationBits, 'relaxed timing');
    assert.equal(eax & asked, asked);
  });

  it('limits are the processors there are', () => {
    const { eax, ebx } = answerCpuid(partitionOf(7), 0, 0x40000005);
    assert.deepEqual([eax, ebx], [7, 7]);
  });
});

describe('invariant time-stamp counter', () => {
  const shown = (partition: Partition): number =>
    (answerCpuid(partition, 0, 0x80000007).edx >>> 8) & 1;

  it('is shown once the guest has asked for it, and without the privilege always', () => {
    const partition = partitionOf(1, defaultPrivileges);
    assert.equal(shown(partition), 0);
    partition.synthetic.tscInvariantControl = 1n;
    assert.equal(shown(partition), 1);
    assert.equal(shown(partitionOf(1, [])), 1);
  });
});
