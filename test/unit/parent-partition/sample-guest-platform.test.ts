// The platform of sample guests: what its ports do, and that it has nothing to read input.
import assert from 'node:assert/strict';
import { SampleGuestPlatform } from '../../../debug-adapter/parent-partition/sample-guest-platform';
import { sampleGuest } from '../../../debug-adapter/spec/sample-guest';
import { StateRecord } from '../../../debug-adapter/support/state-record';
import { consoleBytes } from '../../../debug-adapter/system/console-record';

describe('platform of a sample guest', () => {
  function rig() {
    const calls: string[] = [];
    const platform = new SampleGuestPlatform({
      writeConsole: (port, value, sizeBytes) =>
        calls.push(`console ${port} ${consoleBytes(value, sizeBytes).join(',')}`),
      endPartition: (exitCode) => calls.push(`end ${exitCode}`),
    });
    const deviceAt = (port: number) => {
      const placed = platform.ports.find(
        ({ first, count }) => port >= first && port < first + count,
      );
      assert.ok(placed);
      return placed.device;
    };
    return { calls, platform, deviceAt };
  }

  it('has a console port and an exit port', () => {
    const { calls, deviceAt } = rig();
    deviceAt(sampleGuest.consolePort).writePort(0, 2, 0x4241);
    deviceAt(sampleGuest.exitPort).writePort(0, 1, 7);
    assert.deepEqual(calls, [`console ${sampleGuest.consolePort} 65,66`, 'end 7']);
  });

  it('refuses console input', () => {
    assert.throws(() => rig().platform.receiveConsoleInput(), /only writes/);
  });

  it('is restored from what it saved', () => {
    const { platform } = rig();
    platform.restore(new StateRecord(platform.save(), 'platform'));
    assert.deepEqual(platform.save(), { version: 1 });
  });
});
