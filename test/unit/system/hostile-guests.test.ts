/**
 * Guests of random code, and random edits: nothing that happens to a machine makes it throw (invariant 3), and
 * everything repeats exactly (invariant 1). HYPERSCOPE_SEED repeats a run that failed.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import type { HostInput } from '../../../debug-adapter/machine/host-input';
import { syntheticMsrs } from '../../../debug-adapter/spec/tlfs/synthetic-msrs';
import { hypercalls } from '../../../debug-adapter/spec/tlfs/hypercalls';
import { architecturalMsrs } from '../../../debug-adapter/spec/x86/msrs';
import { vmcsFields } from '../../../debug-adapter/spec/x86/vmcs-fields';
import { UserError } from '../../../debug-adapter/support/user-error';
import { configureSingleGuest } from '../../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';

const codeGpa = 0x100000;
const codeBytes = 512;
const cases = 250;
const steps = 1500;

/** Marsaglia's xorshift with 32 bits. */
class Random {
  constructor(private state: number) {}

  next(): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return this.state >>> 0;
  }

  below(limit: number): number {
    return this.next() % limit;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    assert(item !== undefined);
    return item;
  }

  /** Values near limits as often as any. */
  value(): bigint {
    const wide = (BigInt(this.next()) << 32n) | BigInt(this.next());
    const edge = 1n << BigInt(this.below(64));
    return this.pick([wide, BigInt(this.below(0x400000)), edge, edge - 1n, 0n, (1n << 64n) - 1n]);
  }
}

const u32 = (value: number): readonly number[] => [0, 8, 16, 24].map((by) => (value >>> by) & 0xff);

/** Instruction sequences that reach the hypervisor; the numbers are x86 machine code. */
const snippets: readonly ((random: Random) => readonly number[])[] = [
  () => [0x0f, 0xa2], // cpuid
  (random) => [
    0xb8,
    ...u32(random.pick([0, 1, 0x40000000, 0x80000000]) + random.below(16)),
    0x0f,
    0xa2,
  ],
  // mov ecx, msr
  (random) => [0xb9, ...u32(random.pick([...syntheticMsrs, ...architecturalMsrs]).number)],
  (random) => [0xb9, ...u32(random.next())],
  () => [0x0f, 0x32], // rdmsr
  // mov eax, value; xor edx, edx; wrmsr
  (random) => [0xb8, ...u32((random.below(0x40) << 12) | random.below(4)), 0x31, 0xd2, 0x0f, 0x30],
  (random) => [0xb8, ...u32(random.next()), 0xba, ...u32(random.next()), 0x0f, 0x30],
  (random) => [
    0x48,
    0xb9,
    ...u32(random.pick(hypercalls).code | (random.below(2) << 16)),
    ...u32(random.below(4)),
  ],
  (random) => [0xba, ...u32(random.below(0x400) * 8)], // mov edx, gpa
  () => [0x0f, 0x01, 0xc1], // vmcall
  (random) => [0xe6, random.below(256)], // out imm8, al
  (random) => [0xe5, random.below(256)], // in eax, imm8
  (random) => [0x66, 0xba, random.below(256), random.below(256), 0xee], // mov dx, imm16; out dx, al
  () => [0xf3, 0x6e], // rep outsb
  () => [0xf3, 0x6d], // rep insd
  () => [0xfb], // sti
  (random) => [0xcd, random.below(256)], // int n
  (random) => [
    0x48,
    0xb8,
    ...u32(random.next()),
    ...u32(random.next()),
    0x0f,
    0x22,
    0xd8 | random.below(8),
  ],
  (random) => Array.from({ length: random.below(6) }, () => random.below(256)),
];

function interestingCode(random: Random): Uint8Array {
  // Every third guest makes hypercalls possible first: GUEST_OS_ID = 1, page 0x200000.
  const setUp = [
    ...[0xb9, ...u32(0x40000000), 0xb8, ...u32(1), 0x31, 0xd2, 0x0f, 0x30],
    ...[0xb9, ...u32(0x40000001), 0xb8, ...u32(0x200001), 0x0f, 0x30],
  ];
  const code: number[] = random.below(3) === 0 ? setUp : [];
  while (code.length < codeBytes - 16) code.push(...random.pick(snippets)(random));
  return Uint8Array.from(code).subarray(0, codeBytes);
}

function randomCode(random: Random): Uint8Array {
  return Uint8Array.from({ length: codeBytes }, () => random.below(256));
}

const at = { partition: 2, processor: 0 } as const;

function randomInput(random: Random): HostInput {
  const value = random.value();
  switch (random.below(5)) {
    case 0:
      return { kind: 'edit-gpr', ...at, register: random.below(17), value };
    case 1:
      return { kind: 'edit-vmcs', ...at, encoding: random.pick(vmcsFields).encoding, value };
    case 2:
      return { kind: 'edit-msr', ...at, msr: random.pick(architecturalMsrs).number, value };
    case 3:
      return { kind: 'edit-rflags', ...at, value: random.next() & 0x7fffffff };
    default:
      return { kind: 'edit-rip', ...at, value: BigInt(codeGpa + random.below(codeBytes)) };
  }
}

describe('hostile guests', () => {
  const path = 'guests/spin/spin.elf';
  const image = { path, bytes: readFileSync(path) };
  const guest = { name: 'hostile', memoryBytes: 4 * 1024 * 1024, image, commandLine: '' };
  const ports = { codeHost: webAssemblyCodeHost };
  const seed = Number(process.env['HYPERSCOPE_SEED'] ?? (Math.random() * 0x7fffffff) | 1);

  function runCases(title: string, act: (machine: PhysicalMachine, random: Random) => void): void {
    it(`${title}, seed ${seed}`, function () {
      this.timeout(30_000);
      const machine = new PhysicalMachine(configureSingleGuest(guest), ports);
      const start = machine.save();
      for (let number = 0; number < cases; number++) {
        machine.restore(start);
        const random = new Random(seed + number * 2);
        try {
          act(machine, random);
        } catch (problem) {
          throw new Error(`case ${number} of seed ${seed}`, { cause: problem });
        }
      }
    });
  }

  function load(machine: PhysicalMachine, data: Uint8Array): void {
    machine.accept({ kind: 'edit-memory', partition: 2, gpa: codeGpa, data });
    machine.accept({ kind: 'edit-rip', ...at, value: BigInt(codeGpa) });
  }

  runCases('random code does not throw', (machine, random) => {
    load(machine, randomCode(random));
    machine.run({ maxSteps: steps });
  });

  runCases(
    'code that calls the hypervisor does not throw, and repeats exactly',
    (machine, random) => {
      load(machine, interestingCode(random));
      const before = machine.save();
      const { stop } = machine.run({ maxSteps: steps });
      // The fetch of an instruction that is not built marks its page accessed, and no step tells of it.
      if (stop.kind === 'unimplemented') return;
      const [hash, position] = [machine.stateHash(), machine.position];
      machine.restore(before);
      while (machine.position < position) {
        const { steps: taken } = machine.run({
          maxSteps: Math.min(37, position - machine.position),
        });
        assert(taken > 0);
      }
      assert.equal(machine.stateHash(), hash);
    },
  );

  runCases(
    'random edits are refused with a message or taken, and the guest runs on',
    (machine, random) => {
      load(machine, interestingCode(random));
      for (let round = 0; round < 12; round++) {
        machine.run({ maxSteps: 1 + random.below(40) });
        try {
          machine.accept(randomInput(random));
        } catch (problem) {
          if (!(problem instanceof UserError)) throw problem;
        }
      }
      machine.run({ maxSteps: 200 });
    },
  );
});
