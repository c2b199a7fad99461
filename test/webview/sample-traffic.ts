// VMBus traffic for the panel's tests: a decoded conversation of any length, without the trace behind it.
import { TrafficLog } from '../../debug-adapter/debugger/traffic/traffic-log';
import type {
  TrafficBusesBody,
  TrafficBody,
  TrafficDetailBody,
  TrafficFilter,
  TrafficRow,
} from '../../debug-adapter/protocol/traffic';
import type { PlaceBody } from '../../debug-adapter/protocol/log-places';
import { ringHeader } from '../../debug-adapter/spec/vmbus/ring';
import { writeField } from '../../debug-adapter/support/struct-layout';
import { TraceLog } from '../../debug-adapter/system/trace-log';
import { ringPages, TrafficWriter } from '../support/vmbus-traffic';

/** What the page is answered from. */
export interface TrafficSample {
  query(start: number, count: number, filter: TrafficFilter): TrafficBody;
  place(id: string, filter: TrafficFilter): PlaceBody;
  detail(id: string): TrafficDetailBody | undefined;
  buses(): TrafficBusesBody;
}

/** Guest memory with the rings of the conversation, the one to the guest half full. */
function ringMemory(): { read(gpa: number, length: number): Uint8Array | undefined } {
  const toGuest = new Uint8Array(4096);
  writeField(ringHeader, toGuest, 'WriteIndex', 1800n);
  const [, , page = 0] = ringPages;
  return {
    read: (gpa, length) => (gpa >>> 12 === page ? toGuest : new Uint8Array(4096)).slice(0, length),
  };
}

/** A real log over `requests` reads of a SCSI disk, the last two of which have no answer. */
export function conversation(requests: number): TrafficLog {
  const writer = new TrafficWriter();
  writer.connect();
  writer.open();
  for (let id = 1; id <= requests; id++) {
    writer.request(id, 512 * (1 + (id % 16)));
    writer.signal('to-parent');
    if (id > requests - 2) continue;
    writer.complete(id, 512 * (1 + (id % 16)));
    writer.signal('to-guest', id % 3 === 0 ? 'no signal: the ring was not empty' : 'signalled');
  }
  const trace = new TraceLog();
  for (const event of writer.events) trace.record(event);
  const { timeNs } = writer.events.at(-1) ?? { timeNs: 0 };
  // The log reads a guest's identity, name and memory.
  const guests = [
    { id: 2, name: 'debian', memory: ringMemory() },
  ] as unknown as ConstructorParameters<typeof TrafficLog>[0]['guests'];
  const machine = { guests, trace, position: Infinity, timeNs: timeNs + 2e6 };
  return new TrafficLog(machine, () => () => undefined);
}

/** Rows made as they are asked for: as many as nobody would keep. */
export class EndlessTraffic implements TrafficSample {
  constructor(public recorded: number) {}

  private row(index: number): TrafficRow {
    const isAnswer = index % 2 === 1;
    return {
      id: `${index}.0`,
      kind: 'vmbus-packet',
      position: index,
      timeNs: index * 1000,
      partition: 2,
      processor: 0,
      direction: isAnswer ? 'to-guest' : 'to-parent',
      channel: 6,
      className: 'scsi',
      name: isAnswer ? 'ExecuteSrb completion' : 'ExecuteSrb',
      facts: `DataTransferLength=${512 * (1 + (index % 16))} Row=${index}`,
      sizeBytes: 80,
      refusal: '',
      ...(isAnswer ? { latencyNs: 1000, partner: `${index - 1}.0` } : {}),
      isOpen: false,
    };
  }

  query(start: number, count: number): TrafficBody {
    const end = Math.min(start + count, this.recorded);
    const rows = Array.from({ length: Math.max(end - start, 0) }, (_, at) => this.row(start + at));
    const { recorded } = this;
    const counts = { total: recorded, recorded, dropped: 0, kept: recorded };
    return { ...counts, isComplete: true, rows };
  }

  place(id: string): PlaceBody {
    return { index: Number(id.split('.')[0]), total: this.recorded };
  }

  detail(): TrafficDetailBody | undefined {
    return undefined;
  }

  buses(): TrafficBusesBody {
    return { isComplete: true, buses: [] };
  }
}
