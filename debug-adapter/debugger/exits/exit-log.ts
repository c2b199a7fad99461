/** Queries over the kept VM exits: filtering, paging, one row in full. */
import type { VmExitEvent } from '../../machine/trace';
import type { TraceLog } from '../../system/trace-log';
import { cr0Bits, cr4Bits, rflagsBits } from '../../spec/x86/control-registers';
import type { PartitionNamer } from '../guest-programs';
import { registers } from '../registers';
import { parseRowId, placeAmong, rowId, type RowPlace } from '../row-place';
import { formatAddress, formatBits, hex } from '../value-format';
import { describeExit, exitReasonName, exitReasonText } from './exit-description';
import { exitFields } from './exit-fields';

/** One row as front ends show it. Numbers of 64 bits are `0x…` texts. */
export interface ExitLogRow {
  readonly id: string;
  readonly position: number;
  readonly timeNs: number;
  readonly partition: number;
  readonly processor: number;
  readonly exitNumber: number;
  readonly reason: number;
  readonly reasonName: string;
  readonly qualification: string;
  readonly detail: string;
  readonly rip: string;
  readonly symbol: string;
}

/** Conditions that a row must meet; absent ones do not restrict. */
export interface ExitLogFilter {
  readonly reasons?: readonly number[] | undefined;
  readonly partition?: number | undefined;
  readonly processor?: number | undefined;
  readonly text?: string | undefined;
}

/** Rows of one reason among those that pass a filter without its reasons. */
export interface ExitReasonCount {
  readonly reason: number;
  readonly reasonName: string;
  readonly count: number;
}

/** A page of rows and the counts around it. */
export interface ExitLogPage {
  readonly total: number;
  readonly recorded: number;
  readonly dropped: number;
  readonly reasonCounts: readonly ExitReasonCount[];
  readonly rows: readonly ExitLogRow[];
}

/** A named group of named values. */
export interface ExitDetailGroup {
  readonly name: string;
  readonly values: readonly {
    readonly name: string;
    readonly value: string;
    readonly note?: string;
  }[];
}

/** What a filter let pass so far; grows with the log instead of being computed again. */
interface Selection {
  readonly key: string;
  readonly log: TraceLog['exits'];
  readonly generation: number;
  /** Rows below this number have been looked at. */
  seen: number;
  /** Numbers of passing rows, ascending; those before `first` are no longer kept. */
  indexes: number[];
  counts: Map<number, number>;
}

const generalRegisterTitles = registers
  .filter((register) => register.group === 'general' && register.name.startsWith('r'))
  .map((register) => register.title)
  .slice(0, 16);

/** The exit log of one machine. */
export class ExitLog {
  private selection: Selection | undefined;

  constructor(
    private readonly log: TraceLog['exits'],
    private readonly nameOf: PartitionNamer,
  ) {}

  /** Rows `start` to `start + count - 1` among those that pass `filter`, oldest first. */
  query(start: number, count: number, filter: ExitLogFilter): ExitLogPage {
    const selection = this.select(filter);
    const rows: ExitLogRow[] = [];
    for (const index of selection.indexes.slice(start, start + count)) {
      const exit = this.log.at(index);
      if (exit !== undefined) rows.push(this.rowOf(exit));
    }
    const reasonCounts = [...selection.counts]
      .map(([reason, n]) => ({ reason, reasonName: exitReasonText(reason), count: n }))
      .sort((a, b) => b.count - a.count || a.reason - b.reason);
    const { recorded, dropped } = this.log;
    return { total: selection.indexes.length, recorded, dropped, reasonCounts, rows };
  }

  /** A row by identity with everything known about its moment; undefined where it is not kept. */
  detail(
    id: string,
  ): { readonly row: ExitLogRow; readonly groups: readonly ExitDetailGroup[] } | undefined {
    const exit = this.find(id);
    return exit === undefined ? undefined : { row: this.rowOf(exit), groups: this.groupsOf(exit) };
  }

  /** The kept exit with an identity. */
  find(id: string): VmExitEvent | undefined {
    const number = this.numberOf(id);
    return number === undefined ? undefined : this.log.at(number);
  }

  /** Where the row of this identity stands among those that pass `filter`. */
  place(id: string, filter: ExitLogFilter): RowPlace {
    return placeAmong(this.select(filter).indexes, this.numberOf(id));
  }

  private numberOf(id: string): number | undefined {
    const place = parseRowId(id);
    return place === undefined ? undefined : this.log.find(place.position, place.ordinal);
  }

