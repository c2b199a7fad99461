/** The life of a partition by the calls of its parent (TLFS 4.1), and every refusal on the way. */
import assert from 'node:assert/strict';
import {
  rightExecute,
  rightRead,
  rightWrite,
} from '../../../../../debug-adapter/machine/guest-memory';
import { parentStatuses } from '../../../../../debug-adapter/spec/tlfs/hypercall-statuses';
import { mapGpaFlag, partitionProperty } from '../../../../../debug-adapter/spec/tlfs/partitions';
import { registerNames } from '../../../../../debug-adapter/spec/tlfs/register-names';
import { parentRig, type ParentRig } from '../../parent-rig';

const id = 2;
const deposits = (count: number, first = 0x50000): readonly bigint[] =>
  Array.from({ length: count }, (_, index) => BigInt(first + index));

/** Brings a new partition to a state, step by step. */
function partitionIn(state: 'created' | 'active' | 'finalized'): ParentRig {
  const rig = parentRig();
  assert.equal(rig.make('HvCallCreatePartition', {}), 'HV_STATUS_SUCCESS');
  if (state === 'created') return rig;
  rig.make('HvCallDepositMemory', { PartitionId: id }, deposits(200));
  assert.equal(rig.make('HvCallInitializePartition', { PartitionId: id }), 'HV_STATUS_SUCCESS');
  if (state === 'active') return rig;
  assert.equal(rig.make('HvCallFinalizePartition', { PartitionId: id }), 'HV_STATUS_SUCCESS');
  return rig;
}

const all = mapGpaFlag.readable + mapGpaFlag.writable + mapGpaFlag.kernelExecutable;
const vp = { PartitionId: id, VpIndex: 0 };
const map = { TargetPartition: id, TargetGpfnBase: 0, MapFlags: all };
const port = { PortPartition: 1, PortId: 7, ConnectionPartition: id, PortType: 1 };
const event = { ...port, PortType: 2, FlagCount: 3 };
const connection = { ...port, ConnectionId: 9, ConnectionType: 1 };
const io = {
  PartitionId: id,
  AccessTypeMask: 3,
  InterceptType: 0x11,
  InterceptParameter: 0x600060,
};
const register = (name: string): number => registerNames.get(name) ?? assert.fail(name);
const setRegister = (name: string, value: bigint): readonly bigint[] => [
  BigInt(register(name)),
  0n,
  value,
  0n,
];

type Step = readonly [
  name: string,
  fields: Readonly<Record<string, number | bigint>>,
  list?: readonly bigint[],
];
type Row = readonly [
  state: 'created' | 'active' | 'finalized',
  before: readonly Step[],
  step: Step,
  status: string,
];

const property = (code: number, value: number | bigint): Step => [
  'HvCallSetPartitionProperty',
  { PartitionId: id, PropertyCode: code, Value: value },
];
const created: Step = ['HvCallCreateVp', vp];
const [weight, cap, reserve] = [
  partitionProperty.CpuWeight,
  partitionProperty.CpuCap,
  partitionProperty.CpuReserve,
];

