// Disks under a stock kernel: its root file system is on one, others are read through every format, and what it writes is there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { nodeBlockFiles } from '../../debug-adapter/host/node-block-files';
import type { IntegrationView } from '../../debug-adapter/parent-partition/parent-partition';
import { finishPieces } from '../../debug-adapter/parent-partition/virtual-disks/disk-content';
import { planImage } from '../../debug-adapter/parent-partition/virtual-disks/image-writer';
import { exportDisk } from '../../debug-adapter/system/export-disk';
import type { DiskConfiguration } from '../../debug-adapter/system/machine-configuration';
import { present } from '../../debug-adapter/support/assert';
import { Timeline } from '../../debug-adapter/timeline/timeline';
import { hasQemuImg, ImageFolder, runTool } from '../support/disk-images';
import { SeededRandom } from '../support/seeded-random';
import {
  bootMachine,
  guestCommandLine,
  GuestConsole,
  guestFiles,
  kernelComplaints,
  runToPosition,
  runUntilShown,
} from './debian-guest';

const commandLine = `${guestCommandLine} root=LABEL=hyperscope`;
const prompt = ':~# ';
const controller = '/sys/bus/vmbus/devices/2d6a7ab1-4f9c-4e0e-8a4b-7f1c5d3e9a00';
const processors = 8;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('disks of a Debian kernel', function () {
  this.timeout(240_000);
  const folder = new ImageFolder();
  const content = new SeededRandom(61).bytes(3 << 20);
  let timeline: Timeline;
  let console: GuestConsole;
  let disks: readonly DiskConfiguration[] = [];

  before(() => {
    const plan = planImage(
      {
        ...{ path: 'content', sizeBytes: content.length, identity: content.slice(0, 16) },
        ...{ logicalSectorBytes: 512, physicalSectorBytes: 4096 },
        read: (offset, target) => {
          target.set(content.subarray(offset, offset + target.length));
          return true;
        },
      },
      'vhdx',
    );
    const vhdx = finishPieces(plan);
    nodeBlockFiles.writeWhole(folder.place('b.vhdx'), vhdx.sizeBytes, (sink) =>
      finishPieces(vhdx.fill(sink)),
    );
    disks = [
      { path: guestFiles.root, controller: 'scsi' },
      { path: folder.place('b.vhdx'), controller: 'scsi', location: 5, isAttached: false },
    ];
    const machine = bootMachine({ commandLine, processors, disks });
    timeline = new Timeline(machine, { interval: Infinity });
    console = new GuestConsole(timeline);
    shown('HYPERSCOPE-DISK-READY');
    shown(prompt);
  });

  after(() => folder.remove());

  function shown(text: string, stepsMax = 3_000_000_000): void {
    const stop = runUntilShown(timeline, console, text, stepsMax);
    assert.equal(stop, undefined, `${stop?.kind} at ${timeline.position}:\n${console.end}`);
  }

  /** Types a line, and answers what it prints. Editing of the line in the shell says things, too. */
  function print(line: string): string {
    const from = console.text.length;
    type(`echo 'begin'.; ${line}; echo 'end'.`);
    shown('\nend.', 1_000_000_000);
    const begin = console.text.indexOf('begin.\r\n', from);
    return console.text.slice(begin + 'begin.\r\n'.length, console.text.lastIndexOf('end.'));
  }

  function type(line: string): void {
    const [{ id: partition } = { id: 0 }] = timeline.guests;
    timeline.accept({
      ...{ kind: 'console-input', partition },
      data: new TextEncoder().encode(`${line}\n`),
    });
  }

  it('are found, with a channel for each processor', () => {
    const disks = print('cat /proc/partitions | grep sd; mount | grep "on / "');
    assert.match(disks, /524288 sda/);
    assert.match(disks, /\/dev\/sda on \/ type ext4 \(rw/);
    const listed = print(`ls ${controller}/channels | wc -l`);
    assert.equal(listed.trim(), `${processors}`);
    assert.deepEqual(kernelComplaints(console.text), []);
  });

  it('hold the daemons that answer for the guest', () => {
    const [{ id: partition } = { id: 0 }] = timeline.guests;
    const view = (): IntegrationView =>
      present(timeline.machine.parent.integrationOf(partition), 'integration');
    const settle = (): string => {
      for (let round = 0; round < 100; round++) {
        timeline.run({ maxSteps: 20_000_000, maxTimeNs: timeline.timeNs + 50e6 });
        const busy = view().components.filter(({ isBusy }) => isBusy);
        if (!busy.some(({ name }) => name === 'kvp' || name === 'vss')) break;
      }
      return view().components.find(({ name }) => name === 'vss')?.detail ?? '';
    };
    settle();
    assert.deepEqual(
      view().components.map(({ name, phase }) => `${name} ${phase}`),
      ['heartbeat', 'shutdown', 'timesync', 'kvp', 'vss', 'fcopy'].map((name) => `${name} ready`),
    );
    const told = new Map(view().data.map(({ key, value }) => [key, value]));
    assert.equal(told.get('OSName'), 'Debian GNU/Linux');
    timeline.accept({ kind: 'guest-freeze', partition });
    assert.equal(settle(), 'frozen', console.end);
    timeline.accept({ kind: 'guest-thaw', partition });
    assert.equal(settle(), 'thawed', console.end);
    assert.match(print('pgrep -c hv_.*_daemon'), /^3\r?\n/, console.end);
  });

  it('come and go while the guest runs', () => {
    const [{ id: partition } = { id: 0 }] = timeline.guests;
    timeline.accept({ kind: 'attach-disk', partition, disk: 1 });
    const waiting = 'for i in 1 2 3 4 5 6 7 8 9; do [ -b /dev/sdb ] && break; sleep 0.1; done';
    const sum = print(`${waiting}; sha256sum < /dev/sdb`);
    assert.match(sum, new RegExp(sha256(content)), console.end);
    timeline.accept({ kind: 'detach-disk', partition, disk: 1 });
    const gone = print(
      'for i in 1 2 3 4 5 6 7 8 9; do [ -b /dev/sdb ] || break; sleep 0.1; done; ls /dev/sd*',
    );
    assert.match(gone, /\/dev\/sda\r?\n$/, console.end);
  });

  it('are the same again after travelling back, with requests, a new disk and a backup under way', () => {
    const [{ id: partition } = { id: 0 }] = timeline.guests;
    const start = timeline.position;
    const places: (readonly [position: number, hash: string])[] = [];
    const note = (): void => {
      places.push([timeline.position, timeline.stateHash()]);
    };
    const runOn = (): void => {
      runToPosition(timeline, timeline.position + 9_000_001);
    };
    const runUntilBackupIs = (wanted: string): void => {
      const detail = (): string | undefined =>
        timeline.machine.parent
          .integrationOf(partition)
          ?.components.find(({ name }) => name === 'vss')?.detail;
      for (let round = 0; round < 200 && detail() !== wanted; round++) {
        timeline.run({ maxSteps: 20_000_000, maxTimeNs: timeline.timeNs + 20e6 });
      }
      assert.equal(detail(), wanted, console.end);
    };
    type('dd if=/dev/urandom of=/etc/noise bs=64k count=24 oflag=dsync; echo done');
    runOn();
    note();
    timeline.accept({ kind: 'attach-disk', partition, disk: 1 });
    runOn();
    note();
    timeline.accept({ kind: 'guest-freeze', partition });
    runOn();
    note();
    runUntilBackupIs('frozen');
    timeline.accept({ kind: 'detach-disk', partition, disk: 1 });
    runOn();
    note();
    timeline.accept({ kind: 'guest-thaw', partition });
    runOn();
    note();
    runUntilBackupIs('thawed');
    note();
    const again = (): void => {
      for (const travel = timeline.travelTo(start); travel.next().done !== true;);
      for (const [position, hash] of places) {
        runToPosition(timeline, position);
        assert.deepEqual([timeline.position, timeline.stateHash()], [position, hash]);
      }
    };
    again();
    const [, middle] = places[2] ?? [];
    for (const travel = timeline.travelTo(places[2]?.[0] ?? start); travel.next().done !== true;);
    assert.equal(timeline.stateHash(), middle);
    const saved = timeline.machine.save();
    const restored = bootMachine({ commandLine, processors, disks });
    restored.restore(saved);
    assert.equal(restored.stateHash(), middle);
    while (timeline.isInPast) timeline.run({ maxSteps: 1_000_000 });
    shown('done');
  });

  it('hold what was written when they are written to new images, without an error', () => {
    const text = print(
      'for i in 1 2 3; do head -c 300000 /dev/urandom > /etc/file$i; done; cd /etc; sha256sum file*; sync; fstrim -v /; pkill hv_; sleep 0.1; mount -o remount,ro / && echo remounted',
    );
    assert.match(text, /remounted/);
    assert.match(text, /trimmed/);
    const place = { guest: 0, disk: 0 };
    const [raw, vhdx, vhd] = ['raw', 'vhdx', 'vhd'].map((name) => folder.place(`new.${name}`));
    assert.ok(raw !== undefined && vhdx !== undefined && vhd !== undefined);
    for (const path of [raw, vhdx, vhd]) {
      exportDisk(timeline.machine, place, { path }, nodeBlockFiles);
    }
    const check = spawnSync('e2fsck', ['-fn', raw], { encoding: 'utf8' });
    assert.equal(check.status, 0, `${check.stdout}${check.stderr}`);
    for (const number of [1, 2, 3]) {
      const out = folder.place(`file${number}`);
      runTool('debugfs', '-R', `dump /etc/file${number} ${out}`, raw);
      assert.ok(text.includes(`${sha256(readFileSync(out))}  file${number}`));
    }
    if (!hasQemuImg) return;
    runTool('qemu-img', 'check', '-f', 'vhdx', vhdx);
    runTool('qemu-img', 'compare', '-f', 'raw', '-F', 'vhdx', raw, vhdx);
    runTool('qemu-img', 'compare', '-f', 'raw', '-F', 'vpc', raw, vhd);
  });
});

describe('an IDE drive of a Debian kernel', function () {
  this.timeout(240_000);

  it('is read, and takes no writes where it is read-only', () => {
    const folder = new ImageFolder();
    const content = new SeededRandom(62).bytes(1 << 20);
    const path = folder.write('c.raw', content);
    const disks = [{ path, controller: 'ide', location: 1, isReadOnly: true }] as const;
    const modules = `${guestCommandLine} hyperscope.modules=hyperv`;
    const machine = bootMachine({ commandLine: modules, disks });
    const console = new GuestConsole(machine);
    assert.equal(runUntilShown(machine, console, ':/# '), undefined, console.end);
    const [{ id: partition } = { id: 0 }] = machine.guests;
    const line =
      'sha256sum < /dev/sda; cat /sys/block/sda/ro /sys/block/sda/device/model; echo end.';
    const data = new TextEncoder().encode(`${line}\n`);
    machine.accept({ kind: 'console-input', partition, data });
    assert.equal(runUntilShown(machine, console, '\nend.'), undefined, console.end);
    folder.remove();
    assert.ok(console.text.includes(`${sha256(content)}  -`), console.end);
    assert.match(console.text, /\n1\r?\nVirtual Disk/, console.end);
  });
});
