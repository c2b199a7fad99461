/** Stepping back, continuing backwards and going to positions, under the debugger with real guests. */
import assert from 'node:assert/strict';
import { isAmidInstruction } from '../../../../debug-adapter/debugger/execution/past-search';
import type { StopReport } from '../../../../debug-adapter/debugger/execution/stop-report';
import {
  MachineControl,
  type DebugTarget,
} from '../../../../debug-adapter/debugger/machine-control';
import { loadTarget, type TargetPorts } from '../../../../debug-adapter/debugger/open-target';
import { nodePorts } from '../../../../debug-adapter/host/node-ports';
import { parseLaunchArguments } from '../../../../debug-adapter/launch/launch-arguments';
import { UserError } from '../../../../debug-adapter/support/user-error';
import { Timeline } from '../../../../debug-adapter/timeline/timeline';
import { ApicRegister } from '../../../../debug-adapter/spec/x86/local-apic';
import {
  code,
  counterOf,
  interruptMachine,
  startUpVector,
  type InterruptGuest,
} from '../../../support/interrupt-guest';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

const ports: TargetPorts = nodePorts;

const imageOf = (name: string): string => `guests/${name}/${name}.elf`;

interface Rig {
  readonly control: MachineControl;
  readonly timeline: Timeline;
}

function rigOf(target: DebugTarget): Rig {
  return { control: new MachineControl(target, ports), timeline: target.machine };
}

function debugged(name: string): Rig {
  const settings = parseLaunchArguments({ program: imageOf(name), memory: 4 });
  return rigOf({ ...loadTarget(settings, ports), isPaced: false });
}

/** A machine without symbols of its own. */
function underDebugger(machine: Timeline): Rig {
  const settings = parseLaunchArguments({ program: imageOf('spin'), memory: 4 });
  const { programs, syntax } = loadTarget(settings, ports);
  return rigOf({ programs, syntax, machine, origin: {}, isPaced: false });
}

const timerVector = 0x40;

/** A halted boot processor that a periodic timer wakes, and three others that count. */
const busyGuest: InterruptGuest = {
  boot:
    code.writeApic(ApicRegister.SVR, 0x1ff) +
    code.writeApic(ApicRegister.ICR_LOW, 0xc4500) +
    code.writeApic(ApicRegister.ICR_LOW, 0xc4600 | startUpVector) +
    code.writeApic(ApicRegister.TIMER_DIVIDE, 0xb) +
    code.writeApic(ApicRegister.LVT_TIMER, timerVector | 0x20000) +
    code.writeApic(ApicRegister.TIMER_INITIAL_COUNT, 7000) +
    code.sti +
    code.haltUntil(counterOf(timerVector), 100_000) +
    code.exit(0),
  // Counts for ever in 16-bit code, with a look at the time-stamp counter.
  startUp: 'f0 ff 06 0005 ff 06 1005 0f 31 a3 1405 eb f2',
  processorCount: 4,
};

/** Guests that share the time of one machine. */
function sideBySide(...names: string[]): Rig {
  const guests = names.map((name) => ({ program: imageOf(name), memory: 4 }));
  return rigOf({ ...loadTarget(parseLaunchArguments({ guests }), ports), isPaced: false });
}

function stopOf({ control }: Rig): StopReport {
  for (let slice = 0; slice < 100_000; slice++) {
    const outcome = control.slice(5);
    if (outcome.kind === 'stopped') return outcome.report;
  }
  throw new Error('the machine does not stop');
}

function goTo(rig: Rig, position: number): void {
  rig.control.goToPosition(position);
  assert.equal(stopOf(rig).reason.kind, 'position');
  assert.equal(rig.timeline.position, position);
}

const threadIds = ({ control }: Rig): readonly number[] =>
  control.threads.map(({ partition, processor }) => partition.id * 256 + processor.index * 2 + 1);

function step(rig: Rig, threadId: number): void {
  rig.control.step(threadId, 'into', 'instruction');
  assert.equal(stopOf(rig).reason.kind, 'step');
}

function back(rig: Rig, threadId: number): StopReport['reason']['kind'] {
  rig.control.stepBack(threadId, 'instruction');
  return stopOf(rig).reason.kind;
}

function isBetweenInstructions({ control }: Rig): boolean {
  return !control.threads.some(isAmidInstruction);
}

const named = (name: string, options = {}) => [{ name, options }];

