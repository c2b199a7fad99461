/** Translated code that an earlier process has left: it runs at once, does the same, and damage does no harm. */
import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packedOffset } from '../../../debug-adapter/cpu/interpreter/packed-records';
import { dataTlbEntriesMax } from '../../../debug-adapter/cpu/memory-map';
import { ArchivingCodeHost } from '../../../debug-adapter/host/archiving-code-host';
import { KeptFiles } from '../../../debug-adapter/host/kept-files';
import {
  codeOf,
  hasMachineCode,
  provideCode,
  webAssemblyCodeHost,
} from '../../../debug-adapter/host/web-assembly-code-space';
import { BareProcessor } from '../../support/bare-processor';
import { machineCode } from '../../support/machine-code';

const page = 0x1000_0000n;
const gpa = 0x10_0000;
const tlbEntries = dataTlbEntriesMax;
const image = new Uint8Array([1, 2, 3]);
/** Loads, adds and stores in a loop over a page of data. */
const loop = '8b 8e 00 01 00 00 01 c8 89 86 00 01 00 00 ff c7 eb ee';
const dataGpa = 0x20_0000;
const data = 0x2000_0000n;
const steps = 2_000_000;

interface Outcome {
  readonly registers: readonly bigint[];
  readonly rip: bigint;
  readonly translated: number;
}

