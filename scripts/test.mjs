// `npm test`: installs what is missing, runs every stage, and ends with one line of totals.
import { installDependencies } from './install-dependencies.mjs';

const usage = `Usage: npm test [-- OPTIONS]

  --only=STAGE[,STAGE]   run these stages
  --skip=STAGE[,STAGE]   leave these out; they are counted and named as skipped
  --list                 list the stages
  --help                 show this text`;

/**
 * @param {string} message
 * @returns {never}
 */
function refuse(message) {
  console.error(`${message}\n\n${usage}`);
  process.exit(2);
}

/** @param {readonly string[]} args */
function parseOptions(args) {
  /** @type {{ only: string[], skip: string[], list: boolean }} */
  const options = { only: [], skip: [], list: false };
  for (const arg of args) {
    const [name, value = ''] = arg.split('=', 2);
    if (name === '--help' || name === '-h') {
      console.log(usage);
      process.exit(0);
    } else if (name === '--list') options.list = true;
    else if ((name === '--only' || name === '--skip') && value !== '') {
      options[name === '--only' ? 'only' : 'skip'].push(...value.split(','));
    } else refuse(`Unknown or incomplete option ${arg}.`);
  }
  return options;
}

const options = parseOptions(process.argv.slice(2));
await installDependencies();
// Loaded only now: the stages need installed packages.
const { stages } = await import('./test-stages.mjs');

const names = stages.map((stage) => stage.name);
for (const name of [...options.only, ...options.skip]) {
  if (!names.includes(name)) refuse(`There is no stage "${name}". Stages: ${names.join(', ')}.`);
}
if (options.list) {
  for (const { name, purpose } of stages) console.log(`${name.padEnd(12)}${purpose}`);
  process.exit(0);
}

/** @param {import('./test-stages.mjs').Stage} stage */
async function runStage(stage) {
  console.log(`\n── ${stage.name}: ${stage.purpose}`);
  const started = performance.now();
  const result = await stage.run().catch((error) => {
    console.log(String(error?.stack ?? error).replace(/^/gm, '    '));
    return { passed: 0, failures: [`${stage.name}: ${error?.message ?? error}`], skipped: [] };
  });
  const seconds = (performance.now() - started) / 1000;
  const { passed, failures, skipped } = result;
  const counts = `${passed} passed, ${failures.length} failed, ${skipped.length} skipped`;
  console.log(`   ${counts} (${seconds.toFixed(1)} s)`);
  return { name: stage.name, seconds, ...result };
}

const chosen = stages.filter(
  (stage) => options.only.length === 0 || options.only.includes(stage.name),
);
const builds = chosen.some((stage) => stage.needsBuild);
const planned = stages.filter(
  (stage) => chosen.includes(stage) || (builds && stage.name === 'build'),
);
/** @type {(import('./test-stages.mjs').StageResult & { name: string, seconds: number })[]} */
const results = [];
for (const stage of planned) {
  const { name } = stage;
  const buildFailed = results.some((each) => each.name === 'build' && each.failures.length > 0);
  const reason = options.skip.includes(name)
    ? 'left out by --skip'
    : buildFailed && stage.needsBuild
      ? 'the build failed'
      : undefined;
  if (reason === undefined) results.push(await runStage(stage));
  else results.push({ name, seconds: 0, passed: 0, failures: [], skipped: [`${name}: ${reason}`] });
}

console.log('\nstage         passed  failed  skipped    time');
for (const { name, passed, failures, skipped, seconds } of results) {
  const columns = [passed, failures.length, skipped.length].map((n) => String(n).padStart(8));
  console.log(`${name.padEnd(12)}${columns.join('')}${`${seconds.toFixed(1)} s`.padStart(10)}`);
}
for (const title of results.flatMap((result) => result.failures)) console.log(`failed: ${title}`);
for (const title of results.flatMap((result) => result.skipped)) console.log(`skipped: ${title}`);
const total = { passed: 0, failed: 0, skipped: 0 };
for (const { passed, failures, skipped } of results) {
  total.passed += passed;
  total.failed += failures.length;
  total.skipped += skipped.length;
}
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);
