/**
 * Random hypercalls of a parent with two children: recorded ones, mutated ones, and noise, told by a seed. No call
 * names the second child, its processors or its ports; many name its pages.
 */
import assert from 'node:assert/strict';
import { Hypervisor } from '../../../../../debug-adapter/hypervisor/hypervisor';
import { parentHandlers } from '../../../../../debug-adapter/hypervisor/hypercalls/parent/handler-table';
import { ParentPort, parentPrivileges } from '../../../../../debug-adapter/hypervisor/parent-port';
import { savePartition } from '../../../../../debug-adapter/hypervisor/partition.saved-state';
import { TimerQueue } from '../../../../../debug-adapter/machine/timer-queue';
import { GuestLifeCycle } from '../../../../../debug-adapter/parent-partition/virtualization-stack/guest-creation';
import { GuestPorts } from '../../../../../debug-adapter/parent-partition/virtualization-stack/guest-ports';
import {
  makeHypercallPages,
  ParentCalls,
} from '../../../../../debug-adapter/parent-partition/virtualization-stack/parent-calls';
import { SystemPages } from '../../../../../debug-adapter/parent-partition/virtualization-stack/system-pages';
import {
  commonStatuses,
  parentStatuses,
} from '../../../../../debug-adapter/spec/tlfs/hypercall-statuses';
import {
  hypercallByCode,
  hypercallByName,
  hypercalls,
  type Hypercall,
} from '../../../../../debug-adapter/spec/tlfs/hypercalls';
import { partitionProperty } from '../../../../../debug-adapter/spec/tlfs/partitions';
import { registerNames } from '../../../../../debug-adapter/spec/tlfs/register-names';
import { statusByCode } from '../../../../../debug-adapter/spec/tlfs/status-codes';
import { StateRecord } from '../../../../../debug-adapter/support/state-record';
import { encodeStateTree } from '../../../../../debug-adapter/support/state-tree';
import { structLayout } from '../../../../../debug-adapter/support/struct-layout';
import { SeededRandom } from '../../../../support/seeded-random';
import { detachedServices, scriptedPartitionOf } from '../../scripted-core';

const inputGpa = 0x1000;
const outputGpa = 0x2000;
/** Calls of one parent, before it and its children are made anew. */
const callsPerRig = 250;
const callsPerLook = 25;
const pagesOfLife = 4096;
const memoryBytes = 0x10000;
/** The first child, to which most calls are made, and the second, to which none is; others come and go. */
const [subject, bystander] = [2, 3];
const lastChild = 6;
const bystanderPort = 0x30001;
const pageBytes = 4096;

interface ParentCallRecord {
  readonly control: bigint;
  readonly block: Uint8Array;
}

/** A parent with its stack; every call that the stack makes is recorded. */
function makeParent(privileges = parentPrivileges) {
  const services = detachedServices({ timers: new TimerQueue() });
  const hypervisor = new Hypervisor(services, (id) => {
    if (id > lastChild) return undefined;
    const { partition } = scriptedPartitionOf({ id, processorCount: 2, memoryBytes });
    partition.memory.clear();
    return partition;
  });
  const memory = makeHypercallPages();
  const open = (held = parentPrivileges): ParentPort =>
    new ParentPort(memory, hypervisor, services, held);
  const recorded: ParentCallRecord[] = [];
  const full = open();
  const recorder = {
    call(control: bigint, input: number, output: number) {
      const block = memory.read(input, pageBytes) ?? assert.fail('input page');
      const answer = full.call(control, input, output);
      if (answer.status === 0 || answer.repsCompleted > 0) recorded.push({ control, block });
      return answer;
    },
  };
  const calls = new ParentCalls(recorder, memory);
  const pages = new SystemPages();
  const lifeCycle = new GuestLifeCycle(calls, pages);
  const ports = new GuestPorts(calls, 1, (partition) => lifeCycle.deposit(partition));
  return { hypervisor, memory, port: open(privileges), recorded, calls, pages, lifeCycle, ports };
}

