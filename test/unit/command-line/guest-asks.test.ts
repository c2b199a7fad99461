// What the command line asks of a guest: parsing, order, and what a person hears.
import assert from 'node:assert/strict';
import { GuestAsks, parseAsks } from '../../../debug-adapter/command-line/guest-asks';
import type { GuestIntegration } from '../../../debug-adapter/debugger/guest-integration';
import { UserError } from '../../../debug-adapter/support/user-error';

/** Components by name; `?` after one says that it is busy. */
const integration = (...ready: string[]): GuestIntegration => ({
  components: ready.map((name) => ({
    name: name.replace('?', ''),
    title: name.toUpperCase(),
    phase: 'ready',
    version: '1.0',
    isBusy: name.endsWith('?'),
    detail: 'done',
  })),
  data: [{ pool: 'auto', key: 'OSName', value: 'Debian' }],
  adapters: [
    {
      ...{ adapter: '00:15:5D:00:00:01', assignment: 'static', addresses: '10.0.0.2;fe80::1' },
      ...{ subnetMasks: '255.255.255.0', gateways: '', dnsServers: '' },
    },
  ],
});

const noDisks = { setDiskAttached: assert.fail, exportDisk: assert.fail };

describe('requests of the command line', () => {
  it('are made one after another, each once the guest can take it', () => {
    const log: string[] = [];
    const asks = new GuestAsks(
      parseAsks('when login:; set a=b=c; data; copy host.txt /tmp/guest.txt; shutdown'),
      (path) => Uint8Array.of(path.length),
    );
    const turn = (shown: string, ...ready: string[]): readonly string[] =>
      asks.advance(
        {
          integration: integration(...ready),
          ask: (request) => log.push(JSON.stringify(request)),
          ...noDisks,
        },
        (text) => shown.includes(text),
      );
    assert.deepEqual(turn('boot', 'kvp'), []);
    assert.deepEqual(turn('login:', 'shutdown'), [], 'data exchange is not ready');
    assert.deepEqual(log, []);
    turn('', 'kvp');
    assert.deepEqual(log.splice(0), ['{"kind":"guest-data-set","key":"a","value":"b=c"}']);
    assert.deepEqual(turn('', 'kvp?'), [], 'no answer yet');
    assert.deepEqual(turn('', 'kvp'), ['KVP: done']);
    assert.deepEqual(log.splice(0), ['{"kind":"guest-data-query"}']);
    assert.deepEqual(turn('', 'kvp', 'fcopy'), ['KVP: done', '  auto OSName = Debian']);
    const copied = '{"kind":"guest-file-copy","path":"/tmp/guest.txt","data":{"0":8}}';
    assert.deepEqual(log.splice(0), [copied]);
    assert.deepEqual(turn('', 'fcopy', 'shutdown'), ['FCOPY: done']);
    assert.deepEqual(log, ['{"kind":"guest-shutdown","action":"shut-down"}']);
    assert.deepEqual(turn('', 'shutdown'), ['SHUTDOWN: done']);
    assert.deepEqual(turn('', 'shutdown'), []);
  });

  it('ask for addresses, and set them', () => {
    const adapter = '00:15:5D:00:00:01';
    const asks = new GuestAsks(
      parseAsks(
        `addresses ${adapter}; set-addresses {n} 10.0.0.3,fe80::2 255.0.0.0 10.0.0.1; set-addresses {n} dhcp`,
      ),
      () => new Uint8Array(0),
    );
    const asked: object[] = [];
    const turn = (): readonly string[] =>
      asks.advance(
        { integration: integration('kvp'), ask: (request) => asked.push(request), ...noDisks },
        () => true,
      );
    turn();
    assert.deepEqual(turn(), [
      ...['KVP: done', '  addresses: 10.0.0.2;fe80::1', '  subnet masks: 255.255.255.0'],
      ...['  gateways: none', '  DNS servers: none', '  DHCP: no'],
    ]);
    turn();
    const setting = { kind: 'guest-address-set', adapter: '{n}' };
    const given = { addresses: '10.0.0.3;fe80::2', subnetMasks: '255.0.0.0', gateways: '10.0.0.1' };
    const none = { addresses: '', subnetMasks: '', gateways: '' };
    assert.deepEqual(asked, [
      { kind: 'guest-address-query', adapter },
      { ...setting, assignment: 'static', ...given, dnsServers: '' },
      { ...setting, assignment: 'dhcp', ...none, dnsServers: '' },
    ]);
    for (const wrong of ['addresses', 'set-addresses {n}', 'set-addresses {n} 10.0.0.1']) {
      assert.throws(() => parseAsks(wrong), UserError);
    }
  });

  it('go on after one that was refused', () => {
    const asks = new GuestAsks(parseAsks('thaw; freeze'), () => new Uint8Array(0));
    const asked: string[] = [];
    const guest = {
      integration: integration('vss'),
      ask: ({ kind }: { readonly kind: string }): void => {
        if (kind === 'guest-thaw') throw new UserError('backup-step', 'Not frozen.');
        asked.push(kind);
      },
      ...noDisks,
    };
    const shown = (): boolean => true;
    assert.deepEqual(asks.advance(guest, shown), ['Not frozen.']);
    assert.deepEqual(asks.advance(guest, shown), []);
    assert.deepEqual(asked, ['guest-freeze']);
  });

  it('are for disks, too, and a backup is made only while the guest is frozen', () => {
    const frozen: GuestIntegration = {
      components: integration('vss').components.map((each) => ({ ...each, detail: 'frozen' })),
      data: [],
      adapters: [],
    };
    const play = (after: GuestIntegration): { log: string[]; said: string[] } => {
      const asks = new GuestAsks(
        parseAsks('attach 1; detach 2; export 0 a.raw; backup 1 b.vhdx'),
        () => new Uint8Array(0),
      );
      const log: string[] = [];
      const guest = {
        integration: integration('vss'),
        ask: ({ kind }: { readonly kind: string }) => void log.push(kind),
        setDiskAttached: (disk: number, is: boolean) => void log.push(`${disk} ${is}`),
        exportDisk: (disk: number, path: string) => void log.push(`${disk} to ${path}`),
      };
      const said: string[] = [];
      for (let turn = 0; turn < 9; turn++) {
        said.push(...asks.advance(guest, () => true));
        if (log.includes('guest-freeze')) guest.integration = after;
      }
      return { log, said };
    };
    const { log, said } = play(frozen);
    const before = ['1 true', '2 false', '0 to a.raw', 'guest-freeze'];
    assert.deepEqual(log, [...before, '1 to b.vhdx', 'guest-thaw']);
    assert.ok(said.includes('Disk 1 is in b.vhdx.'), said.join('\n'));
    const failed = play(integration('vss'));
    assert.deepEqual(failed.log, [...before, 'guest-thaw']);
    assert.ok(failed.said.some((text) => text.includes('not backed up')));
  });

  for (const text of [
    'attach',
    'detach x',
    'export 0',
    'backup 0',
    'export a b',
    'shutdwn',
    'set a',
    'set =b',
    'copy one',
    'copy a b c',
    'when',
  ]) {
    it(`cannot be "${text}"`, () => {
      assert.throws(
        () => parseAsks(text),
        (error) => error instanceof UserError && error.id === 'command-line',
      );
    });
  }
});
