/** The parent partition: a model of the virtualization stack that owns the devices of every guest. */
import type { InspectedPart } from '../machine/inspect';
import type { GuestOperation, IpConfiguration } from '../machine/guest-operation';
import type {
  ChildControl,
  InterceptMessage,
  InterceptSink,
  QueuedMessage,
} from '../machine/intercepts';
import type { SavedPart } from '../machine/saved-part';
import type { PostedMessage, SignaledEvent } from '../machine/synthetic-interrupts';
import type { TraceEmitter, TraceEventBody } from '../machine/trace';
import { port as ports } from '../spec/pc/board';
import { messageBuffersPerPort } from '../spec/tlfs/synic';
import type { StateRecord } from '../support/state-record';
import type { StateNode } from '../support/state-tree';
import { assert, present, unreachable } from '../support/assert';
import { UserError } from '../support/user-error';
import { DevicePorts } from './device-ports';
import type { GuestBusServices } from './guest-bus';
import { restoreMessage, saveMessage } from './message.saved-state';
import type { ComponentStatus } from './integration/integration-components';
import type { DataItem } from './integration/data-exchange';
import type { Platform, PlatformServices } from './platform';
import {
  GuestLifeCycle,
  type GuestSpecification,
  type RegisterValue,
} from './virtualization-stack/guest-creation';
import { GuestPorts } from './virtualization-stack/guest-ports';
import { makeHypercallPages, ParentCalls } from './virtualization-stack/parent-calls';
import { SystemPages } from './virtualization-stack/system-pages';

/** The parent's partition identifier; guests count from 2. */
export const parentPartitionId = 1;

/** What a person sees of a guest's integration components. */
export interface IntegrationView {
  readonly components: readonly ComponentStatus[];
  /** Pairs that the guest has told about itself. */
  readonly data: readonly DataItem[];
  /** Addresses of its adapters, as far as it was asked. */
  readonly adapters: readonly IpConfiguration[];
}

/** A connection of a guest to one of the parent's ports. */
export interface GuestConnection {
  readonly id: number;
  /** Flags of an event port; 0 for messages. */
  readonly flagCount: number;
}

/** Gives a guest its devices. */
export type PlatformMaker = (services: PlatformServices, bus: GuestBusServices) => Platform;

const version = 3;
const guestVersion = 1;

/**
 * Messages from the hypervisor wait in a queue and are worked on after the hypervisor's step, never inside it. The
 * parent's root processor takes no steps of its own: its work costs the waiting guest virtual time. A processor has at
 * most one message that waits for an answer, so the queue stays short.
 */
export class ParentPartition implements InterceptSink, SavedPart {
  readonly id = parentPartitionId;
  readonly name = 'Parent partition';
  private readonly pages = new SystemPages();
  private readonly lifeCycle: GuestLifeCycle;
  private readonly guestPorts: GuestPorts;
  private readonly specifications = new Map<number, GuestSpecification>();
  private queue: QueuedMessage[] = [];
  private readonly platforms = new Map<number, Platform>();
  private readonly ports = new Map<number, DevicePorts>();
  private working: QueuedMessage | undefined;
  private paused = false;

  constructor(
    private readonly children: ChildControl,
    private readonly trace: TraceEmitter,
  ) {
    const memory = makeHypercallPages();
    const calls = new ParentCalls(children.openHypercallPort(memory), memory);
    this.lifeCycle = new GuestLifeCycle(calls, this.pages);
    this.guestPorts = new GuestPorts(calls, parentPartitionId, (partition) =>
      this.lifeCycle.deposit(partition),
    );
  }

  /** While the parent is paused its messages wait, and with them the processors that need an answer. */
  get isPaused(): boolean {
    return this.paused;
  }

  setPaused(paused: boolean): void {
    this.paused = paused;
  }

  /** Suspends the processors of a guest, or lets them go on; its time, and that of its devices, stands still meanwhile. */
  setGuestPaused(partition: number, isPaused: boolean): void {
    this.lifeCycle.setSuspended(partition, isPaused);
  }

  /** Sets what a guest may do with pages of its RAM: flags of HvCallMapGpaPages. */
  protectPages(partition: number, gpaPage: number, count: number, mapFlags: number): void {
    this.lifeCycle.protect(partition, { first: gpaPage, count }, mapFlags);
  }

  /** Makes a guest partition. Its processors wait for {@link startGuest}. @returns its identifier */
  createGuest(specification: GuestSpecification): number {
    const partition = this.lifeCycle.create(specification);
    this.specifications.set(partition, specification);
    return partition;
  }

