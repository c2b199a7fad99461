/**
 * The slow path of every memory access: translation, accesses that cross a page, writes to pages from which something
 * was derived, and pages that are not RAM. Also the accesses that the processor itself makes (descriptor tables, TSS).
 */
import { rightRead } from '../../machine/guest-memory';
import { StopCode, stateOffsets } from '../../machine/processor-state';
import {
  accessMmxAllBit,
  accessMmxTopBit,
  accessModifyBit,
  accessProbeBit,
  accessStackBit,
} from '../interpreter/lowering';
import { recordOffsets } from '../interpreter/record';
import { longCode } from '../decode/code-mode';
import { runOffsets, segmentCheckOffset } from '../memory-map';
import { checkedAddress } from '../segment-access';
import { vector, type Fault, type ProcessorContext } from '../processor-context';
import { causeExit, exitReason } from '../vmx/vm-exits';
import { isAligned, isBlockAligned } from './alignment';
import { quadwords, type BlockShape } from './block-shape';
import { DeviceAnswers, type DevicePart } from './device-answers';
import { causeWalkViolation } from './ept-violation';
import { ScratchBuffers, type AccessParts, type FramePart } from './scratch-buffers';
import { WalkResult, type PageWalker, type Rights } from './page-walk';
import type { TranslationCaches } from './translation-caches';

type DataAccess = 'read' | 'write';
/** How a device is asked for a block, if one is. */
type Asked = BlockShape | 'ram only';

/** Part of a block on the stack: where it lies, and which bytes of the block it is. */
interface StackPart {
  readonly linear: bigint;
  readonly from: number;
  readonly count: number;
}

const stackChecks = segmentCheckOffset(2);
const spOffset = stateOffsets.gpr + 4 * 8;
const bpOffset = stateOffsets.gpr + 5 * 8;

/** Outcome of an access that the processor makes itself. */
export type SystemAccess = 'done' | 'fault' | 'exit' | 'exhausted';

export class MemoryAccess {
  /** Why the last system access ended with `fault`. */
  fault: Fault = { vector: vector.GP, errorCode: 0 };
  readonly answers: DeviceAnswers;
  private readonly scratch: ScratchBuffers;

  constructor(
    private readonly context: ProcessorContext,
    private readonly walker: PageWalker,
    private readonly caches: TranslationCaches,
  ) {
    this.answers = new DeviceAnswers(context);
    this.scratch = new ScratchBuffers(context, this.answers);
  }

  /** Answers of devices are consumed from the first one each time an instruction begins; an IRET before is over. */
  beginInstruction(): void {
    this.answers.begin();
    this.context.hasLetNmisIn = false;
  }

  /**
   * Import `read`: address in the space where the bytes can be read, or 0 to leave. Where it lies in a frame, all of
   * the page may be read as long as the instruction runs.
   */
  read(record: number, low: number, high: number, info: number): number {
    const { caches, context, walker } = this;
    if (this.isUsual(low, high, info)) {
      if (walker.walk(low, high, 'read', this.currentRights) === WalkResult.mapped) {
        const page = context.memory.frameOffset(walker.frame);
        caches.fillRead(low, high, page);
        return page + (low & 0xfff);
      }
    }
    return this.readUnusual(record, low, high, info);
  }

  /**
   * Whether nothing but the translation of one page decides on an access. Most accesses are: what they do has no branch
   * to the rest, so that the engine does not have to optimize it again whenever one of those is first taken.
   */
  private isUsual(low: number, high: number, info: number): boolean {
    const { context } = this;
    const isInPage = (low & 0xfff) + (info & 0xff) <= 4096;
    const isChecked = context.watch !== undefined || this.caches.checksAlignment;
    return isInPage && !isChecked && context.isCanonicalHalf(high);
  }

