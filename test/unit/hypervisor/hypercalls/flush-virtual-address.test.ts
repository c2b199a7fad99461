/** The TLB flush calls (TLFS, HvCallFlushVirtualAddressSpace and the three like it): what is refused, and reps that are done. */
import assert from 'node:assert/strict';
import { dispatchHypercall } from '../../../../debug-adapter/hypervisor/hypercalls/dispatch';
import { hypercallByName } from '../../../../debug-adapter/spec/tlfs/hypercalls';
import { Status } from '../../../../debug-adapter/spec/tlfs/status-codes';
import { scriptedPartition } from '../scripted-core';

const inputGpa = 0x2000;
const all = 1n;
const allSpaces = 2n;
const nonGlobal = 4n;
const extended = 8n;
const sparse = 0n;
const everyone = 1n;

interface FlushCall {
  readonly name: string;
  /** Quadwords of the whole input block. */
  readonly input: readonly bigint[];
  readonly banks?: number;
  readonly reps?: number;
}

function flush({ name, input, banks = 0, reps = 0 }: FlushCall) {
  const { partition, processor } = scriptedPartition();
  const bytes = new Uint8Array(new BigUint64Array(input).buffer);
  assert(partition.memory.write(inputGpa, bytes));
  const { code } = hypercallByName.get(`HvCallFlushVirtualAddress${name}`) ?? assert.fail(name);
  const control = BigInt(code) | (BigInt(banks) << 17n) | (BigInt(reps) << 32n);
  const caller = { partition, processor, timeNs: 0 };
  const result = dispatchHypercall(caller, { control, input: BigInt(inputGpa), output: 0n });
  return result;
}

const cr3 = 0x1000n;

const rows: readonly (readonly [string, FlushCall, number])[] = [
  ['one address space on processor 0', { name: 'Space', input: [cr3, 0n, 1n] }, Status.success],
  ['every space everywhere', { name: 'Space', input: [0n, all | allSpaces, 0n] }, Status.success],
  ['all but global mappings', { name: 'Space', input: [cr3, nonGlobal, 1n] }, Status.success],
  ['processors that do not exist', { name: 'Space', input: [cr3, 0n, ~0n] }, Status.success],
  ['a reserved flag', { name: 'Space', input: [cr3, 0x10n, 1n] }, Status.invalidParameter],
  [
    'extended ranges, which are not offered',
    { name: 'List', input: [cr3, extended, 1n, 0n], reps: 1 },
    Status.invalidParameter,
  ],
  ['a list', { name: 'List', input: [cr3, 0n, 1n, 0x1000n, 0x2fffn], reps: 2 }, Status.success],
  [
    'a list without global mappings',
    { name: 'List', input: [cr3, nonGlobal, 1n, 0x1000n], reps: 1 },
    Status.invalidParameter,
  ],
  ['a list without reps', { name: 'List', input: [cr3, 0n, 1n] }, Status.invalidHypercallInput],
  [
    'a sparse set of one bank',
    { name: 'SpaceEx', input: [cr3, 0n, sparse, 1n, 1n], banks: 1 },
    Status.success,
  ],
  [
    'a sparse set of two banks, one without processors',
    { name: 'SpaceEx', input: [cr3, 0n, sparse, 0x8001n, 1n, ~0n], banks: 2 },
    Status.success,
  ],
  [
    'a sparse set with a bank too few',
    { name: 'SpaceEx', input: [cr3, 0n, sparse, 3n, 1n], banks: 1 },
    Status.invalidHypercallInput,
  ],
  [
    'a sparse set with a bank too many',
    { name: 'SpaceEx', input: [cr3, 0n, sparse, 1n, 1n, 1n], banks: 2 },
    Status.invalidHypercallInput,
  ],
  ['an empty sparse set', { name: 'SpaceEx', input: [cr3, 0n, sparse, 0n] }, Status.success],
  ['the set of all', { name: 'SpaceEx', input: [cr3, 0n, everyone, 0n] }, Status.success],
  [
    'an unknown form of set',
    { name: 'SpaceEx', input: [cr3, 0n, 2n, 0n] },
    Status.invalidParameter,
  ],
  [
    'an unknown form of set that is not asked for',
    { name: 'SpaceEx', input: [cr3, all, 2n, 0n] },
    Status.success,
  ],
  [
    'a list for a sparse set',
    { name: 'ListEx', input: [cr3, 0n, sparse, 1n, 1n, 0x5000n], banks: 1, reps: 1 },
    Status.success,
  ],
  [
    'a list for a sparse set with a bank too few',
    { name: 'ListEx', input: [cr3, 0n, sparse, 3n, 1n, 0x5000n], banks: 1, reps: 1 },
    Status.invalidHypercallInput,
  ],
];

describe('TLB flush calls', () => {
  for (const [name, call, status] of rows) {
    it(`${call.name}: ${name} gives status 0x${status.toString(16)}`, () => {
      const done = status === Status.success ? (call.reps ?? 0) : 0;
      assert.deepEqual(flush(call), { status, repsCompleted: done });
    });
  }
});