type Parent = ReturnType<typeof makeParent>;

const ram = [{ start: 0, end: memoryBytes }];
const makeRegister = (name: string): number => registerNames.get(name) ?? assert.fail(name);

/** What the virtualization stack calls for a guest from its creation to its end, and what debuggers would ask for. */
function recordLife(parent: Parent): readonly ParentCallRecord[] {
  const { calls, lifeCycle, ports, recorded } = parent;
  const share = { weight: 200, cap: 80, reserve: 10 };
  const id = lifeCycle.create({ processorCount: 2, ram, share });
  ports.installPortIntercept(id, 0x60, 5);
  ports.connectMessagePort(id, 1);
  ports.connectEventPort(id, 2, 3);
  lifeCycle.setRegisters(id, 0, [
    ['Rip', 0x1000n],
    ['Cr0', 0x80010031n],
  ]);
  const names = new Uint8Array(8);
  new DataView(names.buffer).setUint32(0, makeRegister('Rip'), true);
  new DataView(names.buffer).setUint32(4, makeRegister('Cr0'), true);
  calls.callForList('HvCallGetVpRegisters', () => ({ PartitionId: id }), {
    count: 2,
    bytes: names,
  });
  calls.callForList('HvCallModifySparseGpaPages', () => ({ TargetPartition: id, MapFlags: 1 }), {
    count: 1,
    bytes: new Uint8Array(8),
  });
  calls.call('HvCallGetMemoryBalance', { PartitionId: id });
  calls.call('HvCallGetNextChildPartition', { ParentId: 1 });
  const property = { PartitionId: id, PropertyCode: partitionProperty.CpuWeight };
  calls.call('HvCallGetPartitionProperty', property);
  lifeCycle.start(id, [0]);
  lifeCycle.setSuspended(id, true);
  lifeCycle.setSuspended(id, false);
  calls.call('HvCallDeleteVp', { PartitionId: id, VpIndex: 1 });
  ports.disconnectPort(id, 2);
  lifeCycle.remove(id, ram);
  return recorded.slice();
}

/** The calls of one whole life, as they were made for the first child. */
const life = recordLife(makeParent());

const withdrawals = life.filter(
  ({ control }) => Number(control & 0xffffn) === hypercallByName.get('HvCallWithdrawMemory')?.code,
);

interface Attempt {
  control: bigint;
  input: number;
  output: number;
  readonly block: Uint8Array;
}

const rows = hypercalls.filter(({ code }) => parentHandlers.has(code));
const ending = ['HvCallFinalizePartition', 'HvCallDeletePartition', 'HvCallWithdrawMemory'];
const partitionFields = ['PartitionId', 'TargetPartition', 'ConnectionPartition', 'DestPartition'];
const properties = Object.values(partitionProperty);
const registers = [...registerNames.values()];
const self = (1n << 64n) - 1n;

/** Values that get far, by the name of the field. */
const likely: Readonly<Record<string, readonly bigint[]>> = {
  PortPartition: [1n, 1n, 1n, self, 2n],
  ParentId: [1n, self, 2n],
  PreviousChildId: [0n, 2n, 9n],
  PropertyCode: [...properties.map(BigInt), 0x1234n],
  Value: [0n, 1n, 2n, 100n, 0x1000n, 0x8000n, 0x10000n, 0x10001n, 20_000n],
  VpIndex: [0n, 0n, 1n, 2n],
  InputVtl: [0n, 0n, 0x10n, 1n],
  MapFlags: [7n, 15n, 3n, 1n, 0x10000n, 0x80000007n, 2n, 4n, 0x40n],
  UnmapFlags: [0n, 0n, 2n, 4n],
  TargetGpfnBase: [0n, 1n, 5n, 16n, 512n, 0x40000n, 0x80000n, (1n << 40n) - 1n, 1n << 40n],
  AccessTypeMask: [0n, 3n, 3n, 1n],
  InterceptType: [0n, 0x11n, 2n],
  InterceptParameter: [0x60n, 0x640060n, 0x600064n, 0x10000n],
  PortId: [1n, 2n, 0x20001n, 0x20002n, 0n, 1n << 24n],
  ConnectionId: [1n, 2n, 5n, 0n, 1n << 24n],
  PortType: [1n, 2n, 3n],
  ConnectionType: [1n, 1n, 2n],
  FlagCount: [1n, 3n, 0n, 2049n],
  TargetSint: [2n, 2n, 16n],
};

