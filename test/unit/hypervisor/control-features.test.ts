// CR4 takes the bits of those features that CPUID offers, and no others (SDM vol. 3, 2.5), by MOV and by VM entry.
import assert from 'node:assert/strict';
import { answerCpuid } from '../../../debug-adapter/hypervisor/cpuid-model';
import { findEntryFailure } from '../../../debug-adapter/hypervisor/vm-entry-checks';
import { powerOn } from '../../../debug-adapter/hypervisor/processor-reset';
import { setUpVmcsControls } from '../../../debug-adapter/hypervisor/vmcs-setup';
import { vmcsEncoding } from '../../../debug-adapter/machine/processor-state';
import { GuestKernel } from '../../support/guest-kernel';
import { machineCode } from '../../support/machine-code';
import { scriptedPartition, scriptedPartitionOf } from './scripted-core';

/** CR4 bit, its name, and where CPUID has its feature: leaf, register and bit; PCE has none, and is always there. */
const rows: readonly (readonly [
  number,
  string,
  (readonly [number, 'ebx' | 'ecx' | 'edx', number])?,
])[] = [
  [0, 'VME', [1, 'edx', 1]],
  [1, 'PVI', [1, 'edx', 1]],
  [2, 'TSD', [1, 'edx', 4]],
  [3, 'DE', [1, 'edx', 2]],
  [4, 'PSE', [1, 'edx', 3]],
  [6, 'MCE', [1, 'edx', 7]],
  [7, 'PGE', [1, 'edx', 13]],
  [8, 'PCE'],
  [9, 'OSFXSR', [1, 'edx', 24]],
  [10, 'OSXMMEXCPT', [1, 'edx', 25]],
  [11, 'UMIP', [7, 'ecx', 2]],
  [13, 'VMXE', [1, 'ecx', 5]],
  [14, 'SMXE', [1, 'ecx', 6]],
  [16, 'FSGSBASE', [7, 'ebx', 0]],
  [17, 'PCIDE', [1, 'ecx', 17]],
  [18, 'OSXSAVE', [1, 'ecx', 26]],
  [19, 'KL', [7, 'ecx', 23]],
  [20, 'SMEP', [7, 'ebx', 7]],
  [21, 'SMAP', [7, 'ebx', 20]],
  [22, 'PKE', [7, 'ecx', 3]],
  [23, 'CET', [7, 'ecx', 7]],
  [24, 'PKS', [7, 'ecx', 31]],
  [25, 'UINTR', [7, 'edx', 5]],
];

const withPae = 0x620n;

describe('bits of CR4 and features of CPUID', () => {
  const { partition } = scriptedPartitionOf({ processorCount: 1 });

  for (const [bit, name, feature] of rows) {
    const offered =
      feature === undefined ||
      ((answerCpuid(partition, 0, feature[0])[feature[1]] >>> feature[2]) & 1) !== 0;
    it(`CR4.${name} is ${offered ? 'taken' : 'refused'}`, () => {
      const kernel = GuestKernel.again();
      kernel.enter(0, machineCode('0f 22 e0'));
      kernel.setField('GUEST_CR4', withPae);
      const value = withPae ^ (1n << BigInt(bit));
      kernel.state.setGpr(0, value);
      assert.equal(kernel.outcome(), offered ? 'budget' : 'vector 13 (0x0)');
      assert.equal(kernel.field('GUEST_CR4'), offered ? value : withPae);
    });

    it(`VM entry ${offered ? 'takes' : 'refuses'} CR4.${name}`, () => {
      const { core, processor } = scriptedPartition();
      powerOn(processor);
      setUpVmcsControls(core.state, 0);
      core.state.setVmcs(vmcsEncoding('GUEST_CR4'), 1n << BigInt(bit));
      const { problem = '' } = findEntryFailure(core) ?? {};
      assert.equal(problem.includes('of a feature that this processor has not'), !offered, problem);
    });
  }

  it('no bit is left over', () => {
    const known = rows.map(([bit]) => bit);
    for (let bit = 0; bit < 64; bit++) {
      // PAE is on; LA57 is what processors with 57-bit addresses have (paging/five-levels.test.ts).
      if (known.includes(bit) || bit === 5 || bit === 12) continue;
      const kernel = GuestKernel.again();
      kernel.enter(0, machineCode('0f 22 e0'));
      kernel.state.setGpr(0, withPae | (1n << BigInt(bit)));
      assert.equal(kernel.outcome(), 'vector 13 (0x0)', `bit ${bit}`);
    }
  });
});