  private readUnusual(record: number, low: number, high: number, info: number): number {
    const bytes = info & 0xff;
    if (!this.checkCanonical(record, low, high, bytes, info)) return 0;
    const watched = this.watch(low, high, bytes, 'read');
    if (watched === 'given up') return 0;
    const isProbe = (info & accessProbeBit) !== 0;
    if ((low & 0xfff) + bytes > 4096) return this.readAcross(low, high, bytes, isProbe);
    const found = this.locate(low, high, 'read');
    // Of a probe under checked alignment the routine makes the accesses, element by element.
    if (isProbe && found !== left && this.caches.checksAlignment) return this.scratch.address;
    if (found === left || this.isRefused(low, bytes)) return 0;
    if (found === deviceAddress) {
      return this.scratch.read([this.devicePart(low, high, 0, bytes)], isProbe);
    }
    const from = found + (low & 0xfff);
    // An address in a frame tells generated code that it may access the rest of the page too: not where that is watched.
    if (watched !== 'no') return this.scratch.copy(from, bytes);
    this.caches.fillRead(low, high, found);
    return from;
  }

  /** Import `write`: address where the bytes can be written, or 0 to leave; in a frame, all of the page may be. */
  write(record: number, low: number, high: number, info: number): number {
    if (this.isUsual(low, high, info)) {
      const end = this.walker.walk(low, high, 'write', this.currentRights);
      if (end === WalkResult.mapped) return this.writeMapped(low, high, info & 0xff);
    }
    return this.writeUnusual(record, low, high, info);
  }

  /** Address where the page that the walker has come to can be written. */
  private writeMapped(low: number, high: number, bytes: number): number {
    const { caches, walker } = this;
    const { memory } = this.context;
    const { frame } = walker;
    const page = memory.frameOffset(frame);
    const target = page + (low & 0xfff);
    if (memory.flagsOf(frame) !== 0) return this.scratch.stageInFrame(frame, target, bytes);
    memory.markWritten(frame);
    caches.fillWrite(low, high, page);
    // Who may write a page may read it, unless the hypervisor keeps that from the guest.
    if ((memory.rightsOf(walker.gpaPage) & rightRead) !== 0) caches.fillRead(low, high, page);
    return target;
  }

  private writeUnusual(record: number, low: number, high: number, info: number): number {
    const host = this.locateForWrite(record, low, high, info);
    const mmxBits = info & (accessMmxTopBit | accessMmxAllBit);
    if (host === 0 && mmxBits !== 0 && this.context.run32(runOffsets.stop) === StopCode.fault) {
      this.enterMmx((mmxBits & accessMmxAllBit) !== 0);
    }
    return host;
  }

  /** What an MMX store that faults has already done to the x87 state. */
  private enterMmx(isWhole: boolean): void {
    const { state } = this.context;
    const tags = stateOffsets.fxsave + 4;
    state.writeU32(stateOffsets.fxsave, state.readU32(stateOffsets.fxsave) & ~0x38000000);
    if (isWhole) state.writeU32(tags, state.readU32(tags) | 0xff);
  }

  private locateForWrite(record: number, low: number, high: number, info: number): number {
    const bytes = info & 0xff;
    if (!this.checkCanonical(record, low, high, bytes, info)) return 0;
    const watched = this.watch(low, high, bytes, 'write');
    if (watched === 'given up') return 0;
    const isModify = (info & accessModifyBit) !== 0;
    if ((low & 0xfff) + bytes > 4096) return this.writeAcross(low, high, bytes, isModify);
    const found = this.locate(low, high, 'write');
    const isProbe = (info & accessProbeBit) !== 0 && this.caches.checksAlignment;
    if (isProbe && found !== left) return this.scratch.address;
    if (found === left || this.isRefused(low, bytes)) return 0;
    if (found === deviceAddress) {
      return this.scratch.stage([this.devicePart(low, high, 0, bytes)], isModify);
    }
    if (watched === 'no') return this.writeMapped(low, high, bytes);
    return this.scratch.stageInFrame(this.walker.frame, found + (low & 0xfff), bytes);
  }

