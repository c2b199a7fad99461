/** A guest's driver of one integration component, as a test plays it: it takes requests and answers in the same bytes. */
import { encodePacket } from '../../../../debug-adapter/parent-partition/vmbus/packet';
import {
  icBodyOffset,
  icHeader,
  icNegotiate,
} from '../../../../debug-adapter/spec/vmbus/integration';
import { pipeHeader } from '../../../../debug-adapter/spec/vmbus/packets';
import { present } from '../../../../debug-adapter/support/assert';
import { readField, writeField } from '../../../../debug-adapter/support/struct-layout';
import { BusRig, type OpenedChannel } from '../vmbus/bus-rig';
import type { IntegrationComponent } from '../../../../debug-adapter/parent-partition/integration/integration-component';

/** A request of the parent. */
export interface UtilityRequest {
  readonly messageType: number;
  readonly transactionId: number;
  readonly framework: string;
  readonly version: string;
  readonly body: Uint8Array;
  /** The whole payload, which the guest echoes. */
  readonly payload: Uint8Array;
}

export class UtilityGuest {
  readonly rig: BusRig;
  private channel: OpenedChannel | undefined;

  constructor(readonly component: IntegrationComponent) {
    this.rig = new BusRig([component]);
    this.rig.connect();
  }

  open(): void {
    this.channel = this.rig.open(1);
  }

  close(): void {
    this.rig.post(7, { ChildRelId: 1 });
  }

  /** The next request, if there is one. */
  take(): UtilityRequest | undefined {
    const found = present(this.channel, 'open channel').toGuest.receive();
    if (found === undefined) return undefined;
    const padded = found.packet.subarray(16);
    const length = Number(readField(pipeHeader, padded, 'DataLength'));
    const payload = padded.slice(0, pipeHeader.sizeBytes + length);
    const field = (name: string): number =>
      Number(readField(icHeader, payload, name, pipeHeader.sizeBytes));
    return {
      messageType: field('MessageType'),
      transactionId: field('TransactionId'),
      framework: `${field('FrameworkVersionMajor')}.${field('FrameworkVersionMinor')}`,
      version: `${field('MessageVersionMajor')}.${field('MessageVersionMinor')}`,
      body: payload.slice(icBodyOffset),
      payload,
    };
  }

  /** The next request, which there is. */
  request(): UtilityRequest {
    return present(this.take(), 'request of the parent');
  }

  /** Sends a payload as it is. */
  sendRaw(payload: Uint8Array): void {
    present(this.channel, 'open channel').toParent.send(
      encodePacket({ type: 'in-band', payload, transactionId: 0n }),
    );
    this.rig.signal(1);
  }

  /** Answers a request in its own bytes. */
  answer(
    request: UtilityRequest,
    { status = 0, body, flags = 5 }: { status?: number; body?: Uint8Array; flags?: number } = {},
  ): void {
    const payload = request.payload.slice();
    writeField(icHeader, payload, 'Status', BigInt(status), pipeHeader.sizeBytes);
    writeField(icHeader, payload, 'Flags', BigInt(flags), pipeHeader.sizeBytes);
    if (body !== undefined) payload.set(body, icBodyOffset);
    this.sendRaw(payload);
  }

  /** Answers the negotiation with the versions that the guest wants; without them it wants none. */
  negotiate(framework?: readonly [number, number], version?: readonly [number, number]): void {
    const request = this.request();
    const body = new Uint8Array(icNegotiate.sizeBytes + 8);
    if (framework !== undefined && version !== undefined) {
      const words = [1, 1, 0, 0, ...framework, ...version];
      const view = new DataView(body.buffer);
      words.forEach((word, index) => view.setUint16(index * 2, word, true));
    }
    this.answer(request, { body });
  }

  /** Opened, with versions agreed on. */
  start(version: readonly [number, number]): void {
    this.open();
    this.negotiate([3, 0], version);
  }

  /** Seconds of virtual time from the beginning. */
  advanceTo(seconds: number): void {
    this.rig.advanceTo(seconds * 1e9);
  }
}
