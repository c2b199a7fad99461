// The processor agrees with a real one: registers, memory and defined flags of every integer instruction form.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import { configureSingleGuest } from '../../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { instructionForms } from '../../../scripts/hardware-comparison/forms';
import { operandSetCount, recordBytes } from '../../../scripts/hardware-comparison/program';
import { hashesByForm } from '../../../scripts/hardware-comparison/record-answers';

interface Answers {
  readonly resultsGpa: number;
  readonly forms: readonly { readonly code: string; readonly answer: string }[];
}

const fixture = fileURLToPath(new URL('../../fixtures/hardware-comparison/', import.meta.url));
// The file is written by scripts/hardware-comparison/record-answers.ts and belongs to this repository.
const answers = JSON.parse(readFileSync(`${fixture}answers.json`, 'utf8')) as Answers;

/** Results of the comparison's guest, run to its end. */
function runComparison(): Uint8Array {
  const image = {
    path: 'hardware-comparison.elf',
    bytes: new Uint8Array(readFileSync(`${fixture}guest.elf`)),
  };
  const machine = new PhysicalMachine(
    configureSingleGuest({ name: 'comparison', memoryBytes: 1 << 26, image, commandLine: '' }),
    { codeHost: webAssemblyCodeHost },
  );
  const { stop } = machine.run({ maxSteps: 20_000_000 });
  assert.equal(stop.kind, 'halted');
  const bytes = instructionForms.length * operandSetCount * recordBytes;
  const results = machine.guests[0]?.memory.read(answers.resultsGpa, bytes);
  assert.ok(results !== undefined);
  return results;
}

describe('comparison with a real processor', () => {
  it('was recorded with the present list of forms', () => {
    assert.deepEqual(
      answers.forms.map(({ code }) => code),
      instructionForms.map(({ code }) => code),
      'run: node --import tsx scripts/hardware-comparison/record-answers.ts',
    );
  });

  it(`has no difference in ${instructionForms.length} forms with ${operandSetCount} sets of operands`, () => {
    const hashes = hashesByForm(runComparison());
    const different = answers.forms.filter(({ answer }, index) => answer !== hashes[index]);
    assert.deepEqual(
      different.map(({ code }) => code),
      [],
    );
  }).timeout(30_000);
});
