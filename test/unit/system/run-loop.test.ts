/** The run loop with scripted processors: steps, time, stops, interleaving, save and restore. */
import assert from 'node:assert/strict';
import { Hypervisor } from '../../../debug-adapter/hypervisor/hypervisor';
import { Partition } from '../../../debug-adapter/hypervisor/partition';
import { ParentPartition } from '../../../debug-adapter/parent-partition/parent-partition';
import { SampleGuestPlatform } from '../../../debug-adapter/parent-partition/sample-guest-platform';
import { VirtualProcessor } from '../../../debug-adapter/hypervisor/virtual-processor';
import type { ProcessorStop } from '../../../debug-adapter/machine/processor';
import { vmcsEncoding } from '../../../debug-adapter/machine/processor-state';
import { ExitReasonNumber } from '../../../debug-adapter/spec/x86/exit-reasons';
import { limits } from '../../../debug-adapter/system/limits';
import { quantumNs } from '../../../debug-adapter/system/lane-schedule';
import { RunLoop } from '../../../debug-adapter/system/run-loop';
import { TraceLog } from '../../../debug-adapter/system/trace-log';
import { defaultCosts } from '../../../debug-adapter/system/virtual-time-costs';
import { scriptedPartition, type ScriptedCore } from '../hypervisor/scripted-core';

const costs = { ...defaultCosts, exitNs: 1000, interceptRoundTripNs: 10_000, hypercallNs: 500 };

function loopRig(guestCount = 1) {
  const trace = new TraceLog();
  const loop = new RunLoop(costs, trace);
  const hypervisor = new Hypervisor(loop);
  const parent = new ParentPartition(hypervisor, loop.trace);
  const cores: ScriptedCore[] = [];
  for (let index = 0; index < guestCount; index++) {
    const { partition, core } = scriptedPartition();
    const id = 2 + index;
    const processor = new VirtualProcessor(id, 0, core);
    const { memory, memoryBytes, name } = partition;
    hypervisor.addPartition(
      new Partition({ id, name, memory, memoryBytes, processors: [processor] }),
    );
    parent.attachGuest(id, (services) => new SampleGuestPlatform(services));
    cores.push(core);
  }
  loop.connect(hypervisor, parent);
  const [core] = cores;
  assert(core !== undefined);
  return { trace, loop, hypervisor, cores, core };
}

const at = { partition: 2, processor: 0 };

type Delivered = Extract<ProcessorStop, { readonly kind: 'event' }>;

function deliveryOf(vector: number, errorCode?: number, returnRip = 0n): Delivered {
  return { kind: 'event', vector, errorCode, returnRip, isInjected: false };
}

const outToConsole = { EXIT_QUALIFICATION: BigInt(0xe9 << 16) };

