/**
 * The software TLBs: linear page to address in the space, for code, reads and writes, by privilege. Kept exact by
 * dropping entries whenever their sources change, so that no guest can tell they exist (decision 3).
 */
import { stateOffsets } from '../../machine/processor-state';
import { assert } from '../../support/assert';
import {
  dataTlbEntriesMax,
  jumpCacheOffsets,
  recordCacheOffsets,
  runOffsets,
  tlbOffsets,
} from '../memory-map';
import { flatCode, longCode } from '../decode/code-mode';
import type { ProcessorContext } from '../processor-context';
import { segmentOffsets, vmcsOffsets } from '../vmcs-offsets';
import { CodeTlb } from './code-tlb';
import { TlbSet } from './tlb-set';
import { isAlignmentChecked } from './alignment';
import type { WalkCache } from './walk-cache';
import { WritePlaces } from './write-places';

const cr4SupervisorAccessPrevention = 1 << 21;
const flagAlignmentCheck = 0x40000;
/** Index of the data TLBs of supervisor code that may not access user pages under SMAP. */
const supervisor = 0;
/** And of user code, and of supervisor code that may. */
const user = 1;
const supervisorWithAccess = 2;

export class TranslationCaches {
  private readonly code: readonly [CodeTlb, CodeTlb];
  private readonly reads: readonly TlbSet[];
  private readonly writes: readonly TlbSet[];
  private readonly data: readonly TlbSet[];
  private readonly writePlaces: WritePlaces;
  /** Of `code`, and of `reads` and `writes`: those of the current privilege. */
  private codeIndex: 0 | 1 = 0;
  private dataIndex = 0;
  /** User code must not find its pages, so that each access is checked: the TLBs of its privilege stay empty. */
  checksAlignment = false;
  /** What the entries of each code TLB were made for. */
  private readonly codeSegments: (number | string)[] = [0, 0];

  constructor(
    private readonly context: ProcessorContext,
    private readonly walks: WalkCache,
    private readonly dataEntries: number,
  ) {
    assert(dataEntries <= dataTlbEntriesMax && (dataEntries & (dataEntries - 1)) === 0, 'TLB size');
    const { bytes, vpBase } = context;
    const addressBits = context.supportedAddressBits;
    this.code = [
      new CodeTlb(bytes, vpBase, 0, addressBits),
      new CodeTlb(bytes, vpBase, 1, addressBits),
    ];
    this.reads = tlbOffsets.read.map((at) => new TlbSet(bytes, vpBase + at, dataEntries));
    this.writes = tlbOffsets.write.map((at) => new TlbSet(bytes, vpBase + at, dataEntries));
    this.data = [...this.reads, ...this.writes];
    this.writePlaces = new WritePlaces(context.memory.frameCount);
  }

  /** Points generated code at the TLBs of the current privilege level; a code TLB is good for one code segment. */
  select(): void {
    const { context } = this;
    const set = context.cpl === 3 ? 1 : 0;
    const segment = codeSegmentKey(context);
    if (this.codeSegments[set] !== segment) {
      this.codeSegments[set] = segment;
      this.code[set].flush();
    }
    this.codeIndex = set;
    const { vpBase } = context;
    context.setRun32(runOffsets.codeTlb, vpBase + tlbOffsets.code[set]);
    context.setRun32(runOffsets.jumpCache, vpBase + jumpCacheOffsets[set]);
    context.setRun32(runOffsets.recordCache, vpBase + recordCacheOffsets[set]);
    this.publishEpoch();
    this.selectAlignment(isAlignmentChecked(context));
    this.selectData();
  }

  /** The same where only RFLAGS.AC of supervisor code has changed. */
  selectData(): void {
    const { context } = this;
    const { vpBase } = context;
    const isUser = context.cpl === 3;
    this.dataIndex = isUser
      ? user
      : mayAccessUserPages(context)
        ? supervisorWithAccess
        : supervisor;
    context.setRun32(runOffsets.readTlb, vpBase + (tlbOffsets.read[this.dataIndex] ?? 0));
    context.setRun32(runOffsets.writeTlb, vpBase + (tlbOffsets.write[this.dataIndex] ?? 0));
  }

  private selectAlignment(isChecked: boolean): void {
    if (isChecked && !this.checksAlignment) {
      this.reads[user]?.flush();
      this.writes[user]?.flush();
    }
    this.checksAlignment = isChecked;
  }

  /** Address in the space of the page at a linear address, where running code has read it; else undefined. */
  findRead(low: number, high: number): number | undefined {
    return this.reads[this.dataIndex]?.find(low, high);
  }

  /** The same where the processor itself reads, which SMAP keeps from user pages whatever RFLAGS.AC says. */
  findSystemRead(low: number, high: number): number | undefined {
    return this.reads[supervisor]?.find(low, high);
  }

