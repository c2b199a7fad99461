/**
 * Runs the interpreter a little before a guest needs it. The engine optimizes the large function behind it in the
 * background once it has run; until then it is several times slower. A machine that begins with this has loaded its
 * guest when the optimized code is ready.
 */
import type { CodeHost } from '../machine/code-space';
import { present } from '../support/assert';
import { createPartitionCores } from './processor-core-factory';
import { segmentOffsets } from './vmcs-offsets';

/** NOP: its handler is in the hot function itself, and no other is to be optimized for it. */
const instruction = 0x90;
/** Less than a page of them, and more than the engine waits for: it counts the bytes of code that a loop has passed. */
const steps = 4000;

const pageBytes = 4096;

const warmedUp = new WeakSet<CodeHost>();

/**
 * Runs a partition that nobody sees; only once for each host of code, since partitions share the interpreter.
 * @returns how many steps it made
 */
export function warmUpInterpreter(codeHost: CodeHost, tlbEntries?: number): number {
  if (warmedUp.has(codeHost)) return 0;
  warmedUp.add(codeHost);
  const { memory, cores } = createPartitionCores(codeHost, {
    memoryBytes: pageBytes,
    processorCount: 1,
    hotCount: 0,
    ...(tlbEntries === undefined ? {} : { tlbEntries }),
  });
  memory.mapRam(0, 1);
  memory.write(0, new Uint8Array(pageBytes).fill(instruction));
  const core = present(cores[0], 'processor');
  core.state.writeU64(segmentOffsets.CS.limit, 0xffffn);
  core.stateWasEdited();
  return core.run(steps, 0).steps;
}
