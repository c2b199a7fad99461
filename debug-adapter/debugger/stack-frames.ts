/** Stack frames with names and source places. */
import type { DebuggedThread } from './debugged-machine';
import type { CodeReader } from './inspection/code-reader';
import { walkStack } from './inspection/stack-walk';
import type { Program } from './program';
import { fileNameOf } from './symbols/source-paths';
import { hex } from './value-format';

/** A place in a local source file. */
export interface LocalPlace {
  readonly name: string;
  readonly path: string;
  readonly line: number;
  /** False where the file does not exist on this computer. */
  readonly exists: boolean;
}

/** One frame as a front end shows it. */
export interface NamedFrame {
  readonly name: string;
  readonly address: bigint;
  readonly place: LocalPlace | undefined;
}

/** The source place of an address, in local terms. */
export function localPlaceAt(program: Program, address: bigint): LocalPlace | undefined {
  const place = program.symbols.placeAt(address);
  if (place === undefined) return undefined;
  const path = program.sources.localOf(place.file);
  return { name: fileNameOf(path), path, line: place.line, exists: program.sources.exists(path) };
}

/** Frames of a thread, innermost first; never empty. */
export function namedFrames(
  thread: DebuggedThread,
  code: CodeReader,
  program: Program,
): readonly NamedFrame[] {
  return walkStack(thread, code, program.symbols).map(({ address, note }, index) => {
    if (index === 0) return innermostFrame(thread, program);
    // A return address may belong to the next line or function; the call before it does not.
    const frame = frameAt(program, address, address - 1n);
    return note === '' ? frame : { ...frame, name: `${frame.name} (${note})` };
  });
}

/** The frame of the instruction at RIP: without the others, for which code all over the stack is decoded. */
export function innermostFrame(thread: DebuggedThread, program: Program): NamedFrame {
  const { rip } = thread.processor.core.state;
  return frameAt(program, rip, rip);
}

/** @param within an address in the function and line that the frame is in */
function frameAt(program: Program, address: bigint, within: bigint): NamedFrame {
  const name = program.symbols.nameOf(within) ?? hex(address);
  return { name, address, place: localPlaceAt(program, within) };
}
