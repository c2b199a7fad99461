// `npm run nightly:machines`: random programs on whole machines in every manner, with equal state hashes; what failed is kept.
// Options: --seed=N (from the day), --minutes=N (60), --steps=N of each machine (200,000).
import { appendFileSync, mkdirSync } from 'node:fs';
import { compareManners, machineManners } from '../support/random-machine-manners';

const folder = 'out/nightly';
const dayMs = 86_400_000;

function option(name: string, otherwise: number): number {
  const given = process.argv.find((text) => text.startsWith(`--${name}=`));
  return given === undefined ? otherwise : Number(given.slice(name.length + 3));
}

const first = option('seed', Math.floor(Date.now() / dayMs) * 10_000);
const endMs = Date.now() + option('minutes', 60) * 60_000;
const steps = option('steps', 200_000);
mkdirSync(folder, { recursive: true });
let [machines, taken, exits, failures] = [0, 0, 0, 0];
for (let seed = first; Date.now() < endMs; seed++, machines++) {
  const outcome = compareManners(seed, steps);
  taken += outcome.steps;
  exits += outcome.exits;
  for (const problem of outcome.different) {
    failures++;
    appendFileSync(`${folder}/machines.jsonl`, `${JSON.stringify({ seed, steps, problem })}\n`);
    console.log(`failure: seed ${seed}, ${problem}`);
  }
}
console.log(
  `seeds from ${first}: ${machines} machines, each in ${machineManners.length + 1} manners; ` +
    `${taken} steps and ${exits} exits of each manner; ${failures} differences`,
);
if (failures > 0) process.exitCode = 1;
