/** Fills the user's cache folder with what no guest decides: bytecode of this program, machine code of the interpreter. */
import { join } from 'node:path';
import { openHeadless } from '../debugger/open-target';
import { keepTranslatedCode, portsOfPreparation } from '../host/node-ports';
import { parseLaunchArguments } from '../launch/launch-arguments';
import { assert } from '../support/assert';

/** Many more than the sample guest takes. */
const maxSteps = 10_000_000;

/** Runs a sample guest unseen, and leaves for later processes what was compiled for that. */
export function prepareProgram(): void {
  // Beside the folder of the bundles.
  const program = join(__dirname, '../guests/hello-partition/hello-partition.elf');
  const run = openHeadless(parseLaunchArguments({ program }), portsOfPreparation);
  assert(run.advance(maxSteps) !== undefined, 'the sample guest comes to its end');
  keepTranslatedCode();
}
