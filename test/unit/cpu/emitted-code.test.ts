// Every access to memory that emitted code makes is shown, on its bytes, to lie inside the processor's block or behind the
// TLB; and a module that is changed so that one of them does not is refused.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dataTlbEntriesMax } from '../../../debug-adapter/cpu/memory-map';
import { interpreterModule } from '../../../debug-adapter/cpu/processor-core-factory';
import { configureSingleGuest } from '../../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { proveModule } from '../../support/emitted-code/access-proof';
import { stores } from '../../support/emitted-code/instruction-shapes';
import {
  readModule,
  Refusal,
  type EmittedModule,
  type Instruction,
} from '../../support/emitted-code/module-reader';
import { recordingCodeHost } from '../../support/emitted-code/recording-code-host';
import { randomMachine } from '../../support/random-machine';
import { SeededRandom, seedOf } from '../../support/seeded-random';

const seed = seedOf(5_075);
/** More of them: EMITTED_MACHINES. */
const machines = Number(process.env['EMITTED_MACHINES'] ?? 2);

/** Proves every module but the interpreter, which has functions of other forms; returns how many there were. */
function proveRegions(modules: readonly Uint8Array[], tlbEntries: number): number {
  const regions = modules.map(readModule).filter(isOfRegions);
  for (const module of regions) proveModule(module, tlbEntries);
  return regions.length;
}

const isOfRegions = ({ functions }: EmittedModule): boolean =>
  functions.every(({ parameters }) => parameters.length === 3);

function regionsOfKernel(name: string, bits: 32 | 64, steps: number): readonly Uint8Array[] {
  const path = fileURLToPath(
    new URL(`../../../scripts/benchmark/kernels/images/${name}-${bits}.elf`, import.meta.url),
  );
  const codeHost = recordingCodeHost();
  const image = { path: name, bytes: new Uint8Array(readFileSync(path)) };
  const guest = { name, memoryBytes: 64 << 20, image, commandLine: '' };
  const machine = new PhysicalMachine(configureSingleGuest(guest), { codeHost, hotCount: 50 });
  machine.run({ maxSteps: steps });
  return codeHost.modules;
}

describe('addresses of emitted code', () => {
  for (const entries of [64, dataTlbEntriesMax]) {
    it(`the interpreter with ${entries} entries`, () => {
      const {
        loads,
        stores: written,
        bulk,
      } = proveModule(readModule(interpreterModule(entries)), entries);
      assert.ok(loads > 20_000 && written > 10_000 && bulk > 5, `${loads} ${written} ${bulk}`);
    }).timeout(60_000);
  }

  for (const name of ['chase', 'crc', 'fib', 'mix64', 'sha256', 'sieve', 'system']) {
    for (const bits of [32, 64] as const) {
      it(`regions of ${name}, ${bits} bits`, () => {
        assert.ok(proveRegions(regionsOfKernel(name, bits, 3_000_000), dataTlbEntriesMax) > 0);
      }).timeout(30_000);
    }
  }

  it(`regions of random machines, seed ${seed}`, () => {
    const random = new SeededRandom(seed);
    let regions = 0;
    for (let count = 0; count < machines; count++) {
      const codeHost = recordingCodeHost();
      const tlbEntries = random.pick([64, dataTlbEntriesMax]);
      const machine = randomMachine(random, 2, { codeHost, hotCount: 1, tlbEntries });
      machine.run({ maxSteps: 20_000 });
      regions += proveRegions(codeHost.modules, tlbEntries);
    }
    assert.ok(regions > machines, `${regions} regions`);
  }).timeout(120_000);
});

const opcode = { branchIf: 0x0d, if: 0x04, get: 0x20, drop: 0x1a, noOperation: 0x01 } as const;
const compare = { gt: 0x56, le: 0x58, ge: 0x5a } as const;

type Site = readonly [before: Instruction, last: Instruction, at: Instruction];

