/** HvCallPostMessage and HvCallSignalEvent (TLFS 11.10): what reaches the parent, and every refusal. */
import assert from 'node:assert/strict';
import { dispatchHypercall } from '../../../../debug-adapter/hypervisor/hypercalls/dispatch';
import { hypercallByName } from '../../../../debug-adapter/spec/tlfs/hypercalls';
import { Status } from '../../../../debug-adapter/spec/tlfs/status-codes';
import { parentPorts } from '../parent-rig';
import { synicRig } from '../synic/synic-rig';

const code = (name: string): bigint => BigInt(hypercallByName.get(name)?.code ?? 0xffff);
const fast = 1n << 16n;
const inputGpa = 0x2000;
const [messagePort, eventPort, unknown] = [1, 2, 0x1234];

function rigWithPorts() {
  const rig = synicRig();
  const ports = parentPorts(rig.hypervisor);
  ports.connectMessagePort(2, messagePort);
  ports.connectEventPort(2, eventPort, 100);
  const caller = { partition: rig.partition, processor: rig.processor, timeNs: 0 };
  const call = (control: bigint, input: bigint): number =>
    dispatchHypercall(caller, { control, input, output: 0n }).status;
  return {
    ...rig,
    ports,
    postMessage(words: readonly number[], payload: readonly number[] = []) {
      const block = new Uint8Array(256);
      block.set(new Uint8Array(Uint32Array.from(words).buffer));
      block.set(payload, 16);
      rig.partition.memory.write(inputGpa, block);
      return call(code('HvCallPostMessage'), BigInt(inputGpa));
    },
    signalEvent: (input: bigint) => call(code('HvCallSignalEvent') | fast, input),
  };
}

describe('HvCallPostMessage', () => {
  it('reaches the parent with its payload', () => {
    const rig = rigWithPorts();
    assert.equal(rig.postMessage([messagePort, 0, 1, 3], [4, 5, 6, 7]), Status.success);
    assert.deepEqual(rig.posted, [
      {
        kind: 'posted-message',
        partition: 2,
        processor: 0,
        connectionId: messagePort,
        messageType: 1,
        payload: new Uint8Array([4, 5, 6]),
      },
    ]);
  });

  /** Connection, reserved, message type, payload size. */
  const rows: readonly (readonly [string, readonly number[], number])[] = [
    ['no payload', [messagePort, 0, 1, 0], Status.success],
    ['the largest payload', [messagePort, 0, 0x7fffffff, 240], Status.success],
    ['a payload that is too large', [messagePort, 0, 1, 241], Status.invalidParameter],
    ['message type 0', [messagePort, 0, 0, 0], Status.invalidParameter],
    ['a type of the hypervisor', [messagePort, 0, 0x80000010, 0], Status.invalidParameter],
    ['a reserved field', [messagePort, 1, 1, 0], Status.invalidParameter],
    ['an unknown connection', [unknown, 0, 1, 0], Status.invalidConnectionId],
    ['reserved bits of the connection', [0x1000001, 0, 1, 0], Status.invalidConnectionId],
    ['a connection for events', [eventPort, 0, 1, 0], Status.invalidPortId],
  ];
  for (const [name, words, status] of rows) {
    it(`${name}: status 0x${status.toString(16)}`, () => {
      const rig = rigWithPorts();
      assert.equal(rig.postMessage(words), status);
      assert.equal(rig.posted.length, status === Status.success ? 1 : 0);
    });
  }

  it('a port without a free buffer: INSUFFICIENT_BUFFERS', () => {
    const rig = rigWithPorts();
    rig.fillParent();
    assert.equal(rig.postMessage([messagePort, 0, 1, 0]), Status.insufficientBuffers);
  });

  it('a connection that has been closed is unknown', () => {
    const rig = rigWithPorts();
    rig.ports.disconnectPort(2, messagePort);
    assert.equal(rig.postMessage([messagePort, 0, 1, 0]), Status.invalidConnectionId);
  });
});

describe('HvCallSignalEvent', () => {
  const flag = (number: number): bigint => BigInt(number) << 32n;
  const rows: readonly (readonly [string, bigint, number])[] = [
    ['the first flag', BigInt(eventPort), Status.success],
    ['the last flag', BigInt(eventPort) | flag(99), Status.success],
    ['a flag that the port does not have', BigInt(eventPort) | flag(100), Status.invalidParameter],
    ['a reserved field', BigInt(eventPort) | (1n << 48n), Status.invalidParameter],
    ['an unknown connection', BigInt(unknown), Status.invalidConnectionId],
    ['a connection for messages', BigInt(messagePort), Status.invalidPortId],
  ];
  for (const [name, input, status] of rows) {
    it(`${name}: status 0x${status.toString(16)}`, () => {
      const rig = rigWithPorts();
      assert.equal(rig.signalEvent(input), status);
      const event = {
        kind: 'signaled-event',
        partition: 2,
        processor: 0,
        connectionId: eventPort,
        flag: Number((input >> 32n) & 0xffffn),
      };
      assert.deepEqual(rig.posted, status === Status.success ? [event] : []);
    });
  }
});
