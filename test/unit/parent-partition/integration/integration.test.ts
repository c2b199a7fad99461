/** Integration components against a guest that the test plays: versions, requests, answers, time limits, and nonsense. */
import assert from 'node:assert/strict';
import { Backup } from '../../../../debug-adapter/parent-partition/integration/backup';
import { DataExchange } from '../../../../debug-adapter/parent-partition/integration/data-exchange';
import { FileCopy } from '../../../../debug-adapter/parent-partition/integration/file-copy';
import { Heartbeat } from '../../../../debug-adapter/parent-partition/integration/heartbeat';
import type { IntegrationComponent } from '../../../../debug-adapter/parent-partition/integration/integration-component';
import { GuestShutdown } from '../../../../debug-adapter/parent-partition/integration/shutdown';
import { TimeSynchronization } from '../../../../debug-adapter/parent-partition/integration/time-synchronization';
import {
  fileCopyStart,
  fileCopyWrite,
  icHeartbeat,
  icShutdown,
  icTimesync,
  icTimesyncLegacy,
  IcStatus,
  kvpEnumerate,
  kvpExchange,
  kvpIpInfo,
} from '../../../../debug-adapter/spec/vmbus/integration';
import { VmbusVersion } from '../../../../debug-adapter/spec/vmbus/messages';
import { readField, writeField } from '../../../../debug-adapter/support/struct-layout';
import { UserError } from '../../../../debug-adapter/support/user-error';
import { decodeUtf16, encodeUtf16 } from '../../../../debug-adapter/support/utf16';
import { UtilityGuest, type UtilityRequest } from './utility-guest';

const bootTime = 1_767_225_600;

const refusedWith = (id: string) => (error: unknown) =>
  error instanceof UserError && error.id === id;

describe('integration component', () => {
  for (const [name, make, newest, bodyBytes] of [
    ['heartbeat', () => new Heartbeat(), [3, 0], 24],
    ['shutdown', () => new GuestShutdown(), [3, 2], 32],
    ['timesync', () => new TimeSynchronization(bootTime), [4, 0], 28],
    ['kvp', () => new DataExchange(new Map()), [4, 0], 28],
    ['vss', () => new Backup(), [5, 0], 20],
    ['fcopy', () => new FileCopy(), [1, 1], 20],
  ] as [string, () => IntegrationComponent, [number, number], number][]) {
    it(`${name} offers its versions, and speaks the one that the guest chooses`, () => {
      const guest = new UtilityGuest(make());
      assert.equal(guest.component.phase, 'absent');
      guest.open();
      assert.equal(guest.component.phase, 'negotiating');
      const request = guest.request();
      assert.equal(request.messageType, 0);
      assert.equal(request.body.length, bodyBytes);
      assert.deepEqual([...request.payload.subarray(0, 8)], [1, 0, 0, 0, 20 + bodyBytes, 0, 0, 0]);
      guest.close();
      guest.start(newest);
      assert.equal(guest.component.phase, 'ready');
      assert.equal(guest.component.version, newest.join('.'));
      guest.close();
      assert.equal(guest.component.phase, 'absent');
    });
  }

  for (const [name, framework, version] of [
    ['no version', undefined, undefined],
    ['a version that was not offered', [3, 0], [9, 9]],
  ] as const) {
    it(`is incompatible with a guest that wants ${name}`, () => {
      const guest = new UtilityGuest(new GuestShutdown());
      guest.open();
      guest.negotiate(framework, version);
      assert.equal(guest.component.phase, 'incompatible');
      assert.throws(
        () => (guest.component as GuestShutdown).ask('restart'), // made above
        refusedWith('integration-not-ready'),
      );
    });
  }

  it('ignores what is no answer to its request', () => {
    const guest = new UtilityGuest(new Heartbeat());
    guest.open();
    const request = guest.request();
    guest.sendRaw(new Uint8Array(8));
    guest.answer(request, { flags: 3 });
    guest.answer({ ...request, payload: request.payload.with(24, 99) });
    guest.answer({ ...request, payload: request.payload.with(12, 3) });
    guest.sendRaw(request.payload.with(0, 2));
    const counted = guest.component.inspect().find(({ name }) => name === 'answers ignored');
    assert.equal(counted?.value, 5);
    assert.equal(guest.component.phase, 'negotiating');
  });

  it('is saved with a request under way, and goes on', () => {
    const guest = new UtilityGuest(new Heartbeat());
    guest.start([3, 0]);
    const saved = guest.rig.save();
    const request = guest.request();
    guest.component.reset();
    guest.rig.restore(saved);
    assert.deepEqual(guest.rig.save(), saved);
    guest.answer(request, { body: beat(request, 1n) });
    assert.match(guest.component.detail, /^OK/);
  });
});

