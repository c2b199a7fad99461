/** What a person may type to change the rights to guest pages. */
import assert from 'node:assert/strict';
import { parsePageRights, type PageRights } from '../../../../src/presentation/page-rights-text';

describe('page rights text', () => {
  const rows: readonly (readonly [text: string, expected: PageRights | undefined])[] = [
    ['0x123000 4 r--', { gpa: '0x123000', pages: 4, access: 'r--' }],
    [' 0x0  RWX ', { gpa: '0x0', pages: 1, access: 'rwx' }],
    ['0x000 2 ---', { gpa: '0x000', pages: 2, access: '---' }],
    ['0x123000 0 r--', undefined],
    ['0x123008 1 r--', undefined],
    ['0x123000 1 --x', undefined],
    ['0x123000 -1 r--', undefined],
    ['123000 1 r--', undefined],
    ['0x123000', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of rows) {
    it(`"${text}"`, () => assert.deepEqual(parsePageRights(text), expected));
  }
});