describe('run loop', () => {
  it('counts every step once, however a run is cut', () => {
    for (const cut of [1, 2, 3, 7, 1000]) {
      const { loop, core } = loopRig();
      core.exitWith(ExitReasonNumber.CPUID, {}, 5);
      core.exitWith(ExitReasonNumber.CPUID, {}, 3);
      while (loop.position < 21) loop.run({ maxSteps: Math.min(cut, 21 - loop.position) });
      assert.deepEqual(
        [loop.position, loop.latestTimeNs],
        [21, 21 + 2 * costs.exitNs],
        `cut ${cut}`,
      );
    }
  });

  it('an exit is one step, its handling another; a request stops between them', () => {
    const { loop, core, hypervisor, trace } = loopRig();
    core.exitWith(ExitReasonNumber.CPUID, {}, 4);
    const outcome = loop.run({ maxSteps: 100, stopAtExit: () => true });
    assert.deepEqual([outcome.stop.kind, outcome.steps, loop.position], ['exit', 4, 4]);
    const processor = hypervisor.partition(2).processors[0];
    assert.deepEqual(processor?.pendingExit, trace.exits.at(0));
    assert.deepEqual(loop.run({ maxSteps: 1 }), { stop: { kind: 'budget' }, steps: 1 });
    assert.deepEqual([processor?.pendingExit, core.completed], [undefined, 1]);
  });

  it('console output goes through the parent and costs a round trip', () => {
    const { loop, core, trace } = loopRig();
    core.state.setGpr(0, 0x41n);
    core.exitWith(ExitReasonNumber.IO_INSTRUCTION, outToConsole);
    loop.run({ maxSteps: 2 });
    assert.deepEqual(trace.console.query(0, 10), [
      {
        ...at,
        kind: 'console',
        position: 2,
        // Behind the intercept message, which nobody wanted to hear of.
        ordinal: 1,
        timeNs: 2 + costs.interceptRoundTripNs,
        data: Uint8Array.of(0x41),
      },
    ]);
    assert.equal(loop.latestTimeNs, 2 + costs.exitNs + costs.interceptRoundTripNs);
  });

  it('the exit port ends the guest, and says so again', () => {
    const { loop, core } = loopRig();
    core.state.setGpr(0, 7n);
    core.exitWith(ExitReasonNumber.IO_INSTRUCTION, { EXIT_QUALIFICATION: BigInt(0xf4 << 16) });
    assert.deepEqual(loop.run({ maxSteps: 100 }).stop, { kind: 'guest-exit', at, code: 7 });
    assert.deepEqual(loop.run({ maxSteps: 100 }), {
      stop: { kind: 'guest-exit', at, code: 7 },
      steps: 0,
    });
  });

  it('HLT with nothing to wake it is "halted"', () => {
    const { loop, core } = loopRig();
    core.exitWith(ExitReasonNumber.HLT);
    assert.deepEqual(loop.run({ maxSteps: 100 }), { stop: { kind: 'halted', at }, steps: 2 });
  });

  it('a triple fault stops, and again', () => {
    const { loop, core } = loopRig();
    core.exitWith(ExitReasonNumber.TRIPLE_FAULT);
    assert.deepEqual(loop.run({ maxSteps: 100 }).stop, { kind: 'triple-fault', at });
    assert.deepEqual(loop.run({ maxSteps: 100 }).stop, { kind: 'triple-fault', at });
  });

  it('an exit that nothing answers stops with a message', () => {
    const { loop, core } = loopRig();
    core.exitWith(ExitReasonNumber.EPT_VIOLATION, { GUEST_PHYSICAL_ADDRESS: 0x12345678n });
    const { stop } = loop.run({ maxSteps: 100 });
    assert(stop.kind === 'unhandled-exit');
    assert.match(stop.message, /0x12345678/);
  });

  it('passes on what the processor says', () => {
    const stops = [
      { kind: 'breakpoint' },
      { kind: 'frames-exhausted' },
      { kind: 'unimplemented', bytes: Uint8Array.of(0x0f, 0xaa), text: 'rsm' },
    ] as const;
    for (const stop of stops) {
      const { loop, core } = loopRig();
      core.script.push({ steps: 3, stop });
      const outcome = loop.run({ maxSteps: 100 });
      assert.deepEqual([outcome.stop.kind, outcome.steps], [stop.kind, 3]);
    }
  });

  it('traces delivered events and stops where asked', () => {
    const { loop, core, trace } = loopRig();
    const stop = deliveryOf(14, 2, 0x1234n);
    core.script.push(
      { steps: 2, stop },
      { steps: 2, stop: { ...deliveryOf(3, undefined, 0x1234n), isInjected: true } },
    );
    const outcome = loop.run({ maxSteps: 100, stopAtEvent: ({ vector }) => vector === 3 });
    assert.deepEqual(outcome, { stop: { kind: 'event', at, vector: 3 }, steps: 4 });
    const rows = trace.events
      .query(0, 10)
      .map((row) => [row.position, row.vector, row.errorCode, row.rip, row.isInjected]);
    assert.deepEqual(rows, [
      [2, 14, 2, 0x1234n, false],
      [4, 3, undefined, 0x1234n, true],
    ]);
  });

  it('stops where steps are taken but nothing is done', () => {
    const { loop, core } = loopRig();
    const stop = deliveryOf(14, 0);
    const burst = 10_000;
    for (let taken = 0; taken < limits.stepsWithoutProgress; taken += burst) {
      core.script.push({ steps: burst, stop });
    }
    assert.equal(loop.run({ maxSteps: limits.stepsWithoutProgress * 2 }).stop.kind, 'no-progress');
  });

  it('a REP instruction that runs for long is progress', () => {
    const { loop, core } = loopRig();
    const burst = 100_000;
    const event = deliveryOf(32);
    for (let taken = 0; taken < limits.stepsWithoutProgress * 2; taken += burst) {
      core.script.push({ steps: burst, stop: event });
    }
    const outcome = loop.run({
      maxSteps: limits.stepsWithoutProgress * 2,
      stopAtEvent: () => {
        core.state.setGpr(1, core.state.gpr(1) + 1n);
        return false;
      },
    });
    assert.equal(outcome.stop.kind, 'budget');
  });

  it('a periodic timer does not make up for a time that its guest has missed', () => {
    const { loop } = loopRig();
    const periodNs = 10_000;
    const due: number[] = [];
    const timer = loop.timers.createTimer(
      'periodic',
      (dueNs) => {
        due.push(dueNs);
        timer.setDue(dueNs + periodNs);
      },
      at.partition,
    );
    timer.setDue(periodNs);
    const nowNs = 10 ** 12;
    loop.state = { ...loop.state, laneTimesNs: [nowNs] };
    loop.countInput();
    assert.equal(due[0], nowNs - limits.missedTimersNs);
    assert.equal(due.length, limits.missedTimersNs / periodNs + 1);
  });

  it('a guest state that VM entry refuses becomes an exit with reason 33', () => {
    const { loop, core, hypervisor, trace } = loopRig();
    core.state.setVmcs(vmcsEncoding('GUEST_CR4'), 0n);
    const processor = hypervisor.partition(2).processors[0];
    assert(processor !== undefined);
    processor.entryChecksDue = true;
    const { stop } = loop.run({ maxSteps: 100 });
    assert(stop.kind === 'unhandled-exit');
    assert.match(stop.message, /VM entry failed: .*PAE/);
    assert.equal(trace.exits.at(0)?.reason, 0x80000021);
    core.state.setVmcs(vmcsEncoding('GUEST_CR4'), 0x20n);
    assert.equal(loop.run({ maxSteps: 10 }).stop.kind, 'budget');
  });
});

