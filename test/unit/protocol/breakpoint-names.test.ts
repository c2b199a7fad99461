// The generated names are those of the specification tables.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { breakpointNamesSource } from '../../../scripts/generate-breakpoint-names.mjs';

it('breakpoint names are generated from the present tables', async () => {
  const file = new URL('../../../debug-adapter/protocol/breakpoint-names.ts', import.meta.url);
  assert.equal(
    readFileSync(file, 'utf8'),
    await breakpointNamesSource(),
    'run: node scripts/generate-breakpoint-names.mjs',
  );
});
