// Two guests at the same guest-physical addresses: whatever one of them does, the other is, to the bit, what it would be.
import assert from 'node:assert/strict';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import type { CodeHost } from '../../../debug-adapter/machine/code-space';
import { savePartition } from '../../../debug-adapter/hypervisor/partition.saved-state';
import type { Partition } from '../../../debug-adapter/hypervisor/partition';
import { hypercalls } from '../../../debug-adapter/spec/tlfs/hypercalls';
import { Status } from '../../../debug-adapter/spec/tlfs/status-codes';
import { present } from '../../../debug-adapter/support/assert';
import { encodeStateTree } from '../../../debug-adapter/support/state-tree';
import type { GuestConfiguration } from '../../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { defaultCosts } from '../../../debug-adapter/system/virtual-time-costs';
import { BusGuest } from '../../support/bus-guest';
import { code, interruptGuest, place } from '../../support/interrupt-guest';
import { littleEndian, machineCode } from '../../support/machine-code';
import { SeededRandom, seedOf } from '../../support/seeded-random';

const seed = seedOf(4_711);
/** More of them take minutes: ISOLATION_ROUNDS. */
const rounds = Number(process.env['ISOLATION_ROUNDS'] ?? 3);
const u32 = (value: number): string => littleEndian(value, 4);
const resumeAt = 0x9000;
const bystander = 2;

/** Where both have pages that matter. */
const canaries = [0x60000, 0x61000, 0x62000, 0x100000, 0x200000, 0x3ff000];

/** Fills its canaries, counts for a while, and sums them up into what it ends with. */
const bystanderCode =
  canaries.map((gpa, index) => code.store(gpa, 0xca0000 + index)).join('') +
  code.writeMsr(0x40000000, 1n) +
  code.writeMsr(0x40000001, 0x63001n) +
  code.count(60_000) +
  canaries.map((gpa) => `03 04 25 ${u32(gpa)}`).join('') +
  code.storeEax(0xd000) +
  code.exit(0);

type Deed = (random: SeededRandom) => string;

const anyAddress = (random: SeededRandom): bigint => {
  const pages = [...canaries, 0, 0x3fe000, 0x400000, 0xfec00000, 0xfee00000, 2 ** 31, 2 ** 40];
  const page = BigInt(pages[random.below(pages.length)] ?? 0);
  return page + BigInt(random.chance(30) ? random.below(4096) : 0);
};

const fast = 1n << 16n;
const inputAt = 0x68000;

const storeWords = (words: readonly bigint[]): string =>
  words
    .map((word, index) => {
      const at = inputAt + index * 8;
      const [low, high] = [word & 0xffffffffn, BigInt.asUintN(64, word) >> 32n];
      return code.store(at, Number(low)) + code.store(at + 4, Number(high));
    })
    .join('');

const enableHypercalls = code.writeMsr(0x40000000, 1n) + code.writeMsr(0x40000001, 0x64001n);

/** A call whose input lies in memory. */
function memoryCall(control: bigint, words: readonly bigint[]): string {
  return (
    enableHypercalls +
    storeWords(words) +
    movRegister('48 b9', control) +
    movRegister('48 ba', BigInt(inputAt)) +
    movRegister('49 b8', 0x69000n) +
    '0f 01 c1'
  );
}

/** A fast call: the first words in RDX and R8, the others in XMM0 to XMM5 (TLFS 3.7.2). */
function xmmCall(control: bigint, words: readonly bigint[]): string {
  const [first = 0n, second = 0n, ...others] = words;
  const loads = Array.from(
    { length: Math.ceil(others.length / 2) },
    (_, index) => `0f 10 ${littleEndian(4 | (index << 3), 1)} 25 ${u32(inputAt + index * 16)}`,
  );
  return (
    enableHypercalls +
    // CR4.OSFXSR, so that there are XMM registers.
    '0f 20 e0 0d 00 06 00 00 0f 22 e0' +
    storeWords(others) +
    loads.join('') +
    movRegister('48 b9', control) +
    movRegister('48 ba', first) +
    movRegister('49 b8', second) +
    '0f 01 c1'
  );
}

