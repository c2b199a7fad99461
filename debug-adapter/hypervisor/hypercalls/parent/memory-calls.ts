/** Pages that the parent gives to its children: for their pools, and behind their guest-physical addresses (TLFS 5.2, 5.3). */
import { rightExecute, rightRead, rightWrite } from '../../../machine/guest-memory';
import { largePagePages, mapGpaFlag as flag, unmapGpaFlag } from '../../../spec/tlfs/partitions';
import { Status } from '../../../spec/tlfs/status-codes';
import { poolPages } from '../../life-cycle/memory-pool';
import type { Partition } from '../../partition';
import {
  findChild,
  inputOf,
  outputOf,
  ownsPages,
  type ParentCall,
  type ParentHandler,
} from './parent-caller';
import type { RepElement } from '../handler';

/** Guest-physical addresses have 52 bits. */
const gpaPagesMax = 2 ** 40;

/** An element of a list of page numbers. */
function pageOfElement({ input }: RepElement): number {
  const page = new DataView(input.buffer, input.byteOffset).getBigUint64(0, true);
  return page < gpaPagesMax ? Number(page) : gpaPagesMax;
}

/** What is read of a call, for as long as no other comes. */
function ofLatestCall<T>(read: (call: ParentCall) => T): (call: ParentCall) => T {
  let latest: { readonly call: ParentCall; readonly value: T } | undefined;
  return (call) => {
    if (latest?.call !== call) latest = { call, value: read(call) };
    return latest.value;
  };
}

const depositInput = inputOf('HvCallDepositMemory');
const depositTarget = ({ caller, header }: ParentCall): Partition | number =>
  findChild(caller, depositInput.wide(header, 'PartitionId'), 'created', 'active');

export const depositMemory: ParentHandler = {
  kind: 'rep',
  begin(call) {
    const child = depositTarget(call);
    return typeof child === 'number' ? child : Status.success;
  },
  runElement(call, element) {
    const child = depositTarget(call);
    if (typeof child === 'number') return child;
    const page = pageOfElement(element);
    if (!ownsPages(call.caller, page, 1)) return Status.invalidParameter;
    child.lifeCycle.pool.deposit(page);
    return Status.success;
  },
};

const withdrawInput = inputOf('HvCallWithdrawMemory');
const withdrawTarget = ({ caller, header }: ParentCall): Partition | number =>
  findChild(caller, withdrawInput.wide(header, 'PartitionId'), 'created', 'active', 'finalized');

/** The pages that come back stand in the output list; the call ends where no page is left that nothing uses. */
export const withdrawMemory: ParentHandler = {
  kind: 'rep',
  begin(call) {
    const child = withdrawTarget(call);
    return typeof child === 'number' ? child : Status.success;
  },
  runElement(call, { output }) {
    const child = withdrawTarget(call);
    if (typeof child === 'number') return child;
    const page = child.lifeCycle.pool.withdraw();
    if (page === undefined) return Status.noResources;
    new DataView(output.buffer, output.byteOffset).setBigUint64(0, BigInt(page), true);
    return Status.success;
  },
};

const balanceInput = inputOf('HvCallGetMemoryBalance');
const writeBalance = outputOf('HvCallGetMemoryBalance');

export const getMemoryBalance: ParentHandler = {
  kind: 'simple',
  run({ caller, header, output }) {
    const id = balanceInput.wide(header, 'PartitionId');
    const child = findChild(caller, id, 'created', 'active', 'finalized');
    if (typeof child === 'number') return child;
    const { pool } = child.lifeCycle;
    writeBalance(output, 'PagesAvailable', pool.available);
    writeBalance(output, 'PagesInUse', pool.inUse);
    return Status.success;
  },
};

const knownMapFlags =
  flag.readable + flag.writable + flag.kernelExecutable + flag.userExecutable + flag.noAccess;

/** Rights of the second-level map; undefined where the processor has no such combination (TLFS 5.3.2). */
function rightsOfFlags(flags: number): number | undefined {
  if ((flags & ~(knownMapFlags | flag.largePage)) !== 0) return undefined;
  const rights =
    ((flags & flag.readable) === 0 ? 0 : rightRead) |
    ((flags & flag.writable) === 0 ? 0 : rightWrite) |
    ((flags & flag.kernelExecutable) === 0 ? 0 : rightExecute);
  const isNoAccess = (flags & flag.noAccess) !== 0;
  if (isNoAccess) return rights === 0 ? 0 : undefined;
  return (rights & rightRead) === 0 ? undefined : rights;
}

const isLargeFlag = (flags: number): boolean => (flags & flag.largePage) !== 0;

const mapInput = inputOf('HvCallMapGpaPages');
const mapTarget = ({ caller, header }: ParentCall): Partition | number =>
  findChild(caller, mapInput.wide(header, 'TargetPartition'), 'active');

/** What the header of a call that maps or unmaps says. */
interface MapRange {
  readonly base: number;
  /** Pages of one element. */
  readonly step: number;
}

function rangeOf(base: bigint, isLarge: boolean): MapRange | undefined {
  const step = isLarge ? largePagePages : 1;
  if (base >= gpaPagesMax || base % BigInt(step) !== 0n) return undefined;
  return { base: Number(base), step };
}