describe('lanes', () => {
  it('two guests take turns of one quantum, and the order does not depend on cuts', () => {
    const orders = [1, 333, 10_000, 1_000_000].map((cut) => {
      const { loop, cores } = loopRig(2);
      const order: string[] = [];
      cores.forEach((core, index) => {
        for (let exit = 0; exit < 20; exit++)
          core.exitWith(ExitReasonNumber.CPUID, {}, 700 + 90 * index);
      });
      const request = {
        stopAtExit: (exit: { partition: number; position: number }) => {
          order.push(`${exit.partition}@${exit.position}`);
          return false;
        },
      };
      while (loop.position < 60_000)
        loop.run({ ...request, maxSteps: Math.min(cut, 60_000 - loop.position) });
      return [...order, loop.state];
    });
    for (const order of orders) assert.deepEqual(order, orders[0]);
  });

  it('a lane does not run ahead of the others by more than a quantum and an exit', () => {
    const { loop } = loopRig(2);
    for (let slice = 0; slice < 50; slice++) {
      loop.run({ maxSteps: 1234 });
      const [a = 0, b = 0] = loop.state.laneTimesNs;
      assert(Math.abs(a - b) <= quantumNs, `${a} and ${b}`);
    }
  });

  it('the others run on when one has halted, alone and without turns', () => {
    const { loop, cores } = loopRig(2);
    cores[0]?.exitWith(ExitReasonNumber.HLT);
    loop.run({ maxSteps: 500_000 });
    const [a = 0, b = 0] = loop.state.laneTimesNs;
    assert(a < 2000 && b > 400_000, `${a} and ${b}`);
  });

  it('its state is restored with positions, times and ordinals', () => {
    const { loop } = loopRig(2);
    loop.run({ maxSteps: 12_345 });
    const saved = loop.state;
    loop.run({ maxSteps: 777 });
    loop.state = saved;
    assert.deepEqual(loop.state, saved);
    assert.equal(loop.position, 12_345);
  });
});
