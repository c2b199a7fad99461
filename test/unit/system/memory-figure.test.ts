// A guest costs what it touches, not what it has: the whole process stays small with 3.5 GiB of RAM.
import assert from 'node:assert/strict';
import { measureMemory, memoryLimitMiB } from '../../../scripts/benchmark/memory-figure';

describe('memory of the process', () => {
  it(`stays under ${memoryLimitMiB} MiB for a guest of 3.5 GiB that touches 64 MiB`, () => {
    const { guestMiB, touchedMiB, peakMiB } = measureMemory();
    assert.deepEqual([guestMiB, touchedMiB], [3584, 64]);
    assert.ok(peakMiB < memoryLimitMiB, `${peakMiB} MiB`);
  }).timeout(120_000);
});
