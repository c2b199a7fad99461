/** How the virtualization stack makes a guest partition, starts it and takes it apart: hypercall by hypercall (TLFS 4.1). */
import { pageSizeBytes } from '../../machine/addresses';
import {
  creationFlags,
  largePagePages,
  mapGpaFlag,
  partitionProperty,
  unmapGpaFlag,
  wholeProcessor,
} from '../../spec/tlfs/partitions';
import { registerNames } from '../../spec/tlfs/register-names';
import { insertBits } from '../../support/bit-field';
import { present } from '../../support/assert';
import type { ParentCalls } from './parent-calls';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { restoreRuns, saveRuns, type PageRun as GivenRun, type SystemPages } from './system-pages';

/** RAM of a guest: whole pages from `start` to `end`. */
export interface RamRange {
  readonly start: number;
  /** First address behind the range. */
  readonly end: number;
  /** What the guest may do with it, as flags of HvCallMapGpaPages; everything where it is absent. */
  readonly mapFlags?: number;
}

/** What a guest is made of. */
export interface GuestSpecification {
  readonly processorCount: number;
  readonly ram: readonly RamRange[];
  /** What each processor may have of logical ones, where it is not the usual: weight, and percents of one. */
  readonly share?: { readonly weight: number; readonly cap: number; readonly reserve: number };
}

/** A register of a virtual processor by its name in the TLFS. */
export type RegisterValue = readonly [name: string, value: bigint];

/** Pages that the pool of a new partition gets, and more of them each time that it is too small. */
const depositPages = 32;

const setRegisterBytes = 32;
const usualShare = { weight: 100, cap: 100, reserve: 0 };
const { readable, writable, kernelExecutable, userExecutable } = mapGpaFlag;
const everything = readable + writable + kernelExecutable + userExecutable;

const version = 1;

export class GuestLifeCycle {
  /** Pages behind the memory of each partition; those of its pool the hypervisor tells when they are withdrawn. */
  private readonly given = new Map<number, GivenRun[]>();

  constructor(
    private readonly calls: ParentCalls,
    private readonly pages: SystemPages,
  ) {}

  /** Makes a partition with its memory and its processors, which do not run yet. @returns its identifier */
  create({ processorCount, ram, share = usualShare }: GuestSpecification): number {
    const flags = Object.values(creationFlags).reduce((all, flag) => insertBits(all, flag, 1n), 0n);
    const created = this.calls.call('HvCallCreatePartition', { Flags: flags });
    const partition = Number(created('PartitionId'));
    this.given.set(partition, []);
    this.setShare(partition, share);
    const deposit = (): void => this.deposit(partition);
    deposit();
    this.calls.call('HvCallInitializePartition', { PartitionId: partition }, deposit);
    for (let index = 0; index < processorCount; index++) {
      this.calls.call('HvCallCreateVp', { PartitionId: partition, VpIndex: index }, deposit);
    }
    for (const range of ram) this.map(partition, range);
    return partition;
  }

  /** Sets registers of a processor, all with one call. */
  setRegisters(partition: number, processor: number, values: readonly RegisterValue[]): void {
    const bytes = new Uint8Array(values.length * setRegisterBytes);
    const view = new DataView(bytes.buffer);
    values.forEach(([name, value], index) => {
      const at = index * setRegisterBytes;
      view.setUint32(at, present(registerNames.get(name), `register ${name}`), true);
      view.setBigUint64(at + 16, BigInt.asUintN(64, value), true);
      view.setBigUint64(at + 24, value >> 64n, true);
    });
    this.calls.callForList(
      'HvCallSetVpRegisters',
      () => ({ PartitionId: partition, VpIndex: processor }),
      { count: values.length, bytes },
    );
  }

  /** Lets the processors run; all but the first wait for the guest to start them. */
  start(partition: number, processors: Iterable<number>): void {
    for (const index of processors) {
      this.setRegisters(partition, index, [['ExplicitSuspend', 0n]]);
    }
  }

  /** Suspends a partition as a whole, or lets it go on. */
  setSuspended(partition: number, isSuspended: boolean): void {
    this.setProperty(partition, partitionProperty.Suspend, isSuspended ? 1 : 0);
  }

  /** Changes the rights to pages that are mapped. */
  protect(
    partition: number,
    { first, count }: Pick<PageRun, 'first' | 'count'>,
    mapFlags: number,
  ): void {
    this.calls.callForList(
      'HvCallModifySparseGpaPages',
      () => ({ TargetPartition: partition, MapFlags: mapFlags }),
      { count, bytes: pageList(first, count, 1) },
    );
  }

