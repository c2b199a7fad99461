// When the debug adapter is prepared for its first session.
import assert from 'node:assert/strict';
import {
  preparedFor,
  reasonNotToPrepare,
  type PreparationPlace,
  type ProgramAndEngine,
} from '../../../../src/debug/preparation-due';

const due: PreparationPlace = {
  isTrusted: true,
  isWanted: true,
  debugServerPort: 0,
  wanted: 'this version',
  done: undefined,
};

const program: ProgramAndEngine = {
  version: '0.1.0',
  size: 2000,
  changedMs: 1_000_000.25,
  versions: { v8: '11.3.244.8-node.38' },
  architecture: 'x64',
  nodeOptions: undefined,
};

describe('reasonNotToPrepare', () => {
  const rows: readonly (readonly [string, Partial<PreparationPlace>, RegExp | undefined])[] = [
    ['nothing was prepared', {}, undefined],
    ['another version was prepared', { done: 'another version' }, undefined],
    ['this version was prepared', { done: 'this version' }, /prepared before/],
    ['the workspace is not trusted', { isTrusted: false }, /not trusted/],
    ['the person does not want it', { isWanted: false }, /prepareOnActivation is off/],
    ['the adapter is a developer’s own', { debugServerPort: 4711 }, /one that you start/],
  ];
  for (const [where, place, reason] of rows) {
    it(`${reason === undefined ? 'prepares' : 'does not prepare'} where ${where}`, () => {
      const found = reasonNotToPrepare({ ...due, ...place });
      if (reason === undefined) assert.equal(found, undefined);
      else assert.match(found ?? '', reason);
    });
  }
});

describe('preparedFor', () => {
  it('is the same for the same program and engine', () => {
    assert.equal(preparedFor({ ...program }), preparedFor(program));
  });

  const others: readonly Partial<ProgramAndEngine>[] = [
    { version: '0.1.1' },
    { size: 2001 },
    { changedMs: 1_000_001 },
    { versions: { v8: '13.6.233.10' } },
    { versions: { ...program.versions, electron: '34.5.1' } },
    { architecture: 'arm64' },
    { nodeOptions: '--max-old-space-size=4096' },
  ];
  for (const other of others) {
    it(`is another one with ${JSON.stringify(other)}`, () => {
      assert.notEqual(preparedFor({ ...program, ...other }), preparedFor(program));
    });
  }
});
