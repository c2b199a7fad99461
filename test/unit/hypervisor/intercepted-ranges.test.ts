// Ranges whose accesses the parent sees: what was found last is forgotten with its range.
import assert from 'node:assert/strict';
import { InterceptedRanges } from '../../../debug-adapter/hypervisor/intercepted-ranges';

describe('intercepted ranges', () => {
  function made(): InterceptedRanges {
    const ranges = new InterceptedRanges();
    ranges.add(0x20, 2);
    ranges.add(0x3f8, 8);
    assert.ok(ranges.has(0x3fd));
    return ranges;
  }

  it('have their own numbers only, in any order', () => {
    const ranges = made();
    const asked = [0x3f7, 0x3f8, 0x3ff, 0x400, 0x1f, 0x20, 0x21, 0x22];
    const found = asked.filter((number) => ranges.has(number));
    assert.deepEqual(found, [0x3f8, 0x3ff, 0x20, 0x21]);
  });

  it('are gone once they are removed', () => {
    const ranges = made();
    ranges.remove(0x3f8, 8);
    assert.ok(!ranges.has(0x3fd));
    assert.ok(ranges.has(0x20));
  });

  it('stay where a removal names no range', () => {
    const ranges = made();
    ranges.remove(0x3f8, 4);
    assert.ok(ranges.has(0x3fd));
  });

  it('are gone once all are cleared, or others restored', () => {
    const cleared = made();
    cleared.clear();
    assert.ok(!cleared.has(0x3fd));
    const restored = made();
    assert.ok(restored.restore([0x60, 0x61]));
    assert.ok(!restored.has(0x3fd));
    assert.ok(restored.has(0x60));
  });
});