describe('time travel', function () {
  this.timeout(120_000);

  for (const name of ['hello-partition', 'page-fault-lab', 'string-io', 'exit-loop']) {
    it(`${name}: a step back takes a step back, at random positions`, () => {
      const seed = seedOf(20_264);
      const random = new SeededRandom(seed);
      const rig = debugged(name);
      const { timeline } = rig;
      const [threadId = 0] = threadIds(rig);
      const end = name === 'string-io' ? 400 : 3000;
      goTo(rig, end);
      const endHash = timeline.stateHash();
      for (let round = 0; round < 50; round++) {
        goTo(rig, 1 + random.below(end - 10));
        if (!isBetweenInstructions(rig)) continue;
        const place = `seed ${seed}, position ${timeline.position}`;
        const hash = timeline.stateHash();
        step(rig, threadId);
        const after = timeline.stateHash();
        assert.equal(back(rig, threadId), 'step-back', place);
        assert.equal(timeline.stateHash(), hash, place);
        step(rig, threadId);
        assert.equal(timeline.stateHash(), after, place);
      }
      goTo(rig, end);
      assert.equal(timeline.stateHash(), endHash);
    });
  }

  it('with several processors, a step back of a thread is undone by a step of that thread', () => {
    const seed = seedOf(20_265);
    const random = new SeededRandom(seed);
    const rig = sideBySide('hello-partition', 'spin', 'exit-loop');
    const { timeline } = rig;
    goTo(rig, 200_000);
    for (let round = 0; round < 40; round++) {
      goTo(rig, 100 + random.below(199_000));
      const threadId = threadIds(rig)[random.below(3)] ?? 0;
      const thread = rig.control.thread(threadId);
      if (thread.processor.runState !== 'active') continue;
      rig.control.step(threadId, 'into', 'instruction');
      if (stopOf(rig).reason.kind !== 'step') continue;
      const [hash, rip] = [timeline.stateHash(), thread.processor.core.state.rip];
      const place = `seed ${seed}, round ${round}, position ${timeline.position}`;
      assert.equal(back(rig, threadId), 'step-back', place);
      assert(thread.processor.core.state.rip !== rip || thread.processor.retired > 0);
      step(rig, threadId);
      assert.equal(timeline.stateHash(), hash, place);
    }
  });

  it('processors of one guest with timers and interrupts: random positions and steps back', () => {
    const seed = seedOf(20_266);
    const random = new SeededRandom(seed);
    const end = 250_000;
    const plain = interruptMachine(busyGuest);
    const rig = underDebugger(new Timeline(interruptMachine(busyGuest, 20), { interval: 9000 }));
    const { timeline } = rig;
    goTo(rig, end);
    const wanted = Array.from({ length: 16 }, () => 10 + random.below(end - 2000));
    const hashes = new Map<number, string>();
    for (const position of wanted) {
      goTo(rig, position);
      hashes.set(position, timeline.stateHash());
      const threadId = threadIds(rig)[random.below(4)] ?? 0;
      const { processor } = rig.control.thread(threadId);
      if (processor.runState !== 'active') continue;
      step(rig, threadId);
      const place = `seed ${seed}, position ${position}, thread ${threadId}`;
      const [hash, stand] = [
        timeline.stateHash(),
        `${processor.retired} ${processor.core.state.rip}`,
      ];
      assert.equal(back(rig, threadId), 'step-back', place);
      assert.notEqual(`${processor.retired} ${processor.core.state.rip}`, stand, place);
      step(rig, threadId);
      assert.equal(timeline.stateHash(), hash, place);
    }
    for (const position of [...hashes.keys()].sort((a, b) => a - b)) {
      plain.run({ maxSteps: position - plain.position });
      assert.equal(plain.stateHash(), hashes.get(position), `seed ${seed}, position ${position}`);
    }
    plain.run({ maxSteps: end - plain.position });
    goTo(rig, end);
    assert.equal(plain.stateHash(), timeline.stateHash());
  });

  it('stops at the beginning where nothing was before', () => {
    const rig = debugged('hello-partition');
    const [threadId = 0] = threadIds(rig);
    assert.equal(back(rig, threadId), 'beginning');
    step(rig, threadId);
    assert.equal(back(rig, threadId), 'step-back');
    assert.equal(rig.timeline.position, 0);
    rig.control.reverseContinue(threadId);
    assert.equal(stopOf(rig).reason.kind, 'beginning');
  });

  it('continues backwards through the same stops as forwards', () => {
    for (const breakpoint of ['print_string', 'exit:CPUID', 'io:0xe9:w', 'hypercall_page_call']) {
      const rig = debugged('hello-partition');
      const [threadId = 0] = threadIds(rig);
      rig.control.breakpoints.setNamed(named(breakpoint));
      const stops: { position: number; kind: string; hash: string }[] = [];
      const noteStop = (report: StopReport): void => {
        const { position } = rig.timeline;
        stops.push({ position, kind: report.reason.kind, hash: rig.timeline.stateHash() });
      };
      for (;;) {
        rig.control.continue();
        const report = stopOf(rig);
        if (report.reason.kind === 'machine') break;
        noteStop(report);
      }
      const forwards = stops.splice(0);
      for (;;) {
        rig.control.reverseContinue(threadId);
        const report = stopOf(rig);
        if (report.reason.kind === 'beginning') break;
        noteStop(report);
      }
      assert.deepEqual(stops.reverse(), forwards, breakpoint);
    }
  });

  it('finds stops of every processor, whatever the checkpoints', () => {
    const positions = [1000, 20_000, Infinity].map((interval) => {
      const rig = sideBySide('hello-partition', 'exit-loop', 'spin');
      rig.timeline.checkpointInterval = interval;
      goTo(rig, 60_000);
      rig.control.breakpoints.setNamed(named('exit:IO_INSTRUCTION'));
      const [threadId = 0] = threadIds(rig);
      const found: number[] = [];
      for (let count = 0; count < 30; count++) {
        rig.control.reverseContinue(threadId);
        if (stopOf(rig).reason.kind === 'beginning') break;
        found.push(rig.timeline.position);
      }
      return found;
    });
    assert((positions[0]?.length ?? 0) > 3);
    assert.deepEqual(positions[0], positions[2]);
    assert.deepEqual(positions[1], positions[2]);
  });

  it('asks conditions in the past', () => {
    const rig = debugged('exit-loop');
    const [threadId = 0] = threadIds(rig);
    goTo(rig, 2000);
    const { rows } = rig.control.exits.query(0, 500, {});
    const rip = rows[0]?.rip;
    const wanted = rows.filter((row) => row.rip === rip).at(-3);
    assert(wanted !== undefined);
    goTo(rig, wanted.position);
    const ecx = rig.control.evaluate(rig.control.thread(threadId), '$ecx').value;
    goTo(rig, 2000);
    const condition = `$ecx == ${ecx} && $rip == ${rip}`;
    rig.control.breakpoints.setNamed(named('exit:IO_INSTRUCTION', { condition }));
    rig.control.reverseContinue(threadId);
    assert.equal(stopOf(rig).reason.kind, 'event-breakpoint');
    assert.equal(rig.timeline.position, wanted.position);
    rig.control.breakpoints.setNamed(named('exit:IO_INSTRUCTION', { condition: '$rip == 1' }));
    rig.control.reverseContinue(threadId);
    assert.equal(stopOf(rig).reason.kind, 'beginning');
  });

  it('goes to the moment of every exit of the log', () => {
    const rig = debugged('page-fault-lab');
    goTo(rig, 5000);
    const { rows } = rig.control.exits.query(0, 500, {});
    for (const row of rows.filter((_, index) => index % 7 === 0)) {
      goTo(rig, row.position);
      const pending = rig.control.threads[0]?.processor.pendingExit;
      assert.equal(pending?.exitNumber, row.exitNumber);
      assert.equal(`0x${(pending?.rip ?? 0n).toString(16)}`, row.rip);
    }
    assert.equal(rig.control.exits.query(0, 500, {}).recorded, rows.length);
  });

  it('shows the console once, and log messages once for each future', () => {
    const rig = debugged('hello-partition');
    rig.control.breakpoints.setNamed(named('print_string', { logMessage: 'here {$rdi}' }));
    rig.control.continue();
    assert.equal(stopOf(rig).reason.kind, 'machine');
    const end = rig.timeline.position;
    const shown = rig.control.takeConsole().reduce((sum, { bytes }) => sum + bytes.length, 0);
    const logs = rig.control.takeLogs();
    assert(shown > 100 && logs.length > 5);
    goTo(rig, 100);
    rig.control.continue();
    stopOf(rig);
    assert.equal(rig.timeline.position, end);
    assert.deepEqual([rig.control.takeConsole(), rig.control.takeLogs()], [[], []]);
    goTo(rig, 100);
    const [thread] = rig.control.threads;
    assert(thread !== undefined);
    rig.control.assign(thread, '$r15', '7');
    assert.match(rig.control.takeLogs()[0] ?? '', /new future begins at position 100/);
    rig.control.continue();
    stopOf(rig);
    assert(rig.control.takeLogs().length >= logs.length - 2);
  });

  it('a travel that is given up ends where it began', () => {
    const rig = debugged('spin');
    goTo(rig, 3_000_000);
    const hash = rig.timeline.stateHash();
    rig.control.goToPosition(1_900_000);
    rig.control.slice(0);
    rig.control.pause();
    assert.equal(stopOf(rig).reason.kind, 'pause');
    assert.deepEqual([rig.timeline.position, rig.timeline.stateHash()], [3_000_000, hash]);
  });

  it('steps back by a line with what it called', () => {
    const rig = debugged('hello-partition');
    const [threadId = 0] = threadIds(rig);
    const lineOf = (): number | undefined =>
      rig.control.frames(rig.control.thread(threadId))[0]?.place?.line;
    const lines: (number | undefined)[] = [];
    for (let count = 0; count < 20; count++) {
      lines.push(lineOf());
      rig.control.step(threadId, 'over', 'line');
      stopOf(rig);
    }
    while (lines.length > 0) {
      rig.control.stepBack(threadId, 'line');
      assert.equal(stopOf(rig).reason.kind, 'step-back');
      assert.equal(lineOf(), lines.pop());
    }
    assert.equal(rig.timeline.position, 0);
  });

  it('refuses positions that there are not, and input on the way', () => {
    const rig = debugged('hello-partition');
    assert.throws(() => rig.control.goToPosition(-1), UserError);
    goTo(rig, 2000);
    rig.control.goToPosition(10);
    assert.throws(() => rig.control.sendConsoleInput(2, Uint8Array.of(1)), UserError);
    assert.throws(() => rig.control.stepBack(threadIds(rig)[0] ?? 0, 'instruction'), UserError);
    stopOf(rig);
  });
});
