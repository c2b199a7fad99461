/**
 * Custom DAP requests and events of the `hyperscope` debug type: types and constants, shared by the adapter and the
 * extension. 64-bit values travel as `0x…` strings, positions and counts as JSON numbers.
 */

export const debugType = 'hyperscope';

/** Requests of our own, sent by the extension's views; each names its argument and body types. */
export const customRequest = {
  /** `PartitionsArguments` → `PartitionsBody` */
  partitions: 'hyperscope/partitions',
  /** `ExitsArguments` → `ExitsBody` */
  exits: 'hyperscope/exits',
  /** `ExitDetailArguments` → `ExitDetailBody` */
  exitDetail: 'hyperscope/exitDetail',
  /** `VmcsArguments` → `VmcsBody` */
  vmcs: 'hyperscope/vmcs',
  /** `FollowVmcsArguments` → nothing; `vmcs` events come with stops from then on */
  followVmcs: 'hyperscope/followVmcs',
  /** `SetVmcsFieldArguments` → nothing */
  setVmcsField: 'hyperscope/setVmcsField',
  /** `CheckBreakpointArguments` → `CheckBreakpointBody`; nothing is set */
  checkBreakpoint: 'hyperscope/checkBreakpoint',
  /** `GoToPositionArguments` → nothing; a `stopped` event follows */
  goToPosition: 'hyperscope/goToPosition',
  /** `TrafficArguments` → `TrafficBody`; types in `traffic.ts` */
  traffic: 'hyperscope/traffic',
  /** `TrafficDetailArguments` → `TrafficDetailBody` */
  trafficDetail: 'hyperscope/trafficDetail',
  /** nothing → `TrafficBusesBody` */
  trafficBuses: 'hyperscope/trafficBuses',
  /** `ConsoleInputArguments` → nothing; what a person types for a guest. */
  consoleInput: 'hyperscope/consoleInput',
  /** `PausePartitionArguments` → nothing; the others go on. */
  pausePartition: 'hyperscope/pausePartition',
  /** `ProtectPagesArguments` → nothing; the guest goes on. */
  protectPages: 'hyperscope/protectPages',
  /** `SaveMachineArguments` → `SaveMachineBody`; the machine must be stopped. */
  saveMachine: 'hyperscope/saveMachine',
  /** `SavePartitionArguments` → `SavePartitionBody`; the guest goes on. */
  savePartition: 'hyperscope/savePartition',
  /** `RestorePartitionArguments` → `RestorePartitionBody`; a guest that is there is deleted first. */
  restorePartition: 'hyperscope/restorePartition',
  /** `PartitionArguments` → nothing; the others go on. */
  deletePartition: 'hyperscope/deletePartition',
  /** `PartitionArguments` → nothing; for a guest that has ended or been deleted. */
  startPartition: 'hyperscope/startPartition',
} as const;

/** Events of our own; each names its body type. */
export const customEvent = {
  /** `TraceChangedBody`; sent at most once for each run slice that recorded something, and after a restart. */
  traceChanged: 'hyperscope/traceChanged',
  /** `StateChangedBody`; a partition or processor changed its run state. */
  stateChanged: 'hyperscope/stateChanged',
  /** `VmcsStopBody`; right before each `stopped` event, where `followVmcs` has asked for it. */
  vmcs: 'hyperscope/vmcs',
  /** `ConsoleOutputBody`; only where the launch arguments put the console into a terminal. */
  consoleOutput: 'hyperscope/consoleOutput',
} as const;

/**
 * Arguments of `stepIn`, `next` and `stepOut` when a view of the extension sends them. VS Code does not know of such
 * a step, so the adapter announces it by a `continued` event, which it owes nobody for a step of VS Code's own.
 */
export interface AnnouncedStepArguments {
  readonly threadId: number;
  readonly granularity: 'instruction' | 'line';
  readonly announceContinued: true;
}

/** A function breakpoint as a person writes it. */
export interface CheckBreakpointArguments {
  readonly name: string;
  readonly condition?: string;
}

/** What the debugger would make of it. */
export interface CheckBreakpointBody {
  /** What is wrong with it, as `setFunctionBreakpoints` would say; empty where nothing is. */
  readonly problem: string;
  /** Decoded fields that its condition may name; none for code. */
  readonly fields: readonly string[];
}

/** The request takes no arguments. */
export type PartitionsArguments = Record<string, never>;

/** The machine at one moment: position in steps, virtual time in nanoseconds, and its partitions. */
export interface PartitionsBody {
  readonly position: number;
  readonly timeNs: number;
  /** The farthest position of the present branch; greater than `position` in the past. */
  readonly endPosition: number;
  readonly partitions: readonly PartitionInfo[];
}