  /** Puts the first processor of a guest into the state in which it begins. */
  enterGuest(partition: number, registers: readonly RegisterValue[]): void {
    this.lifeCycle.setRegisters(partition, 0, registers);
  }

  /** Lets the processors of a guest run, all or some. */
  startGuest(partition: number, processors?: Iterable<number>): void {
    const { processorCount } = this.specificationOf(partition);
    this.lifeCycle.start(partition, processors ?? Array(processorCount).keys());
  }

  /** Gives a guest its devices and asks the hypervisor for the accesses to them. */
  attachGuest(partition: number, makePlatform: PlatformMaker): void {
    const time = this.children.timeOf(partition);
    const platform = makePlatform(this.servicesFor(partition), {
      children: this.children,
      ports: this.guestPorts,
      trace: this.trace,
      timers: time,
      nowNs: () => time.nowNs(),
      behindNs: () => time.behindNs(),
    });
    this.platforms.set(partition, platform);
    this.ports.set(partition, new DevicePorts(platform.ports));
    this.installIntercepts(partition, platform);
  }

  /**
   * Takes a guest partition apart. What it had is gone but for its disks; its devices are as at power-on, and wait for
   * {@link createGuestAgain}.
   */
  deleteGuest(partition: number): void {
    const platform = this.platformOf(partition);
    this.forgetRequests(partition);
    platform.reset();
    platform.guestBus?.bus.disconnectMessagePorts();
    this.lifeCycle.remove(partition, this.specificationOf(partition).ram);
  }

  /**
   * Makes a guest partition that was deleted; it takes the place that the hypervisor has for it.
   * @param ram what the guest has, where it is not what it was made with
   */
  createGuestAgain(partition: number, ram = this.specificationOf(partition).ram): void {
    const made = this.lifeCycle.create({ ...this.specificationOf(partition), ram });
    assert(made === partition, 'a guest that is made again keeps its identifier');
    this.installIntercepts(partition, this.platformOf(partition));
  }

  /** Connects a guest that was made again to the ports that its bus begins with. */
  connectGuest(partition: number): void {
    this.platformOf(partition).guestBus?.bus.connectMessagePorts();
  }

  /**
   * Connects a guest that was made again to the ports that it had, behind {@link restoreGuest}.
   * @throws UserError where they are not the ports that its bus uses
   */
  reconnectGuest(partition: number, connections: readonly GuestConnection[]): void {
    const used = this.platformOf(partition).guestBus?.bus.connections ?? [];
    const isSame =
      used.length === connections.length &&
      new Set(used.map(({ id }) => id)).size === used.length &&
      used.every(({ id, flagCount }, index) => {
        const saved = connections[index];
        return saved?.id === id && saved.flagCount === flagCount;
      });
    if (!isSame) {
      throw new UserError(
        'saved-state-mismatch',
        'The saved state does not fit: its connections are not those of its channels.',
        'Use another saved state, or start the guest anew.',
      );
    }
    for (const { id, flagCount } of connections) {
      if (flagCount === 0) this.guestPorts.connectMessagePort(partition, id);
      else this.guestPorts.connectEventPort(partition, id, flagCount);
    }
  }

  /** The state of a guest's devices and of what they have been asked for, for another machine with such a guest. */
  saveGuest(partition: number): StateNode {
    const queue = this.queue.filter((message) => message.partition === partition);
    return {
      version: guestVersion,
      queue: queue.map((message) => saveMessage({ ...message, partition: 0 })),
      platform: this.platformOf(partition).save(),
    };
  }

  /**
   * Puts back what {@link saveGuest} saved, into a guest that was made again.
   * @throws UserError where the record is not of such a guest
   */
  restoreGuest(partition: number, record: StateRecord): void {
    record.expectVersion(guestVersion);
    this.platformOf(partition).restore(record.record('platform'));
    for (const saved of record.records('queue')) {
      this.queue.push({ ...restoreMessage(saved), partition });
    }
  }

  private installIntercepts(partition: number, platform: Platform): void {
    for (const { first, count } of platform.ports) {
      this.guestPorts.installPortIntercept(partition, first, count);
    }
    if (platform.openBusBytes !== undefined) {
      this.children.installMemoryIntercept(partition, 0, platform.openBusBytes);
      return;
    }
    for (const { gpa, bytes } of platform.memory) {
      this.children.installMemoryIntercept(partition, gpa, bytes);
    }
  }

