/** Guest crash enlightenment: CRASH_CTL tells what can be reported, and its write reports it (TLFS appendix C). */
import assert from 'node:assert/strict';
import { Hypervisor } from '../../../debug-adapter/hypervisor/hypervisor';
import { readMsr, writeMsr } from '../../../debug-adapter/hypervisor/msr-access';
import { defaultPrivileges } from '../../../debug-adapter/hypervisor/partition';
import { ParentPartition } from '../../../debug-adapter/parent-partition/parent-partition';
import { ExitReasonNumber } from '../../../debug-adapter/spec/x86/exit-reasons';
import { encodeUtf8 } from '../../../debug-adapter/support/utf8';
import { RunLoop } from '../../../debug-adapter/system/run-loop';
import { TraceLog } from '../../../debug-adapter/system/trace-log';
import { describeStop } from '../../../debug-adapter/debugger/execution/stop-report';
import { defaultCosts } from '../../../debug-adapter/system/virtual-time-costs';
import { scriptedPartition } from './scripted-core';

const costs = { ...defaultCosts, exitNs: 1000, interceptRoundTripNs: 10_000, hypercallNs: 500 };
const [rax, rcx, rdx] = [0, 1, 2] as const;
const at = { partition: 2, processor: 0 };
const notify = 1n << 63n;
const withMessage = 1n << 62n;
const crashControl = 0x40000105n;
const logGpa = 0x8000;

function crash(control: bigint, length: bigint, address = BigInt(logGpa)) {
  const { partition, core } = scriptedPartition(defaultPrivileges);
  const trace = new TraceLog();
  const loop = new RunLoop(costs, trace);
  const hypervisor = new Hypervisor(loop);
  hypervisor.addPartition(partition);
  const parent = new ParentPartition(hypervisor, loop.trace);
  loop.connect(hypervisor, parent);
  partition.memory.write(logGpa, encodeUtf8('Kernel panic - \u001b[31mnot syncing\n'.repeat(200)));
  [7n, 8n, 9n, address, length].forEach((value, index) =>
    partition.synthetic.crash.write(index, value),
  );
  core.state.setGpr(rcx, crashControl);
  core.state.setGpr(rax, control & 0xffffffffn);
  core.state.setGpr(rdx, control >> 32n);
  core.exitWith(ExitReasonNumber.MSR_WRITE);
  const { stop } = loop.run({ maxSteps: 20 });
  return { stop, trace, core, loop };
}

describe('guest crash', () => {
  it('stops the machine with parameters and message, and the guest can go on', () => {
    const { stop, trace, core, loop } = crash(notify | withMessage, 15n);
    const parameters = [7n, 8n, 9n, BigInt(logGpa), 15n];
    assert.deepEqual(stop, { kind: 'guest-crash', at, parameters, message: 'Kernel panic - ' });
    const [row] = trace.crashes.query(0, 9);
    assert.deepEqual([row?.parameters, row?.message], [parameters, 'Kernel panic - ']);
    assert.equal(core.completed, 1);
    assert.equal(loop.run({ maxSteps: 20 }).stop.kind, 'budget');
  });

  const rows: readonly (readonly [string, bigint, bigint, bigint, string | undefined])[] = [
    ['without notification is none', withMessage, 15n, 0x8000n, undefined],
    ['without a message has none', notify, 15n, 0x8000n, ''],
    ['with a message of no length', notify | withMessage, 0n, 0x8000n, ''],
    ['with a message where no memory is', notify | withMessage, 15n, 0x7000_0000n, ''],
    ['with a message beyond every address', notify | withMessage, 15n, 1n << 60n, ''],
  ];
  for (const [name, control, length, address, message] of rows) {
    it(`a report ${name}`, () => {
      const { stop } = crash(control, length, address);
      if (message === undefined) assert.equal(stop.kind, 'budget');
      else
        assert.deepEqual([stop.kind, 'message' in stop && stop.message], ['guest-crash', message]);
    });
  }

  it('a message is cut at a page, and shown without control characters', () => {
    const { stop } = crash(notify | withMessage, (1n << 63n) | 5000n);
    assert(stop.kind === 'guest-crash');
    assert.equal(encodeUtf8(stop.message).length, 4096);
    const place = { where: '0x0', decode: () => undefined };
    const { description, text } = describeStop({ kind: 'machine', stop }, place);
    assert.equal(description, 'Guest crashed');
    assert.match(text, /0x7, 0x8, 0x9.*\nKernel panic - \[31mnot syncing\nKernel/);
    assert(!text.includes('\u001b'));
  });

  it('the capabilities are read, whatever was written', () => {
    const { partition, processor } = scriptedPartition(defaultPrivileges);
    const capabilities = notify | withMessage;
    for (const value of [0n, 1n, capabilities]) {
      assert.equal(writeMsr(partition, processor, Number(crashControl), value, 0), true);
      assert.equal(readMsr(partition, processor, Number(crashControl), 0), capabilities);
    }
  });
});
