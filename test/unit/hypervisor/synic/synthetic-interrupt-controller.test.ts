/** Synthetic interrupt controller (TLFS chapter 11): registers, messages, event flags, and what holds them back. */
import assert from 'node:assert/strict';
import {
  restorePartition,
  restorePartitionMemory,
  savePartition,
  savePartitionMemory,
} from '../../../../debug-adapter/hypervisor/partition.saved-state';
import { parentPorts } from '../parent-rig';
import { StateRecord } from '../../../../debug-adapter/support/state-record';
import {
  autoEoi,
  enabledSynic,
  eventFlagsGpa,
  masked,
  messagePageGpa,
  polling,
  synicRig,
} from './synic-rig';

describe('SynIC registers (TLFS 11.5)', () => {
  const afterReset: readonly (readonly [string, bigint])[] = [
    ['SCONTROL', 0n],
    ['SVERSION', 1n],
    ['SIEFP', 0n],
    ['SIMP', 0n],
    ['EOM', 0n],
    ...Array.from({ length: 16 }, (_, n): [string, bigint] => [`SINT${n}`, 0x10000n]),
  ];
  for (const [name, value] of afterReset) {
    it(`${name} after a reset`, () => assert.equal(synicRig().read(name), value));
  }

  /** Written value, and what is read back; 'GP' where the write raises #GP. */
  const writes: readonly (readonly [string, bigint, bigint | 'GP'])[] = [
    ['SCONTROL', 1n, 1n],
    ['SCONTROL', 0x8000_0000_0000_0001n, 0x8000_0000_0000_0001n],
    ['SVERSION', 1n, 'GP'],
    ['SIEFP', 0x20001n, 0x20001n],
    ['SIEFP', 0xffff_ffff_ffff_f001n, 0xffff_ffff_ffff_f001n],
    ['SIMP', 0x10001n, 0x10001n],
    ['SIMP', 0x7fff_0000_0001n, 0x7fff_0000_0001n],
    ['EOM', 0n, 0n],
    ['EOM', 0x1234n, 0n],
    ['SINT0', 0x10n, 0x10n],
    ['SINT0', 0x0fn, 'GP'],
    ['SINT3', 0n, 'GP'],
    ['SINT3', masked, masked],
    ['SINT3', 0x100ffn, 0x100ffn],
    ['SINT15', 0x200ffn, 0x200ffn],
    ['SINT15', 0x40020n, 0x40020n],
  ];
  for (const [name, value, expected] of writes) {
    const outcome = expected === 'GP' ? 'raises #GP' : `reads 0x${expected.toString(16)}`;
    it(`${name} = 0x${value.toString(16)} ${outcome}`, () => {
      const rig = synicRig();
      const before = rig.read(name);
      assert.equal(rig.write(name, value), expected !== 'GP');
      assert.equal(rig.read(name), expected === 'GP' ? before : expected);
    });
  }

  it('each processor has its own', () => {
    const { read, write } = synicRig();
    write('SINT4', 0x44n, 1);
    assert.equal(read('SINT4', 0), masked);
    assert.equal(read('SINT4', 1), 0x44n);
  });

  for (const [name, gpa] of [
    ['SIMP', messagePageGpa],
    ['SIEFP', eventFlagsGpa],
  ] as const) {
    it(`${name} lays a page of zeros over the guest's, which comes back`, () => {
      const { partition, write } = synicRig();
      partition.memory.write(gpa, new Uint8Array([1, 2, 3]));
      write(name, BigInt(gpa) | 1n);
      assert.deepEqual(partition.memory.read(gpa, 3), new Uint8Array(3));
      write(name, BigInt(gpa));
      assert.deepEqual(partition.memory.read(gpa, 3), new Uint8Array([1, 2, 3]));
    });
  }
});

