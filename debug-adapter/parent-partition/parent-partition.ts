/** The parent partition: a model of the virtualization stack that owns the devices of every guest. */
import type { ChildControl, InterceptMessage, InterceptSink } from '../machine/intercepts';
import type { TraceEmitter } from '../machine/trace';
import { present } from '../support/assert';
import { sampleGuestDevices, type PlacedDevice } from './sample-guest-devices';

/** The parent's partition identifier; guests count from 2. */
export const parentPartitionId = 1;

/**
 * Messages from the hypervisor wait in a queue and are worked on after the hypervisor's step, never inside it. The
 * parent's root processor takes no steps of its own: its work costs the waiting guest virtual time.
 */
export class ParentPartition implements InterceptSink {
  readonly id = parentPartitionId;
  readonly name = 'Parent partition';
  private readonly queue: InterceptMessage[] = [];
  private readonly devices = new Map<number, readonly PlacedDevice[]>();
  private working: InterceptMessage | undefined;

  constructor(
    private readonly children: ChildControl,
    private readonly trace: TraceEmitter,
  ) {}

  /** Gives a guest its devices and asks the hypervisor for the accesses to them. */
  attachGuest(partition: number): void {
    const placed = sampleGuestDevices(
      { write: (data) => this.writeConsole(partition, data) },
      (exitCode) => this.children.endPartition(partition, exitCode),
    );
    this.devices.set(partition, placed);
    for (const { port, device } of placed) {
      this.children.installPortIntercept(partition, port, device.portCount);
    }
  }

  post(message: InterceptMessage): void {
    this.queue.push(message);
  }

  /** Works off what the hypervisor has posted. A processor has at most one message, so the queue stays short. */
  runQueuedWork(): void {
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) {
      this.working = next;
      const value = this.answer(next);
      this.working = undefined;
      this.children.completePortIntercept(next.partition, next.processor, value);
    }
  }

  private answer(message: InterceptMessage): number {
    const { port, sizeBytes, direction, value } = message;
    const placed = present(
      this.devices
        .get(message.partition)
        ?.find(({ port: first, device }) => port >= first && port < first + device.portCount),
      `device at port ${port}`,
    );
    const offset = port - placed.port;
    if (direction === 'in') return placed.device.readPort(offset, sizeBytes);
    placed.device.writePort(offset, sizeBytes, value);
    return 0;
  }

  private writeConsole(partition: number, data: Uint8Array): void {
    const { processor } = present(this.working, 'message in work');
    this.trace.emit({ kind: 'console', partition, processor, data });
  }
}
