/**
 * Runs the interpreter a little before a guest needs it. The engine optimizes the large function behind it in the
 * background once it has run; until then it is several times slower. A machine that begins with this has loaded its
 * guest when the optimized code is ready. Where an earlier process has left that code there is nothing to wait for.
 */
import type { CodeHost } from '../machine/code-space';
import { present } from '../support/assert';
import { dataTlbEntriesMax } from './memory-map';
import { createPartitionCores, interpreterOf } from './processor-core-factory';
import { segmentOffsets } from './vmcs-offsets';

/** Its handler is in the hot function; a jump's, in this mode, is not, and no other is to be optimized for it. */
const nop = 0x90;
const nops = 250;
/** Together more than the engine waits for: it counts the bytes of code that a loop has passed. */
const runs = 16;

const pageBytes = 4096;

const warmedUp = new WeakSet<CodeHost>();

/**
 * Runs a partition that nobody sees; only once for each host of code, since partitions share the interpreter.
 * @returns how many steps it made
 */
export function warmUpInterpreter(codeHost: CodeHost, tlbEntries = dataTlbEntriesMax): number {
  if (warmedUp.has(codeHost)) return 0;
  warmedUp.add(codeHost);
  if (codeHost.isOptimized?.(interpreterOf(codeHost, tlbEntries)) === true) return 0;
  const { memory, cores } = createPartitionCores(codeHost, {
    memoryBytes: pageBytes,
    processorCount: 1,
    hotCount: 0,
    tlbEntries,
  });
  memory.mapRam(0, 1);
  memory.write(0, new Uint8Array(nops).fill(nop));
  const core = present(cores[0], 'processor');
  core.state.writeU64(segmentOffsets.CS.limit, 0xffffn);
  core.stateWasEdited();
  let steps = 0;
  for (let run = 0; run < runs; run++) {
    core.state.rip = 0n;
    steps += core.run(nops, 0).steps;
  }
  return steps;
}
