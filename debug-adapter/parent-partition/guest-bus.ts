/** A guest's bus with what is always on it, joined to the hypervisor and the trace. */
import type { ChildControl } from '../machine/intercepts';
import type { TimerSource } from '../machine/timer-queue';
import type { TraceEmitter } from '../machine/trace';
import { deviceClassByGuid } from '../spec/vmbus/device-classes';
import { channelMessageSynicType } from '../spec/vmbus/messages';
import { packetDescriptor } from '../spec/vmbus/packets';
import { readField } from '../support/struct-layout';
import {
  IntegrationComponents,
  type IntegrationConfiguration,
} from './integration/integration-components';
import type { GuestPorts } from './virtualization-stack/guest-ports';
import { Vmbus } from './vmbus/bus';
import type { BusServices, BusTrace } from './vmbus/bus-services';
import type { ServiceProvider } from './vmbus/provider';

/** What differs from guest to guest. */
export interface GuestBusConfiguration extends IntegrationConfiguration {
  readonly partition: number;
  readonly processorCount: number;
  /** Newest version of the bus that the guest may ask for; the bus's own where it is absent. */
  readonly maximumVersion?: number;
  /** Between two looks at the guest's monitor page; 0 or absent where nothing is signalled by it. */
  readonly monitorLatencyNs?: number;
  /** Devices besides the integration components. */
  readonly providers?: readonly ServiceProvider[];
}

/** What the parent has for the bus of a guest. */
export interface GuestBusServices {
  readonly children: ChildControl;
  readonly ports: GuestPorts;
  readonly trace: TraceEmitter;
  readonly timers: TimerSource;
  nowNs(): number;
  /** By how much {@link nowNs} is behind the parent's time. */
  behindNs(): number;
}

/** A guest's bus, and the components by which the guest can be asked for something. */
export interface GuestBus {
  readonly bus: Vmbus;
  readonly integration: IntegrationComponents;
}

export function createGuestBus(
  services: GuestBusServices,
  configuration: GuestBusConfiguration,
): GuestBus {
  const { maximumVersion, monitorLatencyNs, providers = [] } = configuration;
  const integration = new IntegrationComponents(configuration);
  const all = [...integration.providers, ...providers];
  const bus = new Vmbus(
    busServices(services, configuration),
    all,
    maximumVersion,
    monitorLatencyNs,
  );
  return { bus, integration };
}

function busServices(
  { children, ports, trace, timers, nowNs, behindNs }: GuestBusServices,
  { partition, processorCount }: GuestBusConfiguration,
): BusServices {
  return {
    memory: {
      read: (gpa, target) => children.readChildMemory(partition, gpa, target),
      write: (gpa, source) => children.writeChildMemory(partition, gpa, source),
    },
    processorCount,
    timers: {
      createTimer: (name, onDue) => timers.createTimer(`guest ${partition}: ${name}`, onDue),
    },
    trace: busTrace(trace, partition),
    nowNs,
    behindNs,
    connectMessagePort: (id) => ports.connectMessagePort(partition, id),
    connectEventPort: (id) => ports.connectEventPort(partition, id, 1),
    disconnectPort: (id) => ports.disconnectPort(partition, id),
    postMessage: (processor, sint, payload) =>
      children.postMessage({ partition, processor, sint }, channelMessageSynicType, payload),
    signalEvent: (processor, sint, flag) =>
      children.signalEvent({ partition, processor, sint }, flag),
  };
}

function busTrace(trace: TraceEmitter, partition: number): BusTrace {
  return {
    message: (direction, processor, payload, refusal) =>
      void trace.emit({ kind: 'vmbus-message', partition, processor, direction, payload, refusal }),
    packet: (direction, { relid, classId }, packet, refusal) =>
      void trace.emit({
        kind: 'vmbus-packet',
        partition,
        processor: 0,
        direction,
        channel: relid,
        classId: deviceClassByGuid.get(classId)?.name ?? classId,
        transactionId: readField(packetDescriptor, packet, 'TransactionId'),
        packetType: Number(readField(packetDescriptor, packet, 'Type')),
        sizeBytes: packet.length,
        bytes: packet,
        refusal,
      }),
    signal: (direction, channel, processor, outcome) =>
      void trace.emit({ kind: 'vmbus-signal', partition, processor, direction, channel, outcome }),
  };
}
