/** The traffic log: order, requests with their answers, channels, filters, and the reason for a silence. */
import assert from 'node:assert/strict';
import { TrafficLadder } from '../../../../debug-adapter/debugger/traffic/traffic-ladder';
import { TrafficLog } from '../../../../debug-adapter/debugger/traffic/traffic-log';
import { ChannelMessageType } from '../../../../debug-adapter/spec/vmbus/messages';
import { ringHeader } from '../../../../debug-adapter/spec/vmbus/ring';
import { writeField } from '../../../../debug-adapter/support/struct-layout';
import { limits } from '../../../../debug-adapter/system/limits';
import { TraceLog } from '../../../../debug-adapter/system/trace-log';
import {
  channelMessage,
  ringPages,
  scsiRelid,
  TrafficWriter,
} from '../../../support/vmbus-traffic';

/** Guest memory in which rings stand as given, and nothing else. */
class RingMemory {
  private readonly pages = new Map<number, Uint8Array>();

  set(page: number, fields: Readonly<Record<string, number>>): void {
    const bytes = new Uint8Array(4096);
    for (const [name, value] of Object.entries(fields)) {
      writeField(ringHeader, bytes, name, BigInt(value));
    }
    this.pages.set(page, bytes);
  }

  read(gpa: number, length: number): Uint8Array | undefined {
    return (this.pages.get(gpa >>> 12) ?? new Uint8Array(4096)).slice(0, length);
  }
}

function logOf(
  writer: TrafficWriter,
  memory = new RingMemory(),
): { readonly log: TrafficLog; readonly trace: TraceLog } {
  const trace = new TraceLog();
  for (const event of writer.events) trace.record(event);
  // The log reads a guest's identity, name and memory.
  const guests = [{ id: 2, name: 'debian', memory }] as unknown as ConstructorParameters<
    typeof TrafficLog
  >[0]['guests'];
  const machine = { guests, position: Infinity, timeNs: 100_000, trace };
  return { log: new TrafficLog(machine, () => () => undefined), trace };
}

function conversation(): TrafficWriter {
  const writer = new TrafficWriter();
  writer.connect();
  writer.open();
  writer.request(1);
  writer.signal('to-parent');
  writer.request(2, 512);
  writer.complete(2, 512);
  writer.signal('to-guest');
  return writer;
}

const first = { start: 0, count: 100 };