const movRegister = (opcode: string, value: bigint): string =>
  `${opcode} ${littleEndian(BigInt.asUintN(64, value), 8)}`;

/** What a guest can aim at memory that is not its own. */
const deeds: Readonly<Record<string, Deed>> = {
  'overlay pages': (random) => {
    const registers = [0x40000001, 0x40000021, 0x40000073, 0x40000082, 0x40000083];
    const msr = registers[random.below(registers.length)] ?? 0;
    return code.writeMsr(0x40000000, 1n) + code.writeMsr(msr, anyAddress(random) | 1n);
  },
  'hypercall blocks': (random) => {
    const call = present(hypercalls[random.below(hypercalls.length)], 'hypercall');
    const reps = call.kind === 'rep' ? BigInt(1 + random.below(400)) << 32n : 0n;
    return (
      code.writeMsr(0x40000000, 1n) +
      code.writeMsr(0x40000001, 0x64001n) +
      movRegister('48 b9', BigInt(call.code) | reps) +
      movRegister('48 ba', anyAddress(random) & ~7n) +
      movRegister('49 b8', anyAddress(random) & ~7n) +
      '0f 01 c1'
    );
  },
  'calls on the other partition': (random) => {
    const onPartition = hypercalls.filter(({ input }) => input?.[0]?.name.includes('artition'));
    const call = present(onPartition[random.below(onPartition.length)], 'hypercall');
    return (
      code.writeMsr(0x40000000, 1n) +
      code.writeMsr(0x40000001, 0x64001n) +
      code.store(0x68000, bystander) +
      code.store(0x68004, 0) +
      code.store(0x68008, random.below(4)) +
      movRegister('48 b9', BigInt(call.code) | (call.kind === 'rep' ? 1n << 32n : 0n)) +
      movRegister('48 ba', 0x68000n) +
      movRegister('49 b8', 0x69000n) +
      '0f 01 c1'
    );
  },
  'messages and events': (random) =>
    code.writeMsr(0x40000000, 1n) +
    code.writeMsr(0x40000001, 0x64001n) +
    code.store(0x68000, random.below(5)) +
    code.store(0x68004, 0) +
    code.store(0x68008, 1) +
    code.store(0x6800c, random.below(256)) +
    movRegister('48 b9', random.chance(50) ? 0x5cn : 0x5dn) +
    movRegister('48 ba', 0x68000n) +
    '0f 01 c1',
  'calls with input in XMM registers': (random) => {
    const call = random.pick([0x13, 0x14, 0x15, 0x02, 0x03, 0x5c, 0x50]);
    const [reps, banks] = call === 0x14 ? [1n + BigInt(random.below(8)), 1n] : [0n, 1n];
    const words = Array.from({ length: 12 }, () =>
      random.pick([0n, 1n, 1n, BigInt(bystander), 0x40n, anyAddress(random)]),
    );
    const control = BigInt(call) | fast | (banks << 17n) | (reps << 32n);
    const [format, mask] = [BigInt(random.below(2)), random.pick([1n, 1n, 2n, 1n << 63n])];
    const head = call === 0x15 ? [random.pick([0x40n, 0x40n, 5n]), format] : [0n, 1n];
    const behind = call === 0x15 ? [mask, 1n] : [format, mask, 1n];
    return xmmCall(control, [...head, ...behind, ...words].slice(0, 14));
  },
  'sparse processor sets': (random) => {
    const call = random.pick([0x13, 0x14, 0x15]);
    const banks = random.below(4);
    const mask = random.pick([(1n << BigInt(banks)) - 1n, (1n << 64n) - 1n, 1n << 63n, 2n]);
    const set = [BigInt(random.below(3)), mask, ...Array.from({ length: 6 }, () => ~0n)];
    const block = call === 0x15 ? [0x40n, ...set] : [0n, BigInt(random.below(4)), ...set];
    const reps = call === 0x14 ? 1n << 32n : 0n;
    return memoryCall(BigInt(call) | (BigInt(banks) << 17n) | reps, block);
  },
  "the other's ports as connections": (random) => {
    // The parent names a port by its partition, above the connection's number.
    const connection = (BigInt(bystander) << 16n) | BigInt(random.pick([1, 4, 5, 0x10001]));
    return random.chance(50)
      ? memoryCall(0x5cn, [connection, 1n | (8n << 32n), 0xcafen])
      : memoryCall(0x5dn, [connection | (BigInt(random.below(2048)) << 32n)]);
  },
  'loads and stores': (random) => {
    const address = anyAddress(random);
    const store = random.chance(50) ? '48 89 03' : '48 8b 03';
    return movRegister('48 bb', address) + store;
  },
  'string instructions': (random) =>
    movRegister('48 be', anyAddress(random)) +
    movRegister('48 bf', anyAddress(random)) +
    `b9 ${u32(1 + random.below(random.chance(20) ? 5000 : 50))} f3 a4`,
  ports: (random) =>
    `66 ba ${littleEndian(random.below(0x10000), 2)} b0 ${littleEndian(random.below(256), 1)} ` +
    (random.chance(50) ? 'ee' : 'ec'),
  'interrupt messages': (random) =>
    code.writeApic(0x310, random.below(256) << 24) +
    code.writeApic(0x300, (random.below(32) << 8) | random.below(256)),
};

