// `npm run nightly:vmbus`: a hostile guest does its worst to its bus, then in a whole machine, beside a guest that must not notice.
// Options: --actions=N (1,000,000), --seed=N (the day), --steps=N for which the neighbour counts (1,000,000,000).
import { spawnSync } from 'node:child_process';
import { SeededRandom } from '../support/seeded-random';
import { busRules } from '../unit/parent-partition/vmbus/bus-rules';
import { HostileGuest } from '../unit/parent-partition/vmbus/hostile-guest';

const dayMs = 86_400_000;
/** A new guest now and then, so that a failure is found again quickly. */
const actionsEach = 5000;

function option(name: string, otherwise: number): number {
  const given = process.argv.find((text) => text.startsWith(`--${name}=`));
  return given === undefined ? otherwise : Number(given.slice(name.length + 3));
}

const actions = option('actions', 1_000_000);
const seed = option('seed', Math.floor(Date.now() / dayMs));
/** How many guests of how many were answered so. */
const reasons = new Map<string, number>();
let done = 0;
try {
  while (done < actions) {
    const guest = new HostileGuest(new SeededRandom(seed + done));
    for (let action = 0; action < actionsEach; action++) guest.act();
    done += actionsEach;
    for (const reason of guest.reasons) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  console.log(`${done} actions, ${reasons.size} different answers, seed ${seed}: no failure`);
} catch (error) {
  console.log(`failed with --seed=${seed + done} --actions=${actionsEach}`);
  throw error;
}

for (const rule of busRules) {
  const count = reasons.get(rule) ?? 0;
  console.log(`  ${String(count).padStart(4)} guests: ${rule}`);
  // A short run need not come to everything.
  if (count === 0 && actions >= 1_000_000) {
    console.log(`nothing broke the rule: ${rule}`);
    process.exitCode = 1;
  }
}

const steps = option('steps', 1_000_000_000);
const file = 'test/unit/system/storage-isolation.test.ts';
const { status } = spawnSync(
  process.execPath,
  ['node_modules/mocha/bin/mocha.js', '--import=tsx', file],
  {
    env: {
      ...process.env,
      STORAGE_ISOLATION_STEPS: String(steps),
      HYPERSCOPE_TEST_SEED: String(seed),
    },
    stdio: 'inherit',
  },
);
if (status !== 0) process.exitCode = 1;
