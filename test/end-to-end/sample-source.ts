// Where things stand in the source of the sample that the walks use.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/vscode-host/paths.mjs';

const source = join(root, 'guests/hello-partition/hello-partition.s');
const lines = readFileSync(source, 'utf8').split('\n');

/** Line, from 1, of the first source line that contains `text`. */
export function lineOf(text: string): number {
  const index = lines.findIndex((line) => line.includes(text));
  assert.ok(index >= 0, `the sample contains ${text}`);
  return index + 1;
}
