/** What crosses VMBus in one line: names of messages, classes and packets, and why something was refused. */
import assert from 'node:assert/strict';
import { channelMessageTypeOf } from '../../../../debug-adapter/debugger/traffic/decode-traffic';
import {
  describeTraffic,
  packetTypeName,
} from '../../../../debug-adapter/debugger/traffic/traffic-text';

const header = { position: 1, ordinal: 0, timeNs: 0, partition: 2, processor: 0 };

describe('a line of VMBus traffic', () => {
  it('names a message', () => {
    const payload = Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0);
    assert.equal(channelMessageTypeOf(payload), 3);
    assert.equal(
      describeTraffic({
        ...header,
        kind: 'vmbus-message',
        direction: 'to-parent',
        payload,
        refusal: '',
      }),
      '→ RequestOffers',
    );
  });

  it('does not read more of a message than there is', () => {
    assert.equal(channelMessageTypeOf(Uint8Array.of(3, 0, 0)), undefined);
    const text = describeTraffic({
      ...header,
      kind: 'vmbus-message',
      direction: 'to-parent',
      payload: Uint8Array.of(3, 0, 0),
      refusal: 'too short',
    });
    assert.equal(text, '→ message of 3 bytes  refused: too short');
  });

  it('names the channel, the class and the kind of a packet', () => {
    const text = describeTraffic({
      ...header,
      kind: 'vmbus-packet',
      direction: 'to-guest',
      channel: 6,
      classId: 'scsi',
      transactionId: 7n,
      packetType: 0xb,
      sizeBytes: 80,
      bytes: new Uint8Array(80),
      refusal: '',
    });
    assert.equal(text, '← [6 scsi] Completion');
    assert.equal(packetTypeName(0x55), 'packet type 0x55');
  });

  it('says what became of a signal', () => {
    const text = describeTraffic({
      ...header,
      kind: 'vmbus-signal',
      direction: 'to-guest',
      channel: 6,
      outcome: 'the ring was not empty',
    });
    assert.equal(text, '← [6] signal  the ring was not empty');
  });
});
