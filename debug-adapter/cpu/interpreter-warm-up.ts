/**
 * Runs the interpreter a little before a guest needs it. The engine optimizes the large function behind it in the
 * background once it has run; until then it is several times slower. A machine that begins with this has loaded its
 * guest when the optimized code is ready.
 */
import type { CodeHost } from '../machine/code-space';
import { present } from '../support/assert';
import { createPartitionCores } from './processor-core-factory';
import { segmentOffsets } from './vmcs-offsets';

/** JMP to itself (SDM vol. 2A, JMP). */
const loop = Uint8Array.of(0xeb, 0xfe);
/** More than the engine waits for: it counts the bytes of code that a loop has passed. */
const steps = 5000;

const warmedUp = new WeakSet<CodeHost>();

/** Runs a partition that nobody sees; only once for each host of code, since partitions share the interpreter. */
export function warmUpInterpreter(codeHost: CodeHost, tlbEntries?: number): void {
  if (warmedUp.has(codeHost)) return;
  warmedUp.add(codeHost);
  const { memory, cores } = createPartitionCores(codeHost, {
    memoryBytes: 4096,
    processorCount: 1,
    hotCount: 0,
    ...(tlbEntries === undefined ? {} : { tlbEntries }),
  });
  memory.mapRam(0, 1);
  memory.write(0, loop);
  const core = present(cores[0], 'processor');
  core.state.writeU64(segmentOffsets.CS.limit, 0xffffn);
  core.stateWasEdited();
  core.run(steps, 0);
}
