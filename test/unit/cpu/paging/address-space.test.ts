// Address spaces that have tables in common, switched and edited at random: as if nothing of a walk were ever remembered.
import assert from 'node:assert/strict';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { BareProcessor } from '../../../support/bare-processor';
import { littleEndian, machineCode } from '../../../support/machine-code';
import { ModeMachine } from '../../../support/mode-machine';
import { entryBits } from '../../../support/page-tables';
import { SeededRandom } from '../../../support/seeded-random';

const { present, writable, user, accessed, large, noExecute } = entryBits;
const tablesPerLevel = 3;
const tablesAt = 0x40_000;
const dataAt = 0x80_000;
const dataPages = 4;
const codeGpa = 0x30_000;
const codeTables = 0x38_000;
/** Position of the code's entry in every root; others are 0 and 1. */
const codeIndex = 2;
const smap = 1n << 21n;
const actions = 400;
const { exitPending } = stateOffsets;
const [rax, rbx] = [0, 3] as const;

interface Shape {
  readonly title: string;
  readonly levels: number;
  readonly entryBytes: 4 | 8;
  /** Address bits that an index selects, at the last level. */
  readonly indexBits: number;
  make(): BareProcessor;
}

const shapes: readonly Shape[] = [
  { title: '4-level', levels: 4, entryBytes: 8, indexBits: 9, make: () => new BareProcessor() },
  {
    title: '32-bit',
    levels: 2,
    entryBytes: 4,
    indexBits: 10,
    make: () => {
      const machine = new ModeMachine();
      machine.protect([]);
      machine.set('GUEST_CR0', 0x80010031n);
      return machine.processor;
    },
  },
];

const programs = { read: '8b 43 08', write: '89 43 10', fetch: 'ff e3', switch: '0f 22 d8' };
type Program = keyof typeof programs;

/** One processor with the structures of a shape; does what it is told, and says what came of it. */
class Spaces {
  readonly processor: BareProcessor;

  constructor(
    private readonly shape: Shape,
    private readonly forgets: boolean,
    cr4: bigint,
  ) {
    const processor = shape.make();
    this.processor = processor;
    for (let page = 0; page < dataPages; page++) {
      const bytes = new Uint8Array(4096).fill(0x90);
      bytes.fill(page, 8, 12);
      processor.memory.write(dataAt + page * 4096, bytes);
    }
    Object.values(programs).forEach((code, index) => {
      processor.memory.write(codeGpa + index * 16, machineCode(code));
    });
    for (let level = 1; level < shape.levels; level++) {
      const next = level === shape.levels - 1 ? codeGpa : codeTables + level * 4096;
      this.entry(codeTables + (level - 1) * 4096, codeIndex, BigInt(next) | present | writable);
    }
    for (let root = 0; root < tablesPerLevel; root++) {
      this.entry(this.table(0, root), codeIndex, BigInt(codeTables) | present | writable);
    }
    processor.setField('GUEST_CR3', BigInt(this.table(0, 0)));
    processor.setField('GUEST_CR4', processor.field('GUEST_CR4') | cr4 | 0x10n);
    processor.setField('EXCEPTION_BITMAP', 0xffffffffn);
    processor.core.stateWasEdited();
  }

  table(level: number, number: number): number {
    return tablesAt + (level * tablesPerLevel + number) * 4096;
  }

  entry(table: number, index: number, value: bigint): void {
    const { entryBytes } = this.shape;
    const bytes = machineCode(littleEndian(value, entryBytes));
    this.processor.memory.write(table + index * entryBytes, bytes);
  }

  /** Fills a table with the entries of another, written so often that it is taken for an ordinary page before. */
  copy(from: number, to: number): void {
    const { entryBytes } = this.shape;
    const { memory } = this.processor;
    const bytes = memory.read(from, (codeIndex + 1) * entryBytes) ?? new Uint8Array();
    for (let count = 0; count < 40; count++) this.entry(to, codeIndex + 1, BigInt(count));
    memory.write(to, bytes);
  }

  linear(indices: readonly number[]): bigint {
    const { indexBits } = this.shape;
    return indices.reduce((sum, index) => (sum << BigInt(indexBits)) | BigInt(index), 0n) << 12n;
  }

  run(program: Program, operand: bigint): string {
    const { processor } = this;
    const { state, core } = processor;
    if (this.forgets) core.stateWasEdited();
    const indices = Array.from({ length: this.shape.levels }, () => codeIndex);
    const offset = BigInt(Object.keys(programs).indexOf(program) * 16);
    state.rip = this.linear(indices) + offset;
    state.setGpr(rax, program === 'switch' ? operand : 0x1234n);
    state.setGpr(rbx, operand);
    const { stop } = core.run(program === 'fetch' ? 2 : 1, 0);
    if (stop.kind === 'budget') return `${state.gpr(rax)}`;
    state.writeU32(exitPending, 0);
    const code = processor.field('VM_EXIT_INTR_ERROR_CODE');
    return `${stop.kind} ${processor.field('VM_EXIT_INTR_INFO')} ${code}`;
  }