  /** As {@link findRead}: a page that may be written as it is. */
  findWrite(low: number, high: number): number | undefined {
    return this.writes[this.dataIndex]?.find(low, high);
  }

  findSystemWrite(low: number, high: number): number | undefined {
    return this.writes[supervisor]?.find(low, high);
  }

  fillSystemRead(low: number, high: number, hostAddress: number): void {
    this.reads[supervisor]?.fill(low, high, hostAddress);
  }

  fillSystemWrite(low: number, high: number, hostAddress: number): void {
    this.writes[supervisor]?.fill(low, high, hostAddress);
    this.noteWritePlace(low, hostAddress);
  }

  fillRead(low: number, high: number, hostAddress: number): void {
    if (!this.checksAlignment) this.reads[this.dataIndex]?.fill(low, high, hostAddress);
  }

  fillWrite(low: number, high: number, hostAddress: number): void {
    if (this.checksAlignment) return;
    this.writes[this.dataIndex]?.fill(low, high, hostAddress);
    this.noteWritePlace(low, hostAddress);
  }

  /** @param table address of the offset table of the code page that lies in `frame` */
  fillCode(low: number, high: number, frame: number, table: number): void {
    this.code[this.codeIndex].fill(low, high, frame, table);
    this.publishEpoch();
  }

  /** Remembers where a walk for an instruction fetch has led. */
  noteCodeFrame(low: number, high: number, frame: number): void {
    this.code[this.codeIndex].noteFrame(low, high, frame);
    this.publishEpoch();
  }

  /** Frame of the instructions at a linear address, where it is still known. */
  codeFrameOf(low: number, high: number): number | undefined {
    return this.code[this.codeIndex].frameOf(low, high);
  }

  /** Address of the offset table of the code page at a linear address, where it is cached. */
  codeTableOf(low: number, high: number): number | undefined {
    return this.code[this.codeIndex].find(low, high);
  }

  flush(): void {
    this.flushCode();
    this.walks.flush();
    for (const set of this.data) set.flush();
  }

  flushWrites(): void {
    for (const set of this.writes) set.flush();
  }

  flushCode(): void {
    for (const set of this.code) set.flush();
    this.publishEpoch();
  }

  /** Drops what is known of translated regions. */
  forgetJumps(): void {
    for (const set of this.code) set.forgetJumps();
    this.publishEpoch();
  }

  /**
   * Drops what was made for a page, as `linearPage` numbers it. The last entry of a walk is read each time, so that none
   * is remembered.
   */
  dropPage(page: number): void {
    for (const set of this.code) {
      if (set.dropPage(page)) this.publishEpoch();
    }
    for (const set of this.data) set.dropPage(page);
  }

  /** The same of `count` pages from `first`, for which one entry stood. */
  dropRange(first: number, count: number): void {
    for (const set of this.code) set.dropRange(first, count);
    this.publishEpoch();
    this.walks.dropRange(first, count);
    for (const set of this.data) set.dropRange(first, count);
  }

  /** Drops cached write addresses of a frame. */
  dropWritesTo(frame: number): void {
    this.writePlaces.drop(frame, this.context.memory.frameOffset(frame), this.writes);
  }

  private noteWritePlace(low: number, hostAddress: number): void {
    const frame = (hostAddress - this.context.memory.frameBase) / 4096;
    this.writePlaces.note(frame, (low >>> 12) & (this.dataEntries - 1));
  }

  /** Drops what was made for addresses whose top bit is 0. */
  dropLowerHalf(): void {
    for (const set of this.code) set.dropLowerHalf();
    this.publishEpoch();
    this.walks.dropLowerHalf();
    for (const set of this.data) set.dropLowerHalf();
  }

  private publishEpoch(): void {
    this.context.setRun32(runOffsets.jumpEpoch + 4, this.code[this.codeIndex].jumpEpochHigh);
  }
}

/** How code is decoded, and where its segment ends; the base is applied before the TLB is asked. */
function codeSegmentKey({ mode, state }: ProcessorContext): number | string {
  if (mode === longCode || mode === flatCode) return mode.index;
  const { base, limit } = segmentOffsets.CS;
  return `${mode.index} ${state.readU64(base)} ${state.readU64(limit)}`;
}

/** Under SMAP the alignment-check flag lets supervisor code access user pages (SDM vol. 3, 4.6.1). */
function mayAccessUserPages({ state }: ProcessorContext): boolean {
  const isOn = (state.readU32(vmcsOffsets.cr4) & cr4SupervisorAccessPrevention) !== 0;
  return isOn && (state.readU32(stateOffsets.flagsSystem) & flagAlignmentCheck) !== 0;
}
