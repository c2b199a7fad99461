// `npm run hardware-cases [-- FILE…]`: recorded cases on the interpreter and the translator, counted by family.
import { readdirSync } from 'node:fs';
import { readNativeCases } from '../support/native-cases';
import { CaseReporter, totalOf, type FamilyCounts } from '../support/native-report';
import { textTable } from '../support/text-table';

const recorded = 'test/native-cpu';
const failuresShown = 40;

/** The recordings of the repository; files of the same form may be given instead. */
function filesGiven(): string[] {
  const given = process.argv.slice(2);
  if (given.length > 0) return given;
  return readdirSync(recorded)
    .filter((name) => name.endsWith('.jsonl.gz'))
    .map((name) => `${recorded}/${name}`);
}

function row(name: string, counts: FamilyCounts): string[] {
  const { cases, passed, translated, failed, notOffered, undefinedOpcode } = counts;
  const numbers = [cases, passed, translated, failed, notOffered, undefinedOpcode];
  return [name, ...numbers.map((value) => (value === 0 ? '' : value.toLocaleString('en')))];
}

const reporter = new CaseReporter();
for (const file of filesGiven()) {
  for (const test of readNativeCases(file)) reporter.add(test);
}
const { families, failures } = reporter.report;
const head = [
  'family',
  'cases',
  'passed',
  'in translated code',
  'failed',
  'not offered',
  'raise #UD',
];
const sorted = [...families].sort(([a], [b]) => a.localeCompare(b));
const rows = sorted.map(([name, counts]) => row(name, counts));
console.log(textTable([head, ...rows, row('all', totalOf(families))]));
for (const failure of failures.slice(0, failuresShown)) console.log(failure);
if (failures.length > 0) process.exitCode = 1;
