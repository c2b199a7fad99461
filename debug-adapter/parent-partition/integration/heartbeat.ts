/** Heartbeat: asks the guest every two seconds whether it is alive. */
import { HeartbeatState, icHeartbeat, IcMessageType } from '../../spec/vmbus/integration';
import { readField, writeField } from '../../support/struct-layout';
import type { OpenChannel } from '../vmbus/provider';
import { FlatComponent } from './flat-component';

const intervalNs = 2_000_000_000;
/** A guest that misses so many intervals has lost communication. */
const timeLimitNs = 5 * intervalNs;
const beat = 1;

const initial = {
  /** Of the last request. */
  sequence: 0,
  answers: 0,
  /** Virtual time of the last answer. */
  lastAnswerNs: 0,
  applicationState: 0,
  isLost: false,
};

const stateNames: ReadonlyMap<number, string> = new Map(
  Object.entries(HeartbeatState).map(([name, value]) => [value, name]),
);

export class Heartbeat extends FlatComponent<typeof initial> {
  constructor() {
    super(
      {
        className: 'heartbeat',
        messageType: IcMessageType.heartbeat,
        versions: [
          [3, 0],
          [1, 0],
        ],
      },
      initial,
    );
  }

  get detail(): string {
    const { answers, isLost, applicationState } = this.own;
    if (this.phase !== 'ready' || answers === 0)
      return isLost ? 'lost communication' : 'no contact';
    const applications = stateNames.get(applicationState) ?? 'unknown';
    return isLost ? 'lost communication' : `OK (applications ${applications}), ${answers} answers`;
  }

  protected started(channel: OpenChannel): void {
    this.resetOwn();
    this.ask(channel);
  }

  protected answered(channel: OpenChannel, _status: number, body: Uint8Array): void {
    const { own } = this;
    channel.schedule(intervalNs, beat);
    if (body.length < 12) return;
    own.isLost = Number(readField(icHeartbeat, body, 'SequenceNumber')) !== own.sequence + 1;
    own.applicationState = Number(readField(icHeartbeat, body, 'ApplicationState'));
    own.answers++;
    own.lastAnswerNs = this.nowNs();
    own.sequence++;
  }

  protected unanswered(channel: OpenChannel): void {
    this.own.isLost = true;
    this.ask(channel);
  }

  protected override scheduled(channel: OpenChannel): void {
    if (!this.isBusy) this.ask(channel);
  }

  protected stopped(): void {
    this.resetOwn();
  }

  private ask(channel: OpenChannel): void {
    this.own.sequence++;
    const body = new Uint8Array(icHeartbeat.sizeBytes);
    writeField(icHeartbeat, body, 'SequenceNumber', BigInt(this.own.sequence));
    this.request(channel, body, timeLimitNs);
  }
}