/** The body of a heartbeat with the number after the one that was asked. */
function beat({ body }: UtilityRequest, plus: bigint): Uint8Array {
  const answer = body.slice();
  const sequence = readField(icHeartbeat, answer, 'SequenceNumber') + plus;
  writeField(icHeartbeat, answer, 'SequenceNumber', sequence);
  writeField(icHeartbeat, answer, 'ApplicationState', 1n);
  return answer;
}

describe('heartbeat', () => {
  it('asks every two seconds, and says that the guest is well', () => {
    const guest = new UtilityGuest(new Heartbeat());
    assert.equal(guest.component.detail, 'no contact');
    guest.start([3, 0]);
    for (let seconds = 2; seconds <= 8; seconds += 2) {
      const request = guest.request();
      assert.equal(request.messageType, 1);
      assert.equal(guest.take(), undefined, 'one request at a time');
      guest.answer(request, { body: beat(request, 1n) });
      guest.advanceTo(seconds);
    }
    assert.equal(guest.component.detail, 'OK (applications healthy), 4 answers');
  });

  for (const [name, plus] of [
    ['does not answer', undefined],
    ['answers another number', 0n],
  ] as const) {
    it(`has lost a guest that ${name}, until it answers again`, () => {
      const guest = new UtilityGuest(new Heartbeat());
      guest.start([3, 0]);
      const first = guest.request();
      if (plus !== undefined) guest.answer(first, { body: beat(first, plus) });
      guest.advanceTo(10);
      assert.equal(guest.component.detail, 'lost communication');
      const next = guest.request();
      guest.answer(next, { body: beat(next, 1n) });
      assert.match(guest.component.detail, /^OK/);
    });
  }
});

describe('time synchronization', () => {
  /** 2026-01-01 in units of 100 ns since 1601. */
  const boot = 134_116_992_000_000_000n;

  it('sets the clock once, then gives samples', () => {
    const guest = new UtilityGuest(new TimeSynchronization(bootTime));
    guest.rig.nowNs = 1_500_000_050;
    guest.start([4, 0]);
    const first = guest.request();
    const field = ({ body }: UtilityRequest, name: string): bigint =>
      readField(icTimesync, body, name);
    assert.equal(field(first, 'ParentTime'), boot + 15_000_000n);
    assert.equal(field(first, 'VmReferenceTime'), 15_000_000n);
    assert.equal(field(first, 'Flags'), 1n);
    guest.answer(first);
    guest.advanceTo(7);
    const second = guest.request();
    assert.equal(field(second, 'Flags'), 2n);
    assert.equal(field(second, 'ParentTime'), boot + 65_000_000n);
    guest.advanceTo(20);
    assert.equal(guest.take(), undefined, 'the next one only after an answer');
    (guest.component as TimeSynchronization).synchronize(); // made above
    guest.answer(second);
    assert.equal(field(guest.request(), 'Flags'), 1n);
  });

  it('sets it again after a time that the guest has missed, once', () => {
    const guest = new UtilityGuest(new TimeSynchronization(bootTime));
    guest.start([4, 0]);
    guest.answer(guest.request());
    guest.rig.behindNs = 3_600_000_000_000;
    const given: bigint[][] = [];
    for (const seconds of [7, 14]) {
      guest.advanceTo(seconds);
      const request = guest.request();
      const names = ['ParentTime', 'VmReferenceTime', 'Flags'];
      given.push(names.map((name) => readField(icTimesync, request.body, name)));
      guest.answer(request);
    }
    const missed = 36_000_000_000n;
    const [[, firstTime = 0n] = [], [, secondTime = 0n] = []] = given;
    assert.deepEqual(given, [
      [boot + firstTime + missed, firstTime, 1n],
      [boot + secondTime + missed, secondTime, 2n],
    ]);
  });

  it('has another body in older versions', () => {
    const guest = new UtilityGuest(new TimeSynchronization(bootTime));
    guest.start([3, 0]);
    const { body } = guest.request();
    assert.equal(readField(icTimesyncLegacy, body, 'ParentTime'), boot);
    assert.equal(readField(icTimesyncLegacy, body, 'Flags'), 1n);
    assert.equal(body.length, 32);
  });
});