describe('translated code of earlier processes', function () {
  this.timeout(60_000);
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hyperscope-code-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const open = (version = 'v1'): ArchivingCodeHost => {
    const files = new KeptFiles(folder, '.translated', { files: 4, bytes: 2 ** 26 });
    return new ArchivingCodeHost(
      webAssemblyCodeHost,
      { codeOf, provide: provideCode, hasMachineCode },
      files,
      version,
    );
  };

  /** Runs the loop; `codeHost` undefined for one that keeps nothing. */
  const run = (
    codeHost: ArchivingCodeHost | undefined,
    hotCount: number,
    budget: number,
    breakpoint?: bigint,
  ): Outcome => {
    const kept = codeHost === undefined ? {} : { codeHost, archive: codeHost.openArchive([image]) };
    const processor = new BareProcessor({ hotCount, tlbEntries, ...kept });
    const { memory, core, state } = processor;
    processor.map(page, gpa);
    processor.map(data, dataGpa);
    memory.write(gpa, machineCode(loop));
    memory.write(dataGpa + 0x100, new Uint8Array([7, 0, 0, 0]));
    state.rip = page;
    state.setGpr(0, 1n);
    state.setGpr(6, data);
    state.setGpr(7, 0n);
    if (breakpoint !== undefined) core.setBreakpoints(new Set([breakpoint]));
    for (let left = budget; left > 0; left -= 50_000) {
      const { stop } = core.run(Math.min(left, 50_000), 0);
      if (stop.kind === 'breakpoint') break;
    }
    const registers = Array.from({ length: 16 }, (_, index) => state.gpr(index));
    return { registers, rip: state.rip, translated: processor.translatedSteps };
  };

  const leave = (version?: string): void => {
    const host = open(version);
    assert.ok(run(host, 100, steps).translated > steps / 2);
    host.save();
  };

  it('runs at once in a later process, and does the same', () => {
    leave();
    // So many jumps are never made: what runs translated has come from the folder.
    const later = run(open(), 1_000_000, 10_000);
    assert.ok(later.translated > 9_000, `${later.translated} steps`);
    const alone = run(undefined, 0, 10_000);
    assert.equal(alone.translated, 0);
    assert.deepEqual({ ...later, translated: 0 }, alone);
  });

  it('belongs to the images, and to the version that made it', () => {
    leave();
    assert.equal(run(open('v2'), 1_000_000, 10_000).translated, 0);
    const host = open();
    assert.equal(host.openArchive([image, image]).find(new Uint8Array(4096)).regions.length, 0);
    const code = new Uint8Array(4096);
    code.set(machineCode(loop));
    assert.equal(
      open()
        .openArchive([new Uint8Array(1)])
        .find(code).regions.length,
      0,
    );
    assert.equal(open().openArchive([image]).find(code).regions.length, 1);
    code[4095] = 1;
    assert.equal(open().openArchive([image]).find(code).regions.length, 0);
  });

  it('has what was decoded and never hot, for the same bytes only', () => {
    const host = open();
    const alone = run(undefined, 0, 10_000);
    assert.deepEqual(run(host, 1_000_000, 10_000), alone);
    host.save();
    const code = new Uint8Array(4096);
    code.set(machineCode(loop));
    const { regions, records } = open().openArchive([image]).find(code);
    assert.equal(regions.length, 0);
    assert.equal(records.length, 1);
    code[100] = 1;
    assert.equal(open().openArchive([image]).find(code).records.length, 0);
    assert.deepEqual(run(open(), 1_000_000, 10_000), alone);
    assert.equal(run(open(), 1_000_000, 10_000, page + 6n).rip, page + 6n);
  });

  it('has the most that was decoded before a page changed, also where all has gone since', () => {
    const host = open();
    const archive = host.openArchive([image]);
    const processor = new BareProcessor({ hotCount: 1_000_000, tlbEntries, archive });
    const { memory, core, state } = processor;
    processor.map(page, gpa);
    // inc eax; inc ebx; jmp to the second; and another byte behind, of which the page has three values.
    const bytes = machineCode('ff c0 ff c3 eb fc');
    for (const [behind, offset] of [
      [1, 0n],
      [2, 0n],
      [1, 2n],
      [3, 0n],
    ] as const) {
      memory.write(gpa, bytes);
      memory.write(gpa + 0x800, new Uint8Array([behind]));
      state.rip = page + offset;
      core.run(1000, 0);
    }
    core.setBreakpoints(new Set([page + 2n]));
    host.save();
    const code = new Uint8Array(4096);
    code.set(bytes);
    // The last has gone with the rest before its page changed.
    for (const [behind, expected] of [
      [1, [0]],
      [2, [0]],
      [3, []],
    ] as const) {
      code[0x800] = behind;
      const { records } = open().openArchive([image]).find(code);
      const first = records.map(({ packed }) => packedOffset(packed, 0));
      assert.deepEqual(first, expected, `${behind}`);
    }
  });

  it('is found by a second machine of the process, and not asked for by the first', () => {
    const host = open();
    const code = new Uint8Array(4096);
    code.set(machineCode(loop));
    run(host, 100, steps);
    assert.equal(host.openArchive([image]).find(code).regions.length, 0);
    const second = run(host, 1_000_000, 10_000);
    assert.ok(second.translated > 9_000, `${second.translated} steps`);
    assert.equal(host.openArchive([image]).find(code).regions.length, 1);
  });

  it('is not entered where a breakpoint lies in it', () => {
    leave();
    const inside = run(open(), 1_000_000, 10_000, page + 6n);
    assert.equal(inside.rip, page + 6n);
    const outside = run(open(), 1_000_000, 10_000, page + 0x800n);
    assert.ok(outside.translated > 9_000, `${outside.translated} steps`);
  });

  it('is written once, and again where something is new', () => {
    const host = open();
    run(host, 100, steps);
    host.save();
    const archive = readdirSync(folder).find((name) => !name.startsWith('interpreter'));
    assert.ok(archive !== undefined);
    writeFileSync(join(folder, archive), '');
    host.save();
    assert.equal(readFileSync(join(folder, archive)).length, 0);
  });

  const damages: Readonly<Record<string, (path: string) => void>> = {
    'a truncated file': (path) => truncateSync(path, 200),
    'an empty file': (path) => truncateSync(path, 0),
    'a changed byte': (path) => {
      const bytes = readFileSync(path);
      bytes[40] = (bytes[40] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    },
  };
  for (const [what, damage] of Object.entries(damages)) {
    it(`does no harm: ${what}`, () => {
      leave();
      for (const name of readdirSync(folder)) damage(join(folder, name));
      const later = run(open(), 1_000_000, 10_000);
      assert.equal(later.translated, 0);
      assert.deepEqual(later, run(undefined, 0, 10_000));
    });
  }

  it('does no harm: machine code of another engine', () => {
    leave();
    const refusing = new ArchivingCodeHost(
      webAssemblyCodeHost,
      {
        codeOf,
        provide: (module, code) => provideCode(module, code.slice(0, 40).fill(0xaa)),
        hasMachineCode,
      },
      new KeptFiles(folder, '.translated', { files: 4, bytes: 2 ** 26 }),
      'v1',
    );
    const later = run(refusing, 1_000_000, 10_000);
    assert.ok(later.translated > 9_000, `${later.translated} steps`);
    assert.deepEqual({ ...later, translated: 0 }, run(undefined, 0, 10_000));
  });
});
