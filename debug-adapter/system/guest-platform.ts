/** Gives a guest of the machine its devices. */
import type { Partition } from '../hypervisor/partition';
import {
  createGuestBus,
  type GuestBus,
  type GuestBusServices,
} from '../parent-partition/guest-bus';
import { PcPlatform } from '../parent-partition/pc-platform';
import type { Platform, PlatformServices } from '../parent-partition/platform';
import type { ServiceProvider } from '../parent-partition/vmbus/provider';
import { SampleGuestPlatform } from '../parent-partition/sample-guest-platform';
import { formatOf } from './boot/guest-format';
import { defaultBootTime, type GuestConfiguration } from './machine-configuration';

/** Guests that bring their own idea of a machine get a PC. */
export function makePlatform(
  guest: GuestConfiguration,
  partition: Partition,
  services: PlatformServices,
  busServices: GuestBusServices,
  providers: readonly ServiceProvider[],
): Platform {
  if (formatOf(guest) === 'sample-guest') return new SampleGuestPlatform(services);
  const { id, memoryBytes } = partition;
  const { bootTime = defaultBootTime } = guest;
  const bus = makeBus(guest, partition, busServices, providers);
  return new PcPlatform(services, { partition: id, memoryBytes, bootTime }, bus);
}

function makeBus(
  {
    name,
    vmbus = true,
    vmbusVersion,
    vmbusMonitorNs,
    bootTime = defaultBootTime,
  }: GuestConfiguration,
  { id, processors }: Partition,
  services: GuestBusServices,
  providers: readonly ServiceProvider[],
): GuestBus | undefined {
  if (!vmbus) return undefined;
  return createGuestBus(services, {
    partition: id,
    processorCount: processors.length,
    guestName: name,
    bootTime,
    providers,
    ...(vmbusVersion === undefined ? {} : { maximumVersion: vmbusVersion }),
    ...(vmbusMonitorNs === undefined ? {} : { monitorLatencyNs: vmbusMonitorNs }),
  });
}