describe('guest shutdown', () => {
  for (const [action, flags] of [
    ['shut-down', 0n],
    ['restart', 2n],
    ['hibernate', 4n],
  ] as const) {
    it(`asks a guest to ${action}`, () => {
      const component = new GuestShutdown();
      const guest = new UtilityGuest(component);
      guest.start([3, 2]);
      component.ask(action);
      const request = guest.request();
      assert.equal(request.body.length, 2060);
      assert.equal(readField(icShutdown, request.body, 'Flags'), flags);
      assert.equal(decodeUtf16(request.body.subarray(12)), `Asked by the host: ${action}`);
      assert.throws(() => component.ask(action), refusedWith('integration-busy'));
      guest.answer(request);
      assert.equal(component.detail, 'accepted');
    });
  }

  it('says what became of the request', () => {
    const component = new GuestShutdown();
    const guest = new UtilityGuest(component);
    guest.start([3, 2]);
    component.ask('hibernate');
    guest.answer(guest.request(), { status: IcStatus.fail });
    assert.equal(component.detail, 'refused (status 0x80004005)');
    component.ask('shut-down');
    guest.advanceTo(60);
    assert.equal(component.detail, 'the guest has not answered');
  });
});

describe('data exchange', () => {
  const text = (name: 'Key' | 'Value', { body }: UtilityRequest): string => {
    const field = kvpExchange.byName.get(name);
    return decodeUtf16(body.subarray(2 + (field?.offset ?? 0)));
  };

  function item(request: UtilityRequest, key: string, value: string, keySize?: number): Uint8Array {
    const body = request.body.slice();
    for (const [name, written] of [
      ['Key', key],
      ['Value', value],
    ] as const) {
      const bytes = encodeUtf16(written);
      body.set(bytes, 2 + (kvpEnumerate.byName.get(name)?.offset ?? 0));
      const size = name === 'Key' ? (keySize ?? bytes.length) : bytes.length;
      writeField(kvpEnumerate, body, `${name}Size`, BigInt(size), 2);
    }
    return body;
  }

  /** Answers enumerations from pools, and everything else with success. */
  function serve(guest: UtilityGuest, pools: Record<number, [string, string][]>): string[] {
    const log: string[] = [];
    for (let request = guest.take(); request !== undefined; request = guest.take()) {
      const [operation = 0, pool = 0] = request.body;
      if (operation !== 3) {
        log.push(`${operation}/${pool} ${text('Key', request)}=${text('Value', request)}`);
        guest.answer(request);
        continue;
      }
      const index = Number(readField(kvpEnumerate, request.body, 'Index', 2));
      log.push(`3/${pool} ${index}`);
      const found = pools[pool]?.[index];
      if (found === undefined) guest.answer(request, { status: IcStatus.noMoreItems });
      else guest.answer(request, { body: item(request, ...found) });
    }
    return log;
  }

  it('tells the guest about its host, and asks the guest about itself', () => {
    const component = new DataExchange(new Map([['HostName', 'here']]));
    const guest = new UtilityGuest(component);
    guest.start([4, 0]);
    const log = serve(guest, {
      2: [
        ['OSName', 'Debian'],
        ['OSVersion', '6.1'],
      ],
      1: [['k', 'ü']],
    });
    assert.deepEqual(log, ['1/3 HostName=here', '3/2 0', '3/2 1', '3/2 2', '3/1 0', '3/1 1']);
    assert.deepEqual(component.data, [
      { pool: 2, key: 'OSName', value: 'Debian' },
      { pool: 2, key: 'OSVersion', value: '6.1' },
      { pool: 1, key: 'k', value: 'ü' },
    ]);
    component.query();
    serve(guest, { 2: [['OSName', 'other']] });
    assert.deepEqual(component.data, [{ pool: 2, key: 'OSName', value: 'other' }]);
  });

  it('sets and deletes pairs of the host, in order', () => {
    const component = new DataExchange(new Map());
    const guest = new UtilityGuest(component);
    guest.start([4, 0]);
    serve(guest, {});
    component.set('one', '1');
    component.set('two', '2');
    component.delete('one');
    assert.deepEqual(serve(guest, {}).slice(0, 2), ['1/0 one=1', '1/0 two=2']);
    component.delete('gone');
    const request = guest.request();
    assert.deepEqual([...request.body.subarray(0, 8)], [2, 0, 0, 0, 10, 0, 0, 0]);
    guest.answer(request, { status: IcStatus.notFound });
    assert.match(component.detail, /last status 0x80041002/);
  });

  for (const [name, size] of [
    ['an odd size', 5],
    ['a size beyond the field', 514],
  ] as const) {
    it(`does not take an item with ${name}`, () => {
      const component = new DataExchange(new Map());
      const guest = new UtilityGuest(component);
      guest.start([4, 0]);
      const request = guest.request();
      guest.answer(request, { body: item(request, 'key', 'value', size) });
      assert.deepEqual(component.data, []);
    });
  }

  for (const [key, value] of [
    ['', 'x'],
    ['k'.repeat(256), 'x'],
    ['k\0', 'x'],
    ['k', 'v'.repeat(1024)],
  ] as const) {
    it(`refuses a pair of ${key.length} and ${value.length} characters`, () => {
      const component = new DataExchange(new Map());
      new UtilityGuest(component).start([4, 0]);
      assert.throws(() => component.set(key, value), refusedWith('integration-text'));
    });
  }

  it('asks for the addresses of an adapter, and sets them, as hv_kvp_daemon reads the messages', () => {
    const component = new DataExchange(new Map());
    const guest = new UtilityGuest(component);
    guest.start([4, 0]);
    serve(guest, {});
    const place = (name: string): number => 2 + (kvpIpInfo.byName.get(name)?.offset ?? 0);
    const textAt = ({ body }: UtilityRequest, name: string): string =>
      decodeUtf16(body.subarray(place(name)));
    const adapter = '00:15:5D:01:02:03';
    component.queryAddresses(adapter);
    const query = guest.request();
    assert.deepEqual([query.body.length, query.body[0], query.body[1]], [7428, 4, 0]);
    assert.equal(textAt(query, 'AdapterId'), adapter);
    const body = query.body.slice();
    body.set(encodeUtf16('10.0.0.5;fe80::1'), place('IpAddresses'));
    body.set(encodeUtf16('255.255.255.0;/64'), place('SubnetMasks'));
    body.set(encodeUtf16('10.0.0.1'), place('Gateways'));
    body[place('DhcpEnabled')] = 1;
    guest.answer(query, { body });
    const told = {
      ...{ adapter, assignment: 'dhcp', addresses: '10.0.0.5;fe80::1' },
      ...{ subnetMasks: '255.255.255.0;/64', gateways: '10.0.0.1', dnsServers: '' },
    };
    assert.deepEqual(component.adapters, [told]);
    const saved = guest.rig.save();
    component.reset();
    guest.rig.restore(saved);
    assert.deepEqual(component.adapters, [told]);

    component.setAddresses({
      ...{ adapter: '{x}', assignment: 'static', addresses: '10.0.0.9' },
      ...{ subnetMasks: '255.0.0.0', gateways: '10.0.0.2', dnsServers: '10.0.0.3' },
    });
    const setting = guest.request();
    assert.deepEqual([setting.body[0], setting.body[place('AddressFamily')]], [5, 1]);
    assert.equal(setting.body[place('DhcpEnabled')], 0);
    const names = ['AdapterId', 'IpAddresses', 'SubnetMasks', 'Gateways', 'DnsServers'];
    assert.deepEqual(
      names.map((name) => textAt(setting, name)),
      ['{x}', '10.0.0.9', '255.0.0.0', '10.0.0.2', '10.0.0.3'],
    );
    guest.answer(setting, { status: IcStatus.notFound });
    assert.match(component.detail, /last status 0x80041002 \(no such adapter\)$/);
    for (const wrong of ['', 'x'.repeat(128)]) {
      assert.throws(() => component.queryAddresses(wrong), refusedWith('integration-text'));
    }
  });

  it('goes on with the next request where the guest does not answer', () => {
    const component = new DataExchange(new Map());
    const guest = new UtilityGuest(component);
    guest.start([4, 0]);
    guest.take();
    guest.advanceTo(61);
    assert.equal(guest.request().body[1], 1, 'the guest pool');
  });
});

