/** Hypercall dispatch: every check in its order, and the calls that are built. */
import assert from 'node:assert/strict';
import { dispatchHypercall } from '../../../../debug-adapter/hypervisor/hypercalls/dispatch';
import { hypercallHandlers } from '../../../../debug-adapter/hypervisor/hypercalls/handler-table';
import { defaultPrivileges } from '../../../../debug-adapter/hypervisor/partition';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { hypercallByName, hypercalls } from '../../../../debug-adapter/spec/tlfs/hypercalls';
import type { PrivilegeName } from '../../../../debug-adapter/spec/tlfs/privileges';
import { registerNames } from '../../../../debug-adapter/spec/tlfs/register-names';
import { Status, statusByCode } from '../../../../debug-adapter/spec/tlfs/status-codes';
import { scriptedPartition } from '../scripted-core';

const fast = 1n << 16n;
const reps = (count: number, start = 0): bigint => (BigInt(count) << 32n) | (BigInt(start) << 48n);
const code = (name: string): bigint => BigInt(hypercallByName.get(name)?.code ?? 0xffff);

const register = (name: string): number => registerNames.get(name) ?? assert.fail(name);

const inputGpa = 0x2000;
const outputGpa = 0x3000;
const self = (1n << 64n) - 1n;

function call(
  control: bigint,
  input: bigint = BigInt(inputGpa),
  output: bigint = BigInt(outputGpa),
  privileges: readonly PrivilegeName[] = defaultPrivileges,
) {
  const { partition, processor } = scriptedPartition(privileges);
  return dispatchHypercall({ partition, processor, timeNs: 0 }, { control, input, output });
}

const spin = code('HvCallNotifyLongSpinWait');
const get = code('HvCallGetVpRegisters');

const statusRows: readonly (readonly [string, number, () => ReturnType<typeof call>])[] = [
  ['a valid fast call', Status.success, () => call(spin | fast, 5n, 0n)],
  ['a valid call with memory input', Status.success, () => call(spin)],
  ['an unknown code', Status.invalidHypercallCode, () => call(0x7777n)],
  [
    'an unknown code, whatever else is wrong',
    Status.invalidHypercallCode,
    () => call(0x7777n | (1n << 63n)),
  ],
  [
    'a known call that is not built',
    Status.invalidHypercallCode,
    () => call(code('HvCallSwitchVirtualAddressSpace')),
  ],
  ['a call for parents', Status.accessDenied, () => call(code('HvCallCreateVp'))],
  [
    'a call for the root partition',
    Status.accessDenied,
    () => call(code('HvCallAddLogicalProcessor')),
  ],
  ['a missing privilege', Status.accessDenied, () => call(code('HvCallPostMessage'), 0n, 0n, [])],
  [
    'a missing privilege before reserved bits',
    Status.accessDenied,
    () => call(code('HvCallPostMessage') | (1n << 27n), 0n, 0n, []),
  ],
  [
    'a missing privilege of a call that is built',
    Status.accessDenied,
    () => call(code('HvCallGetPartitionId')),
  ],
  ['reserved bit 27', Status.invalidHypercallInput, () => call(spin | (1n << 27n))],
  ['nested bit 31', Status.invalidHypercallInput, () => call(spin | (1n << 31n))],
  ['reserved bit 44', Status.invalidHypercallInput, () => call(spin | (1n << 44n))],
  ['reserved bit 60', Status.invalidHypercallInput, () => call(spin | (1n << 60n))],
  [
    'a variable header where none is allowed',
    Status.invalidHypercallInput,
    () => call(spin | (1n << 17n)),
  ],
  ['a rep count on a simple call', Status.invalidHypercallInput, () => call(spin | reps(1))],
  ['a rep start on a simple call', Status.invalidHypercallInput, () => call(spin | reps(0, 1))],
  ['a rep call without reps', Status.invalidHypercallInput, () => call(get)],
  ['a rep start at the count', Status.invalidHypercallInput, () => call(get | reps(2, 2))],
  ['misaligned input', Status.invalidAlignment, () => call(spin, 0x2004n)],
  ['input that crosses a page', Status.invalidAlignment, () => call(get | reps(4), 0x2ff0n)],
  ['input larger than a page', Status.invalidAlignment, () => call(get | reps(0xfff))],
  ['input where no memory is', Status.invalidHypercallInput, () => call(spin, 0x100000n)],
  [
    'input beyond the physical address space',
    Status.invalidHypercallInput,
    () => call(spin, 1n << 60n),
  ],
  [
    'misaligned output',
    Status.invalidAlignment,
    () => call(get | reps(1), BigInt(inputGpa), 0x3001n),
  ],
  [
    'output that crosses a page',
    Status.invalidAlignment,
    () => call(get | reps(4), BigInt(inputGpa), 0x3ff8n),
  ],
  [
    'output where no memory is',
    Status.invalidHypercallInput,
    () => call(get | reps(1), BigInt(inputGpa), 0x100000n),
  ],
  [
    'a fast call with output',
    Status.invalidHypercallInput,
    () => call(code('HvExtCallQueryCapabilities') | fast),
  ],
];