  private forgetRequests(partition: number): void {
    this.queue = this.queue.filter((message) => message.partition !== partition);
  }

  /**
   * Hands over what a person typed.
   * @param port first port of the chip that is to take it; the first serial port where it is absent
   * @throws UserError where nothing could read it
   */
  receiveConsoleInput(partition: number, data: Uint8Array, port: number = ports.com1): void {
    this.platformOf(partition).receiveConsoleInput(port, data);
  }

  post(message: InterceptMessage): boolean {
    if (message.kind === 'posted-message' && !hasBuffer(this.queue, message)) return false;
    if (message.kind === 'signaled-event' && isSignaled(this.queue, message)) return true;
    this.traceIntercept(message);
    // There is nothing to do about it: the parent has said what the guest may do.
    if (message.kind !== 'refused-access') this.queue.push(message);
    return true;
  }

  /** Works off what the hypervisor has posted, unless the parent is paused. */
  runQueuedWork(): void {
    while (!this.paused && this.queue.length > 0) {
      const next = present(this.queue.shift(), 'message');
      this.working = next;
      this.handle(next);
      this.working = undefined;
    }
  }

  /** Power-on of a guest's devices; nothing that its processors asked for is answered any more. */
  resetGuest(partition: number): void {
    this.forgetRequests(partition);
    this.platformOf(partition).reset();
  }

  /**
   * Asks a guest for something through its integration components.
   * @throws UserError, with nothing changed, where the guest cannot be asked
   */
  requestOfGuest(operation: GuestOperation): void {
    const { guestBus } = this.platformOf(operation.partition);
    if (guestBus !== undefined) return guestBus.integration.request(operation);
    throw new UserError(
      'no-integration',
      'The guest has no VMBus, and so no integration components.',
      'Remove "vmbus": false from its launch arguments; sample guests never have it.',
    );
  }

  /** The integration components of a guest and what the guest has told; undefined where it has none. */
  integrationOf(partition: number): IntegrationView | undefined {
    const guestBus = this.platforms.get(partition)?.guestBus;
    if (guestBus === undefined) return undefined;
    const { integration } = guestBus;
    const { data, adapters } = integration;
    return { components: integration.status(), data, adapters };
  }

  /** The devices of a guest, chips and integration components, as they are now. */
  inspectDevices(partition: number): readonly InspectedPart[] {
    const platform = this.platforms.get(partition);
    return (platform?.inspectables ?? []).map((part) => ({
      name: part.name,
      values: part.inspect(),
    }));
  }

  /** Power-on of every device. */
  reset(): void {
    this.queue = [];
    this.paused = false;
    for (const platform of this.platforms.values()) platform.reset();
  }

  save(): StateNode {
    return {
      version,
      paused: Number(this.paused),
      systemPages: this.pages.save(),
      given: this.lifeCycle.save(),
      queue: this.queue.map(saveMessage),
      platforms: [...this.platforms.values()].map((platform) => platform.save()),
    };
  }

  restore(record: StateRecord): void {
    record.expectVersion(version);
    this.paused = record.number('paused') !== 0;
    this.pages.restore(record.record('systemPages'));
    this.lifeCycle.restore(record.record('given'));
    this.queue = record.records('queue').map(restoreMessage);
    const saved = record.records('platforms');
    [...this.platforms.values()].forEach((platform, index) => {
      const state = saved[index];
      if (state !== undefined) platform.restore(state);
    });
  }

  private handle(message: QueuedMessage): void {
    const { partition, processor } = message;
    if (message.kind !== 'io-port') return this.handleOther(message);
    const ports = present(this.ports.get(partition), 'ports of the partition');
    this.children.completePortIntercept(partition, processor, accessPort(ports, message));
  }

  /** What comes seldom, beside accesses to ports. */
  private handleOther(message: Exclude<QueuedMessage, PortMessage>): void {
    const { children } = this;
    const { partition, processor } = message;
    const platform = this.platformOf(partition);
    switch (message.kind) {
      case 'memory':
        return children.completeMemoryIntercept(
          partition,
          processor,
          accessMemory(platform, message),
        );
      case 'apic-eoi':
        return platform.endOfInterrupt(message.vector);
      case 'interrupt-acknowledge': {
        const vector = platform.acknowledgeInterrupt();
        return children.completeInterruptAcknowledge(partition, processor, vector);
      }
      case 'posted-message':
        return platform.guestBus?.bus.receiveMessage(
          processor,
          message.messageType,
          message.payload,
        );
      case 'signaled-event':
        return platform.guestBus?.bus.receiveSignal(processor, message.connectionId);
      default:
        return unreachable(message);
    }
  }