  /**
   * Data breakpoints: an instruction that meets one is given up without effect, to be executed again alone.
   * @returns `page` where the page stays out of the TLBs
   */
  private watch(
    low: number,
    high: number,
    bytes: number,
    access: DataAccess,
  ): 'no' | 'page' | 'given up' {
    const { context } = this;
    const { watch } = context;
    if (watch === undefined) return 'no';
    const linear = wholeAddress(low, high);
    const hits = watch.hits(linear, bytes, access);
    if (hits !== 0 && !watch.isArmed) {
      watch.wantsArming = true;
      context.setRun32(runOffsets.stop, StopCode.budget);
      return 'given up';
    }
    watch.met |= hits;
    return watch.covers(linear) ? 'page' : 'no';
  }

  /** Notes the data breakpoints that an access of a routine meets; routines run alone while any is on. */
  private noteWatched(address: bigint, length: number, access: DataAccess, rights: Rights): void {
    const { watch } = this.context;
    if (watch === undefined || rights === 'implicit') return;
    watch.met |= watch.hits(this.wrapped(address), length, access);
  }

  /** Import `commit`: makes a staged write happen, once every device has acknowledged its part. */
  commit(host: number): number {
    return this.scratch.commit(host);
  }

  /**
   * Reads memory as the processor itself does, at supervisor privilege.
   * @param shape how a device is asked, if one is
   * @returns the bytes, or how it ended
   */
  readSystem(
    address: bigint,
    length: number,
    shape: Asked = quadwords,
  ): Uint8Array | Exclude<SystemAccess, 'done'> {
    return this.readAs(address, length, 'implicit', shape);
  }

  /** Reads memory for a routine, with the privilege of the running code. */
  readAtCurrentPrivilege(
    address: bigint,
    length: number,
    shape: BlockShape,
  ): Uint8Array | Exclude<SystemAccess, 'done'> {
    return this.readAs(address, length, this.currentRights, shape);
  }

  /**
   * As {@link readAtCurrentPrivilege}, at an offset in SS, which is cut to the stack's size: an address that is not
   * canonical, or beyond the limit, is #SS(0).
   */
  readStack(
    offset: bigint,
    length: number,
    shape: BlockShape,
  ): Uint8Array | Exclude<SystemAccess, 'done'> {
    if (this.context.mode === longCode) {
      const data = this.readAtCurrentPrivilege(offset, length, shape);
      if (data === 'fault') this.fault = asStackFault(this.fault);
      return data;
    }
    const parts = this.stackParts(offset, length, 'read');
    if (parts === undefined) return 'fault';
    const result = new Uint8Array(length);
    for (const { linear, from, count } of parts) {
      const data = this.readAtCurrentPrivilege(linear, count, shape);
      if (data === 'fault') this.fault = asStackFault(this.fault);
      if (typeof data === 'string') return data;
      result.set(data, from);
    }
    return result;
  }

  /** Writes memory at an offset in SS with the privilege of the running code; all of it or nothing. */
  writeStack(offset: bigint, data: Uint8Array, shape: BlockShape): SystemAccess {
    const parts = this.stackParts(offset, data.length, 'write');
    if (parts === undefined) return 'fault';
    for (const { linear, count } of parts.length === 1 ? [] : parts) {
      const end = this.probe(linear, count, 'write');
      if (end !== 'done') return end;
    }
    for (const { linear, from, count } of shape.isDescending ? [...parts].reverse() : parts) {
      const end = this.writeAtCurrentPrivilege(linear, data.subarray(from, from + count), shape);
      if (end === 'fault') this.fault = asStackFault(this.fault);
      if (end !== 'done') return end;
    }
    return 'done';
  }

