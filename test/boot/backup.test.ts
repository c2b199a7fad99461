// A consistent backup: the guest freezes its file systems, its disk is copied, and what is copied is whole.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeBlockFiles } from '../../debug-adapter/host/node-block-files';
import { exportDisk } from '../../debug-adapter/system/export-disk';
import type { PhysicalMachine } from '../../debug-adapter/system/physical-machine';
import { bootMachine, guestCommandLine, GuestConsole, runUntilShown } from './debian-guest';

const partition = 2;
const prompt = '# ';
const commandLine = `${guestCommandLine} hyperscope.modules=hyperv hyperscope.daemons`;

/** Output of a tool of e2fsprogs, with its exit status. */
function run(tool: string, ...args: string[]): { status: number | null; output: string } {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  const result = spawnSync(tool, args, { encoding: 'utf8', env: { ...process.env, PATH: path } });
  return { status: result.status, output: `${result.stdout}${result.stderr}` };
}

describe('a backup of a Debian guest', function () {
  this.timeout(240_000);
  const folder = mkdtempSync(join(tmpdir(), 'hyperscope-backup-'));
  const image = join(folder, 'disk.img');
  let machine: PhysicalMachine;
  let console: GuestConsole;

  before(() => {
    const made = run('mke2fs', '-q', '-t', 'ext4', image, '32M');
    assert.equal(made.status, 0, made.output);
    machine = bootMachine({ commandLine, disks: [{ path: image, controller: 'scsi' }] });
    console = new GuestConsole(machine);
    assert.equal(runUntilShown(machine, console, prompt), undefined, console.end);
    typed('while read -r m; do insmod /lib/modules/$m; done < /lib/modules/rootdisk.order');
    typed('mount -t ext4 /dev/sda /mnt && echo kept > /mnt/before && mount | grep sda');
    // Somebody goes on writing, so that a copy at a bad moment would be torn.
    typed('(i=0; while :; do i=$((i+1)); echo $i > /mnt/f$((i%50)); done) &');
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  function typed(line: string): string {
    const from = console.text.length;
    const data = new TextEncoder().encode(`${line}\necho 'all' 'said'\n`);
    machine.accept({ kind: 'console-input', partition, data });
    assert.equal(runUntilShown(machine, console, 'all said', 1e9), undefined, console.end);
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

  function copyDisk(name: string): { status: number | null; output: string; path: string } {
    const path = join(folder, name);
    exportDisk(machine, { guest: 0, disk: 0 }, { path, format: 'raw' }, nodeBlockFiles);
    return { ...run('e2fsck', '-fn', path), path };
  }

  it('is whole while the file systems are frozen, and the guest goes on afterwards', () => {
    assert.match(console.text, /\/dev\/sda on \/mnt type ext4/);
    machine.run({ maxSteps: 300_000_000, maxTimeNs: machine.timeNs + 200e6 });
    machine.accept({ kind: 'guest-freeze', partition });
    assert.equal(backupDetail(), 'frozen', console.end);
    const copy = copyDisk('frozen.img');
    assert.equal(copy.status, 0, copy.output);
    assert.match(run('dumpe2fs', '-h', copy.path).output, /Filesystem state: +clean/);
    assert.match(run('debugfs', '-R', 'cat /before', copy.path).output, /kept/);
    machine.run({ maxSteps: 300_000_000, maxTimeNs: machine.timeNs + 500e6 });
    const later = copyDisk('later.img');
    assert.equal(run('cmp', copy.path, later.path).status, 0, 'nothing is written while frozen');
    machine.accept({ kind: 'guest-thaw', partition });
    assert.equal(backupDetail(), 'thawed', console.end);
    assert.match(typed('cat /mnt/before; ls /mnt | wc -l'), /kept\r\n5[0-9]/);
  });
});