function childNumber(random: SeededRandom): bigint {
  if (random.chance(6)) return random.pick([0n, 1n, 99n, self, 1n << 40n]);
  return random.chance(85) ? BigInt(subject) : BigInt(random.pick([4, 5, 6]));
}

function fieldValue(random: SeededRandom, name: string): bigint {
  if (partitionFields.includes(name)) return childNumber(random);
  const values = likely[name] ?? [0n];
  return random.chance(3) ? BigInt(random.next()) << 16n : random.pick(values);
}

/** Pages that are the parent's, the children's, the second child's, and none of these. */
function pageNumber(random: SeededRandom, bystanderPages: readonly number[]): bigint {
  const where = random.below(10);
  if (where === 0) return BigInt(random.pick(bystanderPages));
  if (where === 1) return random.pick([1n << 24n, (1n << 24n) - 1n, 1n << 60n]);
  if (where === 2) return BigInt(0x60000 + 512 * random.below(8));
  return BigInt(0x50000 + random.below(400));
}

function writeElement(
  random: SeededRandom,
  row: Hypercall,
  element: DataView,
  bystanderPages: readonly number[],
): void {
  if (row.name === 'HvCallModifySparseGpaPages') {
    element.setBigUint64(0, BigInt(random.pick([0, 1, 5, 16, 512, 99])), true);
  } else if (row.name.endsWith('VpRegisters')) {
    const name = random.chance(40) ? makeRegister('ExplicitSuspend') : random.pick(registers);
    element.setUint32(0, random.chance(5) ? 0x12345 : name, true);
    if (element.byteLength < 32) return;
    element.setBigUint64(16, random.pick([0n, 1n, 2n, 0x1001n, BigInt(random.next())]), true);
  } else if (element.byteLength === 8)
    element.setBigUint64(0, pageNumber(random, bystanderPages), true);
}

/** A call that is formed as its row in the table says, with likely contents. */
function formedCall(random: SeededRandom, bystanderPages: readonly number[]): Attempt {
  const row = random.chance(92) ? random.pick(rows) : random.pick(hypercalls);
  if (ending.includes(row.name) && random.chance(60)) return formedCall(random, bystanderPages);
  const layout = structLayout(row.name, row.input ?? []);
  const reps = row.kind === 'rep' ? random.pick([1, 1, 2, 5, 30]) : 0;
  const elementBytes = row.inputElementBytes ?? 0;
  const block = new Uint8Array(layout.sizeBytes + reps * elementBytes);
  const view = new DataView(block.buffer);
  for (const { name, offset, type } of layout.fields) {
    const value = fieldValue(random, name);
    if (type === 'u64') view.setBigUint64(offset, value, true);
    else if (type === 'u32') view.setUint32(offset, Number(value & 0xffffffffn), true);
    else if (type === 'u16') view.setUint16(offset, Number(value & 0xffffn), true);
    else if (type === 'u8') view.setUint8(offset, Number(value & 0xffn));
  }
  for (let index = 0; index < reps && elementBytes > 0; index++) {
    const at = layout.sizeBytes + index * elementBytes;
    writeElement(random, row, new DataView(block.buffer, at, elementBytes), bystanderPages);
  }
  const control = BigInt(row.code) | (BigInt(reps) << 32n);
  return { control, input: inputGpa, output: outputGpa, block };
}