  /** A block of a 16-bit stack may wrap, as pushes one by one do; undefined where the segment forbids it. */
  private stackParts(
    offset: bigint,
    length: number,
    intent: 'read' | 'write',
  ): readonly StackPart[] | undefined {
    const { context } = this;
    if (context.mode === longCode) return [{ linear: offset, from: 0, count: length }];
    const start = BigInt.asUintN(context.mode.stackSize, offset);
    const room = Number((1n << BigInt(context.mode.stackSize)) - start);
    const first = room < length && room % 2 === 0 ? room : length;
    const parts: StackPart[] = [];
    for (const [at, from, count] of [
      [start, 0, first],
      [0n, first, length - first],
    ] as const) {
      if (count === 0) continue;
      const linear = checkedAddress(context, stackChecks, at, count, intent);
      if (typeof linear === 'object') {
        this.fault = linear;
        return undefined;
      }
      parts.push({ linear, from, count });
    }
    return parts;
  }

  /** Linear addresses have 32 bits outside IA-32e mode. */
  private wrapped(address: bigint): bigint {
    return this.context.isLongMode ? address : BigInt.asUintN(32, address);
  }

  private readAs(
    address: bigint,
    length: number,
    rights: Rights,
    shape: Asked,
  ): Uint8Array | Exclude<SystemAccess, 'done'> {
    const result = new Uint8Array(length);
    let devices: DevicePart[] | undefined;
    this.noteWatched(address, length, 'read', rights);
    for (let done = 0; done < length;) {
      const [low, high] = halves(this.wrapped(done === 0 ? address : address + BigInt(done)));
      const host = this.pageForRead(low, high, rights, shape !== 'ram only');
      if (typeof host === 'string') return host;
      const count = Math.min(length - done, 4096 - (low & 0xfff));
      const from = host + (low & 0xfff);
      // Short blocks, for which a view would cost more than the copy.
      if (host === deviceAddress) (devices ??= []).push(this.devicePart(low, high, done, count));
      else
        for (let at = 0; at < count; at++) result[done + at] = this.context.bytes[from + at] ?? 0;
      done += count;
    }
    if (this.isBlockRefused(address, length, rights, shape)) return 'fault';
    if (devices === undefined || shape === 'ram only') return result;
    return this.answers.readBlock(devices, result, shape) ? result : 'exit';
  }

  /** Address in the space of a page that a system access reads, by the TLB that holds for its rights; or `deviceAddress`. */
  private pageForRead(
    low: number,
    high: number,
    rights: Rights,
    asksDevices: boolean,
  ): number | Exclude<SystemAccess, 'done'> {
    const { caches, context } = this;
    const isSystem = rights === 'implicit';
    const known = isSystem ? caches.findSystemRead(low, high) : caches.findRead(low, high);
    if (known !== undefined) return known;
    const end = this.walkSystem(low, high, 'read', rights, asksDevices);
    if (end === 'device') return deviceAddress;
    if (end !== 'done') return end;
    const host = context.memory.frameOffset(this.walker.frame);
    // A page with a data breakpoint stays out of the TLBs.
    if (context.watch === undefined) {
      if (isSystem) caches.fillSystemRead(low, high, host);
      else caches.fillRead(low, high, host);
    }
    return host;
  }

  /** As {@link pageForRead}, where all the bytes lie in a page that may be written as it is; else undefined. */
  private pageForWrite(
    low: number,
    high: number,
    length: number,
    rights: Rights,
  ): number | undefined {
    if ((low & 0xfff) + length > 4096) return undefined;
    const { caches } = this;
    if (rights === 'implicit') return caches.findSystemWrite(low, high);
    return rights === this.currentRights ? caches.findWrite(low, high) : undefined;
  }

  /**
   * Address in the space of `length` bytes at an offset in a table of the processor's own, which it reads as
   * {@link readSystem} does.
   * @param base offset in the state of the table's linear address
   * @returns 0 where the bytes do not lie in one page, or the access has more to it: nothing has been accessed then
   */
  systemTableAt(base: number, offset: number, length: number): number {
    const { state } = this.context;
    const low = state.readU32(base) + offset;
    if (low > 0xffffffff) return 0;
    return this.systemBytesAt(low | 0, state.readHigh(base), length, 'read');
  }

