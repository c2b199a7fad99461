// UTF-8, base64 and the search for the name that was meant.
import assert from 'node:assert/strict';
import { decodeBase64, encodeBase64 } from '../../../debug-adapter/support/base64';
import { nearestName } from '../../../debug-adapter/support/nearest-name';
import { decodeUtf8, encodeUtf8 } from '../../../debug-adapter/support/utf8';

/** Deterministic bytes. */
function sample(length: number): Uint8Array {
  let state = 7;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

describe('UTF-8', () => {
  it('encodes and decodes as the platform does', () => {
    for (const text of ['', 'abc', 'üß', '世界', '🙂', '\u0000\u007f\u0080\u07ff\u0800\uffff']) {
      assert.deepEqual(encodeUtf8(text), new TextEncoder().encode(text));
      assert.equal(decodeUtf8(encodeUtf8(text)), text);
    }
  });

  it('never throws on malformed bytes', () => {
    for (let length = 0; length < 200; length++) {
      assert.equal(typeof decodeUtf8(sample(length)), 'string');
    }
  });
});

describe('base64', () => {
  it('encodes and decodes as the platform does', () => {
    for (let length = 0; length < 70; length++) {
      const bytes = sample(length);
      const text = Buffer.from(bytes).toString('base64');
      assert.equal(encodeBase64(bytes), text);
      assert.deepEqual(decodeBase64(text), bytes);
      assert.deepEqual(decodeBase64(text.replace(/=+$/, '')), bytes);
    }
  });

  for (const text of ['!', 'a', 'abc=d', '=', 'ab=', 'abcde', 'ab cd']) {
    it(`refuses ${text}`, () => assert.equal(decodeBase64(text), undefined));
  }
});

describe('nearest name', () => {
  const known = ['CPUID', 'HLT', 'EPT_VIOLATION', 'HvCallPostMessage', 'HvCallSignalEvent'];
  const rows: readonly (readonly [name: string, nearest: string | undefined])[] = [
    ['CPUD', 'CPUID'],
    ['cpiud', 'CPUID'],
    ['EPT', undefined],
    ['EPT_VIOLATON', 'EPT_VIOLATION'],
    ['PostMessage', 'HvCallPostMessage'],
    ['HvCallSignalEvnt', 'HvCallSignalEvent'],
    ['completely different', undefined],
    ['', undefined],
  ];
  for (const [name, nearest] of rows) {
    it(`of "${name}" is ${nearest ?? 'none'}`, () =>
      assert.equal(nearestName(name, known), nearest));
  }
});
