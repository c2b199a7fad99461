/** Random hypercalls of one partition beside another: valid ones, mutated ones, and noise, told by a seed. */
import assert from 'node:assert/strict';
import { Hypervisor } from '../../../../debug-adapter/hypervisor/hypervisor';
import { dispatchHypercall } from '../../../../debug-adapter/hypervisor/hypercalls/dispatch';
import { hypercallHandlers } from '../../../../debug-adapter/hypervisor/hypercalls/handler-table';
import { defaultPrivileges, Partition } from '../../../../debug-adapter/hypervisor/partition';
import { savePartition } from '../../../../debug-adapter/hypervisor/partition.saved-state';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { TimerQueue } from '../../../../debug-adapter/machine/timer-queue';
import {
  commonStatuses,
  ownStatuses,
} from '../../../../debug-adapter/spec/tlfs/hypercall-statuses';
import {
  hypercallByName,
  hypercalls,
  type Hypercall,
} from '../../../../debug-adapter/spec/tlfs/hypercalls';
import { registerNames } from '../../../../debug-adapter/spec/tlfs/register-names';
import { statusByCode } from '../../../../debug-adapter/spec/tlfs/status-codes';
import { structLayout } from '../../../../debug-adapter/support/struct-layout';
import { enableApics } from '../enable-apics';
import { parentPorts } from '../parent-rig';
import { detachedServices, scriptedPartitionOf } from '../scripted-core';

const inputGpa = 0x2000;
const outputGpa = 0x3000;
/** Calls on one pair of partitions, before both are made anew. */
const callsPerRig = 500;
const names = [...registerNames.values()];
const fastBit = 1n << 16n;

/** xorshift32. */
class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0 || 1;
  }

  next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x >>> 0;
    return this.state;
  }

  below(limit: number): number {
    return this.next() % limit;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] ?? assert.fail('nothing to pick from');
  }

  wide(): bigint {
    return (BigInt(this.next()) << 32n) | BigInt(this.next());
  }
}

interface RandomCall {
  control: bigint;
  input: bigint;
  output: bigint;
  readonly block: Uint8Array;
}

/** Values that fields of headers take in calls that get far. */
function goodWord(random: Random): bigint {
  const words = [0n, 1n, 2n, 3n, 0x10n, 0x40n, 0x1000n, 0xfffffffen, (1n << 64n) - 1n];
  return random.below(8) === 0 ? random.wide() : random.pick(words);
}

/** A call that is formed as its row in the table says, with likely contents. */
function formedCall(random: Random, row: Hypercall): RandomCall {
  const block = new Uint8Array(256);
  const view = new DataView(block.buffer);
  for (const { offset, type } of row.input ?? []) {
    const value = goodWord(random);
    if (type === 'u64') view.setBigUint64(offset, value, true);
    else if (type === 'u32') view.setUint32(offset, Number(value & 0xffffffffn), true);
    else if (type === 'u16') view.setUint16(offset, Number(value & 0xffffn), true);
    else if (type === 'u8') view.setUint8(offset, random.pick([0, 0x10, Number(value & 0xffn)]));
  }
  const headerBytes = structLayout(row.name, row.input ?? []).sizeBytes;
  const banks = row.variableHeader ? random.below(3) : 0;
  const reps = row.kind === 'rep' ? 1 + random.below(4) : 0;
  const elementBytes = row.inputElementBytes ?? 0;
  for (let n = 0; n < reps && elementBytes > 0; n++) {
    const at = headerBytes + banks * 8 + n * elementBytes;
    view.setUint32(at, random.pick(names), true);
    if (elementBytes >= 32) view.setBigUint64(at + 16, goodWord(random), true);
  }
  const control =
    BigInt(row.code) |
    (random.below(4) === 0 ? fastBit : 0n) |
    (BigInt(banks) << 17n) |
    (BigInt(reps) << 32n);
  return { control, input: BigInt(inputGpa), output: BigInt(outputGpa), block };
}

function mutate(random: Random, call: RandomCall): void {
  for (let n = 1 + random.below(3); n > 0; n--) {
    const bit = 1n << BigInt(random.below(64));
    const where = random.below(6);
    if (where === 0) call.control ^= bit;
    else if (where === 1) call.input ^= bit;
    else if (where === 2) call.output ^= bit;
    else call.block[random.below(call.block.length)] = random.next() & 0xff;
  }
}