const rows: readonly Row[] = [
  ['created', [], ['HvCallCreatePartition', {}], 'NO_RESOURCES'],
  ['created', [], ['HvCallCreatePartition', { Flags: 1n << 63n }], 'INVALID_PARAMETER'],
  ['created', [], ['HvCallCreatePartition', { IsolationProperties: 1 }], 'INVALID_PARAMETER'],
  ['created', [], ['HvCallInitializePartition', { PartitionId: id }], 'INSUFFICIENT_MEMORY'],
  ['created', [], ['HvCallInitializePartition', { PartitionId: 3 }], 'INVALID_PARTITION_ID'],
  ['active', [], ['HvCallInitializePartition', { PartitionId: id }], 'INVALID_PARTITION_STATE'],
  ['created', [], ['HvCallFinalizePartition', { PartitionId: id }], 'INVALID_PARTITION_STATE'],
  ['finalized', [], ['HvCallFinalizePartition', { PartitionId: id }], 'SUCCESS'],
  ['active', [], ['HvCallDeletePartition', { PartitionId: id }], 'INVALID_PARTITION_STATE'],
  ['finalized', [], ['HvCallDeletePartition', { PartitionId: id }], 'OBJECT_IN_USE'],
  ['created', [], ['HvCallDeletePartition', { PartitionId: id }], 'SUCCESS'],
  [
    'created',
    [['HvCallDeletePartition', { PartitionId: id }]],
    ['HvCallDeletePartition', { PartitionId: id }],
    'INVALID_PARTITION_ID',
  ],
  ['created', [], ['HvCallDepositMemory', { PartitionId: id }, deposits(2)], 'SUCCESS'],
  ['created', [], ['HvCallDepositMemory', { PartitionId: id }, [5n, 5n]], 'INVALID_PARAMETER'],
  ['created', [], ['HvCallDepositMemory', { PartitionId: id }, [1n << 60n]], 'INVALID_PARAMETER'],
  ['active', [], ['HvCallMapGpaPages', map, [0x50000n]], 'INVALID_PARAMETER'],
  ['finalized', [], ['HvCallDepositMemory', { PartitionId: id }, [5n]], 'INVALID_PARTITION_STATE'],
  ['created', [], ['HvCallGetMemoryBalance', { PartitionId: 1 }], 'INVALID_PARTITION_ID'],
  ['finalized', [], ['HvCallGetMemoryBalance', { PartitionId: id }], 'SUCCESS'],
  ['created', [], created, 'INVALID_PARTITION_STATE'],
  ['active', [], created, 'SUCCESS'],
  ['active', [created], created, 'INVALID_VP_INDEX'],
  ['active', [], ['HvCallCreateVp', { ...vp, VpIndex: 2 }], 'INVALID_VP_INDEX'],
  ['active', [], ['HvCallCreateVp', { ...vp, Flags: 1 }], 'INVALID_PARAMETER'],
  ['active', [], ['HvCallDeleteVp', vp], 'INVALID_VP_INDEX'],
  ['active', [created], ['HvCallDeleteVp', vp], 'SUCCESS'],
  [
    'active',
    [created, ['HvCallSetVpRegisters', vp, setRegister('ExplicitSuspend', 0n)]],
    ['HvCallDeleteVp', vp],
    'INVALID_VP_STATE',
  ],
  ['active', [], ['HvCallMapGpaPages', map, [5n, 6n]], 'SUCCESS'],
  ['active', [['HvCallMapGpaPages', map, [5n]]], ['HvCallMapGpaPages', map, [5n]], 'SUCCESS'],
  [
    'active',
    [['HvCallMapGpaPages', map, [5n]]],
    ['HvCallMapGpaPages', map, [6n]],
    'OPERATION_DENIED',
  ],
  [
    'active',
    [['HvCallMapGpaPages', map, [5n]]],
    ['HvCallMapGpaPages', { ...map, TargetGpfnBase: 9 }, [5n]],
    'INVALID_PARAMETER',
  ],
  ['active', [], ['HvCallMapGpaPages', { ...map, MapFlags: 2 }, [5n]], 'INVALID_PARAMETER'],
  ['active', [], ['HvCallMapGpaPages', { ...map, MapFlags: 4 }, [5n]], 'INVALID_PARAMETER'],
  ['active', [], ['HvCallMapGpaPages', { ...map, MapFlags: 0x10001 }, [5n]], 'INVALID_PARAMETER'],
  ['active', [], ['HvCallMapGpaPages', { ...map, MapFlags: 0x40 }, [5n]], 'INVALID_PARAMETER'],
  ['active', [], ['HvCallMapGpaPages', { ...map, MapFlags: 0x10000 }, [5n]], 'SUCCESS'],
  [
    'active',
    [],
    ['HvCallMapGpaPages', { ...map, TargetGpfnBase: 1, MapFlags: 0x80000007 }, [512n]],
    'INVALID_PARAMETER',
  ],
  [
    'active',
    [],
    ['HvCallMapGpaPages', { ...map, MapFlags: 0x80000007 }, [5n]],
    'INVALID_PARAMETER',
  ],
  ['created', [], ['HvCallMapGpaPages', map, [5n]], 'INVALID_PARTITION_STATE'],
  [
    'active',
    [],
    ['HvCallModifySparseGpaPages', { TargetPartition: id, MapFlags: 1 }, [9n]],
    'INVALID_PARAMETER',
  ],
  ['active', [], ['HvCallInstallIntercept', io], 'SUCCESS'],
  ['active', [], ['HvCallInstallIntercept', { ...io, AccessTypeMask: 1 }], 'INVALID_PARAMETER'],
  ['active', [], ['HvCallInstallIntercept', { ...io, InterceptType: 2 }], 'INVALID_PARAMETER'],
  [
    'active',
    [],
    ['HvCallInstallIntercept', { ...io, InterceptParameter: 0x500060 }],
    'INVALID_PARAMETER',
  ],
  ['created', [], property(weight, 0), 'PROPERTY_VALUE_OUT_OF_RANGE'],
  ['created', [], property(weight, 200), 'SUCCESS'],
  ['created', [], property(cap, 0x10001), 'PROPERTY_VALUE_OUT_OF_RANGE'],
  ['created', [property(cap, 0x8000)], property(reserve, 0xc000), 'PROPERTY_VALUE_OUT_OF_RANGE'],
  ['active', [created], property(weight, 200), 'OPERATION_DENIED'],
  ['created', [], property(0x1234, 0), 'UNKNOWN_PROPERTY'],
  ['created', [], property(partitionProperty.GuestOsId, 0), 'OPERATION_DENIED'],
  [
    'created',
    [],
    property(partitionProperty.PrivilegeFlags, 1n << 32n),
    'PROPERTY_VALUE_OUT_OF_RANGE',
  ],
  ['created', [], property(partitionProperty.PrivilegeFlags, 1n), 'SUCCESS'],
  ['active', [], property(partitionProperty.PrivilegeFlags, 1n), 'INVALID_PARTITION_STATE'],
  ['active', [], property(partitionProperty.Suspend, 2), 'PROPERTY_VALUE_OUT_OF_RANGE'],
  ['active', [], ['HvCallGetNextChildPartition', { ParentId: 2 }], 'INVALID_PARTITION_ID'],
  ['active', [], ['HvCallCreatePort', port], 'SUCCESS'],
  ['active', [['HvCallCreatePort', port]], ['HvCallCreatePort', port], 'INVALID_PORT_ID'],
  ['active', [], ['HvCallCreatePort', { ...port, PortPartition: 2 }], 'INVALID_PARTITION_ID'],
  ['active', [], ['HvCallCreatePort', { ...port, PortId: 1 << 24 }], 'INVALID_PORT_ID'],
  ['active', [], ['HvCallCreatePort', { ...port, PortType: 3 }], 'INVALID_PARAMETER'],
  ['active', [], ['HvCallCreatePort', { ...event, FlagCount: 0 }], 'INVALID_PARAMETER'],
  ['active', [], ['HvCallCreatePort', { ...event, FlagCount: 2049 }], 'INVALID_PARAMETER'],
  ['active', [], ['HvCallConnectPort', connection], 'INVALID_PORT_ID'],
  ['active', [['HvCallCreatePort', event]], ['HvCallConnectPort', connection], 'INVALID_PARAMETER'],
  [
    'active',
    [
      ['HvCallCreatePort', port],
      ['HvCallConnectPort', connection],
    ],
    ['HvCallConnectPort', connection],
    'INVALID_CONNECTION_ID',
  ],
  ['active', [], ['HvCallDisconnectPort', connection], 'INVALID_CONNECTION_ID'],
  ['active', [], ['HvCallDeletePort', port], 'INVALID_PORT_ID'],
  ['active', [], ['HvCallGetVpRegisters', vp, [0n]], 'INVALID_VP_INDEX'],
  [
    'active',
    [created],
    ['HvCallSetVpRegisters', vp, setRegister('ExplicitSuspend', 2n)],
    'INVALID_REGISTER_VALUE',
  ],
  [
    'active',
    [created],
    ['HvCallSetVpRegisters', vp, setRegister('VpIndex', 2n)],
    'INVALID_REGISTER_VALUE',
  ],
  [
    'active',
    [created],
    ['HvCallSetVpRegisters', vp, [0x12345n, 0n, 0n, 0n]],
    'UNKNOWN_REGISTER_NAME',
  ],
];

