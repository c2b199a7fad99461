/** The machine's trace: bounded rings of binary records, one for each kind of event. */
import type { VirtualProcessor } from '../hypervisor/virtual-processor';
import { present, unreachable } from '../support/assert';
import { decodeUtf8, encodeUtf8 } from '../support/utf8';
import type {
  ConsoleEvent,
  ConsoleSink,
  EventDeliveryEvent,
  GuestCrashEvent,
  HypercallEvent,
  InputEvent,
  SelectiveTraceSink,
  TraceEvent,
  TraceHeader,
  TraceSink,
  VmExitEvent,
} from '../machine/trace';
import { consoleBytes, consoleValue, writeConsoleRecord } from './console-record';
import { writeDeliveryRecord } from './delivery-record';
import { deliveryEvent, type Delivery, type EventPlace } from './observed-events';
import { writeExitRecord } from './exit-record';
import {
  interceptMessageCodec,
  msrAccessCodec,
  overlayChangeCodec,
  scheduleSwitchCodec,
  timerExpirationCodec,
} from './hypervisor-event-records';
import { writeHypercallRecord } from './hypercall-record';
import { limits } from './limits';
import type { ProcessorAddress } from './run-types';
import { eventFlagCodec, syntheticMessageCodec } from './synic-records';
import { fieldBytes, fieldView, TraceStream, type RecordCodec } from './trace-stream';
import { vmbusMessageCodec, vmbusPacketCodec, vmbusSignalCodec } from './vmbus-records';
import {
  consoleRecord,
  crashRecord,
  eventRecord,
  hypercallRecord,
  inputRecord,
  vmExitRecord,
} from './trace-records';

const vmExitCodec: RecordCodec<VmExitEvent> = {
  layout: vmExitRecord,
  encode(event, writeInteger, record) {
    const write = (name: string, value: bigint | number): void => writeInteger(name, BigInt(value));
    write('exitNumber', event.exitNumber);
    write('reason', event.reason);
    write('qualification', event.qualification);
    write('instructionLength', event.instructionLength);
    write('interruptionInformation', event.interruptionInformation);
    write('guestPhysicalAddress', event.guestPhysicalAddress);
    write('guestLinearAddress', event.guestLinearAddress);
    write('rip', event.rip);
    write('rflags', event.rflags);
    write('cr0', event.cr0);
    write('cr3', event.cr3);
    write('cr4', event.cr4);
    const registers = fieldView(vmExitRecord, record, 'registers');
    event.registers.forEach((value, index) => registers.setBigUint64(index * 8, value, true));
  },
  decode(header, record, read) {
    const registers = fieldView(vmExitRecord, record, 'registers');
    return {
      ...header,
      kind: 'vm-exit',
      exitNumber: Number(read('exitNumber')),
      reason: Number(read('reason')),
      qualification: read('qualification'),
      instructionLength: Number(read('instructionLength')),
      interruptionInformation: Number(read('interruptionInformation')),
      guestPhysicalAddress: read('guestPhysicalAddress'),
      guestLinearAddress: read('guestLinearAddress'),
      rip: read('rip'),
      rflags: Number(read('rflags')),
      cr0: read('cr0'),
      cr3: read('cr3'),
      cr4: read('cr4'),
      registers: Array.from({ length: 16 }, (_, index) => registers.getBigUint64(index * 8, true)),
    };
  },
};

const hypercallCodec: RecordCodec<HypercallEvent> = {
  layout: hypercallRecord,
  encode(event, write, record) {
    write('control', event.control);
    write('code', BigInt(event.code));
    write('status', BigInt(event.status));
    write('repsCompleted', BigInt(event.repsCompleted));
    const input = event.input.subarray(0, limits.traceHypercallInputBytes);
    const output = event.output.subarray(0, limits.traceHypercallOutputBytes);
    write('inputLength', BigInt(input.length));
    write('outputLength', BigInt(output.length));
    fieldBytes(hypercallRecord, record, 'input').set(input);
    fieldBytes(hypercallRecord, record, 'output').set(output);
  },
  decode(header, record, read) {
    const bytesOf = (name: 'input' | 'output'): Uint8Array =>
      fieldBytes(hypercallRecord, record, name).slice(0, Number(read(`${name}Length`)));
    return {
      ...header,
      kind: 'hypercall',
      control: read('control'),
      code: Number(read('code')),
      status: Number(read('status')),
      repsCompleted: Number(read('repsCompleted')),
      input: bytesOf('input'),
      output: bytesOf('output'),
    };
  },
};