/** A call of the recorded life, for any of the children. */
function recordedCall(random: SeededRandom): Attempt {
  const { control, block } = random.pick(life);
  const row = hypercallByCode.get(Number(control & 0xffffn)) ?? assert.fail('recorded row');
  if (ending.includes(row.name) && random.chance(60)) return recordedCall(random);
  const copy = block.slice();
  const id = childNumber(random);
  for (const { name, offset } of structLayout(row.name, row.input ?? []).fields) {
    if (!partitionFields.includes(name)) continue;
    new DataView(copy.buffer).setBigUint64(offset, id, true);
  }
  return { control, input: inputGpa, output: outputGpa, block: copy };
}

/** As many bytes at the front of a block as headers and short lists have. */
const mutatedBytes = 96;

function mutate(random: SeededRandom, attempt: Attempt): void {
  for (let count = 1 + random.below(3); count > 0; count--) {
    const where = random.below(10);
    if (where === 0) attempt.control ^= 1n << BigInt(random.below(64));
    else if (where === 1) attempt.input ^= 1 << random.below(random.chance(50) ? 3 : 20);
    else if (where === 2) attempt.output ^= 1 << random.below(random.chance(50) ? 3 : 20);
    else {
      const at = random.below(Math.min(mutatedBytes, attempt.block.length));
      attempt.block[at] = random.chance(50) ? random.below(256) : random.below(4);
    }
  }
}

function attemptOf(random: SeededRandom, bystanderPages: readonly number[]): Attempt {
  const isRecorded = random.chance(50);
  const attempt = isRecorded ? recordedCall(random) : formedCall(random, bystanderPages);
  if (random.chance(isRecorded ? 60 : 25)) mutate(random, attempt);
  return attempt;
}

/** True where a call, as it lies in memory, names the second child or one of its ports. */
function namesBystander({ memory }: Parent, { control, input }: Attempt): boolean {
  const row = hypercallByCode.get(Number(control & 0xffffn));
  const { fields, sizeBytes } = structLayout(row?.name ?? '', row?.input ?? []);
  const header = memory.read(input, sizeBytes);
  if (header === undefined) return false;
  const view = new DataView(header.buffer);
  return fields.some(({ name, offset }) =>
    partitionFields.includes(name)
      ? view.getBigUint64(offset, true) === BigInt(bystander)
      : name === 'PortId' && view.getUint32(offset, true) === bystanderPort,
  );
}

/** A parent whose first child is somewhere in its life, and the second in the middle of its own. */
function makeRig(random: SeededRandom) {
  const isPoor = random.chance(15);
  const privileges = isPoor ? parentPrivileges.filter(() => random.chance(50)) : parentPrivileges;
  const parent = makeParent(privileges);
  const full = new ParentPort(
    parent.memory,
    parent.hypervisor,
    detachedServices(),
    parentPrivileges,
  );
  parent.hypervisor.createChild();
  // What the recorded calls give away is the first child's.
  parent.pages.take(pagesOfLife, 1);
  const made = parent.lifeCycle.create({ processorCount: 2, ram });
  assert.equal(made, bystander);
  parent.ports.connectMessagePort(bystander, 1);
  const child = parent.hypervisor.partition(bystander);
  child.memory.write(0x3000, Uint8Array.of(0xca, 0xfe));
  const before = life.slice(1, random.below(life.length + 1));
  // Where nothing is left in the pool, calls want memory.
  if (random.chance(25)) before.push(...withdrawals);
  for (const { control, block } of before) {
    parent.memory.write(inputGpa, block);
    full.call(control, inputGpa, outputGpa);
  }
  const sourcePages = child.lifeCycle.gpaMap.runs.map(({ sourcePage }) => sourcePage);
  const pool = rangesOf(child.lifeCycle.pool.save()).map(([first]) => first);
  const look = (): Buffer =>
    Buffer.concat([
      encodeStateTree(savePartition(child)),
      child.memory.read(0, memoryBytes) ?? assert.fail('memory of the second child'),
    ]);
  return { ...parent, bystanderPages: [...sourcePages, ...pool], look };
}

