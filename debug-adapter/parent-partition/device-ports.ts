/** Which device of a guest has a port. */
import { present } from '../support/assert';
import type { PortDevice } from './emulated-devices/port-device';
import type { PlacedPorts } from './platform';

/**
 * A range of ports, and what answers there. The functions are bound to their device: a call of a method would become
 * part of its callers for the first classes of devices, and be translated anew with each further one.
 */
export interface PortRoute {
  readonly first: number;
  /** First port behind the range. */
  readonly end: number;
  readonly read: PortDevice['readPort'];
  readonly write: PortDevice['writePort'];
}

function routeTo({ first, count, device }: PlacedPorts): PortRoute {
  const read = device.readPort.bind(device);
  const write = device.writePort.bind(device);
  return { first, end: first + count, read, write };
}

/** Ranges do not overlap. */
export class DevicePorts {
  private readonly routes: readonly PortRoute[];
  /** The last that was found: a guest accesses one device many times in a row. */
  private latest: PortRoute | undefined;

  constructor(ranges: readonly PlacedPorts[]) {
    this.routes = ranges.map(routeTo);
  }

  /** The way to a port that one of the devices has. */
  routeOf(port: number): PortRoute {
    const { latest } = this;
    const isLatest = latest !== undefined && port >= latest.first && port < latest.end;
    return isLatest ? latest : this.find(port);
  }

  private find(port: number): PortRoute {
    const route = this.routes.find(({ first, end }) => port >= first && port < end);
    this.latest = present(route, 'device at the port');
    return this.latest;
  }
}
