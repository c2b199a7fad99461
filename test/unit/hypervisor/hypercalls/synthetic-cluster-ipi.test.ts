/** HvCallSendSyntheticClusterIpi and its Ex form: who gets the interrupt, and what is refused. */
import assert from 'node:assert/strict';
import { dispatchHypercall } from '../../../../debug-adapter/hypervisor/hypercalls/dispatch';
import { hypercallByName } from '../../../../debug-adapter/spec/tlfs/hypercalls';
import { Status } from '../../../../debug-adapter/spec/tlfs/status-codes';
import { enableApics } from '../enable-apics';
import { scriptedPartitionOf } from '../scripted-core';

const inputGpa = 0x2000;
const fast = 1n << 16n;

interface Row {
  readonly name: string;
  readonly call: '' | 'Ex';
  /** Quadwords of the input block; two of them go into registers. */
  readonly input: readonly bigint[];
  readonly banks?: number;
  readonly status: number;
  readonly targets: readonly number[];
}

const ok = Status.success;
const rows: readonly Row[] = [
  { name: 'two processors', call: '', input: [0xfbn, 0b101n], status: ok, targets: [0, 2] },
  { name: 'the caller itself', call: '', input: [0xfbn, 1n], status: ok, targets: [0] },
  { name: 'nobody', call: '', input: [0xfbn, 0n], status: ok, targets: [] },
  { name: 'who is not there', call: '', input: [0xfbn, ~0n << 4n], status: ok, targets: [] },
  { name: 'the lowest vector', call: '', input: [0x10n, 1n], status: ok, targets: [0] },
  {
    name: 'a vector of exceptions',
    call: '',
    input: [0xfn, 1n],
    status: Status.invalidParameter,
    targets: [],
  },
  {
    name: 'a vector above 255',
    call: '',
    input: [0x100n, 1n],
    status: Status.invalidParameter,
    targets: [],
  },
  {
    name: 'trust level 1',
    call: '',
    input: [0xfbn | (0x11n << 32n), 1n],
    status: Status.invalidParameter,
    targets: [],
  },
  {
    name: 'a reserved byte',
    call: '',
    input: [0xfbn | (1n << 40n), 1n],
    status: Status.invalidParameter,
    targets: [],
  },
  {
    name: 'a sparse set',
    call: 'Ex',
    input: [0xfbn, 0n, 1n, 0b1010n],
    banks: 1,
    status: ok,
    targets: [1, 3],
  },
  { name: 'all', call: 'Ex', input: [0xfbn, 1n, 0n], status: ok, targets: [0, 1, 2, 3] },
  {
    name: 'a sparse set without its bank',
    call: 'Ex',
    input: [0xfbn, 0n, 1n],
    status: Status.invalidHypercallInput,
    targets: [],
  },
];

describe('synthetic cluster IPI', () => {
  for (const { name, call, input, banks = 0, status, targets } of rows) {
    it(`${call === '' ? 'mask' : 'set'}: ${name}`, () => {
      const { partition, processors } = scriptedPartitionOf({ processorCount: 4 });
      enableApics(partition);
      const [processor] = processors;
      assert(processor !== undefined);
      const row = hypercallByName.get(`HvCallSendSyntheticClusterIpi${call}`) ?? assert.fail(name);
      const control = BigInt(row.code) | (BigInt(banks) << 17n);
      const masked = input.map((word) => BigInt.asUintN(64, word));
      partition.memory.write(inputGpa, new Uint8Array(new BigUint64Array(masked).buffer));
      const caller = { partition, processor, timeNs: 0 };
      const registers =
        call === ''
          ? { control: control | fast, input: masked[0] ?? 0n, output: masked[1] ?? 0n }
          : { control, input: BigInt(inputGpa), output: 0n };
      const result = dispatchHypercall(caller, registers);
      assert.deepEqual(result, { status, repsCompleted: 0 });
      const vector = Number(BigInt.asUintN(8, input[0] ?? 0n));
      assert.deepEqual(
        processors.map(({ apic }) => apic.deliverable),
        processors.map(({ index }) => (targets.includes(index) ? vector : 0)),
      );
    });
  }
});