describe('hypercall dispatch', () => {
  for (const [name, status, run] of statusRows) {
    it(`${name} gives status 0x${status.toString(16)}`, () => {
      const result = run();
      assert.equal(result.status, status);
    });
  }

  it('a fast call takes up to 112 bytes, the rest of them in XMM registers (TLFS 3.7.2)', () => {
    const { partition, processor, core } = scriptedPartition();
    const bytes = new Uint8Array(96);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, register('R9'), true);
    view.setBigUint64(16, 0x1234n, true);
    for (let at = 0; at < 96; at += 8) {
      core.state.writeU64(stateOffsets.fxsave + 160 + at, view.getBigUint64(at, true));
    }
    const header = { input: self, output: 0xfffffffen };
    const set = code('HvCallSetVpRegisters') | fast;
    const caller = { partition, processor, timeNs: 0 };
    assert.deepEqual(dispatchHypercall(caller, { control: set | reps(1), ...header }), {
      status: Status.success,
      repsCompleted: 1,
    });
    assert.equal(core.state.gpr(9), 0x1234n);
    assert.deepEqual(dispatchHypercall(caller, { control: set | reps(4), ...header }), {
      status: Status.invalidHypercallInput,
      repsCompleted: 0,
    });
  });

  it('a long rep call is done in turns', () => {
    const { run } = withRegistersHeader(0n, 0);
    const flush = code('HvCallFlushVirtualAddressList');
    assert.deepEqual(run(flush | reps(300)), {
      status: Status.success,
      repsCompleted: 256,
      continues: true,
    });
    assert.deepEqual(run(flush | reps(300, 256)), { status: Status.success, repsCompleted: 300 });
  });

  it('no code, form or address can make it throw', () => {
    const addresses = [0n, 8n, 0x2ff8n, 0x3fff8n, 1n << 52n, self];
    for (const { code: number } of hypercalls) {
      for (const form of [0n, fast, reps(1), reps(0xfff, 0xffe), 0x3ffn << 17n, self & ~0xffffn]) {
        for (const address of addresses) {
          const result = call(BigInt(number) | form, address, address, [
            ...defaultPrivileges,
            'AccessPartitionId',
          ]);
          assert(statusByCode.has(result.status), result.status.toString(16));
        }
      }
    }
  });

  it('every privilege that is given by default has its calls', () => {
    for (const row of hypercalls) {
      if (row.privilege === undefined || row.caller === 'parent' || row.caller === 'root') continue;
      if (row.privilege === 'EnableExtendedHypercalls') continue;
      if (!defaultPrivileges.includes(row.privilege)) continue;
      assert(hypercallHandlers.has(row.code), row.name);
    }
  });
});

/** A partition with a header for HvCallGet/SetVpRegisters at the input address. */
function withRegistersHeader(partitionId = self, vpIndex = 0xfffffffe, vtl = 0) {
  const made = scriptedPartition();
  const header = new Uint8Array(16);
  const view = new DataView(header.buffer);
  view.setBigUint64(0, partitionId, true);
  view.setUint32(8, vpIndex, true);
  view.setUint8(12, vtl);
  made.partition.memory.write(inputGpa, header);
  const run = (control: bigint) =>
    dispatchHypercall(
      { partition: made.partition, processor: made.processor, timeNs: 0 },
      { control, input: BigInt(inputGpa), output: BigInt(outputGpa) },
    );
  return { ...made, run };
}

function putNames(
  memory: { write(gpa: number, data: Uint8Array): boolean },
  names: readonly number[],
) {
  const bytes = new Uint8Array(names.length * 4);
  names.forEach((name, index) => new DataView(bytes.buffer).setUint32(index * 4, name, true));
  memory.write(inputGpa + 16, bytes);
}

