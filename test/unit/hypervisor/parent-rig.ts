/** The parent of a hypervisor under test: its calls, and what its devices ask for through them. */
import assert from 'node:assert/strict';
import { Hypervisor } from '../../../debug-adapter/hypervisor/hypervisor';
import { ParentPort, parentPrivileges } from '../../../debug-adapter/hypervisor/parent-port';
import type { HypercallPort } from '../../../debug-adapter/machine/hypercall-port';
import { SystemPages } from '../../../debug-adapter/parent-partition/virtualization-stack/system-pages';
import { GuestLifeCycle } from '../../../debug-adapter/parent-partition/virtualization-stack/guest-creation';
import { GuestPorts } from '../../../debug-adapter/parent-partition/virtualization-stack/guest-ports';
import {
  makeHypercallPages,
  ParentCalls,
} from '../../../debug-adapter/parent-partition/virtualization-stack/parent-calls';
import type { PrivilegeName } from '../../../debug-adapter/spec/tlfs/privileges';
import { hypercallByName } from '../../../debug-adapter/spec/tlfs/hypercalls';
import { statusByCode } from '../../../debug-adapter/spec/tlfs/status-codes';
import { structLayout, writeField } from '../../../debug-adapter/support/struct-layout';
import type { GuestMemory } from '../../../debug-adapter/machine/guest-memory';
import type { TraceEventBody } from '../../../debug-adapter/machine/trace';
import { detachedServices, scriptedPartitionOf } from './scripted-core';

function stackOf(port: HypercallPort, memory: GuestMemory) {
  const calls = new ParentCalls(port, memory);
  const lifeCycle = new GuestLifeCycle(calls, new SystemPages());
  const ports = new GuestPorts(calls, 1, (partition) => lifeCycle.deposit(partition));
  return { calls, lifeCycle, ports };
}

/** Ports and intercepts of the parent of partitions that are there already. */
export function parentPorts(hypervisor: Hypervisor): GuestPorts {
  const memory = makeHypercallPages();
  return stackOf(hypervisor.openHypercallPort(memory), memory).ports;
}

const inputGpa = 0x1000;
const outputGpa = 0x2000;

/** A hypervisor that can make one partition of two processors, and its parent with the given privileges. */
export function parentRig(privileges: readonly PrivilegeName[] = parentPrivileges) {
  const traced: TraceEventBody[] = [];
  const services = detachedServices({
    trace: {
      emit(body) {
        traced.push(body);
        return { position: 0, ordinal: 0, timeNs: 0, partition: 1, processor: 0 };
      },
      offer: () => {},
      emitConsole: () => {},
    },
  });
  const hypervisor = new Hypervisor(services, (id) => {
    if (id !== 2) return undefined;
    const { partition } = scriptedPartitionOf({ processorCount: 2, memoryBytes: 0x10000 });
    partition.memory.clear();
    return partition;
  });
  const memory = makeHypercallPages();
  const port = new ParentPort(memory, hypervisor, services, privileges);
  /** Makes a call with fields by name and a list of 64-bit words. @returns the name of the status */
  function make(
    name: string,
    fields: Readonly<Record<string, number | bigint>>,
    list: readonly bigint[] = [],
    count?: number,
  ): string {
    const row = hypercallByName.get(name) ?? assert.fail(name);
    const layout = structLayout(name, row.input ?? []);
    const block = new Uint8Array(layout.sizeBytes + list.length * 8);
    for (const [field, value] of Object.entries(fields)) {
      if (layout.byName.has(field)) writeField(layout, block, field, BigInt(value));
    }
    const view = new DataView(block.buffer);
    list.forEach((word, index) => view.setBigUint64(layout.sizeBytes + index * 8, word, true));
    memory.write(inputGpa, block);
    const elements = count ?? (list.length * 8) / Math.max(8, row.inputElementBytes ?? 8);
    const reps = row.kind === 'rep' ? BigInt(Math.max(1, elements)) << 32n : 0n;
    const { status } = port.call(BigInt(row.code) | reps, inputGpa, outputGpa);
    return statusByCode.get(status)?.name ?? assert.fail(`status ${status}`);
  }
  const output = (at: number): number =>
    new DataView((memory.read(outputGpa, at + 8) ?? assert.fail('output page')).buffer).getUint32(
      at,
      true,
    );
  return { hypervisor, port, memory, make, output, traced, stack: stackOf(port, memory) };
}

export type ParentRig = ReturnType<typeof parentRig>;