describe('backup', () => {
  function started(): { component: Backup; guest: UtilityGuest } {
    const component = new Backup();
    const guest = new UtilityGuest(component);
    guest.start([5, 0]);
    return { component, guest };
  }

  it('is offered from version 3.0 of the bus on', () => {
    assert.equal(new Backup().offer.minimumVersion, VmbusVersion.v3_0);
  });

  it('asks whether it is possible, freezes, thaws and says that it is over', () => {
    const { component, guest } = started();
    component.freeze();
    const check = guest.request();
    assert.deepEqual([check.body[0], check.body.length], [2, 12]);
    guest.answer(check);
    const freeze = guest.request();
    assert.deepEqual([freeze.body[0], component.step], [5, 'freezing']);
    assert.throws(() => component.thaw(), refusedWith('backup-step'));
    guest.answer(freeze);
    assert.equal(component.step, 'frozen');
    assert.throws(() => component.freeze(), refusedWith('backup-step'));
    component.thaw();
    const thaw = guest.request();
    assert.equal(thaw.body[0], 6);
    guest.answer(thaw);
    const complete = guest.request();
    assert.equal(complete.body[0], 4);
    guest.answer(complete);
    assert.equal(component.step, 'thawed');
    assert.equal(component.detail, 'thawed');
  });

  it('does not freeze where the guest cannot', () => {
    const { component, guest } = started();
    component.freeze();
    guest.answer(guest.request(), { status: IcStatus.fail });
    assert.equal(component.detail, 'thawed, last status 0x80004005');
  });

  it('can thaw again where that failed', () => {
    const { component, guest } = started();
    component.freeze();
    const check = guest.request();
    guest.answer(check);
    guest.answer(guest.request());
    component.thaw();
    guest.answer(guest.request(), { status: IcStatus.fail });
    assert.equal(component.step, 'frozen');
    component.thaw();
    assert.equal(guest.request().body[0], 6);
  });
});