describe('traffic log', () => {
  it('has messages, packets and signals in one order', () => {
    const { log } = logOf(conversation());
    const { rows, total, recorded } = log.query(first.start, first.count, {});
    assert.equal(total, 14);
    assert.equal(recorded, 14);
    assert.deepEqual(
      rows.map(({ name }) => name),
      [
        ...['InitiateContact', 'VersionResponse', 'RequestOffers', 'OfferChannel'],
        ...['AllOffersDelivered', 'GpadlHeader', 'GpadlCreated', 'OpenChannel'],
        ...['OpenChannelResult', 'ExecuteSrb', 'signal', 'ExecuteSrb'],
        ...['ExecuteSrb completion', 'signal'],
      ],
    );
  });

  it('joins answers with their requests, out of order too, and measures', () => {
    const { log } = logOf(conversation());
    const { rows } = log.query(first.start, first.count, { kinds: ['vmbus-packet'] });
    const [open, request, answer] = rows;
    assert.equal(open?.isOpen, true);
    assert.equal(request?.isOpen, false);
    assert.equal(request.partner, answer?.id);
    assert.equal(answer?.partner, request.id);
    assert.equal(answer.latencyNs, 1000);
    assert.match(answer.facts, /DataTransferLength=512/);
    const created = log.query(6, 1, {}).rows[0];
    assert.equal(created?.latencyNs, 1000);
  });

  for (const [text, names] of [
    ['executesrb', ['ExecuteSrb', 'ExecuteSrb', 'ExecuteSrb completion']],
    ['DataTransferLength>512', ['ExecuteSrb']],
    ['datatransferlength=0x200', ['ExecuteSrb', 'ExecuteSrb completion']],
    ['DataDirection=read DataTransferLength=512', ['ExecuteSrb']],
    ['InterfaceType=ba6163d9-04a1-4d29-b605-72e2ffb1dc7f', ['OfferChannel']],
    ['Status=success to-guest', ['GpadlCreated', 'OpenChannelResult', 'ExecuteSrb completion']],
    ['NoSuchField=1', []],
  ] as const) {
    it(`finds "${text}"`, () => {
      const { log } = logOf(conversation());
      const { rows } = log.query(first.start, first.count, { text });
      assert.deepEqual(
        rows.map(({ name }) => name),
        names,
      );
    });
  }

  it('finds the same by values that another filter has looked up, and by those of rows that came since', () => {
    const writer = conversation();
    const { log, trace } = logOf(writer);
    const total = (text: string): number => log.query(0, 100, { text }).total;
    assert.equal(total('DataTransferLength>0'), 3);
    assert.equal(total('DataTransferLength>512'), 1);
    assert.equal(total('DataTransferLength=512 SrbStatus=1'), 1);
    writer.complete(1);
    for (const event of writer.events.slice(-1)) trace.record(event);
    assert.equal(total('DataTransferLength=512'), 2);
    assert.equal(total('DataTransferLength=4096'), 2);
    // The past is left behind the first request, so that other rows have the numbers of those that were looked up.
    trace.hearFrom({ position: 10, ordinal: 0 });
    const [request] = writer.events.slice(9, 10);
    assert(request);
    trace.record({ ...request, position: 11, timeNs: 11_000 });
    assert.equal(total('DataTransferLength=4096'), 2);
    assert.equal(total('DataTransferLength=512'), 0);
  });

  it('restricts to channels, of which 0 is the bus itself', () => {
    const { log } = logOf(conversation());
    assert.equal(log.query(0, 100, { channels: [0] }).total, 4);
    assert.equal(log.query(0, 100, { channels: [scsiRelid] }).total, 10);
    assert.equal(log.query(0, 100, { partition: 3 }).total, 0);
  });

  it('says where a row stands among those that pass a filter', () => {
    const { log } = logOf(conversation());
    const { rows: all } = log.query(first.start, first.count, {});
    for (const filter of [{}, { channels: [scsiRelid] }, { text: 'completion' }]) {
      const ids = log.query(first.start, first.count, filter).rows.map(({ id }) => id);
      for (const { id } of all) {
        const index = ids.indexOf(id);
        const place = index < 0 ? { total: ids.length } : { index, total: ids.length };
        assert.deepEqual(log.place(id, filter), place, `${id} in ${JSON.stringify(filter)}`);
      }
    }
    for (const id of ['0.7', '999.0', '', 'nonsense']) {
      assert.deepEqual(log.place(id, {}), { total: all.length }, id);
    }
  });

  it('grows with the trace, and starts over where the past was left', () => {
    const writer = conversation();
    const { log, trace } = logOf(writer);
    assert.equal(log.query(0, 100, {}).total, 14);
    writer.complete(1);
    const added = writer.events.at(-1);
    assert(added);
    trace.record(added);
    assert.equal(log.query(0, 100, {}).total, 15);
    trace.hearFrom({ position: 9, ordinal: 9 });
    trace.record({ ...added, position: 10, timeNs: 10_000 });
    const { rows, total } = log.query(0, 100, {});
    assert.equal(total, 10);
    assert.equal(rows.at(-1)?.name, 'CompleteIo', 'its request is of another future');
  });

  it('shows a row in full: bytes, tree, and what belongs to it', () => {
    const { log } = logOf(conversation());
    const answer = log.query(12, 1, {}).rows[0];
    assert(answer);
    const detail = log.detail(answer.id);
    assert.equal(detail?.bytes.length, 80 * 2);
    assert.equal(detail.partner?.name, 'ExecuteSrb');
    const payload = detail.nodes.find(({ name }) => name === 'VstorCompletion');
    const length = payload?.children.find(({ name }) => name === 'DataTransferLength');
    assert.deepEqual([length?.text, length?.offset, length?.sizeBytes], ['512', 16 + 12 + 12, 4]);
    assert.equal(log.detail('77.0'), undefined);
    assert.equal(log.detail('nonsense'), undefined);
  });

  it('survives rows that the ring has dropped, and has the others found', () => {
    const writer = new TrafficWriter();
    writer.connect();
    writer.open();
    const more = 5000;
    writer.request(0);
    const { log, trace } = logOf(writer);
    const request = writer.events.at(-1);
    assert(request?.kind === 'vmbus-packet');
    for (let id = 1; id < limits.traceVmbusPackets + more; id++) {
      const { position } = request;
      trace.record({ ...request, position: position + id, transactionId: BigInt(id) });
    }
    while (!log.query(0, 20, {}).isComplete);
    const { total, dropped, rows } = log.query(0, 20, {});
    assert.equal(total, 9 + limits.traceVmbusPackets);
    assert.equal(dropped, more);
    assert.equal(trace.vmbusPackets.dropped, more);
    assert.equal(rows[8]?.name, 'OpenChannelResult');
    // So many rows are asked about in parts.
    const filter = { text: 'DataTransferLength=4096' };
    assert.equal(log.query(0, 1, filter).isComplete, false);
    const newest = log.query(total - 1, 1, {}).rows[0]?.id ?? '';
    assert.equal(log.place(newest, filter).index, limits.traceVmbusPackets - 1);
    const { isComplete, total: passing } = log.query(0, 1, filter);
    assert.deepEqual([isComplete, passing], [true, limits.traceVmbusPackets]);
  }).timeout(60_000);

  it('takes in a full trace in parts, each with the rows so far', () => {
    const writer = new TrafficWriter();
    writer.connect();
    writer.open();
    for (let id = 1; id <= 35_000; id++) {
      writer.request(id);
      writer.complete(id);
    }
    const { log } = logOf(writer);
    const filter = { text: 'ExecuteSrb' };
    const parts = Array.from({ length: 5 }, () => log.query(0, 1, filter));
    assert.deepEqual(
      parts.map(({ isComplete, kept, dropped }) => [isComplete, kept, dropped]),
      [16_384, 32_768, 49_152, 65_536, 70_009].map((kept) => [kept === 70_009, kept, 0]),
    );
    const totals = parts.map(({ total }) => total);
    assert.deepEqual(
      totals,
      [...totals].sort((a, b) => a - b),
    );
    assert.equal(totals.at(-1), 70_000);
    const channels = logOf(writer).log;
    for (let part = 0; part < 4; part++) assert.equal(channels.buses().isComplete, false);
    const { isComplete, buses } = channels.buses();
    assert.equal(isComplete, true);
    assert.equal(buses[0]?.channels.find(({ relid }) => relid === scsiRelid)?.sent, 35_000);
  }).timeout(20_000);
});

