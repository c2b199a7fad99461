// Where includes are found, and which version of a file counts.
import assert from 'node:assert/strict';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { Workspace, type FileReader } from '../../../../../src/language/server/workspace';

/** A disk that counts how often each file is read. */
class PretendedDisk implements FileReader {
  readonly reads: string[] = [];

  constructor(private readonly files: Record<string, string>) {}

  read(uri: string): { text: string; version: string } | undefined {
    const text = Object.hasOwn(this.files, uri) ? this.files[uri] : undefined;
    if (text !== undefined) this.reads.push(uri);
    return text === undefined ? undefined : { text, version: text };
  }

  write(uri: string, text: string): void {
    this.files[uri] = text;
  }
}

function openIn(workspace: Workspace, uri: string, text: string): void {
  workspace.update(TextDocument.create(uri, 'hyperscope-asm', 1, text));
}

/** URI of the including file, what it includes, the file that exists, whether it is found. */
const rows: readonly (readonly [string, string, string, boolean])[] = [
  ['file:///w/g/a.s', 'n.inc', 'file:///w/g/n.inc', true],
  ['file:///w/g/a.s', 'n.inc', 'file:///w/include/n.inc', true],
  ['file:///w/g/a.s', 'n.inc', 'file:///w/g/include/n.inc', true],
  ['file:///w/own/a.s', 'n.inc', 'file:///w/guests/include/n.inc', true],
  ['file:///w/own/a.s', 'guests/include/n.inc', 'file:///w/guests/include/n.inc', true],
  ['file:///w/g/a.s', '../x/n.inc', 'file:///w/x/n.inc', true],
  ['file:///w/g/a.s', 'my file.inc', 'file:///w/g/my%20file.inc', true],
  ['file:///w/g/a.s', 'n.inc', 'file:///n.inc', false],
  ['file:///w/g/a.s', '', 'file:///w/g/', false],
  ['untitled:Untitled-1', 'n.inc', 'file:///w/n.inc', false],
];

describe('include files', () => {
  for (const [uri, path, existing, isFound] of rows) {
    it(`${path} of ${uri} is ${isFound ? '' : 'not '}found at ${existing}`, () => {
      const workspace = new Workspace(new PretendedDisk({ [existing]: 'X = 1' }));
      openIn(workspace, uri, `.include "${path}"`);
      assert.equal(workspace.program(uri)?.isComplete, isFound);
    });
  }

  it('are taken from the editor where they are open there', () => {
    const workspace = new Workspace(new PretendedDisk({ 'file:///w/n.inc': 'X = 1' }));
    openIn(workspace, 'file:///w/a.s', '.include "n.inc"');
    assert.equal(workspace.program('file:///w/a.s')?.valueOf('X'), 1n);
    openIn(workspace, 'file:///w/n.inc', 'X = 2');
    assert.equal(workspace.program('file:///w/a.s')?.valueOf('X'), 2n);
    workspace.close('file:///w/n.inc');
    assert.equal(workspace.program('file:///w/a.s')?.valueOf('X'), 1n);
  });

  it('are read again when they change', () => {
    const disk = new PretendedDisk({ 'file:///w/n.inc': 'X = 1' });
    const workspace = new Workspace(disk);
    openIn(workspace, 'file:///w/a.s', '.include "n.inc"');
    assert.equal(workspace.program('file:///w/a.s')?.valueOf('X'), 1n);
    disk.write('file:///w/n.inc', 'X = 3');
    assert.equal(workspace.program('file:///w/a.s')?.valueOf('X'), 3n);
  });

  it('may include each other', () => {
    const files = {
      'file:///w/n.inc': '.include "m.inc"',
      'file:///w/m.inc': '.include "n.inc"\nY = 5',
    };
    const workspace = new Workspace(new PretendedDisk(files));
    openIn(workspace, 'file:///w/a.s', '.include "n.inc"');
    const program = workspace.program('file:///w/a.s');
    assert.deepEqual([program?.files.length, program?.valueOf('Y')], [3, 5n]);
  });
});
