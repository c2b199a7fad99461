// Table: task-state segments (TSS) of 32-bit and 16-bit tasks, Intel SDM volume 3, figures 7-2 and 7-10.

/** Where a task-state segment has its fields; each run of registers has words of `wordBytes`. */
export interface TaskStateLayout {
  readonly wordBytes: 2 | 4;
  /** Least limit of its descriptor (SDM vol. 3, 7.2.2). */
  readonly limitMinimum: number;
  /** Selector of the task that was left by CALL or an interrupt. */
  readonly link: number;
  readonly cr3: number | undefined;
  readonly ip: number;
  readonly flags: number;
  /** Eight registers in encoding order. */
  readonly registers: number;
  /** ES, CS, SS and DS, and where there are six FS and GS. */
  readonly segments: number;
  readonly segmentCount: 4 | 6;
  readonly ldt: number;
  /** T: a debug exception when the task is entered. */
  readonly trap: number | undefined;
}

/** SDM vol. 3, figure 7-2. */
export const taskState32: TaskStateLayout = {
  wordBytes: 4,
  limitMinimum: 0x67,
  link: 0,
  cr3: 0x1c,
  ip: 0x20,
  flags: 0x24,
  registers: 0x28,
  segments: 0x48,
  segmentCount: 6,
  ldt: 0x60,
  trap: 0x64,
};

/** SDM vol. 3, figure 7-10. */
export const taskState16: TaskStateLayout = {
  wordBytes: 2,
  limitMinimum: 0x2b,
  link: 0,
  cr3: undefined,
  ip: 0x0e,
  flags: 0x10,
  registers: 0x12,
  segments: 0x22,
  segmentCount: 4,
  ldt: 0x2a,
  trap: undefined,
};

/** Bit of a TSS descriptor's type that says whether the task is a 32-bit one, and the busy bit (SDM vol. 3, table 3-2). */
export const TaskDescriptorType = { is32Bit: 8, busy: 2 } as const;

/** What wanted a task switch: bits 31:30 of the exit qualification (SDM vol. 3, table 28-2). */
export const TaskSwitchSource = { call: 0, interruptReturn: 1, jump: 2, gate: 3 } as const;
