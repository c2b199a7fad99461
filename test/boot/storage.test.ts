// Disks under a stock kernel: its root file system is on one, others are read through every format, and what it writes is there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { packetTree, packetValue } from '../../debug-adapter/debugger/traffic/decode-traffic';
import { TrafficEntries } from '../../debug-adapter/debugger/traffic/traffic-entries';
import { nodeBlockFiles } from '../../debug-adapter/host/node-block-files';
import type { IntegrationView } from '../../debug-adapter/parent-partition/parent-partition';
import { finishPieces } from '../../debug-adapter/parent-partition/virtual-disks/disk-content';
import { planImage } from '../../debug-adapter/parent-partition/virtual-disks/image-writer';
import { exportDisk } from '../../debug-adapter/system/export-disk';
import type { DiskConfiguration } from '../../debug-adapter/system/machine-configuration';
import type { PhysicalMachine } from '../../debug-adapter/system/physical-machine';
import { present } from '../../debug-adapter/support/assert';
import type { StructNode } from '../../debug-adapter/support/struct-tree';
import { Timeline } from '../../debug-adapter/timeline/timeline';
import {
  childDisk,
  differencingChildren,
  differencingParents,
} from '../support/differencing-images';
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
/** Disks whose images rest on others; QEMU makes none. */
const differencing = [
  { format: 'vhdx', location: 6 },
  { format: 'vhd', location: 7 },
] as const;
const megabyte = 1 << 20;
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
      ...differencing.map(({ format, location }): DiskConfiguration => ({
        path: folder.write(`child.${format}`, differencingChildren[format](`parent.${format}`)),
        ...{ controller: 'scsi', location, isAttached: false },
      })),
    ];
    for (const { format } of differencing) {
      folder.write(`parent.${format}`, differencingParents[format]);
    }
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

  /** A read of a megabyte names 256 pages in one packet, which is decoded whole. */
  function readMegabyte(): void {
    const { vmbusPackets } = timeline.trace;
    const first = vmbusPackets.recorded;
    assert.match(print('dd if=/dev/sdb of=/dev/null bs=1M count=1 iflag=direct 2>&1'), /1048576 b/);
    const packets = vmbusPackets.query(first, Infinity);
    const request = present(
      packets.find((each) => packetValue(each, 'DataTransferLength')?.value === BigInt(megabyte)),
      'a request for a megabyte',
    );
    const find = (nodes: readonly StructNode[], name: string): readonly StructNode[] =>
      nodes.flatMap((node) => [
        ...(node.name === name ? [node] : []),
        ...find(node.children, name),
      ]);
    const tree = packetTree(request);
    const pages = find(tree, 'Pages').flatMap(({ children }) =>
      children.map(({ value, children: [inner] }) => value ?? inner?.value),
    );
    assert.equal(pages.length, 256);
    assert.equal(new Set(pages).size, 256);
    assert.deepEqual(
      ['ByteCount', 'TransferLength', 'LogicalUnitNumber', 'Lun'].flatMap((name) =>
        find(tree, name).map(({ value }) => `${name} ${value}`),
      ),
      ['ByteCount 1048576', 'TransferLength 2048', 'Lun 5'],
    );
    const answer = packets.find(
      ({ direction, transactionId }) =>
        direction === 'to-guest' && transactionId === request.transactionId,
    );
    const done = packetValue(present(answer, 'its answer'), 'DataTransferLength', () => request);
    assert.equal(done?.value, BigInt(megabyte));
  }

  it('come and go while the guest runs', () => {
    const [{ id: partition } = { id: 0 }] = timeline.guests;
    timeline.accept({ kind: 'attach-disk', partition, disk: 1 });
    const waiting = 'for i in 1 2 3 4 5 6 7 8 9; do [ -b /dev/sdb ] && break; sleep 0.1; done';
    const sum = print(`${waiting}; sha256sum < /dev/sdb`);
    assert.match(sum, new RegExp(sha256(content)), console.end);
    readMegabyte();
    timeline.accept({ kind: 'detach-disk', partition, disk: 1 });
    const gone = print(
      'for i in 1 2 3 4 5 6 7 8 9; do [ -b /dev/sdb ] || break; sleep 0.1; done; ls /dev/sd*',
    );
    assert.match(gone, /\/dev\/sda\r?\n$/, console.end);
  });

  it('are written over images that rest on others, and QEMU finds what comes of it sound', () => {
    const [{ id: partition } = { id: 0 }] = timeline.guests;
    const place = (location: number): string =>
      `/sys/class/scsi_device/*:${location}/device/block/sd*`;
    for (const [index, { format, location }] of differencing.entries()) {
      const disk = 2 + index;
      const files = ['parent', 'child'].map((name) => folder.place(`${name}.${format}`));
      const before = files.map((path) => sha256(readFileSync(path)));
      timeline.accept({ kind: 'attach-disk', partition, disk });
      const found = print(
        [
          `for i in 1 2 3 4 5 6 7 8 9; do [ -e ${place(location)} ] && break; sleep 0.1; done`,
          `d=/dev/$(basename ${place(location)})`,
          'sha256sum < $d',
          'dd if=/dev/urandom of=$d bs=4096 seek=3 count=90 conv=notrunc 2>/dev/null',
          'dd if=/dev/urandom of=$d bs=512 seek=4095 count=7 conv=notrunc 2>/dev/null',
          'sync; sha256sum < $d',
        ].join('; '),
      );
      const [read = '', written = ''] = [...found.matchAll(/[0-9a-f]{64}/g)].map(([sum]) => sum);
      assert.equal(read, sha256(childDisk()), found);
      assert.notEqual(written, read);
      const raw = folder.place(`${format}.raw`);
      exportDisk(timeline.machine, { guest: 0, disk }, { path: raw }, nodeBlockFiles);
      assert.equal(sha256(readFileSync(raw)), written);
      for (const kind of ['vhdx', 'vhd'] as const) {
        const path = folder.place(`${format}-out.${kind}`);
        exportDisk(timeline.machine, { guest: 0, disk }, { path }, nodeBlockFiles);
        if (!hasQemuImg) continue;
        if (kind === 'vhdx') runTool('qemu-img', 'check', '-f', 'vhdx', path);
        const qemuFormat = kind === 'vhd' ? 'vpc' : kind;
        runTool('qemu-img', 'compare', '-f', 'raw', '-F', qemuFormat, raw, path);
      }
      const after = files.map((path) => sha256(readFileSync(path)));
      assert.deepEqual(after, before, 'no image is written');
      timeline.accept({ kind: 'detach-disk', partition, disk });
      print(`for i in 1 2 3 4 5 6 7 8 9; do [ -e ${place(location)} ] || break; sleep 0.1; done`);
    }
  });

  /** Sub-channels of the controller on which a request is without its answer. */
  function busySubChannels(entries: TrafficEntries): readonly number[] {
    const [{ id: partition } = { id: 0 }] = timeline.guests;
    entries.update();
    return [...(entries.bookOf(partition)?.channels.values() ?? [])]
      .filter(({ subChannel }) => subChannel > 0)
      .filter(({ relid }) => entries.openRequests(partition, relid).length > 0)
      .map(({ subChannel }) => subChannel);
  }

  it('are the same again after travelling back, with requests on sub-channels, a new disk and a backup under way', () => {
    const [{ id: partition } = { id: 0 }] = timeline.guests;
    const start = timeline.position;
    const places: (readonly [position: number, hash: string])[] = [];
    const entries = new TrafficEntries(timeline.trace);
    const seen = new Set<number>();
    const note = (): void => {
      places.push([timeline.position, timeline.stateHash()]);
    };
    /** Goes on to moments at which requests are on their way on ever other sub-channels, and notes them. */
    const noteRequests = (): void => {
      for (let count = 0; count < 3; count++) {
        let added: readonly number[] = [];
        for (let turn = 0; turn < 4000 && added.length === 0; turn++) {
          runToPosition(timeline, timeline.position + 20_001);
          added = busySubChannels(entries).filter((each) => !seen.has(each));
        }
        assert.notEqual(added.length, 0, `requests on ${[...seen].join()} only: ${console.end}`);
        for (const each of added) seen.add(each);
        note();
      }
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
    const writer = 'dd if=/dev/urandom of=/etc/noise$c bs=64k count=12 oflag=dsync';
    type(`echo 'go'.; for c in 1 3 5 7; do taskset -c $c ${writer} & done; wait; echo 'done'.`);
    shown('\ngo.');
    noteRequests();
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
    const [, middle] = places[1] ?? [];
    for (const travel = timeline.travelTo(places[1]?.[0] ?? start); travel.next().done !== true;);
    assert.equal(timeline.stateHash(), middle);
    const saved = timeline.machine.save();
    const restored = bootMachine({ commandLine, processors, disks });
    restored.restore(saved);
    assert.equal(restored.stateHash(), middle);
    while (timeline.isInPast) timeline.run({ maxSteps: 1_000_000 });
    shown('\ndone.');
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

describe('IDE drives of a Debian kernel', function () {
  this.timeout(240_000);
  const folder = new ImageFolder();
  const content = new SeededRandom(62).bytes(1 << 20);
  let machine: PhysicalMachine;
  let console: GuestConsole;

  before(() => {
    const path = folder.write('c.raw', content);
    const image = folder.place('d.img');
    runTool('/usr/sbin/mke2fs', '-q', '-t', 'ext4', image, '16M');
    const commandLine = `${guestCommandLine} hyperscope.modules=hyperv`;
    const disks = [
      { path: image, controller: 'ide' },
      { path, controller: 'ide', location: 1, isReadOnly: true },
    ] as const;
    machine = bootMachine({ commandLine, disks });
    console = new GuestConsole(machine);
    assert.equal(runUntilShown(machine, console, ':/# '), undefined, console.end);
  });

  after(() => folder.remove());

  function print(line: string): void {
    const [{ id: partition } = { id: 0 }] = machine.guests;
    const data = new TextEncoder().encode(`${line}; echo 'end'.\n`);
    machine.accept({ kind: 'console-input', partition, data });
    assert.equal(runUntilShown(machine, console, '\nend.'), undefined, console.end);
  }

  it('are read, and take no writes where they are read-only', () => {
    // Both are found at the same time, and named as it comes.
    print('for d in sda sdb; do [ $(cat /sys/block/$d/ro) = 1 ] && r=$d || w=$d; done');
    print('sha256sum < /dev/$r; cat /sys/block/$r/ro /sys/block/$r/device/model');
    assert.ok(console.text.includes(`${sha256(content)}  -`), console.end);
    assert.match(console.text, /\n1\r?\nVirtual Disk/, console.end);
  });

  it('are written, and their file system is whole from outside', () => {
    const modules = 'for m in $(cat /lib/modules/rootdisk.order); do insmod /lib/modules/$m; done';
    print(`(${modules}) 2>/dev/null; mount /dev/$w /mnt && echo mounted`);
    print(
      'for i in 1 2 3; do head -c 300000 /dev/urandom > /mnt/file$i; done; cd /mnt; rm file2; sha256sum file*; cd /; umount /mnt; sync',
    );
    assert.match(console.text, /\nmounted/);
    const raw = folder.place('written.img');
    exportDisk(machine, { guest: 0, disk: 0 }, { path: raw }, nodeBlockFiles);
    const check = spawnSync('e2fsck', ['-fn', raw], { encoding: 'utf8' });
    assert.equal(check.status, 0, `${check.stdout}${check.stderr}`);
    for (const number of [1, 3]) {
      const out = folder.place(`file${number}`);
      runTool('debugfs', '-R', `dump /file${number} ${out}`, raw);
      assert.ok(console.text.includes(`${sha256(readFileSync(out))}  file${number}`), console.end);
    }
    const blocks = new Uint8Array(readFileSync(folder.place('d.img')));
    assert.notEqual(sha256(blocks), sha256(readFileSync(raw)), 'the image is as it was');
  });
});
