// The walk through what a running Debian guest is given: disks in and out, a backup, a file, the time, its end.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasQemuImg, runTool } from '../../support/disk-images';
import {
  bootTimeoutMs,
  fetchGuest,
  noGuestHere,
  terminalSettings,
  terminalText,
  typeToGuest,
  waitForShell,
} from '../debian-guest';
import { waitFor, WorkbenchSession } from '../workbench-session';

const configuration = '"name": "Debian (cloud kernel)",';

/** Gives the guest a small disk with a file system, in the person's copy of the launch configurations. */
function addDisk(workspace: string): void {
  const image = join(workspace, 'small.img');
  runTool('/usr/sbin/mke2fs', '-q', '-t', 'ext4', image, '16M');
  const file = join(workspace, '.vscode/launch.json');
  const text = readFileSync(file, 'utf8');
  assert.ok(text.includes(configuration));
  const disks = '"disks": ["${workspaceFolder}/small.img"],';
  writeFileSync(
    file,
    text.replace(configuration, () => `${configuration} ${disks}`),
  );
}

/** Asks the judge of file systems about an image, and reads a file out of it. */
function checkFileSystem(image: string, path: string): string {
  runTool('/usr/sbin/e2fsck', '-fn', image);
  return runTool('/usr/sbin/debugfs', '-R', `cat ${path}`, image);
}

