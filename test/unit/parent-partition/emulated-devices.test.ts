/** Chips of the sample guests, and how the parent reaches them. */
import assert from 'node:assert/strict';
import { SampleGuestPlatform } from '../../../debug-adapter/parent-partition/sample-guest-platform';
import { PartitionTime } from '../../../debug-adapter/machine/partition-time';
import { TimerQueue } from '../../../debug-adapter/machine/timer-queue';
import type { TraceEmitter } from '../../../debug-adapter/machine/trace';
import { consoleBytes } from '../../../debug-adapter/system/console-record';
import type { ChildControl } from '../../../debug-adapter/machine/intercepts';
import { ConsolePort } from '../../../debug-adapter/parent-partition/emulated-devices/console-port';
import { ExitPort } from '../../../debug-adapter/parent-partition/emulated-devices/exit-port';
import { ParentPartition } from '../../../debug-adapter/parent-partition/parent-partition';
import { hypercallByName } from '../../../debug-adapter/spec/tlfs/hypercalls';
import { sampleGuest } from '../../../debug-adapter/spec/sample-guest';

describe('console port', () => {
  const writes: readonly (readonly [number, number, readonly number[]])[] = [
    [1, 0x41, [0x41]],
    [2, 0x4241, [0x41, 0x42]],
    [4, 0xff434241, [0x41, 0x42, 0x43, 0xff]],
  ];
  for (const [sizeBytes, value, expected] of writes) {
    it(`a write of ${sizeBytes} bytes comes out lowest byte first`, () => {
      const written: number[] = [];
      const write = (...bytes: [number, number]) => written.push(...consoleBytes(...bytes));
      const port = new ConsolePort(write, 0xe9);
      port.writePort(0, sizeBytes, value);
      assert.deepEqual(written, expected);
      assert.equal(port.readPort(), 0xe9);
    });
  }
});

describe('exit port', () => {
  it('ends with the lowest byte', () => {
    const codes: number[] = [];
    new ExitPort((code) => codes.push(code)).writePort(0, 4, 0x1234);
    assert.deepEqual(codes, [0x34]);
  });
});

describe('parent partition', () => {
  function parentRig() {
    const calls: string[] = [];
    const time = new PartitionTime(new TimerQueue(), () => 0);
    const children: ChildControl = {
      timeOf: () => time,
      openHypercallPort: (memory) => ({
        call(control, input) {
          assert.equal(Number(control), hypercallByName.get('HvCallInstallIntercept')?.code);
          const block = memory.read(input, 24) ?? assert.fail('input page');
          const view = new DataView(block.buffer);
          const [first, last] = [view.getUint16(16, true), view.getUint16(18, true)];
          calls.push(`intercept ${view.getUint32(0, true)} ${first} ${last - first + 1}`);
          return { status: 0, repsCompleted: 0 };
        },
      }),
      completePortIntercept: (...call) => calls.push(`answer ${call.join(' ')}`),
      installMemoryIntercept: (...call) => calls.push(`intercept memory ${call.join(' ')}`),
      removeMemoryIntercept: (...call) => calls.push(`release memory ${call.join(' ')}`),
      completeMemoryIntercept: (...call) => calls.push(`answer memory ${call.join(' ')}`),
      assertInterrupt: (partition, { vector }) => calls.push(`assert ${partition} ${vector}`),
      setExternalInterruptLine: (...call) => calls.push(`line ${call.join(' ')}`),
      completeInterruptAcknowledge: (...call) => calls.push(`vector ${call.join(' ')}`),
      postMessage: () => true,
      signalEvent: () => {},
      readChildMemory: () => false,
      writeChildMemory: () => false,
      endPartition: (...call) => calls.push(`end ${call.join(' ')}`),
      resetPartition: (...call) => calls.push(`reset ${call.join(' ')}`),
    };
    const trace: TraceEmitter = {
      emit(body) {
        calls.push(body.kind);
        return { position: 0, ordinal: 0, timeNs: 0, partition: 2, processor: 0 };
      },
      offer: () => {},
      emitConsole: (_partition, _processor, value, sizeBytes) =>
        calls.push(`console ${consoleBytes(value, sizeBytes).join(',')}`),
    };
    const parent = new ParentPartition(children, trace);
    parent.attachGuest(2, (world) => new SampleGuestPlatform(world));
    return { parent, calls };
  }
  const message = { kind: 'io-port', partition: 2, processor: 0, sizeBytes: 1 } as const;

  it('asks for the ports of its chips', () => {
    assert.deepEqual(parentRig().calls, [
      `intercept 2 ${sampleGuest.consolePort} 1`,
      `intercept 2 ${sampleGuest.exitPort} 1`,
    ]);
  });

  it('works on messages when told to, in order, never inside post', () => {
    const { parent, calls } = parentRig();
    calls.length = 0;
    parent.post({ ...message, port: sampleGuest.consolePort, direction: 'out', value: 65 });
    parent.post({ ...message, port: sampleGuest.consolePort, direction: 'in', value: 0 });
    parent.post({ ...message, port: sampleGuest.exitPort, direction: 'out', value: 3 });
    assert.deepEqual(calls, []);
    parent.runQueuedWork();
    assert.deepEqual(calls, [
      'console 65',
      'answer 2 0 0',
      'answer 2 0 233',
      'end 2 3',
      'answer 2 0 0',
    ]);
  });
});