const eventCodec: RecordCodec<EventDeliveryEvent> = {
  layout: eventRecord,
  encode(event, write) {
    write('rip', event.rip);
    write('vector', BigInt(event.vector));
    write('isInjected', event.isInjected ? 1n : 0n);
    if (event.errorCode === undefined) return;
    write('hasErrorCode', 1n);
    write('errorCode', BigInt(event.errorCode));
  },
  decode(header, _record, read) {
    return {
      ...header,
      kind: 'event',
      rip: read('rip'),
      vector: Number(read('vector')),
      errorCode: read('hasErrorCode') === 0n ? undefined : Number(read('errorCode')),
      isInjected: read('isInjected') !== 0n,
    };
  },
};

const consoleCodec: RecordCodec<ConsoleEvent> = {
  layout: consoleRecord,
  encode(event, _write, record) {
    const { buffer, byteOffset, byteLength } = record;
    const view = new DataView(buffer, byteOffset, byteLength);
    writeConsoleRecord(view, 0, event, consoleValue(event.data), event.data.length);
  },
  decode(header, record, read) {
    const data = fieldBytes(consoleRecord, record, 'data').slice(0, Number(read('length')));
    return { ...header, kind: 'console', data };
  },
};

const inputCodec: RecordCodec<InputEvent> = {
  layout: inputRecord,
  encode(event, write, record) {
    const text = encodeUtf8(event.input).subarray(0, limits.traceInputTextBytes);
    write('length', BigInt(text.length));
    fieldBytes(inputRecord, record, 'text').set(text);
  },
  decode(header, record, read) {
    const text = fieldBytes(inputRecord, record, 'text').subarray(0, Number(read('length')));
    return { ...header, kind: 'input', input: decodeUtf8(text) };
  },
};

const crashCodec: RecordCodec<GuestCrashEvent> = {
  layout: crashRecord,
  encode(event, write, record) {
    const parameters = fieldView(crashRecord, record, 'parameters');
    event.parameters.forEach((value, index) => parameters.setBigUint64(index * 8, value, true));
    const text = encodeUtf8(event.message).subarray(0, limits.traceCrashTextBytes);
    write('length', BigInt(text.length));
    fieldBytes(crashRecord, record, 'text').set(text);
  },
  decode(header, record, read) {
    const view = fieldView(crashRecord, record, 'parameters');
    const parameters = [0, 1, 2, 3, 4].map((index) => view.getBigUint64(index * 8, true));
    const text = fieldBytes(crashRecord, record, 'text').subarray(0, Number(read('length')));
    return { ...header, kind: 'guest-crash', parameters, message: decodeUtf8(text) };
  },
};

/** Receives events; those of which there are the most, exits, deliveries and console output, without an object for each. */
export interface ExitSink extends SelectiveTraceSink {
  /** The exit that `processor` has just recorded. */
  recordExit(processor: VirtualProcessor): void;
  /** An event delivered through the guest's IDT. */
  recordDelivery(place: EventPlace, where: ProcessorAddress, delivery: Delivery): void;
}

type TraceEventKind = TraceEvent['kind'];

const everyKind: readonly TraceEventKind[] = [
  'vm-exit',
  'hypercall',
  'event',
  'console',
  'guest-crash',
  'input',
  'synthetic-message',
  'event-flag',
  'msr-access',
  'intercept-message',
  'timer-expiration',
  'overlay-change',
  'schedule-switch',
  'vmbus-message',
  'vmbus-packet',
  'vmbus-signal',
];

interface Listener {
  readonly sink: TraceSink;
  readonly kinds: ReadonlySet<TraceEventKind>;
}

/** Where an event stands in the order of all events. */
export type TracePlace = Pick<TraceHeader, 'position' | 'ordinal'>;

const beforeAll: TracePlace = { position: -1, ordinal: 0 };

function isBehind(
  position: number,
  ordinal: number,
  otherPosition: number,
  otherOrdinal: number,
): boolean {
  return position === otherPosition ? ordinal > otherOrdinal : position > otherPosition;
}

