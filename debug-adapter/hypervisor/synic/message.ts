/** Messages on their way to a SINT, and the slot of the message page that takes one at a time (TLFS 11.7 and 11.8). */
import type { GuestMemory } from '../../machine/guest-memory';
import { messagePending, messageSlot, messageType } from '../../spec/tlfs/synic';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { readField, structWriter } from '../../support/struct-layout';
import { present } from '../../support/assert';

/** Whose buffer a message takes while it waits: one of the port's, or the one of a synthetic timer, by number. */
export const portBuffer = -1;

export interface SynicMessage {
  readonly type: number;
  /** At most 240 bytes, owned by the message. */
  readonly payload: Uint8Array;
  /** {@link portBuffer}, or the number of a timer. */
  readonly buffer: number;
}

export function saveSynicMessage({ type, payload, buffer }: SynicMessage): StateNode {
  return { type, payload, buffer };
}

export function restoreSynicMessage(record: StateRecord): SynicMessage {
  return {
    type: record.number('type'),
    payload: record.bytes('payload'),
    buffer: record.number('buffer'),
  };
}

const headerBytes = 16;
const flagsOffset = present(messageSlot.byName.get('MessageFlags'), 'flags').offset;

/** One slot, by the guest-physical address where its page is seen. */
export class MessageSlot {
  constructor(
    private readonly memory: GuestMemory,
    private readonly gpa: number,
  ) {}

  /** The guest frees the slot by clearing the message type. */
  get isFree(): boolean {
    return this.header('MessageType') === BigInt(messageType.none);
  }

  /** Asks the guest for an end of message once it has freed the slot. */
  setPending(): void {
    const flags = Number(this.header('MessageFlags'));
    if ((flags & messagePending) !== 0) return;
    this.memory.write(this.gpa + flagsOffset, new Uint8Array([flags | messagePending]));
  }

  write({ type, payload }: SynicMessage): void {
    const bytes = new Uint8Array(messageSlot.sizeBytes);
    const write = structWriter(messageSlot, bytes);
    write('MessageType', BigInt(type));
    write('PayloadSize', BigInt(payload.length));
    bytes.set(payload, headerBytes);
    this.memory.write(this.gpa, bytes);
  }

  private header(field: string): bigint {
    const bytes = present(this.memory.read(this.gpa, headerBytes), 'message page');
    return readField(messageSlot, bytes, field);
  }
}