type PageRange = readonly [first: number, end: number];

function rangesOf(pool: ConstructorParameters<typeof StateRecord>[0]): readonly PageRange[] {
  const ends = new StateRecord(pool, 'pool').numbers('pages');
  return Array.from({ length: ends.length / 2 }, (_, index) => [
    ends[index * 2] ?? 0,
    ends[index * 2 + 1] ?? 0,
  ]);
}

/** Every page of system memory has one use. */
function assertDisjoint({ hypervisor }: Parent, text: string): void {
  const ranges = hypervisor.children
    .flatMap(({ lifeCycle }) => [
      ...rangesOf(lifeCycle.pool.save()),
      ...lifeCycle.gpaMap.runs.map(({ sourcePage, count }): PageRange => [
        sourcePage,
        sourcePage + count,
      ]),
    ])
    .sort(([a], [b]) => a - b);
  ranges.forEach(([first], index) =>
    assert((ranges[index - 1]?.[1] ?? 0) <= first, `${text}: page 0x${first.toString(16)} twice`),
  );
}

/** How often each call gave each status, by `name status`. */
export type StatusCounts = Map<string, number>;

/** Makes `count` calls. Fails where one throws, answers what its row does not allow, or touches the second child. */
export function runRandomParentCalls(seed: number, count: number): StatusCounts {
  const random = new SeededRandom(seed);
  const counts: StatusCounts = new Map();
  for (let done = 0; done < count;) {
    const rig = makeRig(random);
    const before = rig.look();
    for (const end = Math.min(count, done + callsPerRig); done < end;) {
      const attempt = attemptOf(random, rig.bystanderPages);
      const text = `seed ${seed}, call ${done}: control 0x${attempt.control.toString(16)}`;
      rig.memory.write(inputGpa, attempt.block);
      if (namesBystander(rig, attempt)) continue;
      const name = statusOf(rig, attempt, text);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      done++;
      if (done % callsPerLook === 0) assertDisjoint(rig, text);
    }
    assert(rig.look().equals(before), `seed ${seed}: the second child of calls up to ${done}`);
  }
  return counts;
}

function statusOf({ port }: Parent, attempt: Attempt, text: string): string {
  const { control, input, output } = attempt;
  const { status } = port.call(control, input, output);
  const row = hypercallByCode.get(Number(control & 0xffffn));
  const name = statusByCode.get(status)?.name ?? assert.fail(`${text}: status ${status}`);
  const isBuilt = row !== undefined && parentHandlers.has(row.code);
  const allowed = isBuilt
    ? [...commonStatuses, ...(parentStatuses[row.name] ?? [])]
    : ['HV_STATUS_INVALID_HYPERCALL_CODE', 'HV_STATUS_ACCESS_DENIED'];
  assert(allowed.includes(name), `${text}: ${row?.name ?? 'unknown'} gave ${name}`);
  return `${isBuilt ? row.name : 'no such call'} ${name}`;
}

/** Every pair of a call and a status that it can give; a call that needs no privilege is denied to no parent. */
export function possibleParentStatuses(): readonly string[] {
  return Object.entries(parentStatuses).flatMap(([name, own]) =>
    [...commonStatuses, ...own]
      .filter(
        (status) =>
          status !== 'HV_STATUS_ACCESS_DENIED' ||
          hypercallByName.get(name)?.privilege !== undefined,
      )
      .map((status) => `${name} ${status}`),
  );
}

const inEveryState = 'allowed in every state of a child that is there';

/** Pairs of {@link possibleParentStatuses} that the TLFS has and this machine cannot give, and why. */
export const neverGiven: ReadonlyMap<string, string> = new Map([
  ['HvCallWithdrawMemory HV_STATUS_INVALID_PARTITION_STATE', inEveryState],
  ['HvCallGetMemoryBalance HV_STATUS_INVALID_PARTITION_STATE', inEveryState],
]);
