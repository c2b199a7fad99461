/** Which device of a guest has a port. */
import { present } from '../support/assert';
import type { PlacedPorts } from './platform';

/** Ranges do not overlap. */
export class DevicePorts {
  /** The last that was found: a guest accesses one device many times in a row. */
  private latest: PlacedPorts | undefined;

  constructor(private readonly ranges: readonly PlacedPorts[]) {}

  /** The range of a port that one of the devices has. */
  rangeOf(port: number): PlacedPorts {
    const { latest } = this;
    if (latest !== undefined && port >= latest.first && port < latest.first + latest.count) {
      return latest;
    }
    const range = this.ranges.find(({ first, count }) => port >= first && port < first + count);
    this.latest = present(range, 'device at the port');
    return this.latest;
  }
}
