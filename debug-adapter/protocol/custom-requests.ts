/**
 * Custom DAP requests and events of the `hyperscope` debug type: types and constants, shared by the adapter and the
 * extension. 64-bit values travel as `0x…` strings, positions and counts as JSON numbers.
 */

export const debugType = 'hyperscope';

export const customRequest = {
  /** `PartitionsArguments` → `PartitionsBody` */
  partitions: 'hyperscope/partitions',
  /** `ExitsArguments` → `ExitsBody` */
  exits: 'hyperscope/exits',
  /** `ExitDetailArguments` → `ExitDetailBody` */
  exitDetail: 'hyperscope/exitDetail',
} as const;

export const customEvent = {
  /** `TraceChangedBody`; sent at most once for each run slice that recorded something, and after a restart. */
  traceChanged: 'hyperscope/traceChanged',
  /** `StateChangedBody`; a partition or processor changed its run state. */
  stateChanged: 'hyperscope/stateChanged',
} as const;

export type PartitionsArguments = Record<string, never>;

export interface PartitionsBody {
  readonly position: number;
  readonly timeNs: number;
  readonly partitions: readonly PartitionInfo[];
}

export type PartitionKind = 'parent' | 'guest';

export interface PartitionInfo {
  readonly id: number;
  readonly kind: PartitionKind;
  readonly name: string;
  readonly memoryBytes: number;
  /** Guest OS as the guest reported it through HV_X64_MSR_GUEST_OS_ID, or empty. */
  readonly guestOs: string;
  readonly processors: readonly ProcessorInfo[];
}

export type ProcessorRunState = 'running' | 'stopped' | 'halted' | 'ended';

export interface ProcessorInfo {
  readonly index: number;
  /** DAP thread id; 0 for processors that are not debugger threads (the parent's). */
  readonly threadId: number;
  readonly state: ProcessorRunState;
  readonly rip: string;
  /** Nearest symbol, `name+0x10`, or empty. */
  readonly symbol: string;
  readonly retired: number;
  readonly exits: number;
}

/** Conditions that an exit must meet; absent fields do not restrict. */
export interface ExitFilter {
  /** Basic exit reasons by number. */
  readonly reasons?: readonly number[];
  readonly partition?: number;
  readonly processor?: number;
  /** Case-insensitive text, matched against reason name, decoded details, RIP and symbol. */
  readonly text?: string;
}

export interface ExitsArguments {
  /** Index of the first wanted row among those that pass the filter. */
  readonly start: number;
  /** At most 500. */
  readonly count: number;
  readonly filter?: ExitFilter;
}

export interface ExitsBody {
  /** Rows that pass the filter and are still kept. */
  readonly total: number;
  /** Exits recorded since the start, and those no longer kept because the log is bounded. */
  readonly recorded: number;
  readonly dropped: number;
  /** Kept rows by reason, most frequent first: those that pass the filter apart from its `reasons`. */
  readonly reasonCounts: readonly ReasonCount[];
  readonly rows: readonly ExitRow[];
}

export interface ReasonCount {
  readonly reason: number;
  readonly reasonName: string;
  readonly count: number;
}

export interface ExitRow {
  /** Identity: position and order within it, as `position.ordinal`. */
  readonly id: string;
  readonly position: number;
  readonly timeNs: number;
  readonly partition: number;
  readonly processor: number;
  readonly exitNumber: number;
  readonly reason: number;
  /** As the SDM spells it, for example `I/O instruction`. */
  readonly reasonName: string;
  readonly qualification: string;
  /** Qualification and operands in words, for example `OUT 0xe9, AL = 0x48 'H'`. */
  readonly detail: string;
  readonly rip: string;
  readonly symbol: string;
}

export interface ExitDetailArguments {
  readonly id: string;
}

export interface ExitDetailBody {
  readonly row: ExitRow;
  readonly groups: readonly NamedValues[];
}

export interface NamedValues {
  readonly name: string;
  readonly values: readonly { readonly name: string; readonly value: string; readonly note?: string }[];
}

export interface TraceChangedBody {
  readonly recorded: number;
}

export interface StateChangedBody {
  readonly running: boolean;
}
