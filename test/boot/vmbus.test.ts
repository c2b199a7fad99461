// VMBus under a stock kernel: its drivers bind without an error, the messages come in their order, the host is obeyed.
import assert from 'node:assert/strict';
import type { GuestOperation } from '../../debug-adapter/machine/guest-operation';
import { VmbusVersion } from '../../debug-adapter/spec/vmbus/messages';
import type { PhysicalMachine } from '../../debug-adapter/system/physical-machine';
import { ImageFolder } from '../support/disk-images';
import { compareFilters } from '../support/event-filters';
import { SeededRandom, seedOf } from '../support/seeded-random';
import {
  bootMachine,
  guestCommandLine,
  GuestConsole,
  kernelComplaints,
  runUntilShown,
} from './debian-guest';
import {
  ByteNotes,
  differences,
  measuredChannelBytes,
  measuredCommandBytes,
  measuredContactBytes,
  measuredPacketBytes,
  onManyProcessors,
  type MeasuredBytes,
} from './measured-bytes';
import {
  expectedHere,
  measuredContact,
  measuredDiskScan,
  measuredEmptyScan,
  measuredFirstPackets,
  measuredOpening,
  measuredScanOrder,
} from './measured-traffic';
import { BusNotes } from './said-on-the-bus';

const seed = seedOf(1_624);
const prompt = '# ';
const commandLine = `${guestCommandLine} hyperscope.modules=hyperv`;

interface BootedGuest {
  readonly machine: PhysicalMachine;
  readonly console: GuestConsole;
  readonly notes: BusNotes;
  readonly bytes: ByteNotes;
}

/** Boots to the shell with a disk of a megabyte. */
function boot(options: Parameters<typeof bootMachine>[0] = {}): BootedGuest {
  const folder = new ImageFolder();
  const path = folder.write('disk.raw', new Uint8Array(1 << 20));
  const machine = bootMachine({ commandLine, disks: [{ path, controller: 'scsi' }], ...options });
  const notes = new BusNotes();
  machine.trace.forwardTo(notes, ['hypercall', 'vmbus-message', 'vmbus-packet', 'vmbus-signal']);
  const bytes = new ByteNotes();
  machine.trace.forwardTo(bytes, ['vmbus-message', 'vmbus-packet']);
  const console = new GuestConsole(machine);
  const stop = runUntilShown(machine, console, prompt);
  folder.remove();
  assert.equal(stop, undefined, `${stop?.kind} at ${machine.position}:\n${console.end}`);
  return { machine, console, notes, bytes };
}

function ask(machine: PhysicalMachine, operation: DistributedOperation): void {
  const [{ id: partition } = { id: 0 }] = machine.guests;
  machine.accept({ ...operation, partition });
}

type DistributedOperation = GuestOperation extends infer Each
  ? Each extends GuestOperation
    ? Omit<Each, 'partition'>
    : never
  : never;

/** What a guest and its host said in other bytes than were measured, without a reason. */
function unmeasured(
  { contact, channels, packets }: ByteNotes,
  version: '5.3' | '4.1',
  asHere: (rows: readonly MeasuredBytes[]) => readonly MeasuredBytes[] = (rows) => rows,
): readonly string[] {
  return [
    ...differences(measuredContactBytes[version], contact),
    ...Object.entries(measuredChannelBytes).flatMap(([name, rows]) =>
      differences(asHere(rows), channels.get(name) ?? []),
    ),
    ...Object.entries(measuredPacketBytes).flatMap(([name, rows]) =>
      differences(rows, packets.get(name) ?? []),
    ),
    ...differences(measuredCommandBytes, packets.get('scsi') ?? []),
  ];
}

function phases(machine: PhysicalMachine): string[] {
  const [guest] = machine.guests;
  const view = machine.parent.integrationOf(guest?.id ?? 0);
  return (view?.components ?? []).map(({ name, phase, version }) => `${name} ${phase} ${version}`);
}

