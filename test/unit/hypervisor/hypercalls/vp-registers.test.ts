/** Registers by name (TLFS 7.10): every published name can be read or is known as missing, and reads what it stands for. */
import assert from 'node:assert/strict';
import {
  findRegister,
  readableRegisters,
} from '../../../../debug-adapter/hypervisor/hypercalls/register-access';
import { registerNames } from '../../../../debug-adapter/spec/tlfs/register-names';
import { stateOffsets, vmcsEncoding } from '../../../../debug-adapter/machine/processor-state';
import { synicRig } from '../synic/synic-rig';

/** Registers that this hypervisor does not have. */
const missing = new Set([
  ...['InterceptSuspend', 'DispatchSuspend', 'InstructionEmulationHints'],
  ...['CpuManagementFeaturesInfo', 'NestedVirtFeaturesInfo', 'GuestCrashCtl', 'GuestIdle'],
  ...['DebugDeviceOptions', 'PendingEvent0', 'PendingEvent1', 'DeliverabilityNotifications'],
  ...['PredCmd', 'CpuManagementVersion', 'StatsPartitionRetail', 'StatsVpRetail', 'Sirbp'],
]);

function registerRig() {
  const rig = synicRig();
  const caller = { partition: rig.partition, processor: rig.processor, timeNs: 12_300 };
  const access = (name: string) => findRegister(registerNames.get(name) ?? assert.fail(name));
  const vmcs = (name: string, value: bigint) =>
    rig.processor.state.setVmcs(vmcsEncoding(name), value);
  return {
    ...rig,
    vmcs,
    state: rig.processor.state,
    get: (name: string) => access(name)?.read(rig.processor, caller),
    set: (name: string, value: bigint) => access(name)?.write?.(rig.processor, value, caller),
  };
}

type Registers = ReturnType<typeof registerRig>;

describe('registers by name', () => {
  it('every name is readable or known to be missing', () => {
    const { get } = registerRig();
    /** What only writes, and what reads while the local APIC's mode allows. */
    const unreadable = new Set(['SyntheticEoi']);
    for (const name of registerNames.keys()) {
      assert.equal(readableRegisters.has(name), !missing.has(name), name);
      const isRead = get(name) !== undefined;
      assert.equal(isRead, !missing.has(name) && !unreadable.has(name), name);
    }
  });

  const shown: readonly (readonly [string, (rig: Registers) => void, bigint])[] = [
    [
      'Cs',
      ({ vmcs }) => {
        vmcs('GUEST_CS_BASE', 0xffff_0000n);
        vmcs('GUEST_CS_LIMIT', 0xffff_ffffn);
        vmcs('GUEST_CS_SELECTOR', 0x10n);
        vmcs('GUEST_CS_AR_BYTES', 0xa09bn);
      },
      (0xa09bn << 112n) | (0x10n << 96n) | (0xffff_ffffn << 64n) | 0xffff_0000n,
    ],
    [
      'Gs',
      ({ vmcs }) => {
        for (const part of ['BASE', 'LIMIT', 'SELECTOR']) vmcs(`GUEST_GS_${part}`, 0n);
        vmcs('GUEST_GS_AR_BYTES', 0x10093n);
      },
      0x13n << 112n,
    ],
    [
      'Gdtr',
      ({ vmcs }) => {
        vmcs('GUEST_GDTR_BASE', 0x1234n);
        vmcs('GUEST_GDTR_LIMIT', 0x7fn);
      },
      (0x1234n << 64n) | (0x7fn << 48n),
    ],
    [
      'PendingInterruption',
      ({ vmcs }) => {
        vmcs('VM_ENTRY_INTR_INFO_FIELD', 0x80000b0en);
        vmcs('VM_ENTRY_EXCEPTION_ERROR_CODE', 7n);
      },
      (7n << 32n) | (14n << 16n) | 0x10n | (3n << 1n) | 1n,
    ],
    ['PendingInterruption', ({ vmcs }) => vmcs('VM_ENTRY_INTR_INFO_FIELD', 0xb0en), 0n],
    ['InterruptState', ({ vmcs }) => vmcs('GUEST_INTERRUPTIBILITY_INFO', 9n), 3n],
    ['InternalActivityState', ({ vmcs }) => vmcs('GUEST_ACTIVITY_STATE', 1n), 2n],
    ['InternalActivityState', ({ vmcs }) => vmcs('GUEST_ACTIVITY_STATE', 3n), 1n],
    [
      'Xmm15',
      ({ state }) => {
        state.writeU64(stateOffsets.fxsave + 400, 5n);
        state.writeU64(stateOffsets.fxsave + 408, 6n);
      },
      (6n << 64n) | 5n,
    ],
    ['TimeRefCount', () => {}, 123n],
    ['Sint3', ({ write }) => write('SINT3', 0x44n), 0x44n],
    ['Sipp', ({ write }) => write('SIMP', 0x10001n), 0x10001n],
  ];
  for (const [name, prepare, value] of shown) {
    it(`${name} shows 0x${value.toString(16)}`, () => {
      const rig = registerRig();
      prepare(rig);
      assert.equal(rig.get(name), value);
    });
  }

  it('a local APIC register is read by its number of x2APIC mode', () => {
    const { partition, processor } = registerRig();
    const caller = { partition, processor, timeNs: 0 };
    const read = (number: number) => findRegister(0x84800 + number)?.read(processor, caller);
    assert.equal(read(0x0f), 0x1ffn);
    processor.apic.request(0x41);
    assert.equal(read(0x22), 2n);
    processor.apic.base = 0n;
    assert.equal(read(0x0f), undefined);
  });

  /** Written value, and whether it is taken. */
  const writes: readonly (readonly [string, bigint, boolean | undefined])[] = [
    ['Rsp', 0x7000n, true],
    ['Rip', 0x1000n, true],
    ['Rip', 1n << 60n, false],
    ['Cr3', 0x5000n, true],
    ['Cr3', 1n << 60n, false],
    ['Cr4', 1n << 13n, false],
    ['Xmm0', (9n << 64n) | 8n, true],
    ['Dr2', 0x1234n, true],
    ['Sint2', 0x5n, false],
    ['Scontrol', 1n, true],
    ['VpIndex', 1n, false],
    ['Cs', 0n, undefined],
    ['Tr', 0n, undefined],
  ];
  for (const [name, value, isTaken] of writes) {
    it(`${name} = 0x${value.toString(16)}: ${isTaken ?? 'read-only'}`, () => {
      const rig = registerRig();
      const before = rig.get(name);
      assert.equal(rig.set(name, value), isTaken);
      assert.equal(rig.get(name), isTaken === true ? value : before);
    });
  }
});
