// Expressions: values, errors, and that nothing a person types makes them throw.
import assert from 'node:assert/strict';
import {
  evaluate,
  type EvaluationContext,
} from '../../../../debug-adapter/debugger/expressions/evaluate';
import { parseExpression } from '../../../../debug-adapter/debugger/expressions/parse-expression';

const memory = Uint8Array.from({ length: 16 }, (_, index) => 0x10 + index);

const context: EvaluationContext = {
  register: (name) => ({ rax: { value: 0x1122n, bits: 64 }, al: { value: 0x22n, bits: 8 } })[name],
  field: (name) => ({ code: 0x5cn, channelClass: 'SCSI controller', refusal: '' })[name],
  valueNamed: (field, name) =>
    field === 'code' && name.toLowerCase() === 'hvcallpostmessage' ? 0x5cn : undefined,
  symbolAddress: (name) => ({ main: 0x100000n, rax: 1n })[name],
  readMemory: (address, length) => {
    const at = Number(address - 0x100000n);
    return at >= 0 && at + length <= memory.length ? memory.slice(at, at + length) : undefined;
  },
};

function valueOf(text: string): bigint | string {
  const parsed = parseExpression(text);
  if (parsed.kind === 'error') return parsed.message;
  const result = evaluate(parsed.expression, context);
  return result.kind === 'error' ? result.message : result.value;
}

const top = (1n << 64n) - 1n;

const values: readonly (readonly [text: string, value: bigint])[] = [
  ['1', 1n],
  ['0x_ff_ff', 0xffffn],
  ['0b101', 5n],
  ["'a'", 97n],
  ["'\\n'", 10n],
  ['$rax', 0x1122n],
  ['RAX', 0x1122n],
  ['$al', 0x22n],
  ['code', 0x5cn],
  ['code == HvCallPostMessage', 1n],
  ['hvcallpostmessage != code', 0n],
  ['code == "HvCallPostMessage" && 1', 1n],
  ['code == main', 0n],
  ['channelClass == "scsi controller"', 1n],
  ['channelClass != scsi', 1n],
  ['channelClass', 1n],
  ['refusal == ""', 1n],
  ['refusal', 0n],
  ['&rax', 1n],
  ['main', 0x100000n],
  ['[main]', 0x1716151413121110n],
  ['byte [main + 1]', 0x11n],
  ['word ptr [main]', 0x1110n],
  ['DWORD PTR [main]', 0x13121110n],
  ['-1', top],
  ['~0', top],
  ['!0', 1n],
  ['!!7', 1n],
  ['- -1', 1n],
  ['2 + 3 * 4', 14n],
  ['(2 + 3) * 4', 20n],
  ['7 / 2', 3n],
  ['7 % 4', 3n],
  ['10 - 4 - 3', 3n],
  ['1 << 63', 1n << 63n],
  ['1 << 64', 0n],
  ['-1 >> 60', 15n],
  ['1 | 2 ^ 3 & 1', 3n],
  ['1 < 2 == 1', 1n],
  ['0 && nosuch', 0n],
  ['1 || nosuch', 1n],
  ['-1 > 1', 1n],
];

const errors: readonly (readonly [text: string, message: RegExp])[] = [
  ['', /ends too early/],
  ['1 +', /ends too early/],
  ['1 2', /unexpected "2" at column 3/],
  ['0x', /unexpected "0x"/],
  ['12ab', /unexpected "12ab"/],
  ['(1', /ends too early/],
  ['byte 1', /needs an address in brackets/],
  ['& 1', /unexpected "1"/],
  ['$nosuch', /no register/],
  ['nosuch', /no register, symbol or field/],
  ['&nosuch', /no symbol/],
  ['[0]', /cannot read 8 bytes at 0x0/],
  ['1 / (1 - 1)', /division by zero/],
  ['5 % 0', /division by zero/],
  ["'ab'", /unexpected/],
  ['🙂', /unexpected/],
  ['"text"', /can be compared with it/],
  ['"text', /unexpected/],
  ['code == "nothing"', /no value of "code" is called "nothing"/],
  ['channelClass == 1', /compare it with one/],
];

describe('expressions', () => {
  for (const [text, value] of values) {
    it(`${text} is ${value}`, () => assert.equal(valueOf(text), value));
  }
  for (const [text, message] of errors) {
    it(`${JSON.stringify(text)} is refused`, () => assert.match(String(valueOf(text)), message));
  }

  it('never throw', () => {
    const pieces = [
      '1',
      'rax',
      '$',
      '[',
      ']',
      '(',
      ')',
      '+',
      '-',
      '&',
      '&&',
      "'",
      '"',
      '==',
      'code',
      '0x',
      ' ',
      'byte',
      '\u0000',
    ];
    const seed = 20_260_107;
    let state = seed;
    const next = (limit: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % limit;
    };
    for (let round = 0; round < 5000; round++) {
      let text = '';
      for (let count = next(12); count > 0; count--) text += pieces[next(pieces.length)] ?? '';
      assert.doesNotThrow(() => valueOf(text), `seed ${seed}, ${JSON.stringify(text)}`);
    }
  });
});