  /** As {@link systemTableAt}, at a linear address: to be read, or to be written as they are. */
  systemBytesAt(low: number, high: number, length: number, access: DataAccess): number {
    const { caches } = this;
    if (this.context.watch !== undefined || (low & 0xfff) + length > 4096) return 0;
    const known =
      access === 'read' ? caches.findSystemRead(low, high) : caches.findSystemWrite(low, high);
    return known === undefined ? 0 : known + (low & 0xfff);
  }

  /** As {@link systemBytesAt}, with the privilege of the running code. */
  bytesAt(low: number, high: number, length: number, access: DataAccess): number {
    const { caches } = this;
    if (this.context.watch !== undefined || (low & 0xfff) + length > 4096) return 0;
    const known = access === 'read' ? caches.findRead(low, high) : caches.findWrite(low, high);
    return known === undefined ? 0 : known + (low & 0xfff);
  }

  /** Writes memory as the processor itself does; all of it or nothing. */
  writeSystem(
    address: bigint,
    data: Uint8Array,
    shape: Asked = quadwords,
    isUser = false,
  ): SystemAccess {
    return this.writeAs(address, data, isUser ? 'user' : 'implicit', shape);
  }

  /** Writes memory for a routine, with the privilege of the running code; all of it or nothing. */
  writeAtCurrentPrivilege(address: bigint, data: Uint8Array, shape: BlockShape): SystemAccess {
    return this.writeAs(address, data, this.currentRights, shape);
  }

  private get currentRights(): Rights {
    return this.context.cpl === 3 ? 'user' : 'supervisor';
  }

  private writeAs(address: bigint, data: Uint8Array, rights: Rights, shape: Asked): SystemAccess {
    this.noteWatched(address, data.length, 'write', rights);
    const [firstLow, firstHigh] = halves(this.wrapped(address));
    const page = this.pageForWrite(firstLow, firstHigh, data.length, rights);
    if (page !== undefined) {
      const to = page + (firstLow & 0xfff);
      for (let at = 0; at < data.length; at++) this.context.bytes[to + at] = data[at] ?? 0;
      return 'done';
    }
    const parts: FramePart[] = [];
    const devices: DevicePart[] = [];
    for (let done = 0; done < data.length;) {
      const [low, high] = halves(this.wrapped(address + BigInt(done)));
      const length = Math.min(data.length - done, 4096 - (low & 0xfff));
      const end = this.walkSystem(low, high, 'write', rights, shape !== 'ram only');
      if (end === 'device') {
        devices.push(this.devicePart(low, high, done, length));
      } else if (end === 'done') {
        const { frame } = this.walker;
        const target = this.context.memory.frameOffset(frame) + (low & 0xfff);
        parts.push({ frame, target, from: done, length });
      } else return end;
      done += length;
    }
    if (this.isBlockRefused(address, data.length, rights, shape)) return 'fault';
    if (shape !== 'ram only' && !this.answers.writeBlock(devices, data, shape)) return 'exit';
    for (const { frame, target, from, length } of parts) {
      this.context.memory.markWritten(frame, target & 0xfff, length);
      this.context.bytes.set(data.subarray(from, from + length), target);
    }
    if (parts.length === 1 && devices.length === 0) {
      this.rememberWritten(firstLow, firstHigh, rights);
    }
    return 'done';
  }

  /** Puts the page just written into the write TLB, where it may be written as it is. */
  private rememberWritten(low: number, high: number, rights: Rights): void {
    const { context, caches, walker } = this;
    if (context.watch !== undefined || context.memory.flagsOf(walker.frame) !== 0) return;
    const host = context.memory.frameOffset(walker.frame);
    if (rights === 'implicit') caches.fillSystemWrite(low, high, host);
    else if (rights === this.currentRights) caches.fillWrite(low, high, host);
  }

  /** Checks an access at the current privilege level without making it; a device is not asked. */
  probe(address: bigint, length: number, access: DataAccess): SystemAccess {
    const [low, high] = halves(address);
    const first = this.probePage(low, high, access);
    if (first !== 'done' || (low & 0xfff) + length <= 4096) return first;
    return this.probePage(...this.nextPage(low, high), access);
  }