  /** Everything that a walk may have marked. */
  get structures(): Uint8Array {
    const bytes = this.shape.levels * tablesPerLevel * 4096;
    return this.processor.memory.read(tablesAt, bytes) ?? new Uint8Array();
  }
}

function randomEntry(random: SeededRandom, spaces: Spaces, shape: Shape, level: number): bigint {
  const isLast = level === shape.levels - 1;
  const isLarge = level === shape.levels - 2 && random.below(6) === 0;
  const target = isLast
    ? dataAt + random.below(dataPages) * 4096
    : spaces.table(level + 1, random.below(tablesPerLevel));
  let entry = isLarge ? large : BigInt(target);
  if (random.below(12) !== 0) entry |= present;
  if (random.below(5) !== 0) entry |= writable;
  if (random.below(2) !== 0) entry |= user;
  if (random.below(2) !== 0) entry |= accessed;
  if (shape.entryBytes === 8 && random.below(8) === 0) entry |= noExecute;
  return entry;
}

describe('address spaces that share structures (decision 82)', () => {
  for (const shape of shapes) {
    for (let level = 0; level < shape.levels - 1 && level < 2; level++) {
      it(`${shape.title} paging, a write to a table of level ${level} that no walk has used`, () => {
        const spaces = new Spaces(shape, false, 0n);
        const rights = present | writable;
        for (let above = 0; above < shape.levels - 1; above++) {
          spaces.entry(spaces.table(above, 0), 0, BigInt(spaces.table(above + 1, 0)) | rights);
        }
        spaces.entry(spaces.table(shape.levels - 1, 0), 0, BigInt(dataAt) | rights);
        assert.equal(spaces.run('read', 0n), '0');
        spaces.copy(spaces.table(0, 0), spaces.table(0, 1));
        if (level === 1) {
          spaces.copy(spaces.table(1, 0), spaces.table(1, 1));
          const entry = BigInt(spaces.table(1, 1)) | rights | accessed;
          spaces.entry(spaces.table(0, 1), 0, entry);
        }
        spaces.run('switch', BigInt(spaces.table(0, 1)));
        spaces.entry(spaces.table(level, 1), 0, 0n);
        assert.match(spaces.run('read', 0n), /^vm-exit/);
      });
    }
    for (let seed = 1; seed <= 12; seed++) {
      it(`${shape.title} paging, seed ${seed}`, () => {
        const random = new SeededRandom(seed);
        const cr4 = seed % 2 === 0 ? smap : 0n;
        const both = [new Spaces(shape, false, cr4), new Spaces(shape, true, cr4)] as const;
        const [usual] = both;
        const edit = (): void => {
          const level = random.below(shape.levels);
          const table = usual.table(level, random.below(tablesPerLevel));
          const index = random.below(2);
          const entry = randomEntry(random, usual, shape, level);
          for (const spaces of both) spaces.entry(table, index, entry);
        };
        const copy = (): void => {
          const level = random.below(shape.levels - 1);
          const from = usual.table(level, random.below(tablesPerLevel));
          const to = usual.table(level, random.below(tablesPerLevel));
          for (const spaces of both) spaces.copy(from, to);
        };
        for (let count = 0; count < 40; count++) edit();
        let done = 0;
        for (let action = 0; action < actions; action++) {
          const kind = random.below(10);
          if (kind < 2) {
            if (random.below(3) === 0) copy();
            else edit();
            continue;
          }
          const isSwitch = kind < 4;
          const indices = Array.from({ length: shape.levels }, () => random.below(2));
          const operand = isSwitch
            ? BigInt(usual.table(0, random.below(tablesPerLevel)))
            : usual.linear(indices);
          const access = (['read', 'read', 'write', 'fetch'] as const)[random.below(4)] ?? 'read';
          const program = isSwitch ? 'switch' : access;
          const [found, expected] = both.map((spaces) => spaces.run(program, operand));
          assert.equal(found, expected, `action ${action}: ${program} ${operand.toString(16)}`);
          if (found?.startsWith('vm-exit') === false) done++;
          assert.deepEqual(usual.structures, both[1].structures, `action ${action}`);
        }
        assert.ok(done > actions / 4, `only ${done} actions succeeded`);
      });
    }
  }
});
