/** The reason for a silence, of guests that are really kept waiting: read from the trace, and as the debugger explains it. */
import assert from 'node:assert/strict';
import { MemoryBlockFiles } from '../../../../debug-adapter/backends/block-source';
import {
  TrafficLog,
  type TrafficBus,
} from '../../../../debug-adapter/debugger/traffic/traffic-log';
import { webAssemblyCodeHost } from '../../../../debug-adapter/host/web-assembly-code-space';
import {
  channelMessageSint,
  ChannelMessageType,
} from '../../../../debug-adapter/spec/vmbus/messages';
import { ScsiOperation } from '../../../../debug-adapter/spec/scsi/commands';
import { PhysicalMachine } from '../../../../debug-adapter/system/physical-machine';
import { defaultCosts } from '../../../../debug-adapter/system/virtual-time-costs';
import { BusGuest, doneAt, statusAt, storagePackets } from '../../../support/bus-guest';
import { interruptGuest, variable } from '../../../support/interrupt-guest';

interface Run {
  readonly machine: PhysicalMachine;
  readonly buses: readonly TrafficBus[];
}

/** Time for what the parent does after the guest has done everything: a message's way, not a disk's. */
const settleSteps = 20_000;

function run(guest: BusGuest, settle = settleSteps): Run {
  const disks = [{ path: 'disk', controller: 'scsi' as const }];
  const options = { vmbus: true, disks };
  const configuration = {
    guests: [interruptGuest({ boot: guest.boot, options })],
    costs: defaultCosts,
  };
  const blockFiles = new MemoryBlockFiles(new Map([['disk', new Uint8Array(1 << 20)]]));
  const machine = new PhysicalMachine(configuration, { codeHost: webAssemblyCodeHost, blockFiles });
  for (let slices = 0; variable(machine, doneAt) === 0; slices++) {
    assert(slices < 1000, `the guest does not come to its end at ${machine.position}`);
    assert.equal(machine.run({ maxSteps: 500 }).stop.kind, 'budget');
  }
  machine.run({ maxSteps: settle });
  return { machine, buses: new TrafficLog(machine, () => () => undefined).buses().buses };
}

/** Numbers of channels by class, as a guest is offered them. */
const relids = new Map(
  run(new BusGuest().connect()).buses.flatMap(({ channels }) =>
    channels.map(({ className, relid }) => [className, relid] as const),
  ),
);
const relidOf = (className: string): number => {
  const relid = relids.get(className);
  assert(relid !== undefined, `${className} is offered`);
  return relid;
};
const connectionOf = (className: string): number => relidOf(className) | (channelMessageSint << 12);

interface Row {
  readonly title: string;
  readonly guest: () => BusGuest;
  /** What the trace has on record. */
  readonly recorded: (run: Run) => string | undefined;
  readonly reason: string;
  /** The channel that is explained; the bus where it is absent. */
  readonly className?: string;
  readonly explained: RegExp;
  readonly settle?: number;
}

const lastMessage = ({ machine }: Run): string | undefined => {
  const { syntheticMessages } = machine.trace;
  const last = syntheticMessages.at(syntheticMessages.recorded - 1);
  return `${last?.outcome}: ${last?.reason}`;
};

const lastFlag = ({ machine }: Run): string | undefined => {
  const { eventFlags } = machine.trace;
  const last = eventFlags.at(eventFlags.recorded - 1);
  return `${last?.outcome}: ${last?.reason}`;
};

const lastSignal = ({ machine }: Run): string | undefined => {
  const { vmbusSignals } = machine.trace;
  return vmbusSignals.at(vmbusSignals.recorded - 1)?.outcome;
};

const lastStatus = ({ machine }: Run): string =>
  `status ${variable(machine, statusAt) & 0xffff} and ${lastCall(machine)}`;

function lastCall({ trace: { hypercalls } }: PhysicalMachine): string {
  const call = hypercalls.at(hypercalls.recorded - 1);
  return `0x${call?.code.toString(16)} ${call?.status}`;
}

const openRequests = ({ buses }: Run): string =>
  `open: ${buses[0]?.channels.find(({ className }) => className === 'scsi')?.openRequests}`;

