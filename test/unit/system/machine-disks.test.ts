// Disks of a machine: where they are, what is refused, and that their contents travel with checkpoints and saved states.
import assert from 'node:assert/strict';
import { MemoryBlockFiles } from '../../../debug-adapter/backends/block-source';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import { PageStore } from '../../../debug-adapter/machine/page-store';
import { readImage } from '../../../debug-adapter/parent-partition/virtual-disks/disk-image';
import { openDiskImage } from '../../../debug-adapter/parent-partition/virtual-disks/open-image';
import { DiskExport, exportDisk } from '../../../debug-adapter/system/export-disk';
import {
  configureSingleGuest,
  type DiskConfiguration,
} from '../../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { UserError } from '../../../debug-adapter/support/user-error';

const content = Uint8Array.from({ length: 64 * 1024 }, (_, at) => at ^ (at >>> 8));
/** JMP to itself. */
const spin = Uint8Array.of(0xeb, 0xfe);

function machineWith(
  disks: readonly DiskConfiguration[],
  bytes = content,
  format: 'flat' | 'sample-guest' = 'flat',
): PhysicalMachine {
  const guest = {
    ...{ name: 'guest', memoryBytes: 4 << 20, commandLine: '', format, disks },
    image: { path: 'spin', bytes: spin },
  };
  const blockFiles = new MemoryBlockFiles(new Map([['disk', bytes]]));
  const ports = { codeHost: webAssemblyCodeHost, blockFiles };
  return new PhysicalMachine(configureSingleGuest(guest), ports);
}

const scsi: DiskConfiguration = { path: 'disk', controller: 'scsi' };
const ide: DiskConfiguration = { path: 'disk', controller: 'ide' };

