// `npm run nightly:hypercalls`: random hypercalls, half of them mutated from valid ones, and which statuses came.
// Options: --calls=N (1,000,000), --seed=N (the day), --caller=guest or --caller=parent (both, one behind the other).
import {
  neverGiven,
  possibleParentStatuses,
  runRandomParentCalls,
} from '../unit/hypervisor/hypercalls/parent/random-parent-calls';
import {
  possibleStatuses,
  runRandomHypercalls,
} from '../unit/hypervisor/hypercalls/random-hypercalls';

const dayMs = 86_400_000;
const batch = 50_000;

function optionText(name: string): string | undefined {
  const given = process.argv.find((text) => text.startsWith(`--${name}=`));
  return given?.slice(name.length + 3);
}

const option = (name: string, otherwise: number): number => Number(optionText(name) ?? otherwise);

const callers = [
  { name: 'guest', run: runRandomHypercalls, possible: possibleStatuses(), never: new Map() },
  {
    name: 'parent',
    run: runRandomParentCalls,
    possible: possibleParentStatuses(),
    never: neverGiven,
  },
];
const only = optionText('caller');
const calls = option('calls', 1_000_000);
const seed = option('seed', Math.floor(Date.now() / dayMs));
console.log(`seed ${seed}`);
for (const { name, run, possible, never } of callers) {
  if (only !== undefined && only !== name) continue;
  const counts = new Map<string, number>();
  for (let done = 0, n = 0; done < calls; done += batch, n++) {
    const part = run(seed + n, Math.min(batch, calls - done));
    for (const [pair, count] of part) counts.set(pair, (counts.get(pair) ?? 0) + count);
  }
  for (const pair of possible) {
    console.log(`${counts.get(pair) ?? never.get(pair) ?? 'not hit'}\t${pair}`);
  }
  const hit = possible.filter((pair) => counts.has(pair)).length;
  const excused = possible.filter((pair) => never.has(pair)).length;
  console.log(
    `${name}: ${calls} calls, ${hit} of ${possible.length} pairs of call and status` +
      (excused === 0 ? '' : `, ${excused} of them never given`),
  );
}
