// What a guest reads from its time-stamp counter (SDM vol. 3, 26.3), by routine and by generated code.
import assert from 'node:assert/strict';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { guestTimeStamp, physicalTimeStamp } from '../../../../debug-adapter/machine/time-stamp';
import { GuestKernel } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

const useOffsetting = 1n << 3n;
const secondaryActive = 1n << 31n;
const useScaling = 1n << 25n;
const enableRdtscp = 1n << 3n;
const one = 1n << 48n;

interface Row {
  readonly name: string;
  readonly primary: bigint;
  readonly secondary: bigint;
  readonly multiplier: bigint;
  readonly expected: (physical: bigint) => bigint;
}

const offset = 0x10_0000_0000n;
const rows: readonly Row[] = [
  {
    name: 'no offset without its control',
    primary: secondaryActive,
    secondary: 0n,
    multiplier: one,
    expected: (physical) => physical,
  },
  {
    name: 'an offset',
    primary: useOffsetting | secondaryActive,
    secondary: 0n,
    multiplier: 7n * one,
    expected: (physical) => physical + offset,
  },
  {
    name: 'scaled before the offset is added',
    primary: useOffsetting | secondaryActive,
    secondary: useScaling,
    multiplier: 3n * one + one / 2n,
    expected: (physical) => (physical * 7n) / 2n + offset,
  },
  {
    name: 'no scaling without offsetting',
    primary: secondaryActive,
    secondary: useScaling,
    multiplier: 2n * one,
    expected: (physical) => physical,
  },
  {
    name: 'no scaling where the secondary controls are not active',
    primary: useOffsetting,
    secondary: useScaling,
    multiplier: 2n * one,
    expected: (physical) => physical + offset,
  },
];

describe('time-stamp counter under the VMCS', () => {
  for (const { name, primary, secondary, multiplier, expected } of rows) {
    for (const [mnemonic, code] of [
      ['RDTSC', '90 0f 31'],
      ['RDTSCP', '90 0f 01 f9'],
    ] as const) {
      if (mnemonic === 'RDTSCP' && (primary & secondaryActive) === 0n) continue;
      it(`${mnemonic}: ${name}`, () => {
        const kernel = GuestKernel.again();
        kernel.enter(0, machineCode(code));
        kernel.setField('CPU_BASED_VM_EXEC_CONTROL', primary);
        kernel.setField('SECONDARY_VM_EXEC_CONTROL', secondary | enableRdtscp);
        kernel.setField('TSC_OFFSET', offset);
        kernel.setField('TSC_MULTIPLIER', multiplier);
        kernel.state.writeU64(stateOffsets.tscOffset, 1000n);
        kernel.core.run(2, 70_000);
        const value = (kernel.state.gpr(2) << 32n) | kernel.state.gpr(0);
        assert.equal(value, expected(71_001n));
        assert.equal(value, guestTimeStamp(kernel.state, 70_001));
        const physical = physicalTimeStamp(kernel.state, value);
        assert(physical >= 71_000n && physical <= 71_001n, `${physical}`);
      });
    }
  }
});
