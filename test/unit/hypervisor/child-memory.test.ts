/** The parent's access to the memory of a child: by the rights of each page, whole or not at all. */
import assert from 'node:assert/strict';
import { Hypervisor } from '../../../debug-adapter/hypervisor/hypervisor';
import { defaultPrivileges } from '../../../debug-adapter/hypervisor/partition';
import {
  rightExecute,
  rightRead,
  rightsAll,
  rightWrite,
} from '../../../debug-adapter/machine/guest-memory';
import { defaultCosts } from '../../../debug-adapter/system/virtual-time-costs';
import { RunLoop } from '../../../debug-adapter/system/run-loop';
import { TraceLog } from '../../../debug-adapter/system/trace-log';
import { scriptedPartition } from './scripted-core';

const firstPage = 0x10000;

function childWith(...rights: readonly number[]) {
  const { partition } = scriptedPartition(defaultPrivileges);
  const hypervisor = new Hypervisor(new RunLoop(defaultCosts, new TraceLog()));
  hypervisor.addPartition(partition);
  rights.forEach((right, index) => {
    if (right === 0) partition.memory.unmap(firstPage + index, 1);
    else partition.memory.mapRam(firstPage + index, 1, right);
  });
  return { hypervisor, id: partition.id };
}

describe('memory of a child', () => {
  const crossing = firstPage * 4096 + 4094;
  const rows: readonly (readonly [string, readonly number[], boolean, boolean])[] = [
    ['two pages of RAM', [rightsAll, rightsAll], true, true],
    ['a read-only second page', [rightsAll, rightRead], true, false],
    ['a write-only first page', [rightWrite, rightsAll], false, true],
    ['an execute-only page', [rightExecute, rightsAll], false, false],
    ['a page that is not mapped', [rightsAll, 0], false, false],
  ];
  for (const [name, rights, readable, writable] of rows) {
    it(`of ${name}: ${readable ? '' : 'not '}read, ${writable ? '' : 'not '}written`, () => {
      const { hypervisor, id } = childWith(...rights);
      const source = Uint8Array.of(1, 2, 3, 4);
      assert.equal(hypervisor.writeChildMemory(id, crossing, source), writable);
      const target = Uint8Array.of(9, 9, 9, 9);
      assert.equal(hypervisor.readChildMemory(id, crossing, target), readable);
      const expected = !readable ? [9, 9, 9, 9] : writable ? [1, 2, 3, 4] : [0, 0, 0, 0];
      assert.deepEqual([...target], expected);
    });
  }
});