  /** Takes a partition apart and gets its pages back. */
  remove(partition: number, ram: readonly RamRange[]): void {
    for (const range of ram) this.unmap(partition, range);
    this.calls.call('HvCallFinalizePartition', { PartitionId: partition });
    const ofPool = this.calls.collect('HvCallWithdrawMemory', { PartitionId: partition });
    this.calls.call('HvCallDeletePartition', { PartitionId: partition });
    for (const first of ofPool) this.pages.giveBack({ first, count: 1 });
    for (const run of this.given.get(partition) ?? []) this.pages.giveBack(run);
    this.given.delete(partition);
  }

  save(): StateNode {
    const given = [...this.given].sort(([a], [b]) => a - b);
    return { version, given: given.map(([id, runs]) => ({ id, runs: saveRuns(runs) })) };
  }

  restore(record: StateRecord): void {
    record.expectVersion(version);
    this.given.clear();
    for (const saved of record.records('given')) {
      this.given.set(saved.number('id'), restoreRuns(saved, 'runs'));
    }
  }

  private setShare(partition: number, share: NonNullable<GuestSpecification['share']>): void {
    const fraction = (percent: number): number => Math.round((percent * wholeProcessor) / 100);
    const { weight, cap, reserve } = share;
    const set = (property: number, value: number): void =>
      this.setProperty(partition, property, value);
    if (weight !== usualShare.weight) set(partitionProperty.CpuWeight, weight);
    if (cap !== usualShare.cap) set(partitionProperty.CpuCap, fraction(cap));
    if (reserve !== usualShare.reserve) set(partitionProperty.CpuReserve, fraction(reserve));
  }

  private setProperty(partition: number, property: number, value: number): void {
    this.calls.call('HvCallSetPartitionProperty', {
      PartitionId: partition,
      PropertyCode: property,
      Value: value,
    });
  }

  /** Gives pages to the memory pool of a partition. */
  deposit(partition: number): void {
    const first = this.pages.take(depositPages, 1);
    this.calls.callForList('HvCallDepositMemory', () => ({ PartitionId: partition }), {
      count: depositPages,
      bytes: pageList(first, depositPages, 1),
    });
  }

  /** Small pages up to the first large one and behind the last. */
  private map(partition: number, range: RamRange): void {
    for (const { first, count, step } of splitByPageSize(range)) {
      const source = this.pages.take(count * step, step);
      this.given.get(partition)?.push({ first: source, count: count * step });
      const large = step === 1 ? 0 : mapGpaFlag.largePage;
      const { mapFlags = everything } = range;
      this.calls.callForList(
        'HvCallMapGpaPages',
        (index) => ({
          TargetPartition: partition,
          TargetGpfnBase: first + index * step,
          MapFlags: mapFlags + large,
        }),
        { count, bytes: pageList(source, count, step) },
        () => this.deposit(partition),
      );
    }
  }

  private unmap(partition: number, range: RamRange): void {
    for (const { first, count, step } of splitByPageSize(range)) {
      this.calls.callForList(
        'HvCallUnmapGpaPages',
        (index) => ({
          TargetPartition: partition,
          TargetGpfnBase: first + index * step,
          UnmapFlags: step === 1 ? 0 : unmapGpaFlag.largePage,
        }),
        { count },
      );
    }
  }
}

/** Pages of one size. */
interface PageRun {
  readonly first: number;
  /** Pages of `step` small ones each. */
  readonly count: number;
  readonly step: number;
}

function splitByPageSize({ start, end }: RamRange): readonly PageRun[] {
  const [first, behind] = [start / pageSizeBytes, end / pageSizeBytes];
  const largeFrom = Math.min(behind, Math.ceil(first / largePagePages) * largePagePages);
  const largeTo = Math.max(largeFrom, Math.floor(behind / largePagePages) * largePagePages);
  const runs = [
    { first, count: largeFrom - first, step: 1 },
    { first: largeFrom, count: (largeTo - largeFrom) / largePagePages, step: largePagePages },
    { first: largeTo, count: behind - largeTo, step: 1 },
  ];
  return runs.filter(({ count }) => count > 0);
}

/** A list of page numbers, `step` apart. */
function pageList(first: number, count: number, step: number): Uint8Array {
  const bytes = new Uint8Array(count * 8);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < count; index++) {
    view.setBigUint64(index * 8, BigInt(first + index * step), true);
  }
  return bytes;
}