describe('VMBus of a Debian kernel', function () {
  this.timeout(240_000);
  let guest: BootedGuest;

  before(() => {
    guest = boot();
  });

  it('is found, and its drivers bind without an error', () => {
    const { text } = guest.console;
    assert.match(text, /hv_vmbus: Vmbus version:5\.3/);
    for (const component of ['Heartbeat IC version 3.0', 'Shutdown IC version 3.2']) {
      assert.ok(text.includes(`hv_utils: ${component}`), guest.console.end);
    }
    assert.match(text, /hv_utils: TimeSync IC version 4\.0/);
    assert.deepEqual(kernelComplaints(text), []);
  });

  it('has components that have agreed on versions; data exchange waits for its daemon', () => {
    assert.deepEqual(phases(guest.machine), [
      'heartbeat ready 3.0',
      'shutdown ready 3.2',
      'timesync ready 4.0',
      'kvp negotiating ',
      'vss ready 5.0',
      'fcopy ready 1.1',
    ]);
  });

  it('exchanges messages as they were measured, none of which is refused', () => {
    const { contact, openings, refusals } = guest.notes;
    assert.deepEqual(refusals, []);
    assert.deepEqual(contact, expectedHere(measuredContact['5.3']));
    for (const [name, rows] of Object.entries(measuredOpening)) {
      assert.deepEqual(openings.get(name), rows, name);
    }
  });

  it('exchanges packets as they were measured', () => {
    const { packets, commands } = guest.notes;
    for (const [name, rows] of Object.entries(measuredFirstPackets)) {
      assert.deepEqual(packets.get(name)?.slice(0, rows.length), rows, name);
    }
    const [disk = '', ...others] = measuredScanOrder;
    const expected = [
      ...expectedHere(measuredDiskScan).map((text) => `${disk} ${text}`),
      ...others.flatMap((at) => expectedHere(measuredEmptyScan).map((text) => `${at} ${text}`)),
    ];
    const said = commands.map(({ address, text }) => `${address} ${text}`);
    assert.deepEqual(said.slice(0, expected.length), expected);
  });

  it('says the bytes that were measured, but for those that have a reason to differ', () => {
    assert.equal(unmeasured(guest.bytes, '5.3').join('\n'), '');
  });

  it(`has events that a filter finds part by part as event by event, seed ${seed}`, () => {
    compareFilters(guest.machine.trace, new SeededRandom(seed), 2);
  });

  it('beats while the guest idles', () => {
    const { machine } = guest;
    const answers = (): number => {
      const detail = machine.parent.integrationOf(2)?.components[0]?.detail ?? '';
      return Number(/^OK \(applications unknown\), (\d+) answers$/.exec(detail)?.[1]);
    };
    const before = answers();
    machine.run({ maxSteps: 200_000_000, maxTimeNs: machine.timeNs + 9e9 });
    const beats = answers() - before;
    assert.ok(beats === 4 || beats === 5, `${beats} answers in 9 seconds, one every 2`);
  });

  it('shuts down when the host asks, and ends with 0', () => {
    const { machine, console } = guest;
    const saved = machine.save();
    ask(machine, { kind: 'guest-shutdown', action: 'shut-down' });
    const { stop } = machine.run({ maxSteps: 2_000_000_000 });
    assert.equal(stop.kind, 'guest-exit', console.end);
    assert.equal(stop.code, 0);
    assert.match(console.text, /reboot: Power down/);
    const end = machine.stateHash();
    const position = machine.position;
    machine.restore(saved);
    ask(machine, { kind: 'guest-shutdown', action: 'shut-down' });
    machine.run({ maxSteps: 2_000_000_000 });
    assert.deepEqual([machine.position, machine.stateHash()], [position, end]);
  });
});

describe('VMBus of a Debian kernel with an older host', function () {
  this.timeout(240_000);

  it('speaks version 4.1 on eight processors, by the connection of old and by monitor pages', () => {
    const { machine, console, notes, bytes } = boot({
      ...{ vmbusVersion: VmbusVersion.v4_1, processors: 8, vmbusMonitorNs: 100_000 },
    });
    machine.run({ maxSteps: 200_000_000, maxTimeNs: machine.timeNs + 5e6 });
    assert.ok(phases(machine).includes('shutdown ready 3.2'), phases(machine).join());
    assert.ok(notes.signals > notes.signalCalls, `${notes.signals}, ${notes.signalCalls} by calls`);
    assert.match(console.text, /hv_vmbus: Vmbus version:4\.1/);
    assert.deepEqual(notes.contact, expectedHere(measuredContact['4.1']));
    assert.deepEqual(notes.refusals, []);
    assert.deepEqual(notes.openings.get('kvp'), measuredOpening['kvp']);
    assert.equal(unmeasured(bytes, '4.1', onManyProcessors).join('\n'), '');
    assert.deepEqual(kernelComplaints(console.text), []);
  });
});
