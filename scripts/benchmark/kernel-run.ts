// What one run of a kernel gives, whichever engine ran it, and what follows from it.

/** A moment of a run. */
export interface Mark {
  /** Wall clock, milliseconds from an arbitrary start. */
  readonly wallMs: number;
  /** Processor time of the thread that executes the guest: what others do on the host does not count. */
  readonly cpuMs: number;
  /** Instructions retired, where the engine counts them. */
  readonly position?: number;
}

/** Of the guest's code: 32 is protected mode, 64 is 64-bit mode. */
export type Bits = 32 | 64;

export interface KernelRun {
  readonly kernel: string;
  readonly bits: Bits;
  readonly engine: string;
  /** The start, then the end of each round. */
  readonly marks: readonly Mark[];
  readonly checksums: readonly string[];
  /** Finer samples of speed from the start on, where there are any. */
  readonly samples?: readonly Mark[];
  readonly peakMemoryMiB?: number;
}

/** Instructions of each round, as counted by the engine that counts. */
export function roundLengths(run: KernelRun): number[] {
  return run.marks
    .slice(1)
    .map((mark, index) => (mark.position ?? 0) - (run.marks[index]?.position ?? 0));
}

/** Millions of instructions per second over rounds `from` (0 is the first) to the last. */
export function speed(run: KernelRun, lengths: readonly number[], from: number): number {
  const start = run.marks[from];
  const end = run.marks[run.marks.length - 1];
  if (start === undefined || end === undefined || end === start) return NaN;
  const rounds = lengths.slice(from, run.marks.length - 1);
  const instructions = rounds.reduce((sum, length) => sum + length, 0);
  return instructions / (end.cpuMs - start.cpuMs) / 1000;
}

/** Speed in the first `ms` milliseconds, in millions of instructions per second. */
export function startSpeed({ samples = [] }: KernelRun, ms: number): number {
  const [first] = samples;
  const last = samples.filter((sample) => sample.cpuMs - (first?.cpuMs ?? 0) <= ms).pop();
  if (first === undefined || last === undefined || last === first) return NaN;
  return ((last.position ?? 0) - (first.position ?? 0)) / (last.cpuMs - first.cpuMs) / 1000;
}

/** Speed over the first so many instructions, in millions per second. */
export function speedOfFirst({ samples = [] }: KernelRun, instructions: number): number {
  const [first] = samples;
  const start = first?.position ?? 0;
  const last = samples.find((sample) => (sample.position ?? 0) - start >= instructions);
  if (first === undefined || last === undefined) return NaN;
  return ((last.position ?? 0) - start) / (last.cpuMs - first.cpuMs) / 1000;
}

/** Milliseconds until a stretch between two samples reached 80 % of `fullSpeed` (millions per second). */
export function msUntilFast({ samples = [] }: KernelRun, fullSpeed: number): number {
  const [first] = samples;
  for (let index = 1; index < samples.length; index++) {
    const [from, to] = [samples[index - 1], samples[index]];
    if (first === undefined || from === undefined || to === undefined) break;
    const done = (to.position ?? 0) - (from.position ?? 0);
    if (done / (to.cpuMs - from.cpuMs) / 1000 >= 0.8 * fullSpeed) return from.cpuMs - first.cpuMs;
  }
  return NaN;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