/**
 * Receives every event of the machine. Not part of the machine's state: it can be made again by replay. An event is
 * recorded and passed on once: what comes again while the machine repeats its past is neither.
 */
export class TraceLog implements ExitSink {
  readonly exits = new TraceStream(vmExitCodec, limits.traceExits);
  readonly hypercalls = new TraceStream(hypercallCodec, limits.traceOther);
  readonly events = new TraceStream(eventCodec, limits.traceOther);
  readonly console = new TraceStream(consoleCodec, limits.traceOther);
  readonly crashes = new TraceStream(crashCodec, limits.traceCrashes);
  readonly inputs = new TraceStream(inputCodec, limits.traceOther);
  readonly syntheticMessages = new TraceStream(syntheticMessageCodec, limits.traceOther);
  readonly eventFlags = new TraceStream(eventFlagCodec, limits.traceOther);
  readonly msrAccesses = new TraceStream(msrAccessCodec, limits.traceOther);
  readonly interceptMessages = new TraceStream(interceptMessageCodec, limits.traceOther);
  readonly timerExpirations = new TraceStream(timerExpirationCodec, limits.traceOther);
  readonly overlayChanges = new TraceStream(overlayChangeCodec, limits.traceOther);
  readonly scheduleSwitches = new TraceStream(scheduleSwitchCodec, limits.traceOther);
  readonly vmbusMessages = new TraceStream(vmbusMessageCodec, limits.traceOther);
  readonly vmbusPackets = new TraceStream(vmbusPacketCodec, limits.traceVmbusPackets);
  readonly vmbusSignals = new TraceStream(vmbusSignalCodec, limits.traceVmbusSignals);
  /** Whether VM exits are recorded; whoever measures may do without. Their numbers and places are not touched. */
  keepsExits = true;
  private readonly listeners: Listener[] = [];
  private readonly consoles: ConsoleSink[] = [];
  /** What some listener wants; VM exits apart, which are asked about most. */
  private readonly heardKinds = new Set<TraceEventKind>();
  private hearsExits = false;
  /** A place in numbers: an object for each event would outlive it. */
  private heardPosition = beforeAll.position;
  private heardOrdinal = beforeAll.ordinal;
  /** The place of the newest row, where that is not the one up to which everything has been heard. */
  private newest: TracePlace | undefined;

  /**
   * Passes events on: the kept hypercalls by which the guests were made, then all further ones as they happen. A
   * listener must not change the machine.
   * @param kinds what to pass on: listening to VM exits costs an object for each
   */
  forwardTo(sink: TraceSink, kinds = everyKind): void {
    if (kinds.includes('hypercall')) {
      const { dropped, recorded } = this.hypercalls;
      for (const event of this.hypercalls.query(dropped, recorded)) {
        if (event.position === 0) sink.record(event);
      }
    }
    this.listeners.push({ sink, kinds: new Set(kinds) });
    for (const kind of kinds) this.heardKinds.add(kind);
    this.hearsExits ||= kinds.includes('vm-exit');
  }

  /** Passes console output on as it comes, without an event for each byte. */
  forwardConsoleTo(sink: ConsoleSink): void {
    this.consoles.push(sink);
  }

  /** Kinds that are made, and kept, though nobody listens to them. */
  keptKinds: ReadonlySet<TraceEventKind> = new Set();

  /** What is offered is made, and kept, for those who listen to its kind. */
  wants(kind: TraceEventKind): boolean {
    return this.heardKinds.has(kind) || this.keptKinds.has(kind);
  }

  /** The place up to which every event has been heard. */
  get heardUntil(): TracePlace {
    return { position: this.heardPosition, ordinal: this.heardOrdinal };
  }

  /**
   * Makes the machine be heard again from `place` on, in which it is about to leave the past that was recorded. The rows
   * of that past behind `place` go when the first other event comes.
   */
  hearFrom(place: TracePlace): void {
    this.newest ??= this.heardUntil;
    this.heardPosition = place.position;
    this.heardOrdinal = place.ordinal;
  }

  recordExit(processor: VirtualProcessor): void {
    if (!this.isNew(processor.exitPosition, processor.exitOrdinal)) return;
    if (this.keepsExits) {
      const at = this.exits.reserve();
      writeExitRecord(this.exits.records, at, processor);
    }
    if (this.hearsExits) {
      this.forward(present(processor.pendingExit, 'recorded exit'));
    }
  }

