// Integration components end to end: Debian's own daemons answer, and a stock kernel obeys.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { GuestRequest } from '../../debug-adapter/debugger/guest-integration';
import type { PhysicalMachine } from '../../debug-adapter/system/physical-machine';
import { SeededRandom, seedOf } from '../support/seeded-random';
import { bootMachine, guestCommandLine, GuestConsole, runUntilShown } from './debian-guest';

const prompt = '# ';
const partition = 2;
const commandLine = `${guestCommandLine} hyperscope.modules=hyperv hyperscope.daemons`;

describe('integration components of a Debian userland', function () {
  this.timeout(240_000);
  let machine: PhysicalMachine;
  let console: GuestConsole;

  before(() => {
    machine = bootMachine({ commandLine });
    console = new GuestConsole(machine);
    const stop = runUntilShown(machine, console, prompt);
    assert.equal(stop, undefined, `${stop?.kind} at ${machine.position}:\n${console.end}`);
    settle();
  });

  function component(name: string): { phase: string; isBusy: boolean; detail: string } {
    const components = machine.parent.integrationOf(partition)?.components ?? [];
    const found = components.find((candidate) => candidate.name === name);
    assert.ok(found !== undefined, name);
    return found;
  }

  /** Lets the guest answer everything that it has been asked for. */
  function settle(): void {
    for (let round = 0; round < 200; round++) {
      machine.run({ maxSteps: 20_000_000, maxTimeNs: machine.timeNs + 50e6 });
      if (!['kvp', 'vss', 'fcopy', 'timesync'].some((name) => component(name).isBusy)) return;
    }
    assert.fail(`the guest does not answer:\n${console.end}`);
  }

  function ask(request: GuestRequest): void {
    machine.accept({ ...request, partition });
  }

  /** Types a line and answers what the guest says up to its next prompt. */
  function typed(line: string): string {
    const from = console.text.length;
    const data = new TextEncoder().encode(`${line}; echo 'all' 'said'\n`);
    machine.accept({ kind: 'console-input', partition, data });
    assert.equal(runUntilShown(machine, console, 'all said', 500_000_000), undefined, console.end);
    return console.text.slice(from);
  }

  it('are all ready', () => {
    const components = machine.parent.integrationOf(partition)?.components ?? [];
    assert.deepEqual(
      components.map(({ name, phase, version }) => `${name} ${phase} ${version}`),
      [
        ...['heartbeat ready 3.0', 'shutdown ready 3.2', 'timesync ready 4.0', 'kvp ready 4.0'],
        ...['vss ready 5.0', 'fcopy ready 1.1'],
      ],
    );
  });

  it('tell what the guest is', () => {
    const data = machine.parent.integrationOf(partition)?.data ?? [];
    const value = (key: string): string | undefined => data.find((item) => item.key === key)?.value;
    assert.equal(value('OSName'), 'Debian GNU/Linux');
    assert.equal(value('OSMajorVersion'), '12');
    assert.match(value('OSBuildNumber') ?? '', /^6\.1\.0-\d+-cloud-amd64$/);
    assert.equal(value('ProcessorArchitecture'), 'x86_64');
    assert.equal(data.length, 10);
  });

  it('give the guest pairs, and take them back', () => {
    ask({ kind: 'guest-data-set', key: 'colour', value: 'blue' });
    settle();
    const pools = 'cat /var/lib/hyperv/.kvp_pool_0 /var/lib/hyperv/.kvp_pool_3 | strings';
    assert.match(typed(pools), /colour\s+blue[^]*VirtualMachineName\s+debian/);
    ask({ kind: 'guest-data-delete', key: 'colour' });
    settle();
    assert.doesNotMatch(typed(pools), /blue/);
    assert.match(component('kvp').detail, /0 requests wait$/);
  });

  it('know an adapter by its MAC address when asked, by its device when told', () => {
    const query = (adapter: string): void => {
      ask({ kind: 'guest-address-query', adapter });
      settle();
    };
    // The loopback adapter is the only one; the daemon finds it, and tells no loopback addresses.
    query('00:00:00:00:00:00');
    assert.match(component('kvp').detail, /0 requests wait$/);
    const told = machine.parent.integrationOf(partition)?.adapters ?? [];
    assert.deepEqual(
      told.map(({ adapter, addresses }) => [adapter, addresses]),
      [['00:00:00:00:00:00', '']],
    );
    query('00:15:5D:00:00:01');
    // The daemon looks for the MAC address in /sys/class/net, and fails where it has looked in vain.
    assert.match(component('kvp').detail, /last status 0x80004005/);
    ask({
      ...{ kind: 'guest-address-set', adapter: '{00000000-0000-0000-0000-000000000000}' },
      ...{ assignment: 'static', addresses: '10.0.0.2', subnetMasks: '255.0.0.0' },
      ...{ gateways: '', dnsServers: '' },
    });
    settle();
    // Here it looks for the instance of a device on the bus.
    assert.match(component('kvp').detail, /last status 0x80041002 \(no such adapter\)$/);
  });

  it('copy a file into the guest', () => {
    const data = Uint8Array.from({ length: 20_000 }, (_, index) => (index * 31 + 7) % 251);
    ask({ kind: 'guest-file-copy', path: '/tmp/from/host.bin', data });
    settle();
    assert.equal(component('fcopy').detail, '/tmp/from/host.bin: copied, 20000 bytes');
    const hash = createHash('md5').update(data).digest('hex');
    assert.ok(typed('md5sum /tmp/from/host.bin').includes(hash), console.end);
  });

  it('freeze and thaw', () => {
    ask({ kind: 'guest-freeze' });
    settle();
    assert.equal(component('vss').detail, 'frozen');
    ask({ kind: 'guest-thaw' });
    settle();
    assert.equal(component('vss').detail, 'thawed');
  });

  it('restart the guest, which finds its bus again', () => {
    const from = console.text.length;
    ask({ kind: 'guest-shutdown', action: 'restart' });
    const stop = runUntilShown(machine, console, 'HYPERSCOPE-GUEST-READY');
    assert.equal(stop?.kind, 'guest-restart', console.end);
    assert.equal(runUntilShown(machine, console, prompt), undefined, console.end);
    settle();
    assert.match(console.text.slice(from), /reboot: [^]*hv_vmbus: Vmbus version:5\.3/);
    assert.equal(component('kvp').phase, 'ready');
  });

  it('leave the same state behind when it is saved and restored after all that', () => {
    const hash = machine.stateHash();
    machine.restore(machine.save());
    assert.equal(machine.stateHash(), hash);
  });

  it('do the same however the run is sliced', () => {
    const seed = seedOf(61);
    const random = new SeededRandom(seed);
    const saved = machine.save();
    const endNs = machine.timeNs + 1e9;
    const endOf = (sliceSteps: () => number): string => {
      machine.restore(saved);
      ask({ kind: 'guest-data-query' });
      ask({ kind: 'guest-freeze' });
      ask({ kind: 'guest-file-copy', path: '/tmp/y', data: new Uint8Array(30_000) });
      while (machine.timeNs < endNs) {
        const { stop } = machine.run({ maxSteps: sliceSteps(), maxTimeNs: endNs });
        if (stop.kind === 'time') break;
      }
      return `${machine.position} ${machine.stateHash()}`;
    };
    const whole = endOf(() => 1e9);
    assert.equal(
      endOf(() => 1 + random.below(100_000)),
      whole,
      `seed ${seed}`,
    );
    machine.restore(saved);
  });
});
