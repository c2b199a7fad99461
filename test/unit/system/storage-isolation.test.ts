// A guest aims the requests of its disk at memory that is not its own; another guest beside it is, to the bit, what it would be.
import assert from 'node:assert/strict';
import { MemoryBlockFiles } from '../../../debug-adapter/backends/block-source';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import type { Partition } from '../../../debug-adapter/hypervisor/partition';
import { savePartition } from '../../../debug-adapter/hypervisor/partition.saved-state';
import { SrbStatus } from '../../../debug-adapter/spec/vmbus/storage';
import { present } from '../../../debug-adapter/support/assert';
import { encodeStateTree } from '../../../debug-adapter/support/state-tree';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { defaultCosts } from '../../../debug-adapter/system/virtual-time-costs';
import { DrivenGuest, drivenGuest, drivenPages } from '../../support/driven-guest';
import { code, interruptGuest } from '../../support/interrupt-guest';
import { littleEndian } from '../../support/machine-code';
import { SeededRandom, seedOf } from '../../support/seeded-random';
import { StorageIntruder, type NamedRange } from './storage-intruder';

const seed = seedOf(61_006);
/** Instructions for which the bystander counts; the nightly run asks for more. */
const counted = Number(process.env['STORAGE_ISOLATION_STEPS'] ?? 12_000_000);
const canaries = [0x60000, 0x62000, 0x100000, 0x200000, 0x300000, 0x3ff000];
const content = Uint8Array.from({ length: 64 * 1024 }, (_, at) => (at * 13 + (at >> 8)) & 0xff);

/** Fills its canaries, counts, and sums them up into what it ends with. */
const bystanderCode =
  canaries.map((gpa, index) => code.store(gpa, 0xca0000 + index)).join('') +
  code.count(Math.floor(counted / 2)) +
  canaries.map((gpa) => `03 04 25 ${littleEndian(gpa, 4)}`).join('') +
  code.storeEax(0xd000) +
  code.exit(0);

interface Pair {
  readonly machine: PhysicalMachine;
  readonly bystander: Partition;
  readonly intruder: StorageIntruder;
}

function pair(): Pair {
  const disks = [{ path: 'disk', controller: 'scsi' as const }];
  const guests = [
    { ...interruptGuest({ boot: bystanderCode }), name: 'bystander' },
    { ...drivenGuest({ disks }), name: 'intruder' },
  ];
  const ports = {
    ...{ codeHost: webAssemblyCodeHost, hotCount: 1 },
    blockFiles: new MemoryBlockFiles(new Map([['disk', content]])),
  };
  const machine = new PhysicalMachine({ guests, costs: defaultCosts }, ports);
  const bystander = present(machine.guests[0], 'bystander');
  const intruding = present(machine.guests[1], 'intruder');
  const driven = new DrivenGuest(machine, intruding, () => bystander.end !== undefined);
  return { machine, bystander, intruder: new StorageIntruder(driven) };
}

function finish({ machine, bystander }: Pair): Buffer {
  for (let turn = 0; turn < 1000 && bystander.end === undefined; turn++) {
    machine.run({ maxSteps: 10_000_000 });
  }
  assert.ok(bystander.end !== undefined, 'the bystander comes to its end');
  const { chunks, overlays, frames } = bystander.memory.save();
  const entries = chunks.map(({ index, entries: bytes }) => [
    index,
    Buffer.from(bytes).toString('hex'),
  ]);
  const registers = bystander.processors.map(({ state }) => state.architecturalBytes.slice());
  return Buffer.concat([
    encodeStateTree(savePartition(bystander)),
    Buffer.from(JSON.stringify([entries, overlays])),
    ...[frames, ...registers],
  ]);
}

const whole = (page: bigint, count = 1): NamedRange => ({
  byteCount: 4096 * count,
  byteOffset: 0,
  pages: Array.from({ length: count }, (_, index) => page + BigInt(index)),
});

/** Where there is no memory of the intruder's. */
const outside: readonly (readonly [string, readonly NamedRange[]])[] = [
  ['the first page behind its memory', [whole(0x400n)]],
  ['pages across the end of its memory', [whole(0x3fen, 4)]],
  ['the page of the local APIC', [whole(0xfee00n)]],
  ['the page of the I/O APIC', [whole(0xfec00n)]],
  ['a page beyond 4 GiB', [whole(1n << 20n)]],
  ['where frames of the other guest could be', [whole(1n << 28n), whole((1n << 28n) + 0x60n)]],
  ['a page number of 52 bits', [whole((1n << 52n) - 1n)]],
  ['a page number of 64 bits', [whole((1n << 64n) - 1n)]],
];

describe('a guest whose neighbour uses its disk to reach other memory', () => {
  let expected: Buffer;
  let attacked: Pair;

  before(function () {
    this.timeout(60_000);
    expected = finish(pair());
    attacked = pair();
    attacked.intruder.connect();
  });

  for (const [title, ranges] of outside) {
    for (const isRead of [true, false]) {
      it(`refuses to ${isRead ? 'read the disk into' : 'write the disk from'} ${title}`, () => {
        const answer = attacked.intruder.transfer(isRead, ranges);
        assert.ok(answer !== undefined, 'every request is answered');
        assert.notEqual(answer.srbStatus, SrbStatus.success);
      }).timeout(20_000);
    }
  }

  it('lets nobody open a ring where there is no memory', () => {
    const { intruder } = attacked;
    for (const page of [0x400, 0xfee00, 2 ** 40]) {
      intruder.open([page, page + 1, 0x202, 0x203, 0x204, 0x205, page + 2, page + 3]);
      assert.equal(intruder.transfer(true, [whole(0x300n)]), undefined, 'there is no channel');
    }
    intruder.open();
  }).timeout(20_000);

  it('has canaries at addresses that are the neighbour’s own there', () => {
    const { intruder } = attacked;
    intruder.connect();
    for (const gpa of canaries.slice(-2)) {
      const answer = intruder.transfer(true, [whole(BigInt(gpa >> 12))]);
      assert.equal(answer?.srbStatus, SrbStatus.success);
      const bytes = new Uint8Array(4096);
      intruder.guest.read(gpa, bytes);
      assert.deepEqual(bytes, content.subarray(0, 4096));
    }
    // Its own pages of the hypervisor's are written like others, or not at all.
    intruder.transfer(true, [whole(BigInt(drivenPages.hypercall >> 12))]);
  }).timeout(20_000);

  it(`is not touched by a hostile stream of messages, packets and rings, seed ${seed}`, () => {
    const random = new SeededRandom(seed);
    let actions = 0;
    for (; attacked.bystander.end === undefined; actions++) attacked.intruder.act(random);
    assert.ok(actions > 100, `${actions} actions`);
    assert.ok(finish(attacked).equals(expected), `after ${actions} actions`);
  }).timeout(3_600_000);
});