describe('the disks of a machine', () => {
  it('take the first places that are free', () => {
    const { disks } = machineWith([
      scsi,
      { ...scsi, location: 1 },
      scsi,
      ide,
      { ...ide, location: 3 },
    ]);
    assert.deepEqual(
      disks.guests[0]?.all.map(({ controller, location }) => `${controller} ${location}`),
      ['scsi 0', 'scsi 1', 'scsi 2', 'ide 0', 'ide 3'],
    );
    assert.deepEqual(
      disks.guests[0]?.providers.map(({ offer }) => offer.instanceId),
      [
        '2d6a7ab1-4f9c-4e0e-8a4b-7f1c5d3e9a00',
        '00000000-0000-8899-0000-000000000000',
        '00000001-0001-8899-0000-000000000000',
      ],
    );
  });

  const refused: readonly (readonly [string, readonly DiskConfiguration[], string])[] = [
    [
      'one place twice',
      [
        { ...scsi, location: 4 },
        { ...scsi, location: 4 },
      ],
      'disk-location',
    ],
    ['a place that there is not', [{ ...ide, location: 4 }], 'disk-location'],
    ['more drives than there are places', [ide, ide, ide, ide, ide], 'disk-location'],
    ['too many', Array.from({ length: 65 }, () => scsi), 'disk-count'],
    ['an image that there is not', [{ ...scsi, path: 'none' }], 'disk-image-not-found'],
  ];
  for (const [title, disks, id] of refused) {
    it(`are refused: ${title}`, () => {
      const isIt = (error: unknown): boolean => error instanceof UserError && error.id === id;
      assert.throws(() => machineWith(disks), isIt);
    });
  }

  it('belong to the state: hash, checkpoint and saved state', () => {
    const machine = machineWith([scsi, ide]);
    const disk = machine.disks.guests[0]?.all[1]?.disk;
    assert.ok(disk);
    const store = new PageStore();
    const before = machine.stateHash();
    const checkpoint = machine.takeCheckpoint(store);
    disk.write(512, new Uint8Array(512).fill(7));
    const after = machine.stateHash();
    assert.notEqual(after, before);
    assert.match(machine.compareWithCheckpoint(checkpoint) ?? '', /page 0 of disk 1/);
    const saved = machine.save();
    machine.restoreCheckpoint(checkpoint, []);
    assert.equal(machine.stateHash(), before);
    assert.equal(machine.compareWithCheckpoint(checkpoint), undefined);
    const other = machineWith([scsi, ide]);
    other.restore(saved);
    assert.equal(other.stateHash(), after);
    const sector = new Uint8Array(512);
    other.disks.guests[0]?.all[1]?.disk.read(512, sector);
    assert.ok(sector.every((byte) => byte === 7));
  });

  it('bind a saved state to the contents of their images', () => {
    const saved = machineWith([scsi]).save();
    const changed = content.slice();
    changed[40_000] = 1 + (content[40_000] ?? 0);
    for (const other of [machineWith([scsi], changed), machineWith([]), machineWith([ide])]) {
      assert.throws(
        () => other.restore(saved),
        (error) => error instanceof UserError && error.id === 'saved-state-other-machine',
      );
    }
  });

  it('are written as they were at the beginning of an export, while the guest writes on', () => {
    const machine = machineWith([scsi]);
    const disk = machine.disks.guests[0]?.all[0]?.disk;
    assert.ok(disk);
    disk.write(0, new Uint8Array(4096).fill(1));
    const kept = new Map<string, Uint8Array>();
    const files = new MemoryBlockFiles(kept);
    const hash = machine.stateHash();
    const writing = new DiskExport(machine, { guest: 0, disk: 0 }, { path: 'new' }, files);
    assert.equal(machine.stateHash(), hash);
    disk.write(0, new Uint8Array(8192).fill(2));
    assert.equal(kept.size, 0);
    while (!writing.step());
    assert.equal(writing.fraction, 1);
    const expected = content.slice().fill(1, 0, 4096);
    assert.deepEqual(kept.get('new'), expected);
    assert.equal(disk.overlay.sizeBytes, machine.disks.pages.sizeBytes, 'nothing is kept of it');
  });

  it('stop the machine once when they take no more writes, and again once there has been room', () => {
    const machine = machineWith([{ ...scsi, writtenBytesMaximum: 8192 }]);
    const disk = machine.disks.guests[0]?.all[0]?.disk;
    assert.ok(disk);
    const fill = (): string => {
      const outcome = disk.write(0, new Uint8Array(16_384).fill(1));
      assert.equal(outcome, 'full');
      return machine.run({ maxSteps: 1 }).stop.kind;
    };
    assert.equal(fill(), 'disk-full');
    assert.notEqual(fill(), 'disk-full', 'only once');
    disk.clear(0, 16_384);
    assert.equal(fill(), 'disk-full');
  });

  it('leave nothing of an export that is given up', () => {
    const machine = machineWith([scsi]);
    const kept = new Map<string, Uint8Array>();
    const place = { guest: 0, disk: 0 };
    for (const steps of [0, 1]) {
      const target = { path: 'new.vhdx' };
      const writing = new DiskExport(machine, place, target, new MemoryBlockFiles(kept));
      for (let step = 0; step < steps; step++) writing.step();
      writing.cancel();
      assert.equal(writing.step(), true);
      assert.equal(kept.size, 0);
    }
  });

  it('are written as new images with what was written to them, and never over one that is used', () => {
    const machine = machineWith([scsi]);
    machine.disks.guests[0]?.all[0]?.disk.write(1024, new Uint8Array(512).fill(9));
    const files = new MemoryBlockFiles(new Map([['disk', content]]));
    const place = { guest: 0, disk: 0 };
    for (const name of ['new.vhdx', 'new.vhd', 'new.img']) {
      exportDisk(machine, place, { path: name }, files);
      const image = openDiskImage(name, files);
      assert.equal(image.format, { x: 'vhdx', d: 'vhd', g: 'raw' }[name.at(-1) ?? '']);
      const bytes = new Uint8Array(content.length);
      assert.ok(readImage(image, 0, bytes));
      const expected = content.slice().fill(9, 1024, 1536);
      assert.ok(Buffer.from(bytes).equals(Buffer.from(expected)));
    }
    const id = (wanted: string) => (error: unknown) =>
      error instanceof UserError && error.id === wanted;
    assert.throws(
      () => exportDisk(machine, place, { path: 'disk' }, files),
      id('disk-export-used'),
    );
    const missing = { guest: 0, disk: 1 };
    assert.throws(() => exportDisk(machine, missing, { path: 'x' }, files), id('no-such-disk'));
  });

  it('come and go at the SCSI controller only', () => {
    const disks = machineWith([scsi, { ...scsi, isAttached: false }, ide]).disks.guests[0];
    const [first, second] = disks?.all ?? [];
    assert.ok(disks && first && second);
    disks.setAttached(1, true);
    disks.setAttached(0, false);
    assert.deepEqual([first.device.isAttached(0), first.device.isAttached(1)], [false, true]);
    assert.throws(() => disks.setAttached(2, false), UserError);
    assert.throws(() => disks.setAttached(3, true), UserError);
  });
});