  private probePage(low: number, high: number, access: DataAccess): SystemAccess {
    const end = this.walkSystem(low, high, access, this.currentRights);
    return end === 'device' ? 'done' : end;
  }

  /** Reads guest-physical memory, as loads of page-directory pointers do; a page that was never touched is zero. */
  readPhysical(gpa: number, length: number): Uint8Array | 'exit' {
    const { context, walker } = this;
    const rights = context.memory.rightsOf(Math.floor(gpa / 4096));
    const data = (rights & rightRead) === 0 ? undefined : context.memory.read(gpa, length);
    if (data !== undefined) return data;
    walker.gpaPage = Math.floor(gpa / 4096);
    context.state.writeU32(stateOffsets.accessBytes, 0);
    causeExit(context, exitReason.EPT_VIOLATION, {
      // A load of page-directory pointers has no linear address (SDM vol. 3, table 28-7).
      qualification: BigInt(1 | (rights << 3)),
      guestPhysicalAddress: BigInt(gpa),
    });
    return 'exit';
  }

  /** @param asksDevices whether a device could make the access; it has happened to no part of it yet */
  private walkSystem(
    low: number,
    high: number,
    access: DataAccess,
    rights: Rights,
    asksDevices = true,
  ): SystemAccess | 'device' {
    if (!this.context.isCanonicalHalf(high)) {
      this.fault = { vector: vector.GP, errorCode: 0 };
      return 'fault';
    }
    switch (this.walker.walk(low, high, access, rights)) {
      case WalkResult.mapped:
        return 'done';
      case WalkResult.pageFault:
        this.fault = this.pageFault(low, high);
        return 'fault';
      case WalkResult.framesExhausted:
        this.context.setRun32(runOffsets.stop, StopCode.framesExhausted);
        return 'exhausted';
      default:
        if (asksDevices && this.isDevice) return 'device';
        this.causeViolation(low, high, access);
        return 'exit';
    }
  }

  /** Whether what the walk came to, and not one of its paging structures, lies in a page that is not RAM. */
  private get isDevice(): boolean {
    const { context, walker } = this;
    return !walker.isStructure && context.memory.entryOf(walker.gpaPage) === 0;
  }

  private checkCanonical(
    record: number,
    low: number,
    high: number,
    bytes: number,
    info: number,
  ): boolean {
    const lastHigh = high + ((low >>> 0) + bytes - 1 > 0xffffffff ? 1 : 0);
    const { context } = this;
    if (context.isCanonicalHalf(high) && context.isCanonicalHalf(lastHigh | 0)) return true;
    const isStack = (info & accessStackBit) !== 0 || this.usesStackSegment(record);
    context.raise({ vector: isStack ? vector.SS : vector.GP, errorCode: 0 });
    return false;
  }

  /** RSP or RBP as base, and no override, mean SS (SDM vol. 1, 3.7.5). */
  private usesStackSegment(record: number): boolean {
    const { view } = this.context;
    const base = view.getUint16(record + recordOffsets.base, true);
    const segmentBase = view.getUint16(record + recordOffsets.segmentBase, true);
    return (base === spOffset || base === bpOffset) && segmentBase === stateOffsets.zero;
  }

  /** Address of the page's first byte in the space, `deviceAddress`, or `left` with the stop stored. */
  private locate(low: number, high: number, access: DataAccess): number {
    const { context, walker } = this;
    switch (walker.walk(low, high, access, context.cpl === 3 ? 'user' : 'supervisor')) {
      case WalkResult.mapped:
        return context.memory.frameOffset(walker.frame);
      case WalkResult.pageFault:
        context.raise(this.pageFault(low, high));
        return left;
      case WalkResult.framesExhausted:
        context.setRun32(runOffsets.stop, StopCode.framesExhausted);
        return left;
      default:
        if (this.isDevice) return deviceAddress;
        this.causeViolation(low, high, access);
        return left;
    }
  }

