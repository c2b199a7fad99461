/** Trees of fields: parts of variable size, unions, text; and that no bytes make the reader leave them. */
import assert from 'node:assert/strict';
import { bit, bits } from '../../../debug-adapter/support/bit-field';
import {
  structField as f,
  structLayout,
  type StructLayout,
} from '../../../debug-adapter/support/struct-layout';
import { decodeTree, restNode, type StructNode } from '../../../debug-adapter/support/struct-tree';
import { readValues } from '../../../debug-adapter/support/struct-values';
import { structVariants } from '../../../debug-adapter/support/struct-variants';

const range = structLayout('Range', [f('Length', 'u16', 0), f('Offset', 'u16', 2)], 4, [
  {
    kind: 'elements',
    name: 'Pages',
    element: structLayout('Page', [f('Pfn', 'u64', 0)], 8),
    count: { kind: 'pages', length: 'Length', offset: 'Offset' },
  },
]);
const ranges = structLayout('Ranges', [f('Count', 'u8', 0), f('Pad', 'u8', 1)], 2, [
  { kind: 'elements', name: 'Ranges', element: range, count: { kind: 'field', field: 'Count' } },
]);
const text = structLayout(
  'Text',
  [
    f('Id', { bytes: 16 }, 0, { kind: 'guid' }),
    f('Name', { bytes: 6 }, 16, { kind: 'utf16' }),
    f('Delta', 'u16', 22, { kind: 'signed' }),
  ],
  24,
);
const flags = structLayout(
  'Flags',
  [f('Flags', 'u8', 0, { kind: 'bits', bits: [bit(0, 'On'), bits(3, 1, 'Mode', { 2: 'Fast' })] })],
  1,
);
const message = structLayout(
  'Message',
  [f('Type', 'u8', 0, { kind: 'values', names: { 1: 'Ranges', 2: 'Text' } })],
  1,
  [
    {
      kind: 'choice',
      by: 'Type',
      cases: new Map([
        [1, ranges],
        [2, text],
        [3, flags],
      ]),
    },
  ],
);

const rangesBytes = Uint8Array.from([
  ...[1, 2, 0],
  ...[0x01, 0x10, 0xff, 0x0f, 5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0],
  ...[0x10, 0x00, 0x00, 0x00, 7, 0, 0, 0, 0, 0, 0, 0],
]);
const textBytes = Uint8Array.from([
  2,
  ...Array.from({ length: 16 }, (_, index) => index),
  ...[0x41, 0, 0xe4, 0, 0, 0],
  ...[0xfe, 0xff],
]);

const named = (nodes: readonly StructNode[], name: string): StructNode => {
  const node = nodes.find((each) => each.name === name);
  assert(node, name);
  return node;
};

/** Nothing lies outside the bytes, and children lie within what they are of. */
function checkPlaces(nodes: readonly StructNode[], start: number, end: number): void {
  for (const node of nodes) {
    assert(node.offset >= start && node.offset + node.sizeBytes <= end, node.name);
    checkPlaces(node.children, node.offset, node.offset + node.sizeBytes);
  }
}

describe('tree of a structure', () => {
  it('counts the pages that a range touches', () => {
    const { nodes, end } = decodeTree(message, rangesBytes);
    assert.equal(end, rangesBytes.length);
    const [first, second] = named(nodes, 'Ranges').children;
    assert(first && second);
    const pages = (of: StructNode): unknown[] =>
      named(of.children, 'Pages').children.map(({ value }) => value);
    assert.deepEqual(pages(first), [5n, 6n]);
    assert.deepEqual(pages(second), [7n]);
    assert.equal(second.offset, 23);
  });

  it('reads GUIDs, text and negative numbers', () => {
    const { nodes } = decodeTree(message, textBytes);
    assert.equal(named(nodes, 'Type').valueName, 'Text');
    assert.equal(named(nodes, 'Id').value, '03020100-0504-0706-0809-0a0b0c0d0e0f');
    assert.equal(named(nodes, 'Name').value, 'A\u00e4');
    assert.equal(named(nodes, 'Delta').value, -2n);
  });

  it('takes bit fields apart and names their values', () => {
    const { nodes } = decodeTree(message, Uint8Array.of(3, 5));
    const [on, mode] = named(nodes, 'Flags').children;
    assert.equal(on?.value, 1n);
    assert.equal(mode?.valueName, 'Fast');
  });

  it('leaves what it does not know as bytes', () => {
    const bytes = Uint8Array.of(9, 1, 2, 3);
    const { nodes, end } = decodeTree(message, bytes);
    assert.equal(nodes.length, 1);
    const [rest] = restNode(bytes, end);
    assert.deepEqual([rest?.name, rest?.offset, rest?.sizeBytes], ['Rest', 1, 3]);
  });

  it('asks structures around it for the value of a choice', () => {
    const outer: StructLayout = structLayout('Answer', [], 0, [
      { kind: 'choice', by: 'Request.Type', cases: new Map([[3, flags]]) },
    ]);
    const scope = (name: string): bigint | undefined => (name === 'Request.Type' ? 3n : undefined);
    assert.equal(decodeTree(outer, Uint8Array.of(1), 0, scope).nodes[0]?.name, 'Flags');
    assert.equal(decodeTree(outer, Uint8Array.of(1)).nodes.length, 0);
  });

  for (const [name, layout, valid] of [
    ['lists', ranges, rangesBytes.subarray(1)],
    ['text', text, textBytes.subarray(1)],
    ['union', message, rangesBytes],
  ] as const) {
    it(`${name}: no variant leads outside the bytes`, () => {
      const variants = structVariants(layout, valid);
      assert(variants.length > 5);
      for (const { bytes } of variants) {
        const { nodes, end } = decodeTree(layout, bytes);
        assert(end <= bytes.length);
        checkPlaces(nodes, 0, bytes.length);
        readValues(layout, bytes);
      }
    });
  }

  it('makes no more nodes than a screen could use of a list without end', () => {
    const endless = structLayout('Endless', [], 0, [
      { kind: 'elements', name: 'Bytes', element: flags, count: { kind: 'rest' } },
    ]);
    const { nodes } = decodeTree(endless, new Uint8Array(100_000));
    assert.equal(nodes[0]?.children.length, 1024);
  });
});

describe('values of a structure', () => {
  it('are found through choices, with the layout that names them', () => {
    const values = readValues(message, textBytes);
    assert.equal(values.get('Type')?.value, 2n);
    assert.equal(values.get('Id')?.value, '03020100-0504-0706-0809-0a0b0c0d0e0f');
    assert.equal(values.get('Delta')?.layout, text);
  });

  it('are those that the bytes reach', () => {
    assert.deepEqual([...readValues(message, textBytes.subarray(0, 20)).keys()], ['Type', 'Id']);
  });
});