const rows: readonly Row[] = [
  {
    title: 'slot busy: it never frees the slot of the answer to its contact',
    guest: () => new BusGuest().synic().contact().requestOffers(),
    recorded: lastMessage,
    reason: 'waiting: slot busy',
    explained: /message to the guest waits: the guest has not emptied the slot/,
  },
  {
    title: 'SINT masked',
    guest: () => new BusGuest().synic({ isMasked: true }).contact(),
    recorded: lastMessage,
    reason: 'waiting: SINT masked',
    explained: /message to the guest waits: the guest has masked SINT2/,
  },
  {
    title: 'SCONTROL off',
    guest: () => new BusGuest().synic({ control: false }).contact(),
    recorded: lastMessage,
    reason: 'waiting: SCONTROL disabled',
    explained: /message to the guest waits: .*has not enabled its synthetic interrupt controller/,
  },
  {
    title: 'no page for messages',
    guest: () => new BusGuest().synic({ messagePage: false }).contact(),
    recorded: lastMessage,
    reason: 'waiting: no message page',
    explained: /message to the guest waits: the guest has no message page/,
  },
  {
    title: 'unknown connection: it posts to one that its parent has no port for',
    guest: () => {
      const guest = new BusGuest().synic();
      return guest.post(Uint8Array.of(14, 0, 0, 0), 0x77);
    },
    recorded: lastStatus,
    reason: 'status 18 and 0x5c 18',
    explained: /HvCallPostMessage .*HV_STATUS_INVALID_CONNECTION_ID.*no such connection/,
  },
  {
    title: 'unknown connection: it signals a channel that it has not opened',
    guest: () => new BusGuest().connect().signal(connectionOf('heartbeat')),
    recorded: lastStatus,
    reason: 'status 18 and 0x5d 18',
    explained: /HvCallSignalEvent to connection 0x2\d{3} .*HV_STATUS_INVALID_CONNECTION_ID/,
  },
  {
    title: 'the mask in the ring: the parent need not signal',
    guest: () =>
      new BusGuest().connect().ring('to-guest', { InterruptMask: 1 }).open(relidOf('heartbeat')),
    recorded: lastSignal,
    reason: 'no signal: the guest has masked interrupts in the ring',
    className: 'heartbeat',
    explained: /bytes wait for the guest; no signal: the guest has masked interrupts in the ring/,
  },
  {
    title: 'no page for event flags: the interrupt of a channel is lost',
    guest: () =>
      new BusGuest()
        .synic({ eventFlagsPage: false })
        .contact()
        .take(ChannelMessageType.versionResponse)
        .requestOffers()
        .take(ChannelMessageType.allOffersDelivered)
        .open(relidOf('heartbeat')),
    recorded: lastFlag,
    reason: 'dropped: no event flags page',
    className: 'heartbeat',
    explained: /last interrupt to the guest was lost: the guest has no event flags page/,
  },
  {
    title: 'channel not open',
    guest: () => new BusGuest().connect(),
    recorded: ({ buses }) => stateOf(buses, 'heartbeat'),
    reason: 'offered',
    className: 'heartbeat',
    explained: /No driver of the guest has opened the channel/,
  },
  {
    title: 'provider waiting: the disk has not come to the end of a command',
    guest: () =>
      new BusGuest()
        .connect()
        .packets(storagePackets([ScsiOperation.synchronizeCache10, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
        .open(relidOf('scsi')),
    recorded: openRequests,
    reason: 'open: 1',
    className: 'scsi',
    explained: /ExecuteSrb without an answer of the parent, for 0\.0 ms/,
    settle: 1000,
  },
];

function stateOf(buses: readonly TrafficBus[], className: string): string | undefined {
  return buses[0]?.channels.find((channel) => channel.className === className)?.state;
}

describe('a guest that is kept waiting', () => {
  for (const { title, guest, recorded, reason, className, explained, settle } of rows) {
    it(`is told why: ${title}`, () => {
      const done = run(guest(), settle);
      const [bus] = done.buses;
      const silence =
        className === undefined
          ? bus?.silence
          : bus?.channels.find((channel) => channel.className === className)?.silence;
      const texts = (silence ?? []).map(({ text }) => text).join('\n');
      assert.match(texts, explained);
      assert.equal(recorded(done), reason);
    });
  }
});
