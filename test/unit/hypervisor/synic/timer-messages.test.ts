/** Synthetic timers in message mode (TLFS 12.5.3), with the cases of busy slots that kvm-unit-tests try. */
import assert from 'node:assert/strict';
import { messageType } from '../../../../debug-adapter/spec/tlfs/synic';
import { enabledSynic } from './synic-rig';

const enabled = 1n;
const periodic = 2n;
const autoEnable = 8n;
const toSint2 = 2n << 16n;

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset);

describe('synthetic timer messages', () => {
  it('a message says which timer, when it expired and when it was delivered', () => {
    const rig = enabledSynic();
    rig.write('STIMER3_CONFIG', enabled | toSint2);
    rig.write('STIMER3_COUNT', 100n);
    rig.timers.runDue(10_000);
    const slot = view(rig.slot(2));
    assert.equal(slot.getUint32(0, true), messageType.timerExpired);
    assert.equal(slot.getUint8(4), 24);
    assert.equal(slot.getUint32(16, true), 3);
    assert.equal(slot.getBigUint64(24, true), 100n);
    assert.equal(slot.getBigUint64(32, true), 123n);
    assert.deepEqual(rig.requested(), [0xf1]);
    assert.equal(rig.read('STIMER3_CONFIG'), toSint2);
  });

  it('a busy slot keeps the message until the end of message', () => {
    const rig = enabledSynic();
    rig.post(2, 1, [1]);
    rig.take();
    rig.write('STIMER0_CONFIG', autoEnable | toSint2);
    rig.write('STIMER0_COUNT', 100n);
    rig.timers.runDue(10_000);
    assert.deepEqual([rig.slot(2)[0], rig.slot(2)[5]], [1, 1]);
    assert.deepEqual(rig.requested(), []);
    rig.free(2);
    rig.write('EOM', 0n);
    assert.equal(view(rig.slot(2)).getUint32(0, true), messageType.timerExpired);
    assert.deepEqual(rig.requested(), [0xf1]);
  });

  it('a period that ends while the message of the last one still waits is lost', () => {
    const rig = enabledSynic();
    rig.write('STIMER0_CONFIG', enabled | periodic | toSint2);
    rig.write('STIMER0_COUNT', 1_000n);
    for (const n of [1, 2, 3]) rig.timers.runDue(n * 100_000);
    assert.deepEqual(rig.told(), ['delivered: ', 'waiting: slot busy', 'dropped: no free buffer']);
    rig.free(2);
    rig.write('EOM', 0n);
    assert.equal(view(rig.slot(2)).getBigUint64(24, true), 2_000n);
  });

  it('two timers wait for one slot in the order in which they expired', () => {
    const rig = enabledSynic();
    for (const [timer, count] of [
      [1, 200n],
      [2, 100n],
    ] as const) {
      rig.write(`STIMER${timer}_CONFIG`, enabled | toSint2);
      rig.write(`STIMER${timer}_COUNT`, count);
    }
    rig.timers.runDue(20_000);
    assert.equal(rig.slot(2)[16], 2);
    rig.free(2);
    rig.write('EOM', 0n);
    assert.equal(rig.slot(2)[16], 1);
  });
});