describe('walk through the devices of a stock Debian guest', function () {
  this.timeout(bootTimeoutMs + 60_000);
  let workbench: WorkbenchSession;

  before(async function () {
    const problem = fetchGuest();
    if (problem === noGuestHere) return this.skip();
    assert.equal(problem, undefined);
    workbench = await WorkbenchSession.open({ settings: terminalSettings, prepare: addDisk });
  });

  after(() => workbench?.close());

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot('failure-devices');
  });

  const typed = (line: string, answer: RegExp): Promise<void> =>
    typeToGuest(workbench, line, answer);

  const guest = /^vmlinuz/;
  const processor = /^VP 0.*exits/;

  /** Chooses from the menu of the guest. */
  const choose = async (title: string): Promise<void> =>
    workbench.chooseFromMenu(await workbench.findRow('Partitions', guest), title);

  /** Goes on from a stop. */
  const goOn = async (): Promise<void> => {
    await workbench.page.getByRole('button', { name: /^Continue/ }).waitFor();
    await workbench.run('Debug: Continue');
    await workbench.run('View: Close All Editors');
    await workbench.run('Hyperscope: Show Partitions');
  };

  const status = (text: RegExp): Promise<void> =>
    workbench.page.locator('.statusbar-item', { hasText: text }).waitFor();

  it('boots with a disk', async () => {
    await workbench.startConfiguration('Debian (cloud kernel)');
    await workbench.waitForPause(/(stopped|paused) on entry/i, 60_000);
    // Keys and commands know of the stop once the arrow is there.
    await workbench.page.locator('.codicon-debug-stackframe').first().waitFor();
    await workbench.page.keyboard.press('F5');
    await waitForShell(workbench);
    await workbench.run('View: Close All Editors');
    await workbench.run('Hyperscope: Show Partitions');
    await workbench.collapsePane('Event Breakpoints');
    await workbench.widenSideBar(260);
    await workbench.heightenPanel(300);
    await workbench.setExpanded('Partitions', /^Disks/, true);
    await workbench.setExpanded('Partitions', /^Integration components/, true);
  });

  it('takes the disk out of the running guest, and puts it back', async () => {
    await workbench.clickInRow('Partitions', /Disk 0: small\.img/, 'Detach Disk');
    await workbench.findRow('Partitions', /Disk 0: small\.img.*detached/);
    await typed('while [ -e /dev/sda ]; do sleep 0.1; done; echo it is gone', /\nit is gone/);
    await workbench.clickInRow('Partitions', /Disk 0: small\.img.*detached/, 'Attach Disk');
    await typed('until [ -e /dev/sda ]; do sleep 0.1; done; echo back again', /\nback again/);
  });

  it('exports the disk with what the guest has written to it', async () => {
    const modules = 'for m in $(cat /lib/modules/rootdisk.order); do insmod /lib/modules/$m; done';
    await typed(`${modules} 2>/dev/null; mount /dev/sda /mnt && echo mounted`, /\nmounted/);
    await typed('echo first > /mnt/kept; umount /mnt; sync; echo written', /\nwritten/);
    const image = join(workbench.folder, 'exported.vhdx');
    await workbench.clickInRow('Partitions', /Disk 0: small\.img/, 'Export Disk');
    await workbench.answerInput(/Export Disk/, image);
    await workbench.notification(/Disk 0 of .* is in .*exported\.vhdx/, 60_000);
    assert.equal(readFileSync(image).toString('latin1', 0, 8), 'vhdxfile');
    if (!hasQemuImg) return;
    runTool('qemu-img', 'check', image);
    const raw = join(workbench.folder, 'exported.img');
    runTool('qemu-img', 'convert', '-O', 'raw', image, raw);
    assert.equal(checkFileSystem(raw, '/kept'), 'first\n');
  });

  it('backs up the disk while the guest writes to it', async () => {
    const writer = 'while :; do i=$((i+1)); echo $i > /mnt/f$((i%50)); done & echo writing';
    await typed(`mount /dev/sda /mnt; ${writer}`, /\nwriting/);
    const image = join(workbench.folder, 'backup.img');
    await workbench.clickInRow('Partitions', /Disk 0: small\.img/, 'Back Up Disk');
    await workbench.answerInput(/Back Up Disk/, image);
    await workbench.notification(/Disk 0 of .* is in .*backup\.img/, 60_000);
    await workbench.findRow('Partitions', /Backup.*thawed/);
    assert.equal(checkFileSystem(image, '/kept'), 'first\n');
    await typed('kill %1; umount /mnt; echo done with it', /\ndone with it/);
  });

  it('copies a file into the guest', async () => {
    const file = join(workbench.folder, 'note.txt');
    writeFileSync(file, 'carried into the guest\n');
    await workbench.clickInRow('Partitions', /file copy.*ready/i, 'Copy a File to the Guest');
    await workbench.answerInput(/Copy a File to the Guest/, file);
    await workbench.answerInput(/Absolute path in the guest/, '/tmp/note.txt');
    await workbench.findRow('Partitions', /file copy.*note\.txt: copied, 23 bytes/i);
    await typed('cat /tmp/note.txt', /\ncarried into the guest/);
    await workbench.screenshot('debian-devices', { publish: true });
    await workbench.run('Preferences: Toggle between Light/Dark Themes');
    await workbench.page.locator('.monaco-workbench.vs').waitFor();
    await workbench.screenshot('debian-devices-light', { publish: true });
    await workbench.run('Preferences: Toggle between Light/Dark Themes');
  });

  it('keeps a value for programs of the guest', async () => {
    await workbench.clickInRow('Partitions', /Data exchange.*ready/, 'Set a Value in the Guest');
    await workbench.answerInput(/Key/, 'greeting');
    await workbench.answerInput(/Value of greeting/, 'from outside');
    await status(/to keep a value/);
    const pool = '/var/lib/hyperv/.kvp_pool_0';
    const look = `until grep -qa greeting ${pool}; do sleep 0.1; done; strings ${pool}`;
    await typed(look, /\ngreeting\s+from outside/);
  });

  it('asks for the addresses of an adapter one after another, and says what the guest made of them', async () => {
    const set = (): Promise<void> =>
      workbench.clickInRow('Partitions', /Data exchange.*ready/, 'Set Addresses of the Guest');
    const title = /Set Addresses of "/;
    const problem = (text: RegExp): Promise<void> =>
      workbench.page.locator('.quick-input-message', { hasText: text }).waitFor();
    await set();
    await workbench.fillInput(title, 'eth0');
    await problem(/The instance of its device: /);
    await workbench.answerInput(title, '00000000-0000-0000-0000-000000000000');
    await workbench.choose('Static addresses');
    await workbench.fillInput(/IPv4 and IPv6 addresses/, '10.0.0.256');
    await problem(/10\.0\.0\.256 is no IPv4 or IPv6 address/);
    // What is wrong stands where the question was.
    await workbench.answerInput(title, '10.0.0.2');
    await workbench.answerInput(/Subnet mask of each/, '255.0.0.0');
    await workbench.answerInput(/Gateways/, '10.0.0.1');
    await workbench.screenshot('debian-set-addresses', { hovering: true });
    await workbench.answerInput(/DNS servers/, '');
    await status(/to set addresses/);
    // The daemon looks for an adapter of that device, of which this guest has none.
    await workbench.findRow('Partitions', /Data exchange.*no such adapter/);
  });

  it('freezes its file systems, and thaws them', async () => {
    await workbench.clickInRow('Partitions', /Backup.*ready/, 'Freeze for Backup');
    await workbench.findRow('Partitions', /Backup.*frozen/);
    await workbench.clickInRow('Partitions', /Backup.*ready/, 'Thaw after Backup');
    await workbench.findRow('Partitions', /Backup.*thawed/);
  });

  it("sets the guest's clock", async () => {
    await typed('date -s 2001-02-03 >/dev/null; date +%Y', /\n2001/);
    await workbench.clickInRow('Partitions', /Time sync.*ready/i, "Set the Guest's Clock");
    await status(/to set its clock/);
    await typed('while [ $(date +%Y) = 2001 ]; do :; done; echo on time', /\non time/);
  });

  it('pauses the guest and its parent, at which the machine stops, and resumes them', async () => {
    await workbench.clickInRow('Partitions', guest, 'Pause Partition');
    await workbench.findRow('Partitions', /^vmlinuz.*paused/);
    await workbench.findRow('Partitions', /^VP 0.*paused · .*exits/);
    await workbench.clickInRow('Partitions', processor, 'Go to Instruction');
    await workbench.page.locator('.tab.active', { hasText: /^0x[0-9a-f]+\.s/ }).waitFor();
    await workbench.clickInRow('Partitions', /^Parent partition/, 'Pause Partition');
    await workbench.findRow('Partitions', /^Parent partition.*paused/);
    await workbench.clickInRow('Partitions', /^Parent partition/, 'Resume Partition');
    await workbench.clickInRow('Partitions', guest, 'Resume Partition');
    await goOn();
    await typed('echo on again', /\non again/);
  });

  it('saves the guest, deletes it, and has it back where it was', async () => {
    const file = join(workbench.folder, 'guest.hyperscope-partition');
    await typed('kept=here; echo set', /\nset/);
    await choose('Save Partition');
    await workbench.answerInput(/Save Partition vmlinuz/, file);
    await workbench.notification(/"vmlinuz" is saved: .* in .*guest\.hyperscope-partition/, 60_000);
    await choose('Delete Partition');
    await workbench.findRow('Partitions', /^vmlinuz.*deleted/);
    await choose('Restore Partition');
    await workbench.answerInput(/Restore Partition vmlinuz/, file);
    await workbench.findRow('Partitions', /^vmlinuz.*512 MiB/);
    await goOn();
    await typed('echo $kept as before', /\nhere as before/);
  });

  it('takes a right from pages by the menu', async () => {
    await choose('Protect Guest Pages');
    await workbench.fillInput(/Protect Guest Pages of vmlinuz/, '0x1000 1 rwz');
    const problem = workbench.page.locator('.quick-input-message', { hasText: /A page address/ });
    await problem.waitFor();
    // Nothing of the kernel is there: it goes on, and the page has what it has.
    await workbench.answerInput(/Protect Guest Pages of vmlinuz/, '0x1000 1 rwx');
    await typed('echo not in its way', /\nnot in its way/);
  });

  it('shows the exits of a processor', async () => {
    await workbench.clickInRow('Partitions', processor, 'Show VM Exits of This Processor');
    const log = await workbench.webview('exit-log-app');
    await log.locator('button', { hasText: 'P2 VP 0' }).waitFor();
    await workbench.showPanel('Terminal');
  });

  it('restarts the guest by its component', async () => {
    await workbench.run('Terminal: Clear');
    await workbench.clickInRow('Partitions', /Shutdown.*ready/i, 'Restart Guest');
    await status(/to restart/);
    await waitFor('the guest to boot again', async () =>
      /Linux version/.test(await terminalText(workbench)),
    );
    await waitForShell(workbench);
    await workbench.screenshot('debian-restarted');
  });

  it('shuts the guest down cleanly', async () => {
    await workbench.clickInRow('Partitions', /Shutdown.*ready/i, 'Shut Down Guest');
    await waitFor('the end of the guest', async () =>
      /reboot: Power down/.test(await terminalText(workbench)),
    );
    await workbench.screenshot('debian-shut-down');
  });

  it('starts the guest that has ended', async () => {
    await workbench.run('Terminal: Clear');
    await workbench.clickInRow('Partitions', guest, 'Start Partition');
    await goOn();
    await waitForShell(workbench);
  });
});
