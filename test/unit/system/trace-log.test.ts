/** The trace log: every kind of event comes back as it went in; rows are found by number and by identity. */
import assert from 'node:assert/strict';
import type { TraceEvent, VmExitEvent } from '../../../debug-adapter/machine/trace';
import { limits } from '../../../debug-adapter/system/limits';
import { TraceLog } from '../../../debug-adapter/system/trace-log';

const header = { position: 2 ** 40 + 3, ordinal: 5, timeNs: 2 ** 45, partition: 300, processor: 7 };
const ones = (1n << 64n) - 1n;

const exit: VmExitEvent = {
  ...header,
  kind: 'vm-exit',
  exitNumber: 9,
  reason: 0x80000021,
  qualification: ones,
  instructionLength: 15,
  interruptionInformation: 0xffffffff,
  guestPhysicalAddress: 0x1234n,
  guestLinearAddress: ones - 1n,
  rip: 0xffff_8000_0000_0000n,
  rflags: 0x246,
  cr0: 0x80000011n,
  cr3: 0x1000n,
  cr4: 0x20n,
  registers: Array.from({ length: 16 }, (_, index) => ones - BigInt(index)),
};

const events: readonly TraceEvent[] = [
  exit,
  {
    ...header,
    kind: 'hypercall',
    code: 0x5c,
    control: ones,
    status: 0x12,
    repsCompleted: 4095,
    input: Uint8Array.of(1, 2, 3),
    output: Uint8Array.of(4),
  },
  { ...header, kind: 'event', vector: 14, errorCode: 0, rip: 1n, isInjected: false },
  { ...header, kind: 'event', vector: 3, errorCode: undefined, rip: 2n, isInjected: true },
  { ...header, kind: 'console', data: Uint8Array.of(0, 0x1b, 0xff, 0x41) },
  { ...header, kind: 'console', data: Uint8Array.of() },
  {
    ...header,
    kind: 'guest-crash',
    parameters: [ones, 1n, 2n, 3n, 4n],
    message: 'Kernel panic \u2014 not syncing\n',
  },
  { ...header, kind: 'guest-crash', parameters: [0n, 0n, 0n, 0n, 0n], message: '' },
  { ...header, kind: 'input', input: 'RIP = 0x1234' },
  {
    ...header,
    kind: 'msr-access',
    msr: 0xffffffff,
    isWrite: true,
    value: ones,
    isRefused: true,
  },
  {
    ...header,
    kind: 'intercept-message',
    intercept: 'memory',
    address: 2 ** 51,
    sizeBytes: 16,
    accessType: 'execute',
    value: ones,
  },
  { ...header, kind: 'timer-expiration', source: 'synthetic timer', timer: 3, dueNs: 2 ** 50 },
  { ...header, kind: 'overlay-change', page: 'event flags page', gpaPage: 2 ** 39, isLaid: true },
  {
    ...header,
    kind: 'schedule-switch',
    logicalProcessor: 63,
    begins: false,
    reason: 'yielded',
    atNs: 2 ** 50,
    ranNs: 12_345,
    partitionRunNs: 2 ** 49,
  },
  {
    ...header,
    kind: 'synthetic-message',
    sint: 15,
    messageType: 0x80000010,
    outcome: 'waiting',
    reason: 'slot busy',
  },
  {
    ...header,
    kind: 'event-flag',
    sint: 2,
    flag: 2047,
    outcome: 'delivered',
    reason: '',
  },
  {
    ...header,
    kind: 'vmbus-message',
    direction: 'to-parent',
    payload: Uint8Array.from({ length: 240 }, (_, index) => index),
    refusal: '',
  },
  {
    ...header,
    kind: 'vmbus-message',
    direction: 'to-guest',
    payload: Uint8Array.of(),
    refusal: 'the channel is not open',
  },
  {
    ...header,
    kind: 'vmbus-packet',
    direction: 'to-guest',
    channel: 2047,
    classId: 'network-direct',
    transactionId: ones,
    packetType: 0xb,
    sizeBytes: 16_400,
    bytes: Uint8Array.from({ length: 512 }, (_, index) => index),
    refusal: '',
  },
  { ...header, kind: 'vmbus-signal', direction: 'to-parent', channel: 1, outcome: 'signalled' },
];