function randomCall(random: Random): RandomCall {
  const shape = random.below(20);
  if (shape === 0) {
    const block = Uint8Array.from({ length: 256 }, () => random.next() & 0xff);
    return { control: random.wide(), input: random.wide(), output: random.wide(), block };
  }
  const rows = hypercalls.filter(({ code }) => hypercallHandlers.has(code));
  const call = formedCall(random, random.pick(shape < 4 ? hypercalls : rows));
  if (random.below(2) === 0) mutate(random, call);
  return call;
}

/** A partition that calls, and a neighbour that nothing may touch. */
function pair(random: Random) {
  const services = detachedServices({
    timers: new TimerQueue(),
    intercepts: { post: () => random.below(8) !== 0 },
  });
  const privileges =
    random.below(4) === 0
      ? defaultPrivileges.filter(() => random.below(2) === 0)
      : [...defaultPrivileges, 'AccessPartitionId' as const];
  const hypervisor = new Hypervisor(services);
  const made = scriptedPartitionOf({ privileges, processorCount: 2, memoryBytes: 0x10000 });
  const next = scriptedPartitionOf({ processorCount: 1, memoryBytes: 0x10000 });
  const neighbour = new Partition({
    id: 3,
    name: 'neighbour',
    memoryBytes: 0x10000,
    memory: next.partition.memory,
    processors: next.processors,
  });
  hypervisor.addPartition(made.partition);
  hypervisor.addPartition(neighbour);
  enableApics(made.partition);
  const ports = parentPorts(hypervisor);
  ports.connectMessagePort(2, 1);
  ports.connectEventPort(2, 2, 0x40);
  const look = () => ({
    state: savePartition(neighbour),
    memory: neighbour.memory.read(0, 0x10000),
  });
  return { ...made, look };
}

/** How often each call gave each status, by `name status`. */
export type StatusCounts = Map<string, number>;

/** Makes `count` calls. Fails where one throws, answers what its row does not allow, or touches the neighbour. */
export function runRandomHypercalls(seed: number, count: number): StatusCounts {
  const random = new Random(seed);
  const counts: StatusCounts = new Map();
  for (let done = 0; done < count; done += callsPerRig) {
    const rig = pair(random);
    const before = rig.look();
    for (let n = Math.min(callsPerRig, count - done); n > 0; n--) {
      const made = randomCall(random);
      const text = `seed ${seed}, call ${done + callsPerRig - n}: control 0x${made.control.toString(16)}`;
      const name = runCall(rig, random, made, text);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    assert.deepEqual(rig.look(), before, `seed ${seed}: the neighbour of calls from ${done} on`);
  }
  return counts;
}

type Rig = ReturnType<typeof pair>;

function runCall(
  { partition, processors }: Rig,
  random: Random,
  { control, input, output, block }: RandomCall,
  text: string,
): string {
  const processor = random.pick(processors);
  partition.memory.write(inputGpa, block);
  const isFast = (control & fastBit) !== 0n;
  const view = new DataView(block.buffer);
  if (isFast) {
    for (let at = 0; at < 96; at += 8) {
      processor.state.writeU64(stateOffsets.fxsave + 160 + at, view.getBigUint64(16 + at, true));
    }
  }
  const registers = isFast
    ? { control, input: view.getBigUint64(0, true), output: view.getBigUint64(8, true) }
    : { control, input, output };
  const { status } = dispatchHypercall({ partition, processor, timeNs: 1_000 }, registers);
  const row = hypercalls.find(({ code }) => BigInt(code) === (control & 0xffffn));
  const statusName = statusByCode.get(status)?.name ?? assert.fail(`${text}: status ${status}`);
  const isBuilt = row !== undefined && hypercallHandlers.has(row.code);
  const allowed = isBuilt
    ? [...commonStatuses, ...(ownStatuses[row.name] ?? [])]
    : ['HV_STATUS_INVALID_HYPERCALL_CODE', 'HV_STATUS_ACCESS_DENIED'];
  assert(allowed.includes(statusName), `${text}: ${row?.name ?? 'unknown'} gave ${statusName}`);
  return `${isBuilt ? row.name : 'no such call'} ${statusName}`;
}

/** Every pair of a call that is there and a status that it can give; a call that needs no privilege is denied to nobody. */
export function possibleStatuses(): readonly string[] {
  return Object.entries(ownStatuses).flatMap(([name, own]) =>
    [...commonStatuses, ...own]
      .filter(
        (status) =>
          status !== 'HV_STATUS_ACCESS_DENIED' ||
          hypercallByName.get(name)?.privilege !== undefined,
      )
      .map((status) => `${name} ${status}`),
  );
}
