// VMBus under a stock kernel: its drivers bind without an error, the messages come in their order, the host is obeyed.
import assert from 'node:assert/strict';
import type { GuestOperation } from '../../debug-adapter/machine/guest-operation';
import type { TraceEvent } from '../../debug-adapter/machine/trace';
import { channelMessageByType, VmbusVersion } from '../../debug-adapter/spec/vmbus/messages';
import type { PhysicalMachine } from '../../debug-adapter/system/physical-machine';
import { bootMachine, guestCommandLine, GuestConsole, runUntilShown } from './debian-guest';

const prompt = '# ';
const commandLine = `${guestCommandLine} hyperscope.modules=hyperv`;

interface BootedGuest {
  readonly machine: PhysicalMachine;
  readonly console: GuestConsole;
  /** `to-parent RequestOffers 0` for each channel message, with the word behind its header. */
  readonly messages: readonly string[];
  readonly refusals: readonly string[];
}

function boot(options: Parameters<typeof bootMachine>[0] = {}): BootedGuest {
  const machine = bootMachine({ commandLine, ...options });
  const messages: string[] = [];
  const refusals: string[] = [];
  const record = (event: TraceEvent): void => {
    if (event.kind !== 'vmbus-message') return;
    if (event.refusal !== '') refusals.push(event.refusal);
    const view = new DataView(event.payload.buffer, event.payload.byteOffset);
    const name = channelMessageByType.get(view.getUint32(0, true))?.name ?? 'unknown';
    const word = event.payload.length >= 12 ? view.getUint32(8, true) : 0;
    messages.push(`${event.direction} ${name} ${word}`);
  };
  machine.trace.forwardTo({ record }, ['vmbus-message']);
  const console = new GuestConsole(machine);
  const stop = runUntilShown(machine, console, prompt);
  assert.equal(stop, undefined, `${stop?.kind} at ${machine.position}:\n${console.end}`);
  return { machine, console, messages, refusals };
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

function phases(machine: PhysicalMachine): string[] {
  const [guest] = machine.guests;
  const view = machine.parent.integrationOf(guest?.id ?? 0);
  return (view?.components ?? []).map(({ name, phase, version }) => `${name} ${phase} ${version}`);
}

/** Messages about one channel, in their order. */
const ofChannel = (messages: readonly string[], relid: number): string[] =>
  messages
    .filter((message) => message.endsWith(` ${relid}`))
    .map((message) => message.replace(/ \d+$/, ''));

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
    const lines = text.split('\n').filter((line) => /hv_|hyperv|vmbus/i.test(line));
    assert.deepEqual(
      lines.filter((line) => /error|fail|unable|unknown|timeout|WARN/i.test(line)),
      [],
    );
    assert.doesNotMatch(text, /WARNING:|BUG:|Oops/);
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

  it('exchanges messages in the order of the protocol, none of which is refused', () => {
    assert.deepEqual(guest.refusals, []);
    const [contact, response, request, ...rest] = guest.messages;
    assert.deepEqual(
      [contact, response, request],
      [
        `to-parent InitiateContact ${VmbusVersion.v5_3}`,
        'to-guest VersionResponse 1',
        'to-parent RequestOffers 0',
      ],
    );
    const count = guest.machine.parent.integrationOf(2)?.components.length ?? 0;
    const names = rest.map((message) => message.split(' ')[1]);
    const offers = Array.from({ length: count }, () => 'OfferChannel');
    assert.deepEqual(names.slice(0, count + 1), [...offers, 'AllOffersDelivered']);
    for (let relid = 1; relid <= count; relid++) {
      assert.deepEqual(ofChannel(rest.slice(count + 1), relid), [
        'to-parent GpadlHeader',
        'to-guest GpadlCreated',
        'to-parent OpenChannel',
        'to-guest OpenChannelResult',
      ]);
    }
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

  it('speaks version 4.1 on eight processors, by the connection of old', () => {
    const { console, messages, refusals } = boot({
      vmbusVersion: VmbusVersion.v4_1,
      processors: 8,
    });
    assert.match(console.text, /hv_vmbus: Vmbus version:4\.1/);
    assert.equal(messages[0], `to-parent InitiateContact ${VmbusVersion.v4_1}`);
    assert.deepEqual(refusals, []);
  });
});
