// Meaning is written once: one definition for each mnemonic, none elsewhere, and nothing that is never used.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { VariantTable } from '../../../../debug-adapter/cpu/decode/variants';
import { opcodeRows } from '../../../../debug-adapter/cpu/decode/opcode-rows';
import { firstHandler } from '../../../../debug-adapter/cpu/interpreter/record';
import type { Statement } from '../../../../debug-adapter/cpu/ir/ir';
import { variantTable } from '../../../../debug-adapter/cpu/processor-core-factory';
import { routineFamilies } from '../../../../debug-adapter/cpu/routines/routine-table';
import { definitionOf } from '../../../../debug-adapter/cpu/semantics/definitions';
import { routinePage } from '../../../../scripts/generate-routine-page';
import { BareProcessor } from '../../../support/bare-processor';
import { NativeCaseRunner, readNativeCases, type NativeCase } from '../../../support/native-cases';

const mnemonics: ReadonlySet<string> = new Set(opcodeRows().map((row) => row.mnemonic));
const variants = variantTable().groups.flat();

const sourcesOf = (folder: string): readonly (readonly [string, string])[] =>
  readdirSync(`debug-adapter/cpu/${folder}`).map((name) => [
    `${folder}/${name}`,
    readFileSync(`debug-adapter/cpu/${folder}/${name}`, 'utf8'),
  ]);

/** Mnemonics of the opcode map that a source quotes. */
function quotedMnemonics(text: string): string[] {
  const quoted = [...text.matchAll(/'([A-Z][A-Z0-9]+)'/g)].map((match) => match[1] ?? '');
  return quoted.filter((word) => mnemonics.has(word));
}

function* allStatements(statements: readonly Statement[]): Generator<Statement> {
  for (const statement of statements) {
    yield statement;
    if (statement.kind !== 'if') continue;
    yield* allStatements(statement.then);
    yield* allStatements(statement.otherwise);
  }
}

describe('definitions', () => {
  it('of one mnemonic stand in one place', () => {
    const places = new Map<string, string[]>();
    for (const [file, text] of sourcesOf('semantics')) {
      for (const match of text.matchAll(/\bdefine\w*\(\s*'([A-Z][A-Z0-9]*)'/g)) {
        const name = match[1] ?? '';
        places.set(name, [...(places.get(name) ?? []), file]);
      }
    }
    assert.ok(places.size > 20);
    assert.deepEqual(
      [...places].filter(([, files]) => files.length > 1),
      [],
    );
  });

  it('stand nowhere else: neither engine nor the decoder knows mnemonics', () => {
    // ENTER has two immediates, and PUSH sign-extends its one to the operand size; the opcode map cannot say so.
    // The translator pairs CALL and RET to guess where a return goes; a wrong guess only costs time.
    const known = ['ENTER', 'PUSH', 'CALL', 'RET'];
    const found = ['interpreter', 'decode', 'lowering', 'translator']
      .flatMap(sourcesOf)
      .filter(([file]) => !file.includes('opcode-map'))
      .flatMap(([file, text]) =>
        quotedMnemonics(text)
          .filter((word) => !known.includes(word))
          .map((word) => `${file} names ${word}`),
      );
    assert.deepEqual(found, []);
  });

  it('give every variant a name of its own', () => {
    const names = variants.map((variant) => variant.name);
    assert.equal(new Set(names).size, names.length);
    for (const name of names) {
      const mnemonic = name.replace(/^(rep|repne) /, '').split(/[ /]/)[0] ?? '';
      assert.ok(definitionOf(mnemonic) !== undefined, name);
    }
  });
});

describe('routines', () => {
  const named = new Set<string>();
  for (const variant of variants) {
    for (const statement of allStatements(variant.statements)) {
      if (statement.kind === 'routine') named.add(statement.name);
    }
  }
  const existing = routineFamilies.flatMap((family) => Object.keys(family.routines));

  it('that definitions name exist, and those that exist are named', () => {
    assert.deepEqual([...named].sort(), [...existing].sort());
  });

  it('are listed on the page that is generated from them', async () => {
    const page = readFileSync('debug-adapter/cpu/ROUTINES.md', 'utf8');
    assert.equal(page, await routinePage(), 'run "npx tsx scripts/generate-routine-page.ts"');
  });

  it('say why they are not in the intermediate representation', () => {
    for (const { reason } of routineFamilies) assert.match(reason, /^\w.{20,}$/);
  });
});

describe('a wrong definition', () => {
  const cases = readNativeCases('test/native-cpu/integer-64.jsonl.gz');
  const casesOf = (mnemonic: string): NativeCase[] =>
    cases.filter(({ iced }) => iced.toUpperCase().startsWith(`${mnemonic}_`));

  /** ADD means what SUB means: to both engines, which know no instructions of their own. */
  const wrong = new VariantTable(firstHandler, (mnemonic) =>
    definitionOf(mnemonic === 'ADD' ? 'SUB' : mnemonic),
  );

  for (const [engine, hotCount] of [
    ['interpreter', 0],
    ['translator', 1],
  ] as const) {
    const processor = new BareProcessor({
      variants: wrong,
      hotCount,
      changesOfUnstablePage: Infinity,
    });
    const runner = new NativeCaseRunner(processor);

    it(`fails cases that were recorded on hardware, in the ${engine}`, () => {
      const additions = casesOf('ADD');
      assert.ok(additions.length > 20);
      const before = processor.translatedSteps;
      const failed = additions.filter((test) => runner.run(test).length > 0);
      assert.ok(failed.length > additions.length / 2, `${failed.length} of ${additions.length}`);
      const translated = processor.translatedSteps - before;
      assert.ok(hotCount === 0 ? translated === 0 : translated > additions.length / 2);
    });

    it(`fails no others, in the ${engine}`, () => {
      assert.deepEqual(
        casesOf('SUB').flatMap((test) => runner.run(test)),
        [],
      );
    });
  }
});