  recordDelivery(place: EventPlace, where: ProcessorAddress, delivery: Delivery): void {
    if (!this.isNew(place.position, place.ordinal)) return;
    const to = this.events.reserve();
    writeDeliveryRecord(this.events.records.view, to, place, where, delivery);
    if (!this.heardKinds.has('event')) return;
    this.forward(deliveryEvent(place, where, delivery));
  }

  recordConsole(at: TraceHeader, value: number, sizeBytes: number): void {
    if (!this.isNew(at.position, at.ordinal)) return;
    const to = this.console.reserve();
    writeConsoleRecord(this.console.records.view, to, at, value, sizeBytes);
    for (const sink of this.consoles) sink.write(at.partition, value, sizeBytes);
    if (!this.heardKinds.has('console')) return;
    this.forward({ ...at, kind: 'console', data: consoleBytes(value, sizeBytes) });
  }

  record(event: TraceEvent): void {
    if (event.kind === 'console') {
      this.recordConsole(event, consoleValue(event.data), event.data.length);
      return;
    }
    if (!this.isNew(event.position, event.ordinal)) return;
    switch (event.kind) {
      case 'vm-exit':
        this.exits.append(event);
        break;
      case 'hypercall': {
        const to = this.hypercalls.reserve();
        writeHypercallRecord(this.hypercalls.records.view, to, event);
        break;
      }
      case 'event':
        this.events.append(event);
        break;
      case 'guest-crash':
        this.crashes.append(event);
        break;
      case 'input':
        this.inputs.append(event);
        break;
      case 'synthetic-message':
        this.syntheticMessages.append(event);
        break;
      case 'event-flag':
        this.eventFlags.append(event);
        break;
      case 'msr-access':
        this.msrAccesses.append(event);
        break;
      case 'intercept-message':
        this.interceptMessages.append(event);
        break;
      case 'timer-expiration':
        this.timerExpirations.append(event);
        break;
      case 'overlay-change':
        this.overlayChanges.append(event);
        break;
      case 'schedule-switch':
        this.scheduleSwitches.append(event);
        break;
      case 'vmbus-message':
        this.vmbusMessages.append(event);
        break;
      case 'vmbus-packet':
        this.vmbusPackets.append(event);
        break;
      case 'vmbus-signal':
        this.vmbusSignals.append(event);
        break;
      default:
        unreachable(event);
    }
    this.forward(event);
  }

  /** Grows when rows are forgotten, so that their numbers are given to others. */
  get generation(): number {
    return this.exits.generation;
  }

  /** Forgets every row: after the machine has been put into another state, the rows are of another past. */
  clear(): void {
    for (const stream of this.streams) stream.clear();
    this.hearFrom(beforeAll);
    this.newest = undefined;
  }

  private get streams(): readonly Pick<TraceStream<never>, 'clear' | 'forgetFrom'>[] {
    return [
      this.exits,
      this.hypercalls,
      this.events,
      this.console,
      this.crashes,
      this.inputs,
      this.syntheticMessages,
      this.eventFlags,
      this.msrAccesses,
      this.interceptMessages,
      this.timerExpirations,
      this.overlayChanges,
      this.scheduleSwitches,
      this.vmbusMessages,
      this.vmbusPackets,
      this.vmbusSignals,
    ];
  }

  private isNew(position: number, ordinal: number): boolean {
    if (!isBehind(position, ordinal, this.heardPosition, this.heardOrdinal)) return false;
    if (this.newest !== undefined) this.leavePast(position, ordinal, this.newest);
    this.heardPosition = position;
    this.heardOrdinal = ordinal;
    return true;
  }

  /** The rows from `position` on are of a past that comes no more, unless the event is behind the newest of them. */
  private leavePast(position: number, ordinal: number, newest: TracePlace): void {
    this.newest = undefined;
    if (isBehind(position, ordinal, newest.position, newest.ordinal)) return;
    for (const stream of this.streams) stream.forgetFrom(position);
  }

  private forward(event: TraceEvent): void {
    for (const { sink, kinds } of this.listeners) {
      if (kinds.has(event.kind)) sink.record(event);
    }
  }
}
