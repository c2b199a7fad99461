// `npm run nightly:hypercalls`: random hypercalls, half of them mutated from valid ones, and which statuses came.
// Options: --calls=N (1,000,000), --seed=N (the day).
import {
  possibleStatuses,
  runRandomHypercalls,
} from '../unit/hypervisor/hypercalls/random-hypercalls';

const dayMs = 86_400_000;
const batch = 50_000;

function option(name: string, otherwise: number): number {
  const given = process.argv.find((text) => text.startsWith(`--${name}=`));
  return given === undefined ? otherwise : Number(given.slice(name.length + 3));
}

const calls = option('calls', 1_000_000);
const seed = option('seed', Math.floor(Date.now() / dayMs));
console.log(`seed ${seed}`);
const counts = new Map<string, number>();
for (let done = 0, n = 0; done < calls; done += batch, n++) {
  const part = runRandomHypercalls(seed + n, Math.min(batch, calls - done));
  for (const [pair, count] of part) counts.set(pair, (counts.get(pair) ?? 0) + count);
}
const possible = possibleStatuses();
for (const pair of possible) console.log(`${counts.get(pair) ?? 'not hit'}\t${pair}`);
const hit = possible.filter((pair) => counts.has(pair)).length;
console.log(`${calls} calls, ${hit} of ${possible.length} pairs of call and status`);
