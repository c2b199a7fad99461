/** Why the debugger stopped, as a closed union, and what it tells the person. */
import type { TraceEvent } from '../../machine/trace';
import { exceptionByVector } from '../../spec/x86/exceptions';
import type { ProcessorAddress, RunStop } from '../../system/run-types';
import { describeExit, exitReasonText } from '../exits/exit-description';
import { describeEvent } from '../trace-events';
import { formatBytes, hex } from '../value-format';

/** Why execution is where it is. */
export type StopReason =
  | { readonly kind: 'entry' }
  | { readonly kind: 'step' }
  | { readonly kind: 'step-back' }
  /** The position that the person asked for. */
  | { readonly kind: 'position' }
  /** Nothing before it is known: where the recording begins. */
  | { readonly kind: 'beginning' }
  | { readonly kind: 'pause' }
  | { readonly kind: 'edit' }
  | {
      readonly kind: 'breakpoint';
      readonly ids: readonly number[];
      readonly notes: readonly string[];
    }
  | {
      readonly kind: 'event-breakpoint';
      readonly ids: readonly number[];
      readonly titles: readonly string[];
      readonly notes: readonly string[];
      readonly event: TraceEvent;
    }
  | { readonly kind: 'exception'; readonly vector: number }
  /** The machine cannot go on by itself, or ended. */
  | { readonly kind: 'machine'; readonly stop: MachineStop };

/** Stops that the machine makes on its own account. */
export type MachineStop = Exclude<
  RunStop,
  { readonly kind: 'budget' | 'time' | 'breakpoint' | 'exit' | 'event' | 'trace' }
>;

/** A stop of the debugger. */
export interface StopReport {
  readonly at: ProcessorAddress;
  readonly reason: StopReason;
}

/** A stop in words. */
export interface StopText {
  /** Short: what the Call Stack view shows beside the thread. */
  readonly description: string;
  /** The whole message: what happened, where, what to do; empty where the description says it all. */
  readonly text: string;
}

function exceptionName(vector: number): string {
  const row = exceptionByVector.get(vector);
  return row === undefined ? `vector ${vector}` : `${row.mnemonic} ${row.name}`;
}

/** Where the stopped processor is. */
export interface StopPlace {
  /** RIP with its symbol. */
  readonly where: string;
  /** Decodes instruction bytes at RIP, for the name of an instruction that is not built. */
  readonly decode: (
    bytes: Uint8Array,
  ) => { readonly text: string; readonly length: number } | undefined;
}

/** What the guest says is shown as text: other control characters than line feeds are left out. */
function describeCrash(parameters: readonly bigint[], message: string): string {
  const values = parameters.map(hex).join(', ');
  const said = message.replace(/[^\P{Cc}\n]/gu, '').trim();
  const last = said === '' ? '' : ` The end of its log:\n${said}`;
  return `The guest reported that it has crashed, with the parameters ${values}.${last}`;
}

/** The end of a guest at its own request or by its parent, and the new beginning that may follow. */
export type GuestEnding = Extract<
  RunStop,
  { readonly kind: 'guest-exit' | 'guest-reset' | 'guest-deleted' | 'guest-restart' }
>;

/** True where a guest has ended in order: by itself or by its parent. */
export function isEndOfGuest({ kind }: MachineStop): boolean {
  return kind === 'guest-exit' || kind === 'guest-reset' || kind === 'guest-deleted';
}

/** What a guest did to end. */
export function endText(stop: GuestEnding): string {
  switch (stop.kind) {
    case 'guest-exit':
      return `The guest ended with exit code ${stop.code}.`;
    case 'guest-reset':
      return 'The guest reset its machine, and was told to end there ("onReset").';
    case 'guest-deleted':
      return 'The parent has deleted the partition.';
    case 'guest-restart':
      return 'The guest reset its machine and starts again.';
  }
}

/** An instruction that is not built, as far as it can be decoded. */
function unimplementedText(
  { bytes: given, text }: Extract<MachineStop, { kind: 'unimplemented' }>,
  { where, decode }: Pick<StopPlace, 'where' | 'decode'>,
): StopText {
  const decoded = decode(given);
  const name = decoded?.text ?? (text === '' ? 'unknown instruction' : text);
  const bytes = formatBytes(given.subarray(0, decoded?.length ?? given.length));
  return {
    description: `Instruction not built: ${name}`,
    text: `The guest reached an instruction that Hyperscope does not execute yet: ${name} (bytes ${bytes}) at ${where}. Change RIP to skip it, or change the guest.`,
  };
}

/** The person has taken the right away, and can give it back. */
function refusedText(
  { gpaPage, message }: Extract<MachineStop, { kind: 'access-refused' }>,
  where: string,
): StopText {
  return {
    description: `Access refused: guest page 0x${gpaPage.toString(16)}`,
    text: `${message} The instruction at ${where} has had no effect and is repeated: give the page the right (Protect Guest Pages in the Partitions view, hyperscope/protectPages), or change RIP.`,
  };
}