describe('reason for a silence', () => {
  const channelReasons = (writer: TrafficWriter, memory?: RingMemory): readonly string[] => {
    const [bus] = logOf(writer, memory).log.buses().buses;
    const channel = bus?.channels.find(({ relid }) => relid === scsiRelid);
    return channel?.silence.map(({ text }) => text) ?? [];
  };
  const busReasons = (writer: TrafficWriter): readonly string[] =>
    logOf(writer)
      .log.buses()
      .buses.flatMap(({ silence }) => silence.map(({ text }) => text));
  const opened = (): TrafficWriter => {
    const writer = new TrafficWriter();
    writer.connect();
    writer.open();
    return writer;
  };
  const T = ChannelMessageType;

  it('is told of a guest that has said nothing', () => {
    assert.match(busReasons(new TrafficWriter())[0] ?? '', /has not contacted/);
  });

  it('is told of versions that the parent does not speak', () => {
    const writer = new TrafficWriter();
    for (const version of [0x60000, 0x50003]) {
      writer.message('to-parent', channelMessage(T.initiateContact, { VersionRequested: version }));
      writer.message('to-guest', channelMessage(T.versionResponse));
    }
    assert.match(busReasons(writer)[0] ?? '', /none of the versions.*6\.0, 5\.3/);
  });

  for (const [reason, expected] of [
    ['slot busy', /has not emptied the slot/],
    ['SINT masked', /has masked SINT2/],
    ['SCONTROL disabled', /SCONTROL/],
    ['no message page', /SIMP/],
  ] as const) {
    it(`is told of a message that waits: ${reason}`, () => {
      const writer = new TrafficWriter();
      writer.connect();
      writer.add({
        kind: 'synthetic-message',
        ...{ sint: 2, messageType: 1, outcome: 'waiting', reason },
      });
      assert.match(busReasons(writer)[0] ?? '', expected);
    });
  }

  it('is told of a channel that no driver opened', () => {
    const writer = new TrafficWriter();
    writer.connect();
    assert.match(channelReasons(writer)[0] ?? '', /No driver/);
  });

  for (const [name, type, expected] of [
    ['closed', T.closeChannel, /guest has closed/],
    ['rescinded', T.rescindChannelOffer, /taken the offer back/],
    ['released', T.relIdReleased, /channel is gone/],
  ] as const) {
    it(`is told of a channel that was ${name}`, () => {
      const writer = opened();
      writer.message('to-parent', channelMessage(type, { ChildRelId: scsiRelid }));
      assert.match(channelReasons(writer)[0] ?? '', expected);
    });
  }

  it('is told of a channel that the parent refused to open', () => {
    const writer = new TrafficWriter();
    writer.connect();
    writer.message(
      'to-guest',
      channelMessage(T.openChannelResult, { ChildRelId: scsiRelid, Status: 0x8000ffff }),
    );
    assert.match(channelReasons(writer)[0] ?? '', /refused to open/);
  });

  it('is told of an interrupt that was lost', () => {
    const writer = opened();
    writer.add({
      kind: 'event-flag',
      ...{ sint: 2, flag: scsiRelid, outcome: 'dropped', reason: 'no event flags page' },
    });
    assert.match(channelReasons(writer)[0] ?? '', /interrupt to the guest was lost.*SIEFP/);
  });

  it('is told of bytes for the guest that it was not signalled for', () => {
    const writer = opened();
    writer.signal('to-guest', 'no signal: the guest has masked interrupts in the ring');
    const memory = new RingMemory();
    memory.set(ringPages[2] ?? 0, { WriteIndex: 96, ReadIndex: 8, InterruptMask: 1 });
    assert.match(channelReasons(writer, memory)[0] ?? '', /88 bytes wait for the guest; no signal/);
  });

  it('is told of a full ring, and of bytes for the parent', () => {
    const memory = new RingMemory();
    memory.set(ringPages[0] ?? 0, { WriteIndex: 80, ReadIndex: 0 });
    memory.set(ringPages[2] ?? 0, { WriteIndex: 0, ReadIndex: 8, PendingSendSize: 80 });
    const reasons = channelReasons(opened(), memory).join('\n');
    assert.match(reasons, /full: 80 free bytes/);
    assert.match(reasons, /80 bytes wait for the parent, which was not signalled/);
  });

  it('is told of a channel that the parent has given up', () => {
    const writer = opened();
    writer.signal('to-parent', 'given up: the write index is odd');
    assert.match(channelReasons(writer)[0] ?? '', /serves the channel no more.*odd/);
  });

  it('is told of a request without its completion', () => {
    const writer = opened();
    writer.request(1);
    assert.match(channelReasons(writer)[0] ?? '', /ExecuteSrb without an answer of the parent/);
    writer.complete(1);
    assert.match(channelReasons(writer)[0] ?? '', /Nothing is outstanding/);
  });

  it('says so where nobody has sent anything', () => {
    assert.match(channelReasons(opened())[0] ?? '', /Nobody has sent/);
  });

  it('is not misled by rings that cannot be right', () => {
    const memory = new RingMemory();
    memory.set(ringPages[0] ?? 0, { WriteIndex: 0xffffffff, ReadIndex: 0 });
    const [bus] = logOf(opened(), memory).log.buses().buses;
    const channel = bus?.channels.find(({ relid }) => relid === scsiRelid);
    assert.equal(channel?.toParent, undefined);
    assert.equal(channel?.toGuest?.sizeBytes, 4096);
  });
});