  /** The kept exit of a processor with a number, which counts from 1. */
  exitNumbered(partition: number, processor: number, exitNumber: number): VmExitEvent | undefined {
    for (let index = this.log.recorded - 1; index >= this.log.dropped; index--) {
      const exit = this.log.at(index);
      if (exit?.partition !== partition || exit.processor !== processor) continue;
      if (exit.exitNumber === exitNumber) return exit;
      if (exit.exitNumber < exitNumber) return undefined;
    }
    return undefined;
  }

  /** An exit as a row. */
  rowOf(exit: VmExitEvent): ExitLogRow {
    const { position, timeNs, partition, processor, exitNumber } = exit;
    return {
      id: rowId(exit),
      position,
      timeNs,
      partition,
      processor,
      exitNumber,
      reason: exit.reason & 0xffff,
      reasonName: exitReasonText(exit.reason),
      qualification: hex(exit.qualification),
      detail: describeExit(exit),
      rip: hex(exit.rip),
      symbol: this.nameOf(partition)(exit.rip) ?? '',
    };
  }

  private select(filter: ExitLogFilter): Selection {
    const key = JSON.stringify(filter);
    let { selection } = this;
    if (
      selection?.key !== key ||
      selection.log !== this.log ||
      selection.generation !== this.log.generation
    ) {
      const { log } = this;
      const { generation } = log;
      selection = { key, log, generation, seen: 0, indexes: [], counts: new Map() };
      this.selection = selection;
    }
    this.forgetDropped(selection, filter);
    const { reasons, ...others } = filter;
    for (
      let index = Math.max(selection.seen, this.log.dropped);
      index < this.log.recorded;
      index++
    ) {
      const exit = this.log.at(index);
      if (exit === undefined || !this.passes(exit, others)) continue;
      const reason = exit.reason & 0xffff;
      selection.counts.set(reason, (selection.counts.get(reason) ?? 0) + 1);
      if (reasons === undefined || reasons.includes(reason)) selection.indexes.push(index);
    }
    selection.seen = this.log.recorded;
    return selection;
  }

  /** Rows that the ring has overwritten leave the selection; the counts then have to be made again. */
  private forgetDropped(selection: Selection, filter: ExitLogFilter): void {
    const { dropped } = this.log;
    const kept = selection.indexes.findIndex((index) => index >= dropped);
    const nothingLost = kept === 0 || selection.indexes.length === 0;
    if (nothingLost && (filter.reasons === undefined || dropped === 0)) return;
    selection.seen = 0;
    selection.indexes = [];
    selection.counts = new Map();
  }

  private passes(exit: VmExitEvent, filter: Omit<ExitLogFilter, 'reasons'>): boolean {
    if (filter.partition !== undefined && exit.partition !== filter.partition) return false;
    if (filter.processor !== undefined && exit.processor !== filter.processor) return false;
    if (filter.text === undefined || filter.text === '') return true;
    const row = this.rowOf(exit);
    const text = `${row.reasonName} ${exitReasonName(exit.reason)} ${row.detail} ${row.rip} ${row.symbol}`;
    return text.toLowerCase().includes(filter.text.toLowerCase());
  }

  private groupsOf(exit: VmExitEvent): readonly ExitDetailGroup[] {
    const nameOf = this.nameOf(exit.partition);
    const value = (name: string, text: string): { name: string; value: string } => ({
      name,
      value: text,
    });
    const information = [
      value('VM_EXIT_REASON', `${hex(exit.reason)} ${exitReasonText(exit.reason)}`),
      value('EXIT_QUALIFICATION', hex(exit.qualification)),
      value('VM_EXIT_INSTRUCTION_LEN', String(exit.instructionLength)),
      value('VM_EXIT_INTR_INFO', hex(exit.interruptionInformation >>> 0)),
      value('GUEST_PHYSICAL_ADDRESS', hex(exit.guestPhysicalAddress)),
      value('GUEST_LINEAR_ADDRESS', formatAddress(exit.guestLinearAddress, nameOf)),
    ];
    const decoded = [...exitFields(exit)].map(([name, field]) => value(name, hex(field)));
    const general = exit.registers.map((register, index) =>
      value(generalRegisterTitles[index] ?? `R${index}`, formatAddress(register, nameOf)),
    );
    const state = [
      value('RIP', formatAddress(exit.rip, nameOf)),
      value('RFLAGS', formatBits(BigInt(exit.rflags >>> 0), rflagsBits)),
      value('CR0', formatBits(exit.cr0, cr0Bits)),
      value('CR3', hex(exit.cr3)),
      value('CR4', formatBits(exit.cr4, cr4Bits)),
    ];
    return [
      { name: 'Decoded', values: decoded },
      { name: 'Exit information', values: information },
      { name: 'General registers', values: general },
      { name: 'Guest state', values: state },
    ];
  }
}
