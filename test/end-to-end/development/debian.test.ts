// The walk with a kernel that nobody here wrote: a stock Debian guest under F5, by symbol, to its shell, and back.
import assert from 'node:assert/strict';
import {
  bootTimeoutMs,
  fetchGuest,
  noGuestHere,
  terminalSettings,
  typeToGuest,
  waitForShell,
} from '../debian-guest';
import { waitFor, WorkbenchSession } from '../workbench-session';

describe('walk through a stock Debian guest', function () {
  this.timeout(bootTimeoutMs + 60_000);
  let workbench: WorkbenchSession;

  before(async function () {
    const problem = fetchGuest();
    if (problem === noGuestHere) return this.skip();
    assert.equal(problem, undefined);
    workbench = await WorkbenchSession.open({ settings: terminalSettings });
  });

  after(() => workbench?.close());

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot('failure-debian');
  });

  /** What the status item says once it has caught up with the stop. */
  const position = async (): Promise<number> => {
    const item = workbench.page.locator('.statusbar-item [aria-label*="Position"]').first();
    let last = '';
    const label = await waitFor('a position that stays', async () => {
      const before = last;
      last = (await item.getAttribute('aria-label')) ?? '';
      await workbench.page.waitForTimeout(500);
      return last === before && last !== '' ? last : undefined;
    });
    return Number(/Position ([\d,]+)/.exec(label)?.[1]?.replaceAll(',', ''));
  };

  it('starts the kernel and stops on entry', async () => {
    await workbench.startConfiguration('Debian (cloud kernel)');
    await workbench.waitForPause(/(stopped|paused) on entry/i, 60_000);
  });

  it('stops at a function of the kernel by its name', async () => {
    await workbench.addFunctionBreakpoint('start_kernel');
    await workbench.page.keyboard.press('F5');
    await workbench.waitForPause(/breakpoint/i, bootTimeoutMs);
    const frames = workbench.pane('Call Stack').filter({ hasText: 'start_kernel' });
    await frames.first().waitFor();
    await workbench.screenshot('debian-start-kernel');
  });

  it('stops at a message on VMBus by its name, and shows it decoded in its conversation', async () => {
    await workbench.removeAllBreakpoints();
    await workbench.addFunctionBreakpoint('vmbus:OpenChannel');
    await workbench.page.keyboard.press('F5');
    await workbench.waitForPause(/VMBus OpenChannel/i, bootTimeoutMs);
    await workbench.run('Hyperscope: Open VMBus Traffic');
    const traffic = await workbench.webview('#grid');
    const opening = traffic.locator('[role="row"]').filter({ hasText: 'OpenChannel' }).first();
    await opening.click();
    const fields = traffic.getByRole('tree', { name: 'Fields' });
    const gpadl = fields.getByRole('treeitem', { name: /^RingBufferGpadl 0xe1e10/ });
    assert.match(await traffic.locator('.channels').innerText(), /VMBus 5\.3[\s\S]*Heartbeat/);
    await workbench.heightenPanel(160);
    // The driver's own code, which called the hypercall page: around that page nothing is mapped.
    await workbench
      .pane('Call Stack')
      .filter({ hasText: /^0xffffffffc0/ })
      .first()
      .click();
    const { page } = workbench;
    await page.locator('.disassembly-view', { hasText: 'call' }).waitFor();
    await gpadl.hover();
    await workbench.screenshot('debian-vmbus', { publish: true, hovering: true });
    await workbench.run('Preferences: Toggle between Light/Dark Themes');
    await page.locator('.monaco-workbench.vs').waitFor();
    await gpadl.hover();
    await workbench.screenshot('debian-vmbus-light', { publish: true, hovering: true });
    await workbench.run('Preferences: Toggle between Light/Dark Themes');
  });

  it('leads from a message to the code that sent it', async () => {
    const traffic = await workbench.webview('#grid');
    await traffic.getByRole('button', { name: 'Go to the code that sent it' }).click();
    const { page } = workbench;
    await page.locator('.tab.active', { hasText: /^0x[0-9a-f]+\.s/ }).waitFor();
    await page
      .locator('.editor-instance .view-line', { hasText: /vmcall/ })
      .first()
      .waitFor();
    await workbench.heightenPanel(-160);
    await workbench.screenshot('debian-vmbus-sender');
  });

  it('leads from a message to its entry among all events by the menu, and back', async () => {
    const traffic = await workbench.webview('vmbus-traffic-app');
    const chosen = traffic.locator('.rows .row[aria-selected="true"]');
    const id = await chosen.getAttribute('data-row');
    await workbench.chooseFromMenu(chosen, 'Show in Event Log');
    const events = await workbench.webview('event-log-app');
    const entry = events.locator(`.row[data-row="${id}"][aria-selected="true"]`);
    await entry.filter({ hasText: 'OpenChannel' }).waitFor();
    await workbench.screenshot('debian-event-log-entry');
    await workbench.chooseFromMenu(entry, 'Show in VMBus Traffic');
    const again = await workbench.webview('vmbus-traffic-app');
    await again.locator(`.row[data-row="${id}"][aria-selected="true"]`).waitFor();
  });

  it('has the VMCS of the hypercall that posted it in the inspector', async () => {
    await workbench.run('Hyperscope: Open VMCS Inspector');
    const inspector = await workbench.webview('[role="treegrid"]');
    const reason = inspector.locator('[data-row="VM_EXIT_REASON"]');
    await waitFor('the reason', async () => /VMCALL/.test(await reason.innerText()));
    await workbench.removeAllBreakpoints();
  });

  it('boots to the shell in a terminal', async () => {
    await workbench.page.keyboard.press('F5');
    await waitForShell(workbench);
    await workbench.screenshot('debian-booted');
  });

  it('takes what a person types', async () => {
    const answers = /\n42 is the answer\n6\.\d+\.\d+-\d+-cloud-amd64/;
    await typeToGuest(workbench, 'echo $((6*7)) is the answer; uname -r', answers);
  });

  it('asks the guest for its name by its integration component', async () => {
    await workbench.run('Hyperscope: Show Partitions');
    await workbench.setExpanded('Partitions', /Integration components/, true);
    await workbench.clickInRow('Partitions', /Data exchange.*ready/, 'Ask for Name and Addresses');
    await workbench.setExpanded('Partitions', /Data exchange/, true);
    await workbench.findRow('Partitions', /OSName\s*Debian GNU\/Linux/);
    await workbench.screenshot('debian-integration');
    await workbench.run('View: Show Run and Debug');
  });

  it('stops in a system call of what was typed, steps, and steps back to where it was', async () => {
    await workbench.addFunctionBreakpoint('do_sys_openat2');
    await typeToGuest(workbench, 'cat /proc/version');
    await workbench.waitForPause(/breakpoint/i, 60_000);
    const start = await position();
    await workbench.run('Hyperscope: Step Into Instruction');
    await waitFor('a step', async () => (await position()) === start + 1, 30_000);
    await workbench.run('Hyperscope: Step Back Instruction');
    await waitFor('the step back', async () => (await position()) === start, 60_000);
    await workbench.collapsePane('Watch');
    await workbench.widenSideBar(140);
    await workbench.run('Notifications: Clear All Notifications');
    await workbench.screenshot('debian', { publish: true });
    await workbench.run('Preferences: Toggle between Light/Dark Themes');
    await workbench.page.locator('.monaco-workbench.vs').waitFor();
    await workbench.screenshot('debian-light', { publish: true });
    await workbench.run('Preferences: Toggle between Light/Dark Themes');
  });
});
