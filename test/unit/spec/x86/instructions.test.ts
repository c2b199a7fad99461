// The instruction and register tables agree with the tables they refer to.
import assert from 'node:assert/strict';
import { exitReasonByName } from '../../../../debug-adapter/spec/x86/exit-reasons';
import {
  attMnemonics,
  findInstruction,
  instructions,
} from '../../../../debug-adapter/spec/x86/instructions';
import { findRegister, registers } from '../../../../debug-adapter/spec/x86/registers';

const lookupRows: readonly (readonly [string, string | undefined])[] = [
  ['mov', 'mov'],
  ['MOV', 'mov'],
  ['movq', 'mov'],
  ['movl', 'mov'],
  ['movsd', 'movsd'],
  ['movsl', 'movsd'],
  ['cltq', 'cdqe'],
  ['jz', 'jz'],
  ['setnbe', 'setnbe'],
  ['cmovgl', 'cmovg'],
  ['callq', 'call'],
  ['nosuch', undefined],
  ['constructor', undefined],
  ['', undefined],
];

describe('instruction table', () => {
  for (const [name, expected] of lookupRows) {
    it(`finds ${expected ?? 'nothing'} for ${JSON.stringify(name)}`, () => {
      assert.equal(findInstruction(name)?.mnemonic, expected);
    });
  }

  it('has one row for each mnemonic, at least 200', () => {
    const names = instructions.map(({ mnemonic }) => mnemonic);
    assert.equal(new Set(names).size, names.length);
    assert.ok(names.length >= 200);
  });

  it('names only exits that exist', () => {
    const unknown = instructions
      .flatMap(({ exits }) => exits)
      .filter((name) => !exitReasonByName.has(name));
    assert.deepEqual(unknown, []);
  });

  it('translates AT&T names to rows that exist', () => {
    const unknown = Object.values(attMnemonics).filter(
      (mnemonic) => findInstruction(mnemonic)?.mnemonic !== mnemonic,
    );
    assert.deepEqual(unknown, []);
  });
});

describe('register table', () => {
  it('has one row for each name, and the whole of each part', () => {
    assert.equal(new Set(registers.map(({ name }) => name)).size, registers.length);
    for (const { partOf, widthBits } of registers) {
      if (partOf !== undefined) assert.ok((findRegister(partOf)?.widthBits ?? 0) > widthBits);
    }
  });
});
