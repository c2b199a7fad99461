/** A PC platform in a world of its own: a clock to turn, a timer queue, and a log of what the chips did. */
import { TimerQueue } from '../../../debug-adapter/machine/timer-queue';
import { PcPlatform } from '../../../debug-adapter/parent-partition/pc-platform';
import type {
  PlacedPorts,
  PlatformServices,
} from '../../../debug-adapter/parent-partition/platform';
import { present } from '../../../debug-adapter/support/assert';
import { StateRecord } from '../../../debug-adapter/support/state-record';
import { consoleBytes } from '../../../debug-adapter/system/console-record';
import { decodeStateTree, encodeStateTree } from '../../../debug-adapter/support/state-tree';

/** 2026-11-28 13:00:00 UTC. */
export const bootTime = 1_795_870_800;

export class PlatformRig {
  readonly queue = new TimerQueue();
  readonly log: string[] = [];
  nowNs = 0;
  readonly platform: PcPlatform;

  constructor(memoryBytes = 2 ** 30) {
    const services: PlatformServices = {
      timers: this.queue,
      nowNs: () => this.nowNs,
      assertInterrupt: ({ vector, destination, isLevel }) =>
        this.log.push(`vector ${vector} to ${destination}${isLevel ? ' level' : ''}`),
      setExternalInterruptLine: (asserted) => this.log.push(`external ${asserted}`),
      writeConsole: (port, value, sizeBytes) =>
        this.log.push(`console ${port} ${consoleBytes(value, sizeBytes).join(',')}`),
      endPartition: (exitCode) => this.log.push(`end ${exitCode}`),
      resetPartition: () => this.log.push('reset'),
    };
    this.platform = new PcPlatform(services, { partition: 2, memoryBytes, bootTime });
  }

  /** Runs the timers of a span, each at its moment. */
  advanceTo(nowNs: number): void {
    for (let next = this.queue.nextDueNs; next <= nowNs; next = this.queue.nextDueNs) {
      this.nowNs = next;
      this.queue.runDue(next);
    }
    this.nowNs = nowNs;
  }

  placed(port: number): PlacedPorts | undefined {
    return this.platform.ports.find(({ first, count }) => port >= first && port < first + count);
  }

  in(port: number, sizeBytes = 1): number {
    const { first, device } = present(this.placed(port), `port ${port}`);
    return device.readPort(port - first, sizeBytes);
  }

  out(port: number, value: number, sizeBytes = 1): void {
    const { first, device } = present(this.placed(port), `port ${port}`);
    device.writePort(port - first, sizeBytes, value);
  }

  /** Moves a wire at a controller's input, which no chip drives. */
  setWire(isIoApic: boolean, input: number, level: boolean): void {
    const { ioApic, interruptControllers } = this.platform;
    if (isIoApic) ioApic.setInput(input, level);
    else interruptControllers.setRequest(input, level);
  }

  save(): Uint8Array {
    return encodeStateTree({ platform: this.platform.save(), timers: this.queue.save() });
  }

  restore(bytes: Uint8Array): void {
    const record = new StateRecord(decodeStateTree(bytes), 'rig');
    this.platform.restore(record.record('platform'));
    this.queue.restore(record.record('timers'));
  }
}
