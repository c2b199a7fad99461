/** Channel messages on their way to a guest: in order, and none lost while the hypervisor has no room for them. */
import type { Timer } from '../../machine/timer-queue';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { busLimits, messageRetryNs, type BusServices } from './bus-services';

interface WaitingMessage {
  readonly processor: number;
  readonly sint: number;
  readonly payload: Uint8Array;
}

export class MessageOutbox {
  /** A guest of version 6.0 has asked for no messages until it resumes. */
  private held = false;
  private waiting: WaitingMessage[] = [];
  private readonly retry: Timer;

  constructor(private readonly services: BusServices) {
    this.retry = services.timers.createTimer('vmbus messages', () => this.flush());
  }

  send(processor: number, sint: number, payload: Uint8Array): void {
    const isFull = this.waiting.length >= busLimits.waitingMessages;
    const refusal = isFull ? 'lost: the guest takes no messages' : '';
    this.services.trace.message('to-guest', processor, payload, refusal);
    if (isFull) return;
    this.waiting.push({ processor, sint, payload });
    this.flush();
  }

  /** Holds messages back, or lets them go again. */
  hold(held: boolean): void {
    this.held = held;
    this.flush();
  }

  /** Forgets what has not been delivered. */
  clear(): void {
    this.waiting = [];
    this.held = false;
    this.retry.cancel();
  }

  save(): StateNode {
    return { held: Number(this.held), waiting: this.waiting.map((message) => ({ ...message })) };
  }

  restore(record: StateRecord): void {
    this.held = record.number('held') !== 0;
    this.waiting = record.records('waiting').map((message) => ({
      processor: message.number('processor'),
      sint: message.number('sint'),
      payload: message.bytes('payload'),
    }));
  }

  private flush(): void {
    if (this.held) return;
    while (this.waiting.length > 0) {
      const [next] = this.waiting;
      if (next === undefined) return;
      if (!this.services.postMessage(next.processor, next.sint, next.payload)) {
        this.retry.setDue(this.services.nowNs() + messageRetryNs);
        return;
      }
      this.waiting.shift();
    }
  }
}