describe('ladder of traffic', () => {
  it('says what an answer answers, and how long it took', () => {
    const ladder = new TrafficLadder();
    const lines = conversation().events.flatMap((event) =>
      event.kind === 'vmbus-message' || event.kind === 'vmbus-packet'
        ? [ladder.describe(event)]
        : [],
    );
    assert.match(lines[1] ?? '', /^← VersionResponse {2}VersionSupported=yes {2}\(1\.0 µs\)$/);
    assert.match(lines[9] ?? '', /^→ \[6 scsi\] ExecuteSrb {2}.*DataTransferLength=4096/);
    assert.match(
      lines.at(-1) ?? '',
      /^← \[6 scsi\] ExecuteSrb completion {2}.*DataTransferLength=512.*\(1\.0 µs\)$/,
    );
  });
});

describe('commands to disks', () => {
  it('are found by their names and blocks', () => {
    const { log } = logOf(conversation());
    for (const [text, total] of [
      ['OperationCode=Read10', 2],
      ['OperationCode=Write10', 0],
      ['OperationCode=Read10 TransferLength=8', 2],
      ['LogicalBlockAddress>0', 0],
    ] as const) {
      assert.equal(log.query(0, 100, { text }).total, total, text);
    }
    const [row] = log.query(0, 1, { text: 'OperationCode=Read10' }).rows;
    assert.match(row?.facts ?? '', /^OperationCode=Read10 TransferLength=8 /);
  });
});

