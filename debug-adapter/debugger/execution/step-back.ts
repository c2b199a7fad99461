/** Steps back: finds where a thread stood before the instruction, or the line, that it has executed last. */
import type { Timeline, Travel } from '../../timeline/timeline';
import type { DebuggedThread } from '../debugged-machine';
import type { GuestPrograms } from '../guest-programs';
import { registerNamed } from '../registers';
import { isAmidInstruction, PastSearch } from './past-search';
import type { StepUnit } from './step-planner';

/** What stepping back works with. */
export interface StepBackParts {
  readonly machine: Timeline;
  readonly programs: GuestPrograms;
}

const rsp = registerNamed('rsp');
const rcx = registerNamed('rcx');

/** Steps looked at one by one; the past in between is halved until it is this short. */
const shortWindow = 64;
const firstReach = 8;
const reachFactor = 8;
/** No call instruction that is of use here is longer. */
const callBytesMin = 2;
const callBytesMax = 9;

/**
 * Steps back by an instruction, or to the beginning of a line with everything it called.
 * @returns false where the thread has executed nothing before; the machine then stands at its beginning
 */
export function* stepBack(
  parts: StepBackParts,
  thread: DebuggedThread,
  unit: StepUnit,
): Travel<boolean> {
  const { code, symbols } = parts.programs.of(thread.partition.id);
  const { state } = thread.processor.core;
  for (;;) {
    const after = { rip: state.rip, stack: rsp.read(state) };
    if (!(yield* previousInstruction(parts.machine, thread))) return false;
    const hasLines = symbols.placeAt(after.rip) !== undefined || symbols.placeAt(state.rip);
    if (unit === 'instruction' || hasLines === undefined) return true;
    const isReturn = code.instructionAt(thread, state.rip)?.flow === 'return';
    if (isReturn) yield* callBefore(parts, thread, after);
    if (symbols.placeAt(state.rip)?.start === state.rip) return true;
  }
}

/** Goes to the last position at which the thread was about to execute the instruction before the present one. */
function* previousInstruction(machine: Timeline, thread: DebuggedThread): Travel<boolean> {
  const origin = machine.position;
  const here = standOf(thread);
  let low = origin;
  for (let reach = firstReach; ; reach *= reachFactor) {
    low = Math.max(machine.startPosition, origin - reach);
    yield* machine.travelTo(low);
    if (standOf(thread) !== here || low === machine.startPosition) break;
  }
  const moved = yield* arrivalAt(machine, thread, here, low, origin);
  if (moved === undefined) return false;
  const before = moved.before ?? (yield* lastFreeBefore(machine, thread, moved.arrival));
  if (before === undefined) return false;
  yield* machine.travelTo(before);
  return true;
}

interface Arrival {
  /** The position at which the thread came to stand where it stands. */
  readonly arrival: number;
  /** The last position before at which it was between instructions, where that was seen. */
  readonly before: number | undefined;
}

/** Finds when the thread came to `here`; at `low` it was elsewhere, or that is the beginning. */
function* arrivalAt(
  machine: Timeline,
  thread: DebuggedThread,
  here: string,
  low: number,
  high: number,
): Travel<Arrival | undefined> {
  let [first, last] = [low, high];
  while (last - first > shortWindow) {
    const middle = Math.floor((first + last) / 2);
    yield* machine.travelTo(middle);
    if (standOf(thread) === here) last = middle;
    else first = middle;
  }
  yield* machine.travelTo(first);
  let found: Arrival | undefined;
  let before: number | undefined;
  let wasHere = true;
  for (;;) {
    if (!isAmidInstruction(thread)) {
      const isHere = standOf(thread) === here;
      if (isHere && !wasHere) found = { arrival: machine.position, before };
      if (!isHere) before = machine.position;
      wasHere = isHere;
    } else if (standOf(thread) !== here) wasHere = false;
    if (machine.position >= last || !machine.step()) return found;
  }
}

/** The last position before `end` at which the thread was between instructions. */
function* lastFreeBefore(
  machine: Timeline,
  thread: DebuggedThread,
  end: number,
): Travel<number | undefined> {
  for (let reach = firstReach; ; reach *= reachFactor) {
    const start = Math.max(machine.startPosition, end - reach);
    yield* machine.travelTo(start);
    let free: number | undefined;
    while (machine.position < end) {
      if (!isAmidInstruction(thread)) free = machine.position;
      if (!machine.step()) break;
    }
    yield;
    if (free !== undefined || start === machine.startPosition) return free;
  }
}

/** From a return instruction to the call that it came back from; where that is not found, the thread stays there. */
function* callBefore(
  { machine, programs }: StepBackParts,
  thread: DebuggedThread,
  after: { readonly rip: bigint; readonly stack: bigint },
): Travel {
  const origin = machine.position;
  const { code } = programs.of(thread.partition.id);
  const calls = new Set<bigint>();
  for (let length = callBytesMin; length <= callBytesMax; length++) {
    const address = BigInt.asUintN(64, after.rip - BigInt(length));
    const row = code.instructionAt(thread, address);
    if (row?.flow === 'call' && row.length === length) calls.add(address);
  }
  if (calls.size === 0) return;
  const search = new PastSearch(machine, programs, {
    addresses: calls,
    vectors: new Set(),
    reached: (caller) => {
      const isCaller = caller.processor === thread.processor;
      const hasStack = rsp.read(caller.processor.core.state) === after.stack;
      return isCaller && hasStack ? { kind: 'step' } : undefined;
    },
  });
  if ((yield* search.lastBefore(origin)) === undefined) yield* machine.travelTo(origin);
}

/** What tells where a thread stands from where it stood an instruction, an iteration or an event before. */
function standOf({ processor: { core, retired } }: DebuggedThread): string {
  const { state } = core;
  return `${retired} ${state.rip} ${rcx.read(state)} ${rsp.read(state)}`;
}
