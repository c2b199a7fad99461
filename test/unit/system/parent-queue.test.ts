// The parent works from a queue (invariant 6): its providers never run while a hypercall of a guest is being handled.
import assert from 'node:assert/strict';
import { MemoryBlockFiles } from '../../../debug-adapter/backends/block-source';
import { TrafficLog } from '../../../debug-adapter/debugger/traffic/traffic-log';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import type { TraceEvent } from '../../../debug-adapter/machine/trace';
import { ScsiOperation } from '../../../debug-adapter/spec/scsi/commands';
import { hypercallByName } from '../../../debug-adapter/spec/tlfs/hypercalls';
import { Status } from '../../../debug-adapter/spec/tlfs/status-codes';
import { channelMessageSint } from '../../../debug-adapter/spec/vmbus/messages';
import { ExitReasonNumber } from '../../../debug-adapter/spec/x86/exit-reasons';
import { present } from '../../../debug-adapter/support/assert';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { defaultCosts } from '../../../debug-adapter/system/virtual-time-costs';
import { BusGuest, doneAt, storagePackets } from '../../support/bus-guest';
import { interruptGuest, variable } from '../../support/interrupt-guest';

const guestId = 2;
const [postMessage, signalEvent] = ['HvCallPostMessage', 'HvCallSignalEvent'].map(
  (name) => present(hypercallByName.get(name), name).code,
);

interface Run {
  readonly machine: PhysicalMachine;
  /** Everything that has happened, in its order. */
  readonly events: readonly TraceEvent[];
}

function run(guest: BusGuest): Run {
  const options = { vmbus: true, disks: [{ path: 'disk', controller: 'scsi' as const }] };
  const guests = [interruptGuest({ boot: guest.boot, options })];
  const blockFiles = new MemoryBlockFiles(new Map([['disk', new Uint8Array(1 << 20)]]));
  const ports = { codeHost: webAssemblyCodeHost, blockFiles };
  const machine = new PhysicalMachine({ guests, costs: defaultCosts }, ports);
  const events: TraceEvent[] = [];
  machine.trace.forwardTo({ record: (event) => void events.push(event) });
  const last = machine.position + 500_000;
  while (variable(machine, doneAt) === 0) {
    assert.ok(machine.position < last, 'the guest comes to its end');
    machine.run({ maxSteps: 500 });
  }
  machine.run({ maxSteps: 300_000 });
  return { machine, events };
}

/** Number of the storage controller's channel. */
function storageChannel(): number {
  const { machine } = run(new BusGuest().connect());
  const [bus] = new TrafficLog(machine, () => () => undefined).buses().buses;
  const channel = bus?.channels.find(({ className }) => className === 'scsi');
  return present(channel, 'storage controller').relid;
}

describe('the queue of the parent', () => {
  const relid = storageChannel();
  const inquiry = storagePackets([ScsiOperation.inquiry, 0, 0, 0, 36, 0]);
  const connection = relid | (channelMessageSint << 12);
  const { events } = run(new BusGuest().connect().open(relid).packets(inquiry).signal(connection));

  it('is worked off after the hypercall that put something into it, never inside', () => {
    let handled: TraceEvent | undefined;
    let crossed = 0;
    for (const event of events) {
      if (event.partition !== guestId) continue;
      if (event.kind === 'vm-exit' && event.reason === ExitReasonNumber.VMCALL) handled = event;
      else if (event.kind === 'hypercall') handled = undefined;
      else if (event.kind.startsWith('vmbus-')) {
        assert.equal(handled, undefined, `${event.kind} at ${event.position} in a hypercall`);
        crossed++;
      }
    }
    assert.ok(crossed > 20, `${crossed} messages, packets and signals`);
  });

  it('has each message of the guest behind the hypercall that posted it, in the same order', () => {
    const posts = events.filter(
      (event) =>
        event.kind === 'hypercall' && event.code === postMessage && event.status === Status.success,
    );
    const messages = events.filter(
      (event) => event.kind === 'vmbus-message' && event.direction === 'to-parent',
    );
    assert.ok(messages.length > 3);
    assert.equal(messages.length, posts.length);
    for (const [index, message] of messages.entries()) {
      const post = present(posts[index], 'its hypercall');
      assert.ok(events.indexOf(post) < events.indexOf(message));
      const next = posts[index + 1];
      assert.ok(next === undefined || events.indexOf(message) < events.indexOf(next));
    }
  });

  it('has the packets of the guest behind the signal that told of them', () => {
    const signal = events.findIndex(
      (event) => event.kind === 'hypercall' && event.code === signalEvent,
    );
    const packets = events.flatMap((event, at) =>
      event.kind === 'vmbus-packet' && event.channel === relid && event.direction === 'to-parent'
        ? [at]
        : [],
    );
    assert.equal(packets.length, inquiry.length);
    assert.ok(packets.every((at) => at > signal));
  });
});