/** The parent owns the devices; guests run behind VM exits. */
export type PartitionKind = 'parent' | 'guest';

/** One partition with its virtual processors. */
export interface PartitionInfo {
  readonly id: number;
  readonly kind: PartitionKind;
  readonly name: string;
  readonly memoryBytes: number;
  /** Guest OS as the guest reported it through HV_X64_MSR_GUEST_OS_ID, or empty. */
  readonly guestOs: string;
  /** Stopped by itself, while others may run. */
  readonly isPaused: boolean;
  /** Taken apart; it can be restored or started. */
  readonly isDeleted: boolean;
  readonly processors: readonly ProcessorInfo[];
}

/**
 * `halted` waits for an event, `suspended` for an answer of the parent, `paused` until its partition is resumed; `ended`
 * will never run again.
 */
export type ProcessorRunState = 'running' | 'stopped' | 'halted' | 'suspended' | 'paused' | 'ended';

/** One virtual processor; `retired` counts instructions, `exits` counts VM exits, both since the start. */
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

/** A window of the rows that pass a filter. */
export interface ExitsArguments {
  /** Index of the first wanted row among those that pass the filter. */
  readonly start: number;
  /** At most 500. */
  readonly count: number;
  readonly filter?: ExitFilter;
}

/** The wanted rows, and how many there are beside them. */
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

/** How often one basic exit reason occurred. */
export interface ReasonCount {
  readonly reason: number;
  readonly reasonName: string;
  readonly count: number;
}

/** One VM exit as the log shows it. */
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

/** `id` is the identity of a row. */
export interface ExitDetailArguments {
  readonly id: string;
}

/** A row with the values of its moment, in named groups. */
export interface ExitDetailBody {
  readonly row: ExitRow;
  readonly groups: readonly NamedValues[];
}

/** A group of values with a heading. */
export interface NamedValues {
  readonly name: string;
  readonly values: readonly {
    readonly name: string;
    readonly value: string;
    readonly note?: string;
  }[];
}

/** How much the trace has recorded. */
export interface TraceChangedBody {
  /** VM exits since power-on. */
  readonly recorded: number;
  /** VMBus messages, packets and signals since power-on. */
  readonly vmbusRecorded: number;
  /** Other events since power-on. */
  readonly othersRecorded: number;
}

/** Stops a partition, the processors of a guest or the work of the parent, or lets it go on. */
export interface PausePartitionArguments {
  readonly partition: number;
  readonly isPaused: boolean;
}

/** What a guest may do with pages of its RAM from now on; its parent maps them so. */
export interface ProtectPagesArguments {
  readonly partition: number;
  /** Guest-physical address of the first page. */
  readonly gpa: string;
  readonly pages: number;
  /** `---`, `r--`, `rw-`, `r-x` or `rwx`. */
  readonly access: string;
}

/** Bytes for a guest's console, in base64. */
export interface ConsoleInputArguments {
  readonly partition: number;
  readonly data: string;
}

/** Bytes of a guest's console, in base64, with control sequences that stay on the screen. */
export interface ConsoleOutputBody {
  readonly partition: number;
  readonly partitionName: string;
  readonly data: string;
  /** Bytes that were lost before these because they came too fast. */
  readonly droppedBytes: number;
}

/** Goes to a position of the past, or on to one of the future. */
export interface GoToPositionArguments {
  readonly position: number;
  /** The thread that the stop is about; the one of the last stop where it is absent. */
  readonly threadId?: number;
}

/** `running` is true while the machine takes steps. */
export interface StateChangedBody {
  readonly running: boolean;
  readonly position: number;
  readonly timeNs: number;
  /** The farthest position of the present branch; greater than `position` in the past. */
  readonly endPosition: number;
}

/** Where the machine is to be saved. */
export interface SaveMachineArguments {
  readonly path: string;
}

/** What was saved. */
export interface SaveMachineBody {
  readonly sizeBytes: number;
}

/** Saves one guest to a file. */
export interface SavePartitionArguments {
  readonly partition: number;
  readonly path: string;
}

/** What was saved. */
export interface SavePartitionBody {
  readonly sizeBytes: number;
}

/** Puts a saved guest into its place. */
export interface RestorePartitionArguments {
  readonly path: string;
  /** Absent for the guest of the session that the file is of. */
  readonly partition?: number;
}

/** Where it is. */
export interface RestorePartitionBody {
  readonly partition: number;
}

/** Names a guest partition. */
export interface PartitionArguments {
  readonly partition: number;
}