describe('channels in the past', () => {
  const writer = conversation();
  const { trace } = logOf(writer);
  const machine = {
    ...{ guests: [], position: Infinity, timeNs: 100_000, trace },
    guests: [
      { id: 2, name: 'debian', memory: new RingMemory() },
    ] as unknown as ConstructorParameters<typeof TrafficLog>[0]['guests'],
  };
  const log = new TrafficLog(machine, () => () => undefined);
  const last = writer.events.at(-1)?.position ?? 0;
  /** The channel's state, its packets and its open requests where the machine stands. */
  const at = (position: number): string => {
    machine.position = position;
    const channel = log.buses().buses[0]?.channels.find(({ relid }) => relid === scsiRelid);
    if (channel === undefined) return 'none';
    return `${channel.state} ${channel.sent}/${channel.received} ${channel.openRequests}`;
  };

  for (const [position, expected] of [
    [last, 'open 2/1 1'],
    [3, 'none'],
    [4, 'offered 0/0 0'],
    [8, 'opening 0/0 0'],
    [9, 'open 0/0 0'],
    [10, 'open 1/0 1'],
    [12, 'open 2/0 2'],
    [5, 'offered 0/0 0'],
    [13, 'open 2/1 1'],
  ] as const) {
    it(`are as they were at position ${position}`, () => {
      assert.equal(at(position), expected);
    });
  }

  it('and the rows are all there', () => {
    machine.position = 3;
    assert.equal(log.query(0, 100, {}).total, writer.events.length);
  });
});
