/** What the synthetic interrupt controllers did with messages and events, as records of the trace. */
import {
  deliveryOutcomes,
  deliveryReasons,
  type EventFlagEvent,
  type SyntheticMessageEvent,
} from '../machine/trace';
import { present } from '../support/assert';
import type { FieldWriter } from '../support/struct-layout';
import { eventFlagRecord, syntheticMessageRecord } from './trace-records';
import type { FieldReader, RecordCodec } from './trace-stream';

type Delivery = Pick<SyntheticMessageEvent, 'outcome' | 'reason'>;

function writeDelivery({ outcome, reason }: Delivery, write: FieldWriter): void {
  write('outcome', BigInt(deliveryOutcomes.indexOf(outcome)));
  write('reason', BigInt(deliveryReasons.indexOf(reason)));
}

function readDelivery(read: FieldReader): Delivery {
  return {
    outcome: present(deliveryOutcomes[Number(read('outcome'))], 'outcome'),
    reason: present(deliveryReasons[Number(read('reason'))], 'reason'),
  };
}

export const syntheticMessageCodec: RecordCodec<SyntheticMessageEvent> = {
  layout: syntheticMessageRecord,
  encode(event, write) {
    write('sint', BigInt(event.sint));
    write('messageType', BigInt(event.messageType));
    writeDelivery(event, write);
  },
  decode(header, _record, read) {
    return {
      ...header,
      kind: 'synthetic-message',
      sint: Number(read('sint')),
      messageType: Number(read('messageType')),
      ...readDelivery(read),
    };
  },
};

export const eventFlagCodec: RecordCodec<EventFlagEvent> = {
  layout: eventFlagRecord,
  encode(event, write) {
    write('sint', BigInt(event.sint));
    write('flag', BigInt(event.flag));
    writeDelivery(event, write);
  },
  decode(header, _record, read) {
    return {
      ...header,
      kind: 'event-flag',
      sint: Number(read('sint')),
      flag: Number(read('flag')),
      ...readDelivery(read),
    };
  },
};
