// Ports of a guest's devices: each access reaches the device whose range has the port, whatever was accessed before.
import assert from 'node:assert/strict';
import { DevicePorts } from '../../../debug-adapter/parent-partition/device-ports';
import { InvariantError } from '../../../debug-adapter/support/assert';

describe('ports of devices', () => {
  const log: string[] = [];
  const device = (name: string) => ({
    name,
    readPort(offset: number, sizeBytes: number): number {
      log.push(`${this.name} reads ${sizeBytes} at ${offset}`);
      return offset;
    },
    writePort(offset: number, sizeBytes: number, value: number): void {
      log.push(`${this.name} takes ${value} in ${sizeBytes} at ${offset}`);
    },
  });
  const ports = new DevicePorts([
    { first: 0x20, count: 2, device: device('controller') },
    { first: 0x3f8, count: 8, device: device('serial port') },
  ]);

  it('are found in any order, at both ends of a range', () => {
    const found = [0x3f8, 0x3ff, 0x20, 0x21, 0x3fd].map((port) => ports.routeOf(port).first);
    assert.deepEqual(found, [0x3f8, 0x3f8, 0x20, 0x20, 0x3f8]);
  });

  it('reach their device', () => {
    const { first, read, write } = ports.routeOf(0x3fd);
    assert.equal(read(0x3fd - first, 1), 5);
    write(0, 2, 0x4241);
    assert.deepEqual(log, ['serial port reads 1 at 5', 'serial port takes 16961 in 2 at 0']);
  });

  it('have no device between the ranges', () => {
    assert.throws(() => ports.routeOf(0x22), InvariantError);
    assert.throws(() => ports.routeOf(0x400), InvariantError);
  });
});