describe('file copy', () => {
  function started(): { component: FileCopy; guest: UtilityGuest } {
    const component = new FileCopy();
    const guest = new UtilityGuest(component);
    guest.start([1, 1]);
    return { component, guest };
  }

  const data = Uint8Array.from({ length: 15_000 }, (_, index) => index % 253);

  it('copies a file in fragments, one at a time', () => {
    const { component, guest } = started();
    component.copy({ path: '/var/tmp/ä.bin', data });
    const start = guest.request();
    assert.equal(start.body.length, 1088);
    assert.equal(decodeUtf16(start.body.subarray(36)), 'ä.bin');
    assert.equal(decodeUtf16(start.body.subarray(556)), '/var/tmp/');
    assert.equal(readField(fileCopyStart, start.body, 'FileSize', 36), 15_000n);
    assert.throws(() => component.copy({ path: '/x', data }), refusedWith('integration-busy'));
    guest.answer(start);
    const received: number[] = [];
    let request = guest.request();
    for (; request.body[0] === 1; request = guest.request()) {
      assert.equal(request.body.length, 6196);
      assert.equal(Number(readField(fileCopyWrite, request.body, 'Offset', 36)), received.length);
      const size = Number(readField(fileCopyWrite, request.body, 'Size', 36));
      received.push(...request.body.subarray(52, 52 + size));
      guest.answer(request);
    }
    assert.equal(request.body[0], 2);
    guest.answer(request);
    assert.deepEqual(Uint8Array.from(received), data);
    assert.equal(component.detail, '/var/tmp/ä.bin: copied, 15000 bytes');
  });

  it('takes back what a guest could not write', () => {
    const { component, guest } = started();
    component.copy({ path: '/tmp/x', data });
    guest.answer(guest.request());
    guest.answer(guest.request(), { status: IcStatus.diskFull });
    const cancel = guest.request();
    assert.equal(cancel.body[0], 3);
    guest.answer(cancel);
    assert.equal(component.detail, '/tmp/x: the disk is full');
    component.copy({ path: '/tmp/y', data: new Uint8Array(0) });
    guest.answer(guest.request());
    assert.equal(guest.request().body[0], 2, 'an empty file has no fragments');
  });

  for (const path of ['relative', '/folder/', '', '/a\0b', `/${'n'.repeat(260)}`]) {
    it(`refuses the path ${JSON.stringify(path.slice(0, 12))}`, () => {
      const { component } = started();
      assert.throws(() => component.copy({ path, data }), refusedWith('copy-path'));
    });
  }

  it('ends where the guest closes the channel', () => {
    const { component, guest } = started();
    component.copy({ path: '/tmp/x', data });
    guest.close();
    assert.equal(component.detail, '/tmp/x: the guest stopped answering');
  });
});