const { invalidConnectionId, invalidHypercallInput, success } = Status;

/** Calls that are to get as far as these statuses: code and status. */
const reached: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  'calls with input in XMM registers': [
    [0x13, success],
    [0x14, success],
    [0x15, success],
    [0x5c, invalidHypercallInput],
  ],
  'sparse processor sets': [
    [0x13, success],
    [0x15, success],
    [0x13, invalidHypercallInput],
  ],
  "the other's ports as connections": [
    [0x5c, invalidConnectionId],
    [0x5d, invalidConnectionId],
  ],
};

/** A fault goes on with the next deed. */
const goOn = `8b 04 25 ${u32(resumeAt)} 48 89 04 24 48 cf`;
const handlers = new Map<number, string>(
  Array.from({ length: 32 }, (_, vector) => {
    const hasErrorCode = [8, 10, 11, 12, 13, 14, 17].includes(vector);
    return [vector, (hasErrorCode ? '48 83 c4 08' : '') + goOn];
  }),
);

function intruderCode(deed: Deed, random: SeededRandom): string {
  let text = '';
  const start = place.image + machineCode(code.prologue).length;
  for (let index = 0; index < 40; index++) {
    const body = deed(random);
    const at = start + machineCode(text).length;
    const prefixBytes = machineCode(code.store(resumeAt, 0)).length;
    const next = at + prefixBytes + machineCode(body).length;
    text += code.store(resumeAt, next) + body;
  }
  return `${text} ${code.count(2_000)} eb fe`;
}

function machineWith(
  intruding: string,
  options: Partial<GuestConfiguration> = {},
  codeHost: CodeHost = webAssemblyCodeHost,
): PhysicalMachine {
  const guests = [
    { ...interruptGuest({ boot: bystanderCode }), name: 'bystander' },
    { ...interruptGuest({ boot: intruding, handlers, options }), name: 'intruder' },
  ];
  return new PhysicalMachine({ guests, costs: defaultCosts }, { codeHost, hotCount: 1 });
}

/** Runs until the bystander has ended; what stops the intruder is its own business. */
function stateOfBystander(machine: PhysicalMachine): object {
  const guest = present(machine.guests[0], 'bystander');
  for (let calls = 0; guest.end === undefined && calls < 400; calls++) {
    machine.run({ maxSteps: 100_000 });
  }
  assert.ok(guest.end !== undefined, 'the bystander comes to its end');
  return describeGuest(guest);
}

function describeGuest(guest: Partition): object {
  const { chunks, overlays, frames } = guest.memory.save();
  const registers = guest.processors.map(({ state }) => state.architecturalBytes.slice());
  return {
    end: guest.end,
    saved: encodeStateTree(savePartition(guest)),
    chunks,
    overlays,
    frames,
    registers,
  };
}

