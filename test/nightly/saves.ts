// `npm run nightly:saves`: every hostile change of every leaf of saved machines and guests; each is refused, or gives a machine that runs.
// Options: --seed=N (the day), --percent=N of the leaves (100).
import { savedMachines, savedSubjects, tryHostileSaves } from '../support/hostile-saves';

const dayMs = 86_400_000;

function option(name: string, otherwise: number): number {
  const given = process.argv.find((text) => text.startsWith(`--${name}=`));
  return given === undefined ? otherwise : Number(given.slice(name.length + 3));
}

const seed = option('seed', Math.floor(Date.now() / dayMs));
const percent = option('percent', 100);
console.log(`seed ${seed}`);
for (const machine of savedMachines) {
  for (const [name, open] of Object.entries(savedSubjects)) {
    const { taken, refused } = tryHostileSaves(open(machine), {
      seed,
      percent,
      isEveryChange: true,
    });
    console.log(`${machine.name}, ${name}: ${taken} taken, ${refused} refused`);
  }
}
