/** Saved-state encoding: round trips, and refusal of damaged bytes. */
import assert from 'node:assert/strict';
import {
  decodeStateTree,
  encodeStateTree,
  type StateNode,
} from '../../../debug-adapter/support/state-tree';
import { StateRecord } from '../../../debug-adapter/support/state-record';
import { UserError } from '../../../debug-adapter/support/user-error';

const rows: readonly (readonly [string, StateNode])[] = [
  ['zero', 0],
  ['largest integer', Number.MAX_SAFE_INTEGER],
  ['smallest integer', Number.MIN_SAFE_INTEGER],
  ['zero bigint', 0n],
  ['wide bigint', (1n << 200n) + 5n],
  ['negative bigint', -12n],
  ['empty text', ''],
  ['text', 'Zürich \u{1f600}'],
  ['bytes', Uint8Array.of(1, 2, 255)],
  ['empty list', []],
  ['list', [1, 2n, 'three', [4]]],
  ['record', { a: 1, b: { c: [Uint8Array.of(7)] } }],
];

describe('state tree', () => {
  for (const [name, node] of rows) {
    it(`round trip: ${name}`, () => {
      assert.deepEqual(decodeStateTree(encodeStateTree(node)), node);
    });
  }

  it('has the same bytes in whatever order the fields of a record were set', () => {
    const one = { kind: 'x', action: 'y', inner: { a: 1, b: 2 } };
    const other = { inner: { b: 2, a: 1 }, action: 'y', kind: 'x' };
    assert.deepEqual(encodeStateTree(one), encodeStateTree(other));
  });

  it('every prefix and every flipped tag of an encoding is refused or decodes, and never throws otherwise', () => {
    const bytes = encodeStateTree({ list: [1, 2n, 'x', Uint8Array.of(9)], more: { deep: 3 } });
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decodeStateTree(bytes.subarray(0, length)), UserError, `${length} bytes`);
    }
    for (let at = 0; at < bytes.length; at++) {
      const hostile = bytes.slice();
      hostile[at] = (hostile[at] ?? 0) ^ 0xff;
      try {
        decodeStateTree(hostile);
      } catch (problem) {
        assert(problem instanceof UserError, `byte ${at}: ${String(problem)}`);
      }
    }
  });

  it('refuses bytes behind the end, nesting beyond the limit, and numbers that are no integers', () => {
    assert.throws(() => decodeStateTree(Uint8Array.of(...encodeStateTree(1), 0)), /follow its end/);
    let deep: StateNode = 1;
    for (let depth = 0; depth < 40; depth++) deep = [deep];
    assert.throws(() => decodeStateTree(encodeStateTree(deep)), /nested/);
    assert.throws(() => encodeStateTree(0.5), UserError);
  });
});

describe('state record', () => {
  const record = new StateRecord({ n: 1, b: 2n, s: 'x', u: Uint8Array.of(1), l: [1, 2] }, 'root');

  it('reads fields of the kind they have', () => {
    assert.equal(record.number('n'), 1);
    assert.equal(record.bigint('b'), 2n);
    assert.equal(record.string('s'), 'x');
    assert.equal(record.choice('s', ['', 'x']), 'x');
    assert.deepEqual(record.bytes('u', 1), Uint8Array.of(1));
    assert.deepEqual(record.numbers('l'), [1, 2]);
  });

  const refusals: readonly (readonly [string, () => unknown])[] = [
    ['missing field', () => record.number('nothing')],
    ['wrong kind', () => record.bigint('n')],
    ['a text that is none of the choices', () => record.choice('s', ['', 'y'])],
    ['wrong length', () => record.bytes('u', 2)],
    ['list of records that are none', () => record.records('l')],
    ['record that is none', () => record.record('n')],
    ['version', () => new StateRecord({ version: 2 }, 'x').expectVersion(1)],
  ];
  for (const [name, read] of refusals) {
    it(`refuses: ${name}`, () => assert.throws(read, UserError));
  }
});