describe('trace log', () => {
  it('keeps as much of a long packet and of a long reason as there is room for', () => {
    const log = new TraceLog();
    log.record({
      ...header,
      kind: 'vmbus-packet',
      direction: 'to-parent',
      channel: 1,
      classId: 'scsi',
      transactionId: 1n,
      packetType: 6,
      sizeBytes: limits.tracePacketBytes + 60,
      bytes: new Uint8Array(limits.tracePacketBytes + 60).fill(0xab),
      refusal: 'x'.repeat(1000),
    });
    const [packet] = log.vmbusPackets.query(0, 1);
    assert.deepEqual(packet?.bytes, new Uint8Array(limits.tracePacketBytes).fill(0xab));
    assert.equal(packet.refusal.length, limits.traceReasonBytes);
  });

  it('drops the oldest packets, and counts them, where the newest need the room for their bytes', () => {
    const log = new TraceLog();
    const { traceVmbusPacketsBytes, tracePacketBytes } = limits;
    const fits = Math.floor(traceVmbusPacketsBytes / tracePacketBytes);
    const record = (position: number): void =>
      log.record({
        ...header,
        position,
        kind: 'vmbus-packet',
        direction: 'to-parent',
        channel: 1,
        classId: 'scsi',
        transactionId: 1n,
        packetType: 9,
        sizeBytes: tracePacketBytes,
        bytes: new Uint8Array(tracePacketBytes).fill(position),
        refusal: '',
      });
    const first = (): number | undefined => log.vmbusPackets.query(0, Infinity)[0]?.bytes[100];
    for (let position = 1; position <= fits + 3; position++) record(position);
    assert.equal(log.vmbusPackets.recorded, fits + 3);
    assert.equal(log.vmbusPackets.dropped, 3);
    assert.equal(first(), 4);
    log.hearFrom({ position: fits + 2, ordinal: -1 });
    for (const position of [fits + 2, fits + 3]) record(position);
    assert.equal(log.vmbusPackets.dropped, 3, 'the forgotten rows made room for these');
    assert.equal(first(), 4);
    record(fits + 4);
    assert.equal(first(), 5);
    assert.equal(log.vmbusPackets.at(log.vmbusPackets.recorded - 1)?.bytes[0], (fits + 4) & 0xff);
  });

  for (const event of events) {
    it(`keeps ${event.kind} with every field`, () => {
      const log = new TraceLog();
      const heard: TraceEvent[] = [];
      log.forwardTo({ record: (passed) => heard.push(passed) });
      log.record(event);
      const streams = [
        ...[log.exits, log.hypercalls, log.events, log.console, log.crashes, log.inputs],
        ...[log.syntheticMessages, log.eventFlags],
        ...[log.msrAccesses, log.interceptMessages, log.timerExpirations],
        ...[log.overlayChanges, log.scheduleSwitches],
        ...[log.vmbusMessages, log.vmbusPackets, log.vmbusSignals],
      ];
      assert.deepEqual(
        streams.flatMap((stream): readonly TraceEvent[] => stream.query(0, 9)),
        [event],
      );
      assert.deepEqual(heard, [event]);
    });
  }

  it('cuts a long input text', () => {
    const log = new TraceLog();
    log.record({ ...header, kind: 'input', input: 'x'.repeat(1000) });
    assert.equal(log.inputs.at(0)?.input.length, limits.traceInputTextBytes);
  });

  it('finds rows by identity, also after the oldest are gone', () => {
    const log = new TraceLog();
    const count = limits.traceOther + 100;
    for (let index = 0; index < count; index++) {
      const [position, ordinal] = [Math.floor(index / 3), index % 3];
      log.record({
        ...header,
        position,
        ordinal,
        kind: 'console',
        data: Uint8Array.of(index & 0xff),
      });
    }
    assert.deepEqual([log.console.recorded, log.console.dropped], [count, 100]);
    for (const index of [100, 101, 5000, count - 1]) {
      assert.equal(log.console.find(Math.floor(index / 3), index % 3), index);
    }
    assert.equal(log.console.find(0, 0), undefined);
    assert.equal(log.console.find(5000, 3), undefined);
    assert.deepEqual(
      log.console.query(0, 102).map((row) => row.position),
      [33, 33],
    );
    log.clear();
    assert.equal(log.console.recorded, 0);
  });
});
