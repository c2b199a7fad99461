// How long travelling through time takes: runs a guest, then steps back at its end and at random positions.
// Arguments: [--steps N] [--rounds N] [--check] [launch arguments as JSON]; --check fails where the median is over the limit.
import { MachineControl } from '../debug-adapter/debugger/machine-control';
import { loadTarget } from '../debug-adapter/debugger/open-target';
import { nodePorts } from '../debug-adapter/host/node-ports';
import { parseLaunchArguments } from '../debug-adapter/launch/launch-arguments';
import { mainThreadMs } from './benchmark/thread-time';

const limitMs = 200;
const ports = nodePorts;

interface Options {
  readonly steps: number;
  readonly rounds: number;
  readonly check: boolean;
  readonly launch: unknown;
}

function parse(words: readonly string[]): Options {
  const valueOf = (name: string, fallback: number): number => {
    const at = words.indexOf(name);
    return at < 0 ? fallback : Number(words[at + 1]);
  };
  const json = words.find((word) => word.startsWith('{'));
  const launch: unknown = json === undefined ? sampleLaunch : JSON.parse(json);
  return {
    steps: valueOf('--steps', 1_500_000_000),
    rounds: valueOf('--rounds', 40),
    check: words.includes('--check'),
    launch,
  };
}

const sampleLaunch = { program: 'guests/spin/spin.elf', memory: 64 };

/** Runs to the next stop; the milliseconds that took, by the clock and of this thread. */
function measure(control: MachineControl, begin: () => void): Took {
  const [wall, thread] = [performance.now(), mainThreadMs()];
  begin();
  while (control.slice(8).kind !== 'stopped');
  return { wallMs: performance.now() - wall, threadMs: mainThreadMs() - thread };
}

interface Took {
  readonly wallMs: number;
  readonly threadMs: number;
}

function summary(name: string, times: readonly Took[]): number {
  const sorted = (key: keyof Took): readonly number[] =>
    times.map((row) => row[key]).sort((a, b) => a - b);
  const at = (values: readonly number[], part: number): string =>
    (values[Math.min(values.length - 1, Math.floor(values.length * part))] ?? 0).toFixed(1);
  const [wall, thread] = [sorted('wallMs'), sorted('threadMs')];
  console.log(
    `${name}: median ${at(wall, 0.5)} ms (thread ${at(thread, 0.5)}), p90 ${at(wall, 0.9)} ms (thread ${at(thread, 0.9)})`,
  );
  return Number(at(wall, 0.5));
}

/** Runs until `steps` are done or the machine stops by itself, as a person would who pauses it then. */
function runTo(control: MachineControl, steps: number): Took {
  return measure(control, () => control.goToPosition(steps));
}

function main(options: Options): void {
  const target = { ...loadTarget(parseLaunchArguments(options.launch), ports), isPaced: false };
  const control = new MachineControl(target, ports);
  const { machine } = target;
  const took = runTo(control, options.steps);
  const speed = options.steps / took.threadMs / 1000;
  console.log(
    `${options.steps} steps in ${(took.threadMs / 1000).toFixed(1)} s of the thread, ${speed.toFixed(0)} M/s`,
  );
  const megabytes = (machine.checkpointBytes / 2 ** 20).toFixed(0);
  console.log(`${machine.checkpointPositions.length} checkpoints hold ${megabytes} MiB of pages`);
  const threadId = control.threadIdOfStop(control.lastStop);
  const back = (): Took => measure(control, () => control.stepBack(threadId, 'instruction'));
  console.log(`first step back at the end: ${back().wallMs.toFixed(1)} ms`);
  const atEnd = Array.from({ length: options.rounds }, back);
  const going: Took[] = [];
  const elsewhere: Took[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const position = Math.floor((options.steps * ((round * 0.618034) % 1)) / 1) + 1;
    going.push(measure(control, () => control.goToPosition(position)));
    elsewhere.push(back());
  }
  const median = summary('a step back at the end', atEnd);
  summary('going to a random position', going);
  const there = summary('a step back there', elsewhere);
  if (options.check && Math.max(median, there) > limitMs) process.exitCode = 1;
}

main(parse(process.argv.slice(2)));
