/**
 * The software TLBs: linear page to address in the space, for code, reads and writes, by privilege. Kept exact by
 * dropping entries whenever their sources change, so that no guest can tell they exist (decision 3).
 */
import { stateOffsets } from '../../machine/processor-state';
import { assert } from '../../support/assert';
import {
  codeTlbEntries,
  dataTlbEntriesMax,
  runOffsets,
  tlbEntryBytes,
  tlbOffsets,
} from '../memory-map';
import { flatCode, longCode } from '../decode/code-mode';
import type { ProcessorContext } from '../processor-context';
import { segmentOffsets, vmcsOffsets } from '../vmcs-offsets';

const otherPage = 0x1000n;
const cr4SupervisorAccessPrevention = 1 << 21;
const flagAlignmentCheck = 0x40000;

export class TranslationCaches {
  /** What the entries of each code TLB were made for. */
  private readonly codeSegments: (number | string)[] = [0, 0];

  constructor(
    private readonly context: ProcessorContext,
    private readonly dataEntries: number,
  ) {
    assert(dataEntries <= dataTlbEntriesMax && (dataEntries & (dataEntries - 1)) === 0, 'TLB size');
    this.flush();
  }

  /** Points generated code at the TLBs of the current privilege level; a code TLB is good for one code segment. */
  select(): void {
    const { context } = this;
    const set = context.cpl === 3 ? 1 : 0;
    const segment = codeSegmentKey(context);
    if (this.codeSegments[set] !== segment) {
      this.codeSegments[set] = segment;
      this.invalidate(tlbOffsets.code[set], codeTlbEntries);
    }
    const dataSet = set === 0 && mayAccessUserPages(context) ? 2 : set;
    context.setRun32(runOffsets.readTlb, context.vpBase + tlbOffsets.read[dataSet]);
    context.setRun32(runOffsets.writeTlb, context.vpBase + tlbOffsets.write[dataSet]);
    context.setRun32(runOffsets.codeTlb, context.vpBase + tlbOffsets.code[set]);
  }

  fillRead(low: number, high: number, hostAddress: number): void {
    this.fill(this.context.run32(runOffsets.readTlb), this.dataEntries, low, high, hostAddress);
  }

  fillWrite(low: number, high: number, hostAddress: number): void {
    this.fill(this.context.run32(runOffsets.writeTlb), this.dataEntries, low, high, hostAddress);
  }

  /** @param table address of the code page's offset table */
  fillCode(low: number, high: number, table: number): void {
    this.fill(this.context.run32(runOffsets.codeTlb), codeTlbEntries, low, high, table);
  }

  flush(): void {
    this.flushCode();
    for (const set of tlbOffsets.read) this.invalidate(set, this.dataEntries);
    this.flushWrites();
  }

  flushWrites(): void {
    for (const set of tlbOffsets.write) this.invalidate(set, this.dataEntries);
  }

  flushCode(): void {
    for (const set of tlbOffsets.code) this.invalidate(set, codeTlbEntries);
  }

  private fill(base: number, entries: number, low: number, high: number, value: number): void {
    const { view } = this.context;
    const at = base + ((low >>> 12) & (entries - 1)) * tlbEntryBytes;
    view.setInt32(at, low & ~0xfff, true);
    view.setInt32(at + 4, high, true);
    view.setInt32(at + 8, value, true);
  }

  /**
   * An invalid entry holds a page that belongs to another index, so that nothing can match it: page 1, and page 0 in
   * the entry of page 1.
   */
  private invalidate(offset: number, entries: number): void {
    const { bytes, vpBase } = this.context;
    const words = new BigUint64Array(
      bytes.buffer,
      bytes.byteOffset + vpBase + offset,
      (entries * tlbEntryBytes) / 8,
    );
    words.fill(otherPage);
    words[tlbEntryBytes / 8] = 0n;
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
