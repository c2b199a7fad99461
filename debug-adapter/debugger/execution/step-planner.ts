/** Plans steps: a plan yields one motion after the other and looks at the machine in between. */
import type { DisassembledInstruction } from '../../backends/disassembler';
import type { DebuggedThread } from '../debugged-machine';
import type { CodeReader } from '../inspection/code-reader';
import { returnPlaces, type ReturnPlace } from '../inspection/stack-walk';
import { registerNamed } from '../registers';
import type { SourcePlace, SymbolIndex } from '../symbols/symbol-index';

/** What the machine is asked to do next for a step. */
export type Motion =
  /** Run until the thread has executed one instruction, or one iteration of a repeated one. */
  | { readonly kind: 'instruction' }
  /** Run freely until the thread reaches one of the places with at least their stack pointer. */
  | { readonly kind: 'run-to'; readonly places: readonly ReturnPlace[]; readonly exact: boolean };

/** A step under way; it is done when the generator returns. */
export type StepPlan = Generator<Motion, void, void>;

/** How far a step goes. */
export type StepKind = 'into' | 'over' | 'out';
export type StepUnit = 'instruction' | 'line';

const rsp = registerNamed('rsp');

/** Makes plans for one thread. */
export class StepPlanner {
  constructor(
    private readonly code: CodeReader,
    private readonly symbols: SymbolIndex,
  ) {}

  /** A plan, or undefined where there is nothing to step out of. */
  plan(kind: StepKind, unit: StepUnit, thread: DebuggedThread): StepPlan | undefined {
    if (kind === 'out') {
      const places = returnPlaces(thread, this.code);
      return places.length === 0 ? undefined : stepOut(places);
    }
    const start = this.symbols.placeAt(thread.processor.core.state.rip);
    if (unit === 'instruction' || start === undefined) {
      return kind === 'into' ? stepInto() : this.stepOver(thread);
    }
    return this.stepLine(kind, thread, start);
  }

  /** Executes the instruction at RIP with everything it calls, repeats or traps into. */
  private *stepOver(thread: DebuggedThread): StepPlan {
    const { state } = thread.processor.core;
    const instruction = this.code.instructionAt(thread, state.rip);
    if (instruction === undefined || !comesBack(instruction)) {
      yield { kind: 'instruction' };
      return;
    }
    yield runBehind(instruction, thread);
  }

  private *stepLine(kind: 'into' | 'over', thread: DebuggedThread, start: SourcePlace): StepPlan {
    const { state } = thread.processor.core;
    let current = start;
    for (;;) {
      const instruction = this.code.instructionAt(thread, state.rip);
      if (instruction !== undefined && comesBack(instruction)) {
        const entersCall = kind === 'into' && instruction.flow === 'call';
        if (entersCall) {
          const stack = rsp.read(state);
          yield { kind: 'instruction' };
          // A callee with lines is where the person wants to be; one without, like the hypercall page, is run through.
          const entered = rsp.read(state) < stack;
          if (entered && this.symbols.placeAt(state.rip) !== undefined) return;
          if (entered) yield runBehind(instruction, thread, stack);
        } else {
          yield runBehind(instruction, thread);
        }
      } else {
        yield { kind: 'instruction' };
      }
      const place = this.symbols.placeAt(state.rip);
      if (place === undefined) return;
      const otherLine = place.line !== current.line || place.file !== current.file;
      if (otherLine && state.rip === place.start) return;
      // Back in the middle of a caller's line: finish that line first.
      if (otherLine) current = place;
    }
  }
}

function* stepInto(): StepPlan {
  yield { kind: 'instruction' };
}

function* stepOut(places: readonly ReturnPlace[]): StepPlan {
  yield { kind: 'run-to', places, exact: true };
}

/** True for instructions behind which control continues after an excursion. */
function comesBack(instruction: DisassembledInstruction): boolean {
  switch (instruction.flow) {
    case 'call':
    case 'interrupt':
    case 'system-call':
      return true;
    default:
      return instruction.repeats;
  }
}

function runBehind(
  instruction: DisassembledInstruction,
  thread: DebuggedThread,
  stackPointer = rsp.read(thread.processor.core.state),
): Motion {
  const address = BigInt.asUintN(64, instruction.address + BigInt(instruction.length));
  return { kind: 'run-to', places: [{ address, stackPointer }], exact: false };
}