  private pageFault(low: number, high: number): Fault {
    return {
      vector: vector.PF,
      errorCode: this.walker.errorCode,
      address: wholeAddress(low, high),
    };
  }

  private causeViolation(low: number, high: number, access: DataAccess): void {
    causeWalkViolation(this.context, this.walker, wholeAddress(low, high), access);
  }

  private readAcross(low: number, high: number, bytes: number, isProbe: boolean): number {
    const parts = this.locateParts(low, high, bytes, 'read');
    return parts === undefined ? 0 : this.scratch.read(parts, isProbe);
  }

  private writeAcross(low: number, high: number, bytes: number, isModify: boolean): number {
    const parts = this.locateParts(low, high, bytes, 'write');
    return parts === undefined ? 0 : this.scratch.stage(parts, isModify);
  }

  /** The two parts of an access that crosses a page; undefined where the instruction leaves. */
  private locateParts(
    low: number,
    high: number,
    bytes: number,
    access: DataAccess,
  ): AccessParts | undefined {
    const parts: (FramePart | DevicePart)[] = [];
    const first = 4096 - (low & 0xfff);
    const [nextLow, nextHigh] = this.nextPage(low, high);
    for (const [partLow, partHigh, from, length] of [
      [low, high, 0, first],
      [nextLow, nextHigh, first, bytes - first],
    ] as const) {
      const found = this.locate(partLow, partHigh, access);
      if (found === deviceAddress) parts.push(this.devicePart(partLow, partHigh, from, length));
      else if (found === left) return undefined;
      else {
        const target = found + (partLow & 0xfff);
        parts.push({ frame: this.walker.frame, target, from, length });
      }
    }
    return this.isRefused(low, bytes) ? undefined : parts;
  }

  /** Whether checked alignment ends an access, behind whatever a page may refuse (SDM vol. 3, table 6-2). */
  private isRefused(low: number, bytes: number): boolean {
    if (!this.caches.checksAlignment || isAligned(low, bytes)) return false;
    this.context.raise(misaligned);
    return true;
  }

  /** The same of a block, which supervisor accesses of the processor do not obey. */
  private isBlockRefused(at: bigint, length: number, rights: Rights, shape: Asked): boolean {
    if (!this.caches.checksAlignment || rights === 'implicit' || shape === 'ram only') return false;
    if (isBlockAligned(Number(at & 0xfffn), length, shape)) return false;
    this.fault = misaligned;
    return true;
  }

  private devicePart(low: number, high: number, from: number, length: number): DevicePart {
    const gpa = this.walker.gpaPage * 4096 + (low & 0xfff);
    return { gpa, linear: wholeAddress(low, high), from, length };
  }

  /** The page behind a linear address; outside 64-bit mode the first follows the last below 4 GiB. */
  private nextPage(low: number, high: number): readonly [number, number] {
    const next = ((low | 0xfff) + 1) | 0;
    const carries = next === 0 && this.context.mode === longCode;
    return [next, carries ? (high + 1) | 0 : high];
  }
}

function asStackFault(fault: Fault): Fault {
  return fault.vector === vector.GP ? { vector: vector.SS, errorCode: 0 } : fault;
}

/** `locate`'s answers where the instruction leaves, and for a page outside RAM. */
const left = -1;
const deviceAddress = -2;

const misaligned: Fault = { vector: vector.AC, errorCode: 0 };

/** Where an address changes between its whole and its halves; no bigint but the whole is made. */
const addressView = new DataView(new ArrayBuffer(8));

/** Lower and upper half of a linear address, as signed 32-bit integers. */
export function halves(address: bigint): readonly [number, number] {
  addressView.setBigUint64(0, address, true);
  return [addressView.getInt32(0, true), addressView.getInt32(4, true)];
}

export function wholeAddress(low: number, high: number): bigint {
  addressView.setInt32(0, low, true);
  addressView.setInt32(4, high, true);
  return addressView.getBigUint64(0, true);
}