describe('SynIC messages (TLFS 11.8)', () => {
  it('a message fills its slot and interrupts', () => {
    const rig = enabledSynic();
    rig.partition.memory.write(messagePageGpa + 2 * 256, new Uint8Array(256).fill(0xaa, 4));
    assert.equal(rig.post(2, 0x7fffffff, [9, 8, 7]), true);
    const expected = new Uint8Array(256);
    expected.set([0xff, 0xff, 0xff, 0x7f, 3, 0]);
    expected.set([9, 8, 7], 16);
    assert.deepEqual(rig.slot(2), expected);
    assert.deepEqual(rig.requested(), [0xf1]);
    assert.deepEqual(rig.requested(1), []);
  });

  it('the payload is copied', () => {
    const rig = enabledSynic();
    rig.post(2, 1);
    const payload = new Uint8Array([5]);
    rig.hypervisor.postMessage({ partition: 2, processor: 0, sint: 2 }, 1, payload);
    payload[0] = 6;
    rig.free(2);
    rig.write('EOM', 0n);
    assert.equal(rig.slot(2)[16], 5);
  });

  it('a busy slot says that more wait; the end of message brings the next', () => {
    const rig = enabledSynic();
    rig.post(2, 1, [1]);
    rig.take();
    rig.post(2, 1, [2]);
    rig.post(2, 1, [3]);
    assert.deepEqual([...rig.slot(2).subarray(4, 6), rig.slot(2)[16]], [1, 1, 1]);
    assert.deepEqual(rig.requested(), []);
    rig.free(2);
    rig.write('EOM', 0n);
    assert.deepEqual([...rig.slot(2).subarray(4, 6), rig.slot(2)[16]], [1, 1, 2]);
    assert.deepEqual(rig.requested(), [0xf1]);
    rig.free(2);
    rig.write('EOM', 0n);
    assert.deepEqual([...rig.slot(2).subarray(4, 6), rig.slot(2)[16]], [1, 0, 3]);
  });

  it('an end of message before the slot is free brings nothing', () => {
    const rig = enabledSynic();
    rig.post(2, 1, [1]);
    rig.post(2, 1, [2]);
    rig.write('EOM', 0n);
    assert.equal(rig.slot(2)[16], 1);
  });

  it('the end of the interrupt brings the next message too', () => {
    const rig = enabledSynic();
    rig.post(2, 1, [1]);
    rig.post(2, 1, [2]);
    rig.take();
    rig.free(2);
    assert.equal(rig.slot(2)[0], 0);
    rig.endInterrupt();
    assert.equal(rig.slot(2)[16], 2);
  });

  it('auto-EOI: the interrupt has ended when the processor takes it', () => {
    const rig = enabledSynic(0xf1n | autoEoi);
    rig.post(2);
    assert.equal(rig.take(), 0xf1);
    assert.equal(rig.processor.apic.inService.highest, 0);
    rig.write('SINT3', 0xf2n);
    rig.post(3);
    assert.equal(rig.take(), 0xf2);
    assert.equal(rig.processor.apic.inService.highest, 0xf2);
  });

  it('a polled source is not interrupted', () => {
    const rig = enabledSynic(0xf1n | polling);
    rig.post(2, 1, [1]);
    assert.equal(rig.slot(2)[16], 1);
    assert.deepEqual(rig.requested(), []);
  });

  const pageOn = BigInt(messagePageGpa) | 1n;
  /** What holds a message back, and the write that lets it go. */
  const obstacles: readonly (readonly [string, string, string, bigint, bigint])[] = [
    ['SCONTROL off', 'SCONTROL disabled', 'SCONTROL', 0n, 1n],
    ['SIMP off', 'no message page', 'SIMP', 0n, pageOn],
    ['SIMP not on RAM', 'no message page', 'SIMP', 0x7fff_0000_0001n, pageOn],
    ['SINT masked', 'SINT masked', 'SINT2', 0x100f1n, 0xf1n],
  ];
  for (const [name, reason, register, off, on] of obstacles) {
    it(`${name}: the message waits until that changes`, () => {
      const rig = enabledSynic();
      rig.write(register, off);
      assert.equal(rig.post(2, 1, [7]), true);
      assert.deepEqual(rig.requested(), []);
      assert.equal(rig.slot(2)[16], 0);
      rig.write(register, on);
      assert.equal(rig.slot(2)[16], 7);
      assert.deepEqual(rig.told(), [`waiting: ${reason}`, 'delivered: ']);
      assert.deepEqual(rig.requested(), [0xf1]);
    });
  }

  it('a local APIC that is disabled loses the interrupt, and the trace says so', () => {
    const rig = enabledSynic();
    rig.processor.apic.spuriousInterrupt = 0;
    rig.post(2, 1, [1]);
    assert.equal(rig.slot(2)[16], 1);
    assert.deepEqual(rig.told(), ['delivered: local APIC disabled']);
  });

  it('16 messages wait for a source; the next finds no buffer', () => {
    const rig = enabledSynic();
    for (let n = 0; n < 17; n++) assert.equal(rig.post(2, 1, [n]), true, `message ${n}`);
    assert.equal(rig.post(2, 1, [17]), false);
    assert.equal(rig.told().at(-2), 'waiting: slot busy');
    assert.equal(rig.told().at(-1), 'dropped: no free buffer');
    assert.equal(rig.post(3, 1, [18]), true);
    rig.free(2);
    rig.write('EOM', 0n);
    assert.equal(rig.post(2, 1, [17]), true);
  });

  it('a message page under that of another processor is not seen', () => {
    const rig = enabledSynic();
    rig.write('SIMP', BigInt(messagePageGpa) | 1n, 1);
    rig.post(2, 1, [1], 1);
    assert.deepEqual(rig.requested(1), []);
    rig.write('SIMP', 0n, 0);
    rig.write('EOM', 0n, 1);
    assert.equal(rig.slot(2)[16], 1);
    assert.deepEqual(rig.requested(1), [0xf1]);
  });
});

