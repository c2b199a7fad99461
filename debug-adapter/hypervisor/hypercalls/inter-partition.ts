/** HvCallPostMessage (0x5C) and HvCallSignalEvent (0x5D): messages and events for the ports of the parent (TLFS 11.10). */
import { hypercallByName } from '../../spec/tlfs/hypercalls';
import { hypervisorMessages, messagePayloadBytesMax, messageType } from '../../spec/tlfs/synic';
import { Status } from '../../spec/tlfs/status-codes';
import { present } from '../../support/assert';
import { readField, structLayout } from '../../support/struct-layout';
import type { SimpleHypercallHandler } from './handler';

const inputOf = (name: string) =>
  structLayout(name, present(hypercallByName.get(name)?.input, 'input layout'));

const messageInput = inputOf('HvCallPostMessage');
const eventInput = inputOf('HvCallSignalEvent');
const payloadOffset = present(messageInput.byName.get('Payload'), 'payload').offset;

export const postMessage: SimpleHypercallHandler = {
  kind: 'simple',
  run({ caller, header }) {
    const { partition, processor } = caller;
    const field = (name: string): number => Number(readField(messageInput, header, name));
    const type = field('MessageType');
    const size = field('PayloadSize');
    const isGuestType = type !== messageType.none && type < hypervisorMessages;
    if (field('Reserved') !== 0 || !isGuestType || size > messagePayloadBytesMax) {
      return Status.invalidParameter;
    }
    const connectionId = field('ConnectionId');
    const connection = partition.connections.find(connectionId);
    if (connection === undefined) return Status.invalidConnectionId;
    if (connection.kind !== 'message') return Status.invalidPortId;
    const isTaken = partition.postToParent({
      kind: 'posted-message',
      partition: partition.id,
      processor: processor.index,
      connectionId,
      messageType: type,
      payload: header.slice(payloadOffset, payloadOffset + size),
    });
    return isTaken ? Status.success : Status.insufficientBuffers;
  },
};

export const signalEvent: SimpleHypercallHandler = {
  kind: 'simple',
  run({ caller, header }) {
    const { partition, processor } = caller;
    const field = (name: string): number => Number(readField(eventInput, header, name));
    if (field('Reserved') !== 0) return Status.invalidParameter;
    const connectionId = field('ConnectionId');
    const connection = partition.connections.find(connectionId);
    if (connection === undefined) return Status.invalidConnectionId;
    if (connection.kind !== 'event') return Status.invalidPortId;
    const flag = field('FlagNumber');
    if (flag >= connection.flagCount) return Status.invalidParameter;
    partition.postToParent({
      kind: 'signaled-event',
      partition: partition.id,
      processor: processor.index,
      connectionId,
      flag,
    });
    return Status.success;
  },
};