describe('HvCallGetVpRegisters and HvCallSetVpRegisters', () => {
  it('reads registers of the caller into 16-byte elements', () => {
    const { partition, core, run } = withRegistersHeader();
    core.state.setGpr(3, 0x1234n);
    core.state.rip = 0x100000n;
    putNames(partition.memory, [register('Rbx'), register('Rip')]);
    assert.deepEqual(run(get | reps(2)), { status: Status.success, repsCompleted: 2 });
    const output = partition.memory.read(outputGpa, 32);
    const view = new DataView((output ?? new Uint8Array(32)).buffer);
    assert.deepEqual(
      [0, 8, 16, 24].map((at) => view.getBigUint64(at, true)),
      [0x1234n, 0n, 0x100000n, 0n],
    );
  });

  it('stops at the first unknown name and says how many are done', () => {
    const { partition, run } = withRegistersHeader();
    putNames(partition.memory, [register('Rax'), 0x12345678, register('Rcx')]);
    assert.deepEqual(run(get | reps(3)), { status: Status.unknownRegisterName, repsCompleted: 1 });
  });

  it('begins at the rep start index and leaves earlier elements alone', () => {
    const { partition, core, run } = withRegistersHeader();
    core.state.setGpr(1, 7n);
    putNames(partition.memory, [0x12345678, register('Rcx')]);
    partition.memory.write(outputGpa, Uint8Array.of(0xee));
    assert.deepEqual(run(get | reps(2, 1)), { status: Status.success, repsCompleted: 2 });
    assert.deepEqual([...(partition.memory.read(outputGpa, 17) ?? [])].filter(Boolean), [0xee, 7]);
  });

  const targets: readonly (readonly [string, readonly [bigint, number?, number?], number])[] = [
    ['another partition', [3n], Status.invalidPartitionId],
    ['a processor that is not there', [self, 1], Status.invalidVpIndex],
    ['another trust level', [self, 0, 1], Status.invalidParameter],
  ];
  for (const [name, target, status] of targets) {
    it(`refuses ${name}`, () => {
      const { run } = withRegistersHeader(...target);
      assert.deepEqual(run(get | reps(1)), { status, repsCompleted: 0 });
    });
  }

  const writes: readonly (readonly [string, number, bigint, number])[] = [
    ['a general register', register('R9'), 5n, Status.success],
    ['an MSR', register('Lstar'), 0x1000n, Status.success],
    [
      'an MSR with a value it cannot hold',
      register('Lstar'),
      1n << 50n,
      Status.invalidRegisterValue,
    ],
    ['a register that is read-only here', register('VpIndex'), 0n, Status.invalidRegisterValue],
    ['a register that only shows state', register('Cs'), 0n, Status.invalidParameter],
    ['a control register', register('Cr3'), 0x1000n, Status.success],
    [
      'a control register with a value that VM entry refuses',
      register('Cr0'),
      1n << 63n,
      Status.invalidRegisterValue,
    ],
    ['an unknown register', 0x999, 0n, Status.unknownRegisterName],
  ];
  for (const [name, number, value, status] of writes) {
    it(`sets ${name}: status 0x${status.toString(16)}`, () => {
      const { partition, run } = withRegistersHeader();
      const element = new Uint8Array(32);
      new DataView(element.buffer).setUint32(0, number, true);
      new DataView(element.buffer).setBigUint64(16, value, true);
      partition.memory.write(inputGpa + 16, element);
      const result = run(code('HvCallSetVpRegisters') | reps(1));
      assert.equal(result.status, status);
    });
  }

  it('answers APIC identifiers with processor indices', () => {
    const { partition, run } = withRegistersHeader();
    partition.memory.write(inputGpa + 8, new Uint8Array(16));
    assert.deepEqual(run(code('HvCallGetVpIndexFromApicId') | reps(1)), {
      status: 0,
      repsCompleted: 1,
    });
    partition.memory.write(inputGpa + 16, Uint8Array.of(9));
    assert.deepEqual(run(code('HvCallGetVpIndexFromApicId') | reps(1)), {
      status: Status.invalidParameter,
      repsCompleted: 0,
    });
  });
});

describe('HvCallTranslateVirtualAddress', () => {
  function translate(gvaPage: bigint, flags: bigint) {
    const made = scriptedPartition();
    made.partition.setGuestOsId(1n);
    made.partition.setHypercallRegister(0x5001n);
    const header = new Uint8Array(32);
    const view = new DataView(header.buffer);
    view.setBigUint64(0, self, true);
    view.setUint32(8, 0xfffffffe, true);
    view.setBigUint64(16, flags, true);
    view.setBigUint64(24, gvaPage, true);
    made.partition.memory.write(inputGpa, header);
    const result = dispatchHypercall(
      { partition: made.partition, processor: made.processor, timeNs: 0 },
      {
        control: code('HvCallTranslateVirtualAddress'),
        input: BigInt(inputGpa),
        output: BigInt(outputGpa),
      },
    );
    const output = new DataView(
      (made.partition.memory.read(outputGpa, 16) ?? new Uint8Array(16)).buffer,
    );
    return { result, answer: output.getBigUint64(0, true), gpaPage: output.getBigUint64(8, true) };
  }

  const writeBack = 6n << 32n;
  const rows: readonly (readonly [string, bigint, bigint, bigint])[] = [
    ['RAM', 7n, 7n, writeBack],
    ['the hypercall page, for reading', 5n, 1n, writeBack | (1n << 40n)],
    ['the hypercall page, for writing', 5n, 2n, 6n],
    ['a page without RAM', 0x80000n, 1n, 4n],
  ];
  for (const [name, page, flags, answer] of rows) {
    it(`translates ${name}`, () => {
      const translated = translate(page, flags);
      assert.deepEqual(translated.result, { status: Status.success, repsCompleted: 0 });
      assert.deepEqual([translated.answer, translated.gpaPage], [answer, page]);
    });
  }

  it('refuses what is not built, and other trust levels', () => {
    for (const flags of [0x10n, 0x20n, 0x80n, 1n << 56n]) {
      assert.deepEqual(translate(7n, flags).result, {
        status: Status.invalidParameter,
        repsCompleted: 0,
      });
    }
  });
});
