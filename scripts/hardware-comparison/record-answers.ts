/** Runs the comparison on this computer's processor and stores a guest image with hashes of the answers. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sampleGuest } from '../../debug-adapter/spec/sample-guest';
import { instructionForms } from './forms';
import { comparisonProgram, operandSetCount, recordBytes } from './program';

const root = fileURLToPath(new URL('../../', import.meta.url));
const fixture = join(root, 'test/fixtures/hardware-comparison');

/** A hash for each form over its records with all sets of operands, in order. */
export function hashesByForm(results: Uint8Array): string[] {
  return instructionForms.map((_, form) => {
    const hash = createHash('sha256');
    for (let set = 0; set < operandSetCount; set++) {
      const at = (set * instructionForms.length + form) * recordBytes;
      hash.update(results.subarray(at, at + recordBytes));
    }
    return hash.digest('hex').slice(0, 16);
  });
}

function record(): void {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('The answers come from an x86-64 processor under Linux; run this there.');
  }
  const scratch = mkdtempSync(join(tmpdir(), 'comparison-'));
  const run = (tool: string, ...args: string[]): Buffer =>
    execFileSync(tool, args, { cwd: scratch, maxBuffer: 1 << 28 });
  writeFileSync(join(scratch, 'program.s'), comparisonProgram());
  run('as', '--64', '--defsym', 'NATIVE=1', '-o', 'native.o', 'program.s');
  run('ld', '-o', 'native', 'native.o');
  const hashes = hashesByForm(run(join(scratch, 'native')));

  const loadGpa = `LOAD_GPA=0x${sampleGuest.loadGpa.toString(16)}`;
  const script = join(root, 'guests/sample-guest.ld');
  run('as', '--64', '-o', 'guest.o', 'program.s');
  const layout = ['-z', 'separate-code', '-z', 'max-page-size=4096', '-T', script];
  run('ld', '--build-id=none', ...layout, '--defsym', loadGpa, '-o', 'guest.elf', 'guest.o');
  const results = /^([0-9a-f]+) . results$/m.exec(run('nm', 'guest.elf').toString())?.[1];
  if (results === undefined) throw new Error('The guest image has no symbol named results.');
  run('strip', '-s', 'guest.elf');

  mkdirSync(fixture, { recursive: true });
  copyFileSync(join(scratch, 'guest.elf'), join(fixture, 'guest.elf'));
  const forms = instructionForms.map(({ code }, index) => ({ code, answer: hashes[index] }));
  const answers = { resultsGpa: parseInt(results, 16), forms };
  writeFileSync(join(fixture, 'answers.json'), `${JSON.stringify(answers, null, 2)}\n`);
  rmSync(scratch, { recursive: true });
  console.log(`${forms.length} forms, ${operandSetCount} sets of operands each`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) record();
