/** Saved form of the messages that wait in the parent's queue while it is paused. */
import type { QueuedMessage } from '../machine/intercepts';
import type { StateRecord } from '../support/state-record';
import type { StateNode } from '../support/state-tree';
import { UserError } from '../support/user-error';

export function saveMessage(message: QueuedMessage): StateNode {
  return { ...message };
}

/** @throws UserError where the record is no message */
export function restoreMessage(record: StateRecord): QueuedMessage {
  const kind = record.string('kind');
  const target = { partition: record.number('partition'), processor: record.number('processor') };
  switch (kind) {
    case 'io-port': {
      const size = record.number('sizeBytes');
      return {
        kind,
        ...target,
        port: record.number('port'),
        sizeBytes: size === 1 ? 1 : size === 2 ? 2 : 4,
        direction: record.string('direction') === 'in' ? 'in' : 'out',
        value: record.number('value'),
      };
    }
    case 'memory':
      return {
        kind,
        ...target,
        gpa: record.number('gpa'),
        sizeBytes: record.number('sizeBytes'),
        direction: record.string('direction') === 'read' ? 'read' : 'write',
        value: record.bigint('value'),
      };
    case 'apic-eoi':
      return { kind, ...target, vector: record.number('vector') };
    case 'interrupt-acknowledge':
      return { kind, ...target };
    case 'posted-message':
      return {
        kind,
        ...target,
        connectionId: record.number('connectionId'),
        messageType: record.number('messageType'),
        payload: record.bytes('payload'),
      };
    case 'signaled-event':
      return {
        kind,
        ...target,
        connectionId: record.number('connectionId'),
        flag: record.number('flag'),
      };
    default:
      throw new UserError(
        'saved-state-message',
        `The saved state has a message of the unknown kind "${kind}".`,
      );
  }
}
