/** A partition under a hypervisor, as a parent and a guest reach its synthetic interrupt controllers. */
import assert from 'node:assert/strict';
import { Hypervisor } from '../../../../debug-adapter/hypervisor/hypervisor';
import { readMsr, writeMsr } from '../../../../debug-adapter/hypervisor/msr-access';
import type { InterceptMessage } from '../../../../debug-adapter/machine/intercepts';
import { TimerQueue } from '../../../../debug-adapter/machine/timer-queue';
import type { TraceEventBody } from '../../../../debug-adapter/machine/trace';
import { msrByName } from '../../../../debug-adapter/spec/x86/msrs';
import { enableApics } from '../enable-apics';
import { detachedServices, scriptedPartitionOf } from '../scripted-core';

const id = 2;
export const messagePageGpa = 0x10000;
export const eventFlagsGpa = 0x20000;
export const masked = 1n << 16n;
export const autoEoi = 1n << 17n;
export const polling = 1n << 18n;

export function synicRig() {
  const posted: InterceptMessage[] = [];
  const traced: TraceEventBody[] = [];
  const timers = new TimerQueue();
  let hasBuffers = true;
  const services = detachedServices({
    timers,
    intercepts: {
      post: (message) => hasBuffers && posted.push(message) > 0,
    },
    trace: {
      emit(body) {
        traced.push(body);
        return { position: 7, ordinal: 0, timeNs: 700, partition: id, processor: 0 };
      },
      offer: () => {},
      emitConsole: () => {},
    },
  });
  const made = scriptedPartitionOf({ processorCount: 2, memoryBytes: 0x40000 });
  const { partition, processors } = made;
  const hypervisor = new Hypervisor(services);
  hypervisor.addPartition(partition);
  enableApics(partition);
  const processor = (index: number) => processors[index] ?? assert.fail('processor');
  const numberOf = (name: string) =>
    (msrByName.get(`HV_X64_MSR_${name}`) ?? assert.fail(name)).number;
  const rig = {
    ...made,
    hypervisor,
    processor: processor(0),
    timers,
    posted,
    traced,
    /** Outcomes and reasons in the trace. */
    told: () =>
      traced.flatMap((event) =>
        'outcome' in event && 'reason' in event ? [`${event.outcome}: ${event.reason}`] : [],
      ),
    fillParent: () => (hasBuffers = false),
    read: (name: string, index = 0, timeNs = 0) =>
      readMsr(partition, processor(index), numberOf(name), timeNs),
    write: (name: string, value: bigint, index = 0, timeNs = 0) =>
      writeMsr(partition, processor(index), numberOf(name), value, timeNs),
    /** Vectors that the local APIC has been asked to deliver. */
    requested: (index = 0) =>
      Array.from({ length: 256 }, (_, vector) => vector).filter((vector) =>
        processor(index).apic.requested.has(vector),
      ),
    /** As the processor takes the interrupt and the guest ends it. */
    take: (index = 0) => processor(index).apic.acknowledge(),
    endInterrupt: (index = 0) => processor(index).apic.endOfInterrupt(),
    post: (sint: number, type = 1, payload: readonly number[] = [], index = 0) =>
      hypervisor.postMessage(
        { partition: id, processor: index, sint },
        type,
        new Uint8Array(payload),
      ),
    signal: (sint: number, flag: number, index = 0) =>
      hypervisor.signalEvent({ partition: id, processor: index, sint }, flag),
    slot: (sint: number, at = messagePageGpa) =>
      partition.memory.read(at + sint * 256, 256) ?? assert.fail('no memory'),
    flag: (sint: number, flag: number) => {
      const gpa = eventFlagsGpa + sint * 256 + (flag >> 3);
      const [byte = 0] = partition.memory.read(gpa, 1) ?? assert.fail('no memory');
      return (byte >> (flag & 7)) & 1;
    },
    /** As the guest frees a slot: it clears the message type. */
    free: (sint: number) => partition.memory.write(messagePageGpa + sint * 256, new Uint8Array(4)),
  };
  return rig;
}

/** With everything enabled, as guests do, and SINT 2 at vector 0xF1. */
export function enabledSynic(sint2 = 0xf1n) {
  const rig = synicRig();
  for (const index of [0, 1]) {
    rig.write('SIMP', BigInt(messagePageGpa + index * 4096) | 1n, index);
    rig.write('SIEFP', BigInt(eventFlagsGpa + index * 4096) | 1n, index);
    rig.write('SCONTROL', 1n, index);
    rig.write('SINT2', sint2, index);
  }
  return rig;
}
