// What the proof about emitted code builds on (test/support/emitted-code/address-rules.ts): the pointers of a processor's
// block, its TLBs, its decoded instructions and what the slow path answers are what they are taken for, at any moment.
import assert from 'node:assert/strict';
import {
  arenaBase,
  arenaEnd,
  codeTlbEntries,
  dataTlbEntriesMax,
  frameBase,
  jumpCacheOffsets,
  recordCacheEntries,
  recordCacheEntryShift,
  recordCacheOffsets,
  recordEntryOffsets,
  runAreaEnd,
  runOffsets,
  tlbEntryBytes,
  tlbOffsets,
} from '../../../debug-adapter/cpu/memory-map';
import {
  pseudoHandler,
  recordBytes,
  recordOffsets,
} from '../../../debug-adapter/cpu/interpreter/record';
import { blockBytes, offsetTableBytes } from '../../../debug-adapter/cpu/interpreter/offset-tables';
import { VirtualProcessorCore } from '../../../debug-adapter/cpu/processor-core';
import {
  rightRead,
  rightWrite,
  type GuestMemory,
} from '../../../debug-adapter/machine/guest-memory';
import type { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { randomMachine } from '../../support/random-machine';
import { SeededRandom, seedOf } from '../../support/seeded-random';

const seed = seedOf(20_265);
const pageBytes = 4096;
/** Of an entry of the memory map: rights below, the frame and one above. */
const frameShift = 8;
const rightsMask = 7;
/** Widest access through a register field of a decoded instruction. */
const widestRegister = 16;

/** Rights of each frame that some guest page shows. */
function framesOf(memory: GuestMemory): ReadonlyMap<number, number> {
  const frames = new Map<number, number>();
  for (const { entries } of memory.saveMap().chunks) {
    const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
    for (let at = 0; at < entries.byteLength; at += 4) {
      const entry = view.getUint32(at, true);
      if (entry >>> frameShift === 0) continue;
      frames.set((entry >>> frameShift) - 1, entry & rightsMask);
    }
  }
  return frames;
}

class Premises {
  entries = 0;
  records = 0;
  /** Entries of record caches. */
  cached = 0;
  private readonly view: DataView;
  private readonly frames: ReadonlyMap<number, number>;

  constructor(
    private readonly core: VirtualProcessorCore,
    private readonly dataEntries: number,
  ) {
    const { bytes, memory } = core.context;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.frames = framesOf(memory);
  }

  check(): void {
    const { vpBase } = this.core.context;
    for (const [cell, offsets] of [
      [runOffsets.readTlb, tlbOffsets.read],
      [runOffsets.writeTlb, tlbOffsets.write],
      [runOffsets.codeTlb, tlbOffsets.code],
      [runOffsets.jumpCache, jumpCacheOffsets],
      [runOffsets.recordCache, recordCacheOffsets],
    ] as const) {
      const pointer = this.core.context.run32(cell);
      assert.ok(
        offsets.some((offset) => pointer === vpBase + offset),
        `pointer ${cell}`,
      );
    }
    for (const at of tlbOffsets.read) this.checkData(vpBase + at, rightRead);
    for (const at of tlbOffsets.write) this.checkData(vpBase + at, rightWrite);
    for (const at of tlbOffsets.code) this.checkCode(vpBase + at);
    this.checkRecordCache();
  }

  /** Entries that an address can match have a record; none matches where nothing was ever put. */
  private checkRecordCache(): void {
    assert.ok(this.core.context.run32(runOffsets.jumpEpoch + 4) > 0, 'an epoch');
    for (const entry of cachedRecords(this.core)) {
      this.cached++;
      this.checkRun(this.view.getUint32(entry + recordEntryOffsets.record, true));
    }
  }

  /** Values of the entries that a page could match. */
  private *valuesAt(at: number, entries: number): Iterable<number> {
    for (let index = 0; index < entries; index++) {
      const low = this.view.getUint32(at + index * tlbEntryBytes, true);
      if (((low >>> 12) & (entries - 1)) !== index) continue;
      assert.equal(low & (pageBytes - 1), 0, 'a page');
      this.entries++;
      yield this.view.getUint32(at + index * tlbEntryBytes + 8, true);
    }
  }

  private checkData(at: number, right: number): void {
    for (const address of this.valuesAt(at, this.dataEntries)) {
      const rights = this.frames.get((address - frameBase) / pageBytes) ?? 0;
      assert.equal(rights & right, right, `0x${address.toString(16)} is a frame with the right`);
    }
  }

  private checkCode(at: number): void {
    for (const table of this.valuesAt(at, codeTlbEntries)) {
      assert.ok(table >= arenaBase && table + offsetTableBytes <= arenaEnd && table % 4 === 0);
      for (const block of wordsAt(this.view, table, offsetTableBytes)) {
        assert.ok(block >= arenaBase && block + blockBytes <= arenaEnd && block % 4 === 0);
        for (const record of wordsAt(this.view, block, blockBytes)) {
          if (record !== 0) this.checkRun(record);
        }
      }
    }
  }

  /** The records from one on, to the one where execution is looked up. */
  private checkRun(first: number): void {
    for (let record = first; ; record += recordBytes) {
      assert.ok(record >= arenaBase && record + recordBytes <= arenaEnd, 'a record of the arena');
      this.records++;
      const field = (name: 'dst' | 'src' | 'base' | 'index' | 'segmentBase' | 'handler'): number =>
        this.view.getUint16(record + recordOffsets[name], true);
      const handler = field('handler');
      if (handler === pseudoHandler.lookup || handler === pseudoHandler.goto) return;
      for (const name of ['dst', 'src', 'base', 'index', 'segmentBase'] as const) {
        assert.ok(field(name) + widestRegister <= runAreaEnd, `${name} of a record`);
      }
      const link = this.view.getUint32(record + recordOffsets.link, true);
      assert.ok(link === 0 || (link >= arenaBase && link + recordBytes <= arenaEnd), 'a link');
      if (handler !== pseudoHandler.straddling) continue;
      const next = this.view.getUint32(record + recordOffsets.nextTable, true);
      assert.ok(next >= arenaBase && next + offsetTableBytes <= arenaEnd, 'a table behind');
    }
  }
}

function* wordsAt(view: DataView, from: number, bytes: number): Iterable<number> {
  for (let at = from; at < from + bytes; at += 4) yield view.getUint32(at, true);
}

/** Entries of the record cache that an address can match. */
function* cachedRecords({ context }: VirtualProcessorCore): Iterable<number> {
  const start = context.run32(runOffsets.recordCache);
  const epoch = context.run32(runOffsets.jumpEpoch + 4);
  for (let index = 0; index < recordCacheEntries; index++) {
    const entry = start + (index << recordCacheEntryShift);
    const high = context.view.getInt32(entry + recordEntryOffsets.tag + 4, true) ^ epoch;
    if (context.isCanonicalHalf(high)) yield entry;
  }
}

const coresOf = (machine: PhysicalMachine): readonly VirtualProcessorCore[] =>
  machine.guests.flatMap(({ processors }) =>
    processors.map(({ core }) => {
      assert(core instanceof VirtualProcessorCore);
      return core;
    }),
  );

/** Counts the answers of the slow path, each of which must lie in a frame or in the processor's own block. */
function watchSlowPath(cores: readonly VirtualProcessorCore[]): () => number {
  let answers = 0;
  for (const { access, context } of cores) {
    const { memory, vpBase } = context;
    const check = (address: number, bytes: number, right: number): void => {
      if (address === 0) return;
      answers++;
      const last = address + bytes - 1;
      if (address >= vpBase && last < vpBase + runAreaEnd) return;
      const frame = Math.floor((address - frameBase) / pageBytes);
      assert.equal(Math.floor((last - frameBase) / pageBytes), frame, 'in one page');
      const rights = framesOf(memory).get(frame) ?? 0;
      assert.equal(rights & right, right, `0x${address.toString(16)} is in a frame with the right`);
    };
    const [read, write] = [access.read.bind(access), access.write.bind(access)];
    access.read = (record, low, high, info) => {
      const address = read(record, low, high, info);
      check(address, info & 0xff, rightRead);
      return address;
    };
    access.write = (record, low, high, info) => {
      const address = write(record, low, high, info);
      check(address, info & 0xff, rightWrite);
      return address;
    };
  }
  return () => answers;
}

describe('what the proof about emitted code builds on', () => {
  for (const tlbEntries of [64, dataTlbEntriesMax]) {
    for (const hotCount of [0, 1]) {
      it(`holds in random machines, ${tlbEntries} entries, hot at ${hotCount}, seed ${seed}`, () => {
        const machine = randomMachine(new SeededRandom(seed), 2, { tlbEntries, hotCount });
        const cores = coresOf(machine);
        const answers = watchSlowPath(cores);
        const seen = { entries: 0, records: 0, cached: 0 };
        for (let round = 0; round < 12; round++) {
          machine.run({ maxSteps: 1500 });
          for (const core of cores) {
            const premises = new Premises(core, tlbEntries);
            premises.check();
            seen.entries += premises.entries;
            seen.records += premises.records;
            seen.cached += premises.cached;
          }
        }
        assert.ok(seen.entries > 100 && seen.records > 1000, JSON.stringify(seen));
        assert.ok(seen.cached > 10, JSON.stringify(seen));
        assert.ok(answers() > 100, `${answers()} answers of the slow path`);
      }).timeout(60_000);
    }
  }

  const settled = (): VirtualProcessorCore => {
    const machine = randomMachine(new SeededRandom(seed), 1, { tlbEntries: 64, hotCount: 0 });
    machine.run({ maxSteps: 1000 });
    return coresOf(machine)[0] ?? assert.fail('a processor');
  };
  /** Where entries that a page could match hold their values. */
  const placeOf = (
    { context: { view, vpBase } }: VirtualProcessorCore,
    at: number,
    entries = 64,
  ): number => {
    for (let index = 0; index < entries; index++) {
      const entry = vpBase + at + index * tlbEntryBytes;
      if (((view.getUint32(entry, true) >>> 12) & (entries - 1)) === index) return entry + 8;
    }
    return assert.fail('a filled entry');
  };
  /** An instruction that the code TLB leads to. */
  const recordOf = (core: VirtualProcessorCore): number => {
    const { view } = core.context;
    const table = view.getUint32(placeOf(core, tlbOffsets.code[0], codeTlbEntries), true);
    for (const block of wordsAt(view, table, offsetTableBytes)) {
      for (const record of wordsAt(view, block, blockBytes)) {
        if (record !== 0 && view.getUint16(record, true) > pseudoHandler.goto) return record;
      }
    }
    return assert.fail('a decoded instruction');
  };
  const changes: readonly (readonly [
    what: string,
    change: (core: VirtualProcessorCore) => void,
  ])[] = [
    [
      'an entry that leads to decoded code',
      (core) => core.context.view.setUint32(placeOf(core, tlbOffsets.read[0]), arenaBase, true),
    ],
    [
      'an entry that leads into the middle of a frame',
      (core) => {
        const { view } = core.context;
        const place = placeOf(core, tlbOffsets.read[0]);
        view.setUint32(place, view.getUint32(place, true) + 8, true);
      },
    ],
    [
      'a pointer to another table',
      (core) => core.context.setRun32(runOffsets.readTlb, core.context.vpBase + 0x3000),
    ],
    [
      'a remembered record in a table',
      (core) => {
        const { view, vpBase } = core.context;
        const [entry = assert.fail('a remembered record')] = cachedRecords(core);
        view.setUint32(entry + recordEntryOffsets.record, vpBase + tlbOffsets.code[0], true);
      },
    ],
    [
      'a decoded instruction whose register lies in a table',
      (core) => {
        const place = recordOf(core) + recordOffsets.dst;
        core.context.view.setUint16(place, jumpCacheOffsets[0], true);
      },
    ],
  ];
  for (const [what, change] of changes) {
    it(`does not hold with ${what}`, () => {
      const core = settled();
      new Premises(core, 64).check();
      change(core);
      assert.throws(() => new Premises(core, 64).check(), assert.AssertionError);
    }).timeout(60_000);
  }
});
