// A processor that has halted without a VM exit: its preemption timer makes it exit, at the right moment and time after time.
import assert from 'node:assert/strict';
import { nodePorts } from '../../../debug-adapter/host/node-ports';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import { vmcsEncoding } from '../../../debug-adapter/machine/processor-state';
import { ExitReasonNumber } from '../../../debug-adapter/spec/x86/exit-reasons';
import { preemptionTimerRate } from '../../../debug-adapter/spec/x86/vmx-controls';
import { configureSingleGuest } from '../../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { machineCode } from '../../support/machine-code';

const countNs = 2 ** preemptionTimerRate;
const counts = 1000;
const activateTimer = 1n << 6n;
const hltExiting = 1n << 7n;

/** A guest that halts, again and again, without interrupts. */
function haltingMachine(): PhysicalMachine {
  const machine = new PhysicalMachine(
    configureSingleGuest({
      ...{ name: 'halts', memoryBytes: 4 << 20, commandLine: '' },
      image: { path: 'halts', bytes: machineCode('f4 eb fd') },
      ...{ format: 'flat', flat: { address: 0x100_000, mode: 'long' } },
    }),
    { codeHost: webAssemblyCodeHost, compressor: nodePorts.compressor },
  );
  const state = machine.guests[0]?.processors[0]?.state ?? assert.fail('a processor');
  const change = (name: string, edit: (value: bigint) => bigint): void => {
    state.setVmcs(vmcsEncoding(name), edit(state.vmcs(vmcsEncoding(name))));
  };
  change('PIN_BASED_VM_EXEC_CONTROL', (value) => value | activateTimer);
  change('CPU_BASED_VM_EXEC_CONTROL', (value) => value & ~hltExiting);
  change('VMX_PREEMPTION_TIMER_VALUE', () => BigInt(counts));
  return machine;
}

/** Times of the next exits, all of which are the timer's. */
function exitTimes(machine: PhysicalMachine, count: number, maxSteps: number): readonly number[] {
  const times: number[] = [];
  for (let calls = 0; times.length < count && calls < 1000; calls++) {
    const { stop } = machine.run({ maxSteps, stopAtExit: () => true });
    if (stop.kind === 'budget') continue;
    assert.ok(stop.kind === 'exit', stop.kind);
    assert.equal(stop.exit.reason, ExitReasonNumber.PREEMPTION_TIMER);
    times.push(machine.timeNs);
  }
  return times;
}

describe('halted processors', () => {
  it('exit when the preemption timer is zero, with every VM entry anew', () => {
    const times = exitTimes(haltingMachine(), 3, 1000);
    assert.equal(times.length, 3);
    times.slice(1).forEach((time, index) => {
      const passed = time - (times[index] ?? 0);
      assert.ok(passed >= counts * countNs && passed < (counts + 200) * countNs, `${passed} ns`);
    });
  });

  it('do so however the run is sliced, and where a saved state goes on', () => {
    const expected = exitTimes(haltingMachine(), 3, 1000);
    assert.deepEqual(exitTimes(haltingMachine(), 3, 1), expected);
    const machine = haltingMachine();
    exitTimes(machine, 1, 1000);
    const other = haltingMachine();
    other.restore(machine.save());
    assert.deepEqual(exitTimes(other, 2, 7), expected.slice(1));
  });

  it('do so where the guest goes on in a machine of another time', () => {
    const machine = haltingMachine();
    exitTimes(machine, 2, 1000);
    machine.run({ maxSteps: 100, maxTimeNs: machine.timeNs + 5_000 });
    assert.equal(machine.guests[0]?.processors[0]?.runState, 'halted');
    const [partition, savedNs] = [machine.guests[0]?.id ?? 0, machine.timeNs];
    const file = new Uint8Array(Buffer.concat(machine.saveGuestFile(partition)));
    const other = haltingMachine();
    exitTimes(other, 5, 1000);
    other.accept({ kind: 'restore-partition', partition, digest: 'of a test', file });
    const restoredNs = other.timeNs;
    const after = exitTimes(other, 3, 1000).map((time) => time - restoredNs);
    assert.equal(after.length, 3);
    assert.deepEqual(
      after,
      exitTimes(machine, 3, 1000).map((time) => time - savedNs),
    );
  });
});