/** The fields that a call has; the rest of a row's fields are of others. */
describe('the life of a partition', () => {
  for (const [state, before, step, status] of rows) {
    const [name, fields, list] = step;
    const given = Object.entries(fields).map(([key, value]) => `${key} 0x${value.toString(16)}`);
    it(`${state}, ${before.length} before: ${name} ${given.join(' ')} gives ${status}`, () => {
      const rig = partitionIn(state);
      for (const earlier of before) assert.equal(rig.make(...earlier), 'HV_STATUS_SUCCESS');
      assert.equal(rig.make(name, fields, list), `HV_STATUS_${status}`);
      const may = ['HV_STATUS_SUCCESS', ...(parentStatuses[name] ?? [])];
      assert(may.includes(`HV_STATUS_${status}`), 'the table has the status');
    });
  }

  it("what is deposited is used, comes back, and is the parent's again", () => {
    const rig = partitionIn('active');
    const balance = (): readonly number[] => {
      rig.make('HvCallGetMemoryBalance', { PartitionId: id });
      return [rig.output(0), rig.output(8)];
    };
    assert.deepEqual(balance(), [184, 16]);
    rig.make('HvCallCreateVp', vp);
    rig.make('HvCallMapGpaPages', map, [5n]);
    assert.deepEqual(balance(), [200 - 16 - 12 - 2, 30]);
    rig.make('HvCallFinalizePartition', { PartitionId: id });
    assert.deepEqual(balance(), [200, 0]);
    assert.equal(rig.stack.calls.collect('HvCallWithdrawMemory', { PartitionId: id }).length, 200);
    assert.equal(rig.make('HvCallDeletePartition', { PartitionId: id }), 'HV_STATUS_SUCCESS');
    assert.equal(rig.hypervisor.partition(id).lifeCycle.state, 'deleted');
  });

  const rights: readonly (readonly [flags: number, rights: number])[] = [
    [mapGpaFlag.readable, rightRead],
    [mapGpaFlag.readable + mapGpaFlag.writable, rightRead | rightWrite],
    [mapGpaFlag.readable + mapGpaFlag.kernelExecutable, rightRead | rightExecute],
    [all, rightRead | rightWrite | rightExecute],
    [mapGpaFlag.noAccess, 0],
  ];
  for (const [flags, expected] of rights) {
    it(`MapFlags 0x${flags.toString(16)} give rights ${expected}, and keep what is in the page`, () => {
      const rig = partitionIn('active');
      const { memory } = rig.hypervisor.partition(id);
      rig.make('HvCallMapGpaPages', map, [5n]);
      memory.write(0x10, Uint8Array.of(1, 2, 3));
      rig.make('HvCallMapGpaPages', { ...map, MapFlags: flags }, [5n]);
      assert.equal(memory.rightsOf(0), expected);
      assert.deepEqual(memory.read(0x10, 3), Uint8Array.of(1, 2, 3));
      const modify = { TargetPartition: id, MapFlags: flags };
      rig.make('HvCallMapGpaPages', map, [5n]);
      assert.equal(rig.make('HvCallModifySparseGpaPages', modify, [0n]), 'HV_STATUS_SUCCESS');
      assert.equal(memory.rightsOf(0), expected);
    });
  }

  it('a large page is 512 small ones, and can be taken out as one', () => {
    const rig = partitionIn('active');
    const { memory } = rig.hypervisor.partition(id);
    const large = { ...map, TargetGpfnBase: 512, MapFlags: all + mapGpaFlag.largePage };
    assert.equal(rig.make('HvCallMapGpaPages', large, [1024n]), 'HV_STATUS_SUCCESS');
    assert.deepEqual(
      [511, 512, 1023, 1024].map((page) => memory.rightsOf(page)),
      [0, 7, 7, 0],
    );
    const unmap = { TargetPartition: id, TargetGpfnBase: 512, UnmapFlags: 2 };
    assert.equal(rig.make('HvCallUnmapGpaPages', unmap, [], 1), 'HV_STATUS_SUCCESS');
    assert.equal(memory.rightsOf(600), 0);
    assert.equal(rig.make('HvCallUnmapGpaPages', unmap, [], 1), 'HV_STATUS_INVALID_PARAMETER');
  });

  it('an overlay keeps what the map says below it', () => {
    const rig = partitionIn('active');
    const { memory } = rig.hypervisor.partition(id);
    rig.make('HvCallMapGpaPages', map, [5n]);
    memory.placeOverlay(0, new Uint8Array(4096).fill(9), rightRead);
    rig.make('HvCallMapGpaPages', { ...map, MapFlags: 3 }, [5n]);
    assert.equal(memory.rightsOf(0), rightRead);
    memory.removeOverlay(0);
    assert.equal(memory.rightsOf(0), rightRead | rightWrite);
  });

  it('the suspend property keeps processors from running', () => {
    const rig = partitionIn('active');
    rig.make('HvCallCreateVp', vp);
    const processor = rig.hypervisor.partition(id).processors[0] ?? assert.fail('processor');
    const suspended = (): readonly boolean[] => [
      processor.isSuspendedFor('explicit'),
      processor.isSuspendedFor('partition'),
    ];
    assert.deepEqual(suspended(), [true, false]);
    rig.make(...property(partitionProperty.Suspend, 1));
    rig.make('HvCallSetVpRegisters', vp, setRegister('ExplicitSuspend', 0n));
    assert.deepEqual(suspended(), [false, true]);
    assert.equal(processor.runState, 'suspended');
    rig.make(...property(partitionProperty.Suspend, 0));
    assert.equal(processor.runState, 'active');
  });

  it('children are enumerated', () => {
    const rig = partitionIn('created');
    rig.make('HvCallGetNextChildPartition', { ParentId: 1 });
    assert.equal(rig.output(0), id);
    rig.make('HvCallGetNextChildPartition', { ParentId: 1, PreviousChildId: id });
    assert.equal(rig.output(0), 0);
  });
});