function mapRange({ header }: ParentCall): MapRange | undefined {
  const isLarge = isLargeFlag(mapInput.number(header, 'MapFlags'));
  return rangeOf(mapInput.wide(header, 'TargetGpfnBase'), isLarge);
}

/** What the header asks for, else the status of the refusal; the same for each element, and read once for all. */
const mapRequest = ofLatestCall((call) => {
  const child = mapTarget(call);
  if (typeof child === 'number') return child;
  const range = mapRange(call);
  const rights = rightsOfFlags(mapInput.number(call.header, 'MapFlags'));
  if (range === undefined || rights === undefined) return Status.invalidParameter;
  return { child, range, rights };
});

/**
 * A page that is mapped already can only be mapped from where it is, with other rights. Nothing is cleared: the pages
 * keep what is in them, and new ones are zero.
 */
export const mapGpaPages: ParentHandler = {
  kind: 'rep',
  begin(call) {
    const request = mapRequest(call);
    return typeof request === 'number' ? request : Status.success;
  },
  runElement(call, element) {
    const request = mapRequest(call);
    if (typeof request === 'number') return request;
    const { child, rights } = request;
    const { base, step } = request.range;
    const gpaPage = base + element.index * step;
    const sourcePage = pageOfElement(element);
    return mapElement(call, child, { gpaPage, sourcePage, count: step, rights });
  },
};

function mapElement(
  { caller }: ParentCall,
  child: Partition,
  run: Readonly<Record<'gpaPage' | 'sourcePage' | 'count' | 'rights', number>>,
): number {
  const { gpaPage, sourcePage, count } = run;
  const { lifeCycle } = child;
  if (sourcePage % count !== 0 || gpaPage + count > gpaPagesMax) return Status.invalidParameter;
  const { gpaMap } = lifeCycle;
  if (gpaMap.overlaps(gpaPage, count)) {
    const isSame =
      gpaMap.isMapped(gpaPage, count) &&
      gpaMap.sourceOf(gpaPage) === sourcePage &&
      gpaMap.sourceOf(gpaPage + count - 1) === sourcePage + count - 1;
    if (!isSame) return Status.operationDenied;
  } else {
    if (!ownsPages(caller, sourcePage, count)) return Status.invalidParameter;
    const isLarge = count === largePagePages;
    if (!lifeCycle.takeTables(gpaPage, isLarge, poolPages.secondLevelTable)) {
      return Status.insufficientMemory;
    }
  }
  gpaMap.map(run);
  child.applyRights(gpaPage, count, run.rights);
  return Status.success;
}

const unmapInput = inputOf('HvCallUnmapGpaPages');
const unmapTarget = ({ caller, header }: ParentCall): Partition | number =>
  findChild(caller, unmapInput.wide(header, 'TargetPartition'), 'active');

function unmapRange({ header }: ParentCall): MapRange | undefined {
  const flags = unmapInput.number(header, 'UnmapFlags');
  if ((flags & ~(unmapGpaFlag.keepPrecommitted | unmapGpaFlag.largePage)) !== 0) return undefined;
  const isLarge = (flags & unmapGpaFlag.largePage) !== 0;
  return rangeOf(unmapInput.wide(header, 'TargetGpfnBase'), isLarge);
}

export const unmapGpaPages: ParentHandler = {
  kind: 'rep',
  begin(call) {
    const child = unmapTarget(call);
    if (typeof child === 'number') return child;
    return unmapRange(call) === undefined ? Status.invalidParameter : Status.success;
  },
  runElement(call, { index }) {
    const child = unmapTarget(call);
    if (typeof child === 'number') return child;
    const range = unmapRange(call);
    if (range === undefined) return Status.invalidParameter;
    const gpaPage = range.base + index * range.step;
    const { gpaMap } = child.lifeCycle;
    if (!gpaMap.isMapped(gpaPage, range.step)) return Status.invalidParameter;
    gpaMap.unmap(gpaPage, range.step);
    child.unmapPages(gpaPage, range.step);
    return Status.success;
  },
};

const modifyInput = inputOf('HvCallModifySparseGpaPages');
const modifyTarget = ({ caller, header }: ParentCall): Partition | number =>
  findChild(caller, modifyInput.wide(header, 'TargetPartition'), 'active');

/** Changes the rights of pages that are mapped. */
export const modifySparseGpaPages: ParentHandler = {
  kind: 'rep',
  begin(call) {
    const child = modifyTarget(call);
    if (typeof child === 'number') return child;
    const flags = modifyInput.number(call.header, 'MapFlags');
    const isGood = rightsOfFlags(flags) !== undefined && !isLargeFlag(flags);
    return isGood ? Status.success : Status.invalidParameter;
  },
  runElement(call, element) {
    const child = modifyTarget(call);
    if (typeof child === 'number') return child;
    const gpaPage = pageOfElement(element);
    const sourcePage = child.lifeCycle.gpaMap.sourceOf(gpaPage);
    const rights = rightsOfFlags(modifyInput.number(call.header, 'MapFlags'));
    if (sourcePage === undefined || rights === undefined) return Status.invalidParameter;
    child.lifeCycle.gpaMap.map({ gpaPage, sourcePage, count: 1, rights });
    child.applyRights(gpaPage, 1, rights);
    return Status.success;
  },
};
