// A consistent backup: a running guest freezes its file systems, its disk is copied; what is copied is whole, and boots.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { nodeBlockFiles } from '../../debug-adapter/host/node-block-files';
import { exportDisk } from '../../debug-adapter/system/export-disk';
import type { PhysicalMachine } from '../../debug-adapter/system/physical-machine';
import { hasQemuSystem, ImageFolder } from '../support/disk-images';
import {
  bootMachine,
  guestCommandLine,
  GuestConsole,
  guestFiles,
  kernelComplaints,
  runUntilShown,
} from './debian-guest';

const partition = 2;
const processors = 2;
const commandLine = `${guestCommandLine} root=LABEL=hyperscope`;
const diskMarker = 'HYPERSCOPE-DISK-READY';

/** Output of a tool of e2fsprogs, with its exit status. */
function run(tool: string, ...args: string[]): { status: number | null; output: string } {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  const result = spawnSync(tool, args, { encoding: 'utf8', env: { ...process.env, PATH: path } });
  return { status: result.status, output: `${result.stdout}${result.stderr}` };
}

describe('a backup of a Debian guest', function () {
  this.timeout(240_000);
  const folder = new ImageFolder();
  const copy = folder.place('frozen.img');
  let machine: PhysicalMachine;
  let console: GuestConsole;

  before(() => {
    machine = bootFrom(guestFiles.root);
    console = new GuestConsole(machine);
    shown(diskMarker);
    shown(':~# ');
    typed('echo kept > /home/before;');
    // Somebody goes on writing, so that a copy at a bad moment would be torn.
    typed('(i=0; while :; do i=$((i+1)); echo $i > /home/f$((i%50)); done) &');
  });

  after(() => folder.remove());

  function bootFrom(path: string): PhysicalMachine {
    return bootMachine({ commandLine, processors, disks: [{ path, controller: 'scsi' }] });
  }

  function shown(text: string): void {
    assert.equal(runUntilShown(machine, console, text), undefined, console.end);
  }

  function typed(line: string): string {
    const from = console.text.length;
    const data = new TextEncoder().encode(`${line} echo 'all' 'said'\n`);
    machine.accept({ kind: 'console-input', partition, data });
    shown('all said');
    return console.text.slice(from);
  }

  function backupDetail(): string {
    for (let round = 0; round < 200; round++) {
      machine.run({ maxSteps: 20_000_000, maxTimeNs: machine.timeNs + 50e6 });
      const components = machine.parent.integrationOf(partition)?.components ?? [];
      const vss = components.find(({ name }) => name === 'vss');
      if (vss?.isBusy === false) return vss.detail;
    }
    return assert.fail(`the guest does not answer:\n${console.end}`);
  }

  function copyDisk(path: string): void {
    exportDisk(machine, { guest: 0, disk: 0 }, { path, format: 'raw' }, nodeBlockFiles);
  }

  it('is whole while the file systems are frozen, and the guest goes on afterwards', () => {
    machine.run({ maxSteps: 300_000_000, maxTimeNs: machine.timeNs + 200e6 });
    machine.accept({ kind: 'guest-freeze', partition });
    assert.equal(backupDetail(), 'frozen', console.end);
    copyDisk(copy);
    const check = run('e2fsck', '-fn', copy);
    assert.equal(check.status, 0, check.output);
    assert.match(run('dumpe2fs', '-h', copy).output, /Filesystem state: +clean/);
    assert.match(run('debugfs', '-R', 'cat /home/before', copy).output, /kept/);
    machine.run({ maxSteps: 300_000_000, maxTimeNs: machine.timeNs + 500e6 });
    const later = folder.place('later.img');
    copyDisk(later);
    assert.equal(run('cmp', copy, later).status, 0, 'nothing is written while frozen');
    machine.accept({ kind: 'guest-thaw', partition });
    assert.equal(backupDetail(), 'thawed', console.end);
    assert.match(typed('cat /home/before; ls /home | wc -l;'), /\nkept\r\n5[0-9]/);
    assert.deepEqual(kernelComplaints(console.text), []);
  });

  it('boots, without a file system to be repaired', () => {
    machine = bootFrom(copy);
    console = new GuestConsole(machine);
    shown(diskMarker);
    shown(':~# ');
    assert.match(typed('cat /home/before; ls /home | wc -l;'), /\nkept\r\n5[0-9]/);
    assert.doesNotMatch(console.text, /recovery|orphan/i);
    assert.deepEqual(kernelComplaints(console.text), []);
  });

  it('boots on another machine, too', async function () {
    if (!hasQemuSystem) this.skip();
    const { kernel, initrd } = guestFiles;
    const emulator = spawn('qemu-system-x86_64', [
      ...['-accel', 'tcg', '-m', '256', '-nographic', '-no-reboot', '-monitor', 'none'],
      ...['-kernel', kernel, '-initrd', initrd, '-append', commandLine, '-serial', 'stdio'],
      ...['-drive', `file=${copy},format=raw,if=ide,snapshot=on`],
    ]);
    let text = '';
    let isAsked = false;
    emulator.stdout.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      if (isAsked || !text.includes(':~# ')) return;
      isAsked = true;
      emulator.stdin.write('cat /home/before; poweroff\n');
    });
    await once(emulator, 'exit');
    assert.ok(text.includes(diskMarker), text.slice(-2000));
    assert.match(text, /\nkept\r?\n/, text.slice(-2000));
    assert.doesNotMatch(text, /recovery|orphan/i);
  });
});