describe('a guest beside a hostile one', () => {
  let expected: object;
  before(() => (expected = stateOfBystander(machineWith(`${code.count(2_000)} eb fe`))));

  for (const [title, deed] of Object.entries(deeds)) {
    it(`is not touched by ${title}, seed ${seed}`, () => {
      const random = new SeededRandom(seed);
      let thorough = 0;
      const seen = new Set<string>();
      for (let round = 0; round < rounds; round++) {
        const machine = machineWith(intruderCode(deed, random));
        assert.ok(sameState(stateOfBystander(machine), expected), `round ${round}`);
        const last = machine.guests[1]?.memory.read(resumeAt, 4) ?? new Uint8Array(4);
        if (new DataView(last.buffer).getUint32(0, true) > place.image + 0x80) thorough++;
        for (const call of callsOf(machine)) seen.add(call);
      }
      assert.ok(thorough > 0, 'some intruder gets far');
      for (const [call, status] of reached[title] ?? []) {
        const text = callText(call, status);
        assert.ok(seen.has(text), `${text} is among ${[...seen].join(', ')}`);
      }
    }).timeout(120_000);
  }

  it('is not touched by rings in pages that are not the other’s', () => {
    const firstChannel = 1;
    const outside = [0x400, 0x1000, 0xfec00, 0xfee00, 0x100000, 2 ** 36, 2 ** 40 - 2];
    const opened = (pages?: readonly number[]): readonly object[] => {
      const boot = new BusGuest().connect().open(firstChannel, pages).boot;
      const machine = machineWith(boot, { vmbus: true });
      assert.ok(sameState(stateOfBystander(machine), expected), `pages ${pages?.join()}`);
      const intruder = present(machine.guests[1], 'intruder');
      return intruder.connections.open.filter(({ flagCount }) => flagCount > 0);
    };
    assert.equal(opened().length, 1, 'a channel opens on pages of its own');
    for (const first of outside) {
      const pages = [0, 1, 2, 3].map((index) => first + (index & 1));
      assert.deepEqual(opened(pages), [], `no channel opens on page 0x${first.toString(16)}`);
    }
  }).timeout(120_000);
});

const callText = (call: number, status: number): string =>
  `${hypercalls.find((row) => row.code === call)?.name} with status 0x${status.toString(16)}`;

/** The hypercalls of the intruder, and what they gave. */
function callsOf({ trace: { hypercalls: calls } }: PhysicalMachine): readonly string[] {
  return calls
    .query(0, calls.recorded)
    .filter(({ partition }) => partition === bystander + 1)
    .map((call) => callText(call.code, call.status));
}

/** Deep comparison of large states without their texts. */
function sameState(left: object, right: object): boolean {
  return Buffer.from(JSON.stringify(left, replace)).equals(
    Buffer.from(JSON.stringify(right, replace)),
  );
}

function replace(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}

describe('generated code', () => {
  it('reaches one memory, its partition’s, which never grows', () => {
    const memoryOf = new Map<object, object>();
    const modules: Uint8Array[] = [];
    const codeHost: CodeHost = {
      createSpace: (layout, imports) => {
        const space = webAssemblyCodeHost.createSpace(layout, imports);
        memoryOf.set(space, space.bytes.buffer);
        return {
          bytes: space.bytes,
          install: (module, slots) => {
            modules.push(module);
            space.install(module, slots);
          },
          release: (slots) => space.release(slots),
          run: (vpBase, budget) => space.run(vpBase, budget),
        };
      },
    };
    stateOfBystander(machineWith(`${code.count(2_000)} eb fe`, {}, codeHost));
    assert.equal(new Set(memoryOf.values()).size, memoryOf.size, 'a memory for each space');
    assert.ok(memoryOf.size >= 2);
    assert.ok(modules.length > 4, 'regions have been translated');
    for (const bytes of modules) {
      const imports = WebAssembly.Module.imports(new WebAssembly.Module(new Uint8Array(bytes)));
      const memories = imports.filter(({ kind }) => kind === 'memory');
      assert.deepEqual(memories, [{ module: 'm', name: 'memory', kind: 'memory' }]);
      for (const { kind, name } of imports) {
        const known = kind === 'memory' || kind === 'table' || kind === 'function';
        assert.ok(known, `${kind} ${name}`);
      }
    }
  });
});
