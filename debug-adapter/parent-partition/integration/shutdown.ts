/** Guest shutdown: asks the guest to turn itself off, to restart or to hibernate. */
import type { ShutdownAction } from '../../machine/guest-operation';
import { icShutdown, IcMessageType, IcStatus, ShutdownFlags } from '../../spec/vmbus/integration';
import { structWriter } from '../../support/struct-layout';
import { UserError } from '../../support/user-error';
import { encodeUtf16 } from '../../support/utf16';
import type { OpenChannel } from '../vmbus/provider';
import { FlatComponent } from './flat-component';

const timeLimitNs = 60_000_000_000;

/** SHTDN_REASON_FLAG_PLANNED, other than that unspecified. */
const plannedReason = 0x8000_0000n;

const flagsOf: Readonly<Record<ShutdownAction, number>> = {
  'shut-down': ShutdownFlags.shutDown,
  restart: ShutdownFlags.restart,
  hibernate: ShutdownFlags.hibernate,
};

const initial = {
  /** Requests so far. */
  requests: 0,
  isAnswered: false,
  isUnanswered: false,
  status: 0,
};

export class GuestShutdown extends FlatComponent<typeof initial> {
  constructor() {
    super(
      {
        className: 'shutdown',
        messageType: IcMessageType.shutdown,
        versions: [
          [3, 2],
          [3, 1],
          [3, 0],
          [1, 0],
        ],
      },
      initial,
    );
  }

  get detail(): string {
    const { requests, isAnswered, isUnanswered, status } = this.own;
    if (requests === 0) return this.phase === 'ready' ? 'not asked' : '';
    if (isUnanswered) return 'the guest has not answered';
    if (!isAnswered) return 'asked';
    return status === IcStatus.ok ? 'accepted' : `refused (status 0x${status.toString(16)})`;
  }

  /** @throws UserError where the guest does not use the component, or has not answered the last request */
  ask(action: ShutdownAction): void {
    const channel = this.requireReady();
    if (this.isBusy) {
      throw new UserError('integration-busy', 'The guest has not answered the last request yet.');
    }
    this.own = { ...initial, requests: this.own.requests + 1 };
    const body = new Uint8Array(icShutdown.sizeBytes);
    const set = structWriter(icShutdown, body);
    set('ReasonCode', plannedReason);
    set('Flags', BigInt(flagsOf[action]));
    const { offset } = icShutdown.byName.get('DisplayMessage') ?? { offset: 0 };
    body.set(encodeUtf16(`Asked by the host: ${action}`), offset);
    this.request(channel, body, timeLimitNs);
  }

  protected started(): void {
    this.resetOwn();
  }

  protected answered(_channel: OpenChannel, status: number): void {
    this.own.isAnswered = true;
    this.own.status = status;
  }

  protected unanswered(): void {
    this.own.isUnanswered = true;
  }

  protected stopped(): void {
    // What the guest has answered stays to be seen while it goes down.
  }
}
