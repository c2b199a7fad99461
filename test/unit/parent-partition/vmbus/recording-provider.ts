/** A provider that keeps what it is told, echoes what it is sent, and answers later where a test asks for that. */
import type {
  ChannelOffer,
  OpenChannel,
  ProviderHost,
  ReceivedPacket,
  ServiceProvider,
} from '../../../../debug-adapter/parent-partition/vmbus/provider';
import type { StateRecord } from '../../../../debug-adapter/support/state-record';
import type { StateNode } from '../../../../debug-adapter/support/state-tree';
import { present } from '../../../../debug-adapter/support/assert';

export class RecordingProvider implements ServiceProvider {
  readonly log: string[] = [];
  /** Nanoseconds until a packet is completed; at once where it is undefined. */
  delayNs: number | undefined;
  /** Part of its state: packets so far. */
  count = 0;
  onPacket: ((channel: OpenChannel, packet: ReceivedPacket) => void) | undefined;
  private connected: ProviderHost | undefined;

  constructor(
    readonly name: string,
    readonly offer: ChannelOffer = {
      classId: 'ba6163d9-04a1-4d29-b605-72e2ffb1dc7f',
      instanceId: `00000000-0000-0000-0000-0000000000${name.length.toString(16).padStart(2, '0')}`,
      flags: 0,
    },
  ) {}

  get host(): ProviderHost {
    return present(this.connected, 'host of the provider');
  }

  connect(host: ProviderHost): void {
    this.connected = host;
  }

  opened({ relid, subChannel }: OpenChannel): void {
    this.log.push(`opened ${relid}.${subChannel}`);
  }

  closed({ relid, subChannel }: OpenChannel): void {
    this.log.push(`closed ${relid}.${subChannel}`);
  }

  receive(channel: OpenChannel, packet: ReceivedPacket): void {
    this.count++;
    this.log.push(`packet ${packet.transactionId}: ${packet.payload.length}`);
    if (this.onPacket !== undefined) return this.onPacket(channel, packet);
    if (this.delayNs === undefined) channel.complete(packet.transactionId, packet.payload);
    else channel.schedule(this.delayNs, Number(BigInt.asUintN(32, packet.transactionId)));
  }

  due(channel: OpenChannel, work: number): void {
    this.log.push(`due ${work}`);
    channel.complete(BigInt(work), new Uint8Array(8));
  }

  reset(): void {
    this.count = 0;
  }

  save(): StateNode {
    return { version: 1, count: this.count };
  }

  restore(record: StateRecord): void {
    record.expectVersion(1);
    this.count = record.number('count');
  }
}