describe('SynIC event flags (TLFS 11.9)', () => {
  for (const flag of [0, 7, 8, 2047]) {
    it(`flag ${flag} is set and interrupts once`, () => {
      const rig = enabledSynic();
      rig.signal(2, flag);
      assert.equal(rig.flag(2, flag), 1);
      assert.equal(rig.take(), 0xf1);
      rig.signal(2, flag);
      assert.deepEqual(rig.requested(), []);
      assert.deepEqual(rig.told(), ['delivered: ', 'delivered: flag set already']);
    });
  }

  it('another flag of the same source interrupts again', () => {
    const rig = enabledSynic();
    rig.signal(2, 1);
    rig.take();
    rig.signal(2, 2);
    assert.deepEqual([rig.flag(2, 1), rig.flag(2, 2), rig.flag(3, 1)], [1, 1, 0]);
    assert.deepEqual(rig.requested(), [0xf1]);
  });

  const lost: readonly (readonly [string, string, string, bigint])[] = [
    ['SCONTROL off', 'SCONTROL disabled', 'SCONTROL', 0n],
    ['SIEFP off', 'no event flags page', 'SIEFP', 0n],
    ['SINT masked', 'SINT masked', 'SINT2', 0x100f1n],
  ];
  for (const [name, reason, register, value] of lost) {
    it(`${name}: the event is lost`, () => {
      const rig = enabledSynic();
      rig.write(register, value);
      rig.signal(2, 5);
      assert.equal(rig.flag(2, 5), 0);
      assert.deepEqual(rig.requested(), []);
      assert.deepEqual(rig.told(), [`dropped: ${reason}`]);
    });
  }

  it('a polled source is not interrupted', () => {
    const rig = enabledSynic(0xf1n | polling);
    rig.signal(2, 5);
    assert.equal(rig.flag(2, 5), 1);
    assert.deepEqual(rig.requested(), []);
  });
});

describe('saved SynIC', () => {
  it('comes back with registers, pages, connections and what waits', () => {
    const from = enabledSynic();
    const ports = parentPorts(from.hypervisor);
    ports.connectMessagePort(2, 1);
    ports.connectEventPort(2, 2, 100);
    from.post(2, 1, [1]);
    from.post(2, 0x77, [2, 3]);
    const memory = new StateRecord(savePartitionMemory(from.partition), 'memory');
    const saved = savePartition(from.partition);
    const to = synicRig();
    restorePartitionMemory(to.partition, memory);
    restorePartition(to.partition, new StateRecord(saved, 'partition'));
    assert.deepEqual(savePartition(to.partition), saved);
    const connection = to.partition.connections.find(2);
    assert.deepEqual(connection, { kind: 'event', portId: 0x20002, flagCount: 100 });
    to.free(2);
    to.write('EOM', 0n);
    assert.deepEqual([to.slot(2)[0], ...to.slot(2).subarray(16, 18)], [0x77, 2, 3]);
  });
});