function machineText(stop: MachineStop, { where, decode }: StopPlace): StopText {
  switch (stop.kind) {
    case 'unimplemented':
      return unimplementedText(stop, { where, decode });
    case 'triple-fault':
      return {
        description: 'Triple fault',
        text: `The guest ended in a triple fault at ${where}: an exception while a double fault was being delivered. Look at CR2, IDTR and the stack, then restart.`,
      };
    case 'unhandled-exit':
      return {
        description: `VM exit that nothing answers: ${exitReasonText(stop.exit.reason)}`,
        text: `${stop.message} Look at the call stack and the registers for where that address came from.`,
      };
    case 'access-refused':
      return refusedText(stop, where);
    case 'entry-failed':
      return {
        description: 'VM entry failed: invalid control fields',
        text: `VM entry failed with VM-instruction error 7: ${stop.problem}. Set the field as it must be in the VMCS scope or the VMCS Inspector; the guest has not run.`,
      };
    case 'halted':
      return {
        description: 'Halted',
        text: `The guest has halted itself (HLT); RIP is ${where}, and nothing can wake it. Restart it, or change RIP.`,
      };
    case 'parent-paused':
      return {
        description: 'Waits for the parent partition',
        text: `The guest waits at ${where} for an answer of the parent partition, which is paused. Resume the parent.`,
      };
    case 'no-progress':
      return {
        description: 'No progress',
        text: `The guest took ${stop.steps} steps without retiring an instruction at ${where}: a loop of faults or exits. Look at the exit log, and at the exception handlers of the guest.`,
      };
    case 'frames-exhausted':
      return {
        description: 'Out of memory for the guest',
        text: `The guest touched more RAM than there is at ${where}. Launch it with more "memory".`,
      };
    case 'disk-full':
      return {
        description: 'No room for what the guest writes to a disk',
        text: `A write of the guest to "${stop.path}" failed: as much is kept of what it has written there as can be. Export the disk and launch with the new image, go back to before it was full, or continue: the guest is told that there is no space.`,
      };
    case 'guest-reset':
      return { description: 'Reset by the guest', text: endText(stop) };
    case 'guest-deleted':
      return { description: 'Partition deleted', text: endText(stop) };
    case 'guest-paused':
      return {
        description: 'Guest paused',
        text: `The guest is paused at ${where}: its parent has suspended the partition. Resume it.`,
      };
    case 'guest-restart':
      return { description: 'Started again', text: endText(stop) };
    case 'guest-crash':
      return {
        description: 'Guest crashed',
        text: describeCrash(stop.parameters, stop.message),
      };
    case 'guest-exit':
      return {
        description: `Ended with exit code ${stop.code}`,
        text: endText(stop),
      };
  }
}

function withNotes(text: string, notes: readonly string[]): string {
  return [text, ...notes].filter((part) => part !== '').join('; ');
}

function describeHappening(event: TraceEvent): string {
  if (event.kind !== 'vm-exit') return describeEvent(event, () => undefined);
  const detail = describeExit(event);
  const what = `VM exit ${event.exitNumber}, ${exitReasonText(event.reason)}`;
  return detail === '' ? what : `${what}: ${detail}`;
}

/** Describes a stop. */
export function describeStop(reason: StopReason, place: StopPlace): StopText {
  switch (reason.kind) {
    case 'entry':
      return { description: 'Stopped on entry', text: '' };
    case 'step':
      return { description: 'Stopped after a step', text: '' };
    case 'step-back':
      return { description: 'Stopped after a step back', text: '' };
    case 'position':
      return { description: 'Stopped at the position asked for', text: '' };
    case 'beginning':
      return {
        description: 'At the beginning of the recording',
        text: 'Nothing before this position has been recorded.',
      };
    case 'pause':
      return { description: 'Paused', text: '' };
    case 'edit':
      return { description: 'Stopped after an edit', text: '' };
    case 'breakpoint':
      return { description: 'Stopped at a breakpoint', text: withNotes('', reason.notes) };
    case 'event-breakpoint':
      return {
        description: `Stopped at ${reason.titles.join(', ')}`,
        text: withNotes(describeHappening(reason.event), reason.notes),
      };
    case 'exception':
      return {
        description: `Exception ${exceptionName(reason.vector)}`,
        text: `The guest took ${exceptionName(reason.vector)} (vector ${hex(reason.vector)}); its handler starts at ${place.where}.`,
      };
    case 'machine':
      return machineText(reason.stop, place);
  }
}

/** Says which guest it was, where there are several. */
export function nameGuest({ description, text }: StopText, name: string | undefined): StopText {
  if (name === undefined) return { description, text };
  return { description: `${name}: ${description}`, text: text === '' ? '' : `${name}: ${text}` };
}
