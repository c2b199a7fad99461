// Which nodes of a tree view are drawn anew: those whose rows or children are others, and no more.
import assert from 'node:assert/strict';
import { changedNodes, type ShownTree } from '../../../../src/views/shown-tree';

/** Names with what their rows say, and those below them. */
type Rows = Readonly<Record<string, readonly [face: string, children?: readonly string[]]>>;

function tree(top: readonly string[], rows: Rows): ShownTree<string> {
  const shown = Object.entries(rows).map(
    ([node, [face, children = []]]) => [node, { node, face, children }] as const,
  );
  return { top, shown: new Map(shown) };
}

const guest: Rows = {
  guest: ['vmlinuz', ['processor', 'disks']],
  processor: ['running'],
  disks: ['1', ['disk']],
  disk: ['attached'],
};
const before = tree(['guest'], guest);

const cases: readonly {
  readonly what: string;
  readonly after: ShownTree<string>;
  readonly drawn: 'all' | readonly string[];
}[] = [
  { what: 'nothing where nothing has changed', after: tree(['guest'], guest), drawn: [] },
  {
    what: 'a row that says something else, not its neighbours',
    after: tree(['guest'], { ...guest, processor: ['halted'] }),
    drawn: ['processor'],
  },
  {
    what: 'the node above one that is new',
    after: tree(['guest'], { ...guest, disks: ['1', ['disk', 'other']], other: ['attached'] }),
    drawn: ['disks'],
  },
  {
    what: 'the node above one that is gone',
    after: tree(['guest'], { ...guest, disks: ['1'] }),
    drawn: ['disks'],
  },
  {
    what: 'the node above nodes in another order',
    after: tree(['guest'], { ...guest, guest: ['vmlinuz', ['disks', 'processor']] }),
    drawn: ['guest'],
  },
  { what: 'all where the top is gone', after: tree([], {}), drawn: 'all' },
  {
    what: 'all where something new is at the top',
    after: tree(['guest', 'other'], { ...guest, other: ['vmlinuz'] }),
    drawn: 'all',
  },
];

describe('changes of a tree view', () => {
  for (const { what, after, drawn } of cases) {
    it(`draw ${what}`, () => assert.deepEqual(changedNodes(before, after), drawn));
  }
});