function sitesOf({ functions }: EmittedModule, { fits }: Mutation): readonly Site[] {
  return functions.flatMap(({ instructions }) =>
    instructions.flatMap((at, index) => {
      const [before, last] = [instructions[index - 2], instructions[index - 1]];
      if (before === undefined || last === undefined) return [];
      const site = [before, last, at] as const;
      return fits(site) ? [site] : [];
    }),
  );
}

const isBlock = ({ op, index }: Instruction): boolean => op === opcode.get && index === 0;
const isLoad = ({ op, index }: Instruction): boolean => index === 0 && op >= 0x28 && op <= 0x35;

interface Mutation {
  readonly title: string;
  readonly fits: (site: Site) => boolean;
  readonly edit: (bytes: Uint8Array, site: Site) => void;
}

const withoutLookUp: Mutation = {
  title: 'without the comparison with the TLB',
  fits: ([, last, { op }]) => op === opcode.branchIf && last.op === compare.gt,
  edit: (bytes, [, , { at }]) => bytes.set([opcode.drop, opcode.noOperation], at),
};

const mutations: readonly Mutation[] = [
  withoutLookUp,
  {
    title: 'that read behind the page',
    fits: ([, last, at]) => last.op === opcode.get && last.index !== 0 && isLoad(at),
    edit: (bytes, [, , { immediateAt }]) => bytes.set([0x7f], immediateAt),
  },
  {
    title: 'that write behind the page',
    fits: ([before, , { op, index }]) => stores.has(op) && index === 0 && !isBlock(before),
    edit: (bytes, [, , { immediateAt }]) => bytes.set([0x7f], immediateAt),
  },
  {
    title: 'that take the steps that are left for an address',
    fits: ([, last, at]) => last.op === opcode.get && last.index < 0x80 && isLoad(at),
    edit: (bytes, [, last]) => bytes.set([1], last.at + 1),
  },
  {
    title: 'that keep a page for more than it has',
    fits: ([, { op, constant }, at]) => op === 0x42 && constant === 4081n && at.op === 0x21,
    // The encoding of 4081 is f1 1f.
    edit: (bytes, [, { at }]) => bytes.set([0xff, 0x1f], at + 1),
  },
];

const isInverted: Mutation = {
  title: 'with a comparison turned round',
  fits: ([, last, { op }]) => last.op === compare.le && op === opcode.if,
  edit: (bytes, [, { at }]) => bytes.set([compare.ge], at),
};

function assertRefused(bytes: Uint8Array, { edit, title }: Mutation, site: Site): void {
  const changed = bytes.slice();
  edit(changed, site);
  assert.ok(WebAssembly.validate(changed), `still a module ${title}`);
  assert.throws(
    () => proveModule(readModule(changed), dataTlbEntriesMax),
    Refusal,
    `${title} at ${site[2].at}`,
  );
}

describe('changed modules', () => {
  let regions: readonly Uint8Array[] = [];
  before(function () {
    this.timeout(60_000);
    const modules = ['sieve', 'sha256'].flatMap((name) => regionsOfKernel(name, 64, 2_000_000));
    regions = modules.filter((bytes) => isOfRegions(readModule(bytes)));
  });

  for (const mutation of mutations) {
    it(`regions ${mutation.title} are refused`, () => {
      let refused = 0;
      for (const bytes of regions) {
        for (const site of sitesOf(readModule(bytes), mutation).slice(0, 5)) {
          assertRefused(bytes, mutation, site);
          refused++;
        }
      }
      assert.ok(refused > 0, 'there is something to change');
    }).timeout(60_000);
  }

  it('the interpreter with a comparison turned round is refused', () => {
    const bytes = interpreterModule(dataTlbEntriesMax);
    const sites = sitesOf(readModule(bytes), isInverted);
    const site = new SeededRandom(seed).pick(sites);
    assertRefused(bytes, isInverted, site);
  }).timeout(60_000);

  it('an unknown instruction is refused', () => {
    const bytes = Uint8Array.from([
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 7, 1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f, 3, 2, 1, 0],
      // memory.size
      ...[10, 6, 1, 4, 0, 0x3f, 0, 0x0b],
    ]);
    assert.throws(() => proveModule(readModule(bytes), dataTlbEntriesMax), Refusal);
  });
});