  /** Posted messages and signaled events have rows of their own: those of the hypercall and of the bus. */
  private traceIntercept(message: InterceptMessage): void {
    if (message.kind === 'posted-message' || message.kind === 'signaled-event') return;
    this.trace.offer('intercept-message', () => describeIntercept(message));
  }

  private platformOf(partition: number): Platform {
    return present(this.platforms.get(partition), 'devices of the partition');
  }

  private specificationOf(partition: number): GuestSpecification {
    return present(this.specifications.get(partition), 'what the partition is made of');
  }

  private servicesFor(partition: number): PlatformServices {
    const { children } = this;
    const time = children.timeOf(partition);
    return {
      timers: time,
      nowNs: () => time.nowNs(),
      assertInterrupt: (request) => children.assertInterrupt(partition, request),
      setExternalInterruptLine: (asserted) =>
        children.setExternalInterruptLine(partition, asserted),
      writeConsole: (_port, value, sizeBytes) => this.writeConsole(partition, value, sizeBytes),
      endPartition: (exitCode) => children.endPartition(partition, exitCode),
      resetPartition: () => children.resetPartition(partition),
    };
  }

  /** What a chip sends by a timer of its own belongs to no processor in particular. */
  private writeConsole(partition: number, value: number, sizeBytes: number): void {
    const processor = this.working?.partition === partition ? this.working.processor : 0;
    this.trace.emitConsole(partition, processor, value, sizeBytes);
  }
}

/** A port keeps so many messages that its owner has not taken. */
function hasBuffer(queue: readonly QueuedMessage[], message: PostedMessage): boolean {
  const waiting = queue.filter(
    (queued) =>
      queued.kind === 'posted-message' &&
      queued.partition === message.partition &&
      queued.connectionId === message.connectionId,
  );
  return waiting.length < messageBuffersPerPort;
}

/** A flag that is set already stays set. */
function isSignaled(queue: readonly QueuedMessage[], event: SignaledEvent): boolean {
  return queue.some(
    (queued) =>
      queued.kind === 'signaled-event' &&
      queued.partition === event.partition &&
      queued.connectionId === event.connectionId &&
      queued.flag === event.flag,
  );
}

type Intercept = Exclude<InterceptMessage, PostedMessage | SignaledEvent>;

/** An intercept message as an event of the trace. */
function describeIntercept(message: Intercept): TraceEventBody {
  const { kind: intercept, partition, processor } = message;
  const none = { address: 0, sizeBytes: 0, accessType: 'read', value: 0n } as const;
  const of = { ...none, kind: 'intercept-message', partition, processor, intercept } as const;
  switch (message.kind) {
    case 'io-port': {
      const { port: address, sizeBytes, direction, value } = message;
      const accessType = direction === 'out' ? 'write' : 'read';
      return { ...of, address, sizeBytes, accessType, value: BigInt(value) };
    }
    case 'memory': {
      const { gpa: address, sizeBytes, direction: accessType, value } = message;
      return { ...of, address, sizeBytes, accessType, value: BigInt.asUintN(64, value) };
    }
    case 'refused-access':
      return { ...of, address: message.gpa, accessType: message.accessType };
    case 'apic-eoi':
      return { ...of, address: message.vector };
    case 'interrupt-acknowledge':
      return of;
    default:
      return unreachable(message);
  }
}

type PortMessage = Extract<InterceptMessage, { kind: 'io-port' }>;
type MemoryMessage = Extract<InterceptMessage, { kind: 'memory' }>;

/** The platform asked for these ports, so one of its devices has each of them. */
function accessPort(ports: DevicePorts, message: PortMessage): number {
  const { port, sizeBytes, direction, value } = message;
  const { first, read, write } = ports.routeOf(port);
  if (direction === 'in') return read(port - first, sizeBytes);
  write(port - first, sizeBytes, value);
  return 0;
}

/** An address that no device claims reads all ones; what is written there is lost. */
function accessMemory(platform: Platform, message: MemoryMessage): bigint {
  const { gpa, sizeBytes, direction, value } = message;
  const placed = platform.memory.find((range) => gpa >= range.gpa && gpa < range.gpa + range.bytes);
  if (placed === undefined) return BigInt.asUintN(sizeBytes * 8, -1n);
  if (direction === 'read') return placed.device.read(gpa - placed.gpa, sizeBytes);
  placed.device.write(gpa - placed.gpa, sizeBytes, value);
  return 0n;
}
