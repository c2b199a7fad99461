// A guest starts its 64 processors by INIT and a start-up IPI; each computes something, and all do one sum together.
import assert from 'node:assert/strict';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import { configureSingleGuest } from '../../../debug-adapter/system/machine-configuration';
import { PhysicalMachine, type MachinePorts } from '../../../debug-adapter/system/physical-machine';
import { machineCode } from '../../support/machine-code';
import { compareMannersOf, machineManners } from '../../support/random-machine-manners';
import { seedOf } from '../../support/seeded-random';

const processors = 64;
const memoryBytes = 4 << 20;
const stepsMax = 2_000_000;
const sampleSteps = 1000;
/** Of the code: what each processor does. */
const work = { start: 0x10005an, end: 0x1000bbn } as const;

/**
 * At 100000 (hexadecimal): the first processor turns x2APIC mode on, copies what follows `trampoline` to E000, and
 * sends INIT and a start-up IPI to all others (MSR 830). These go from real mode to 64-bit mode with its page
 * tables, take their APIC id from CPUID, and a stack. Each processor then works: 2500 rounds of EAX = ROL(EAX *
 * 41C64E6D + 3039, 7) from its id, stored at 300000 + 8 * id; then, behind a lock by CMPXCHG at F014, RAX = [F018] *
 * 31 + id is stored at F018, and [F010] counts it. The first waits with PAUSE until all have.
 */
const code = machineCode(`
  48c7c400 0020000f 20d88904 2500f000 00bee600 1000bf00 e00000b9 5d000000 f3a4b91b
  0000000f 320d000c 00000f30 b9300800 0031d2b8 00450c00 0f30b80e 460c000f 3031ffe8
  0e000000 f390833c 2510f000 004075f4 faf489f8 b9c40900 0069c06d 4ec64105 39300000
  c1c007ff c975ee48 8904fd00 003000b9 01000000 31c0f00f b10c2514 f0000074 04f390eb
  ef488b04 2518f000 00486bc0 1f4801f8 48890425 18f00000 c7042514 f0000000 000000f0
  ff042510 f00000c3 b8100000 008ed88e c08ed0b8 01000000 0fa289df c1ef1889 f8c1e00c
  488da000 102000e8 76ffffff faf4fa31 c08ed80f 011657e0 0f20e066 83c8200f 22e066a1
  00f00f22 d866b980 0000c00f 32660d00 0100000f 300f20c0 660d0100 00800f22 c066eabc
  00100008 00000000 00000000 00ffff00 00009baf 00ffff00 000093cf 0017003f e00000
`);
const place = { count: 0xf010, lock: 0xf014, together: 0xf018, results: 0x300000 } as const;

function machineOf(options: Omit<MachinePorts, 'codeHost'> = {}): PhysicalMachine {
  return new PhysicalMachine(
    configureSingleGuest({
      ...{ name: 'many', memoryBytes, commandLine: '', processorCount: processors },
      image: { path: 'many', bytes: code },
      ...{ format: 'flat', flat: { address: 0x100_000, mode: 'long' } },
    }),
    { codeHost: webAssemblyCodeHost, ...options },
  );
}

function read({ guests: [guest] }: PhysicalMachine, address: number, bytes: number): bigint {
  const data = guest?.memory.read(address, bytes) ?? assert.fail('the guest has memory');
  return data.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** How many processors are in the code that works. */
function workingOf({ guests: [guest] }: PhysicalMachine): number {
  const all = guest?.processors ?? assert.fail('the guest has processors');
  return all.filter(({ state: { rip } }) => rip >= work.start && rip < work.end).length;
}

function resultOf(id: number): bigint {
  let value = id;
  for (let round = 0; round < 2500; round++) {
    value = (Math.imul(value, 0x41c64e6d) + 0x3039) >>> 0;
    value = ((value << 7) | (value >>> 25)) >>> 0;
  }
  return BigInt(value);
}

/** The sum that all do together, where they have come in some order. */
function togetherOf(order: readonly number[]): bigint {
  return order.reduce((sum, id) => BigInt.asUintN(64, sum * 31n + BigInt(id)), 0n);
}

describe('64 processors of one guest, in lanes of their own', function () {
  this.timeout(240_000);
  const machine = machineOf();
  const order: number[] = [];
  let workingMax = 0;
  for (let steps = 0; steps < stepsMax && order.length < processors; steps++) {
    const { stop } = machine.run({ maxSteps: 1 });
    assert.ok(stop.kind === 'budget' || stop.kind === 'halted', stop.kind);
    if (steps % sampleSteps === 0) workingMax = Math.max(workingMax, workingOf(machine));
    const count = Number(read(machine, place.count, 4));
    const seen = order.length;
    if (count === seen) continue;
    assert.equal(count, seen + 1);
    const before = togetherOf(order);
    const sum = read(machine, place.together, 8);
    order.push(Number(BigInt.asUintN(64, sum - before * 31n)));
  }
  const { position } = machine;

  it('each does its work, once', () => {
    assert.deepEqual(
      [...order].sort((a, b) => a - b),
      [...Array(processors).keys()],
    );
    for (let id = 0; id < processors; id++) {
      assert.equal(read(machine, place.results + id * 8, 8), resultOf(id), `processor ${id}`);
    }
    assert.equal(read(machine, place.lock, 4), 0n);
  });

  it('they work at the same time, and not one after the other', () => {
    assert.ok(workingMax >= processors / 2, `${workingMax} at once`);
  });

  it('the last stop is that of a guest whose processors have all halted', () => {
    assert.equal(machine.run({ maxSteps: stepsMax }).stop.kind, 'halted');
  });

  it(`${machineManners.length} manners end in the same states`, () => {
    const { different, steps } = compareMannersOf(machineOf, seedOf(64), position);
    assert.deepEqual(different, []);
    assert.ok(steps >= position, `${steps} steps`);
  });
});
