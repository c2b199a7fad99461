// The requests of the VMCS inspector: what they show, compare and set, and that looking at the past changes nothing.
import assert from 'node:assert/strict';
import {
  customEvent,
  customRequest,
  type ExitsBody,
} from '../../debug-adapter/protocol/custom-requests';
import type {
  VmcsBody,
  VmcsFieldInfo,
  VmcsStopBody,
} from '../../debug-adapter/protocol/vmcs-requests';
import { AdapterSession } from './adapter-session';

describe('VMCS inspection', () => {
  let session: AdapterSession;
  let threadId: number;

  beforeEach(async () => {
    session = await AdapterSession.launched('hello-partition');
    threadId = await session.threadId();
  });
  afterEach(() => session.end());

  async function inspect(args: object = {}): Promise<VmcsBody> {
    return (await session.client.customRequest(customRequest.vmcs, { threadId, ...args })).body;
  }

  function field(body: VmcsBody, name: string): VmcsFieldInfo {
    const found = body.groups.flatMap(({ fields }) => fields).find((row) => row.name === name);
    assert(found !== undefined, name);
    return found;
  }

  const goOn = () => session.stopOf(() => session.client.continueRequest({ threadId }));
  const step = () => session.stopOf(() => session.client.stepInRequest({ threadId }));
  const breakOn = (...names: string[]) =>
    session.client.setFunctionBreakpointsRequest({ breakpoints: names.map((name) => ({ name })) });

  it('shows four groups, bits by name and where the manual has them', async () => {
    const body = await inspect();
    assert.deepEqual(
      body.groups.map(({ name }) => name),
      ['Exit information', 'Guest state', 'Controls', 'Host state'],
    );
    assert.equal(body.moment, 'Now, before the first exit');
    assert.equal(body.comparedWith, '');
    const controls = field(body, 'CPU_BASED_VM_EXEC_CONTROL');
    assert.equal(controls.section, 'SDM vol. 3, 25.6.2');
    const bit = controls.bits.find(({ name }) => name === 'HLT exiting');
    assert.deepEqual(bit, { name: 'HLT exiting', low: 7, high: 7, value: '0x1', meaning: '' });
    assert.equal(controls.isEditable, true);
    assert.equal(field(body, 'VM_EXIT_REASON').isEditable, false);
    for (const { fields } of body.groups) {
      for (const row of fields) assert.match(row.section, /^SDM vol\. 3, 25\./, row.name);
    }
  });

  it('tells what has changed since the last stop', async () => {
    await step();
    await step();
    const body = await inspect();
    assert.match(body.comparedWith, /^the last stop, position \d+$/);
    const rip = field(body, 'GUEST_RIP');
    assert(rip.before !== undefined);
    assert(Number(rip.before.value) < Number(rip.value));
    assert.equal(field(body, 'GUEST_CR3').before, undefined);
  });

  it('compares with the exit before, and stands where it stood', async () => {
    await breakOn('exit:*');
    await goOn();
    const first = await inspect();
    assert.match(first.moment, /^Now, exit 1, .*, not handled yet$/);
    assert.equal((await inspect({ comparedWith: 'previous-exit' })).comparedWith, '');
    await breakOn('exit:CPUID');
    await goOn();
    const before = await session.evaluate('$rip');
    const [body, frames] = await Promise.all([
      inspect({ comparedWith: 'previous-exit' }),
      session.frames(),
    ]);
    assert.match(body.comparedWith, /^exit \d+, /);
    assert.equal(body.position, (await inspect()).position);
    assert.equal(frames[0]?.instructionPointerReference?.includes('0x'), true);
    assert.equal(await session.evaluate('$rip'), before);
    const rip = field(body, 'GUEST_RIP');
    assert(rip.before !== undefined);
    await goOn();
    assert.match((await inspect()).moment, /not handled yet/);
  });

  it('sends the VMCS right before a stop to whoever follows it', async () => {
    const told: (VmcsStopBody | string)[] = [];
    session.client.on(customEvent.vmcs, ({ body }: { body: VmcsStopBody }) => told.push(body));
    session.client.on('stopped', () => told.push('stopped'));
    const follow = (args: object) => session.client.customRequest(customRequest.followVmcs, args);
    await step();
    await follow({ comparedWith: 'last-stop' });
    await step();
    await step();
    const present = await inspect();
    const [, , , sent, last] = told;
    assert(typeof sent === 'object');
    assert.deepEqual(sent, { threadId, comparedWith: 'last-stop', vmcs: present });
    assert.match(present.thread, /^hello-partition: VP 0$/);
    assert(field(present, 'GUEST_RIP').before !== undefined);
    assert.equal(last, 'stopped');
    await follow({});
    await step();
    assert.deepEqual(told.slice(5), ['stopped']);
  });

  it('sends nothing with a stop where an exit would have to be visited first', async () => {
    await breakOn('exit:*');
    await goOn();
    await goOn();
    let told = 0;
    session.client.on(customEvent.vmcs, () => told++);
    const comparedWith = 'previous-exit';
    await session.client.customRequest(customRequest.followVmcs, { comparedWith });
    await goOn();
    assert.equal(told, 0);
    assert.match((await inspect({ comparedWith })).comparedWith, /^exit 2, /);
  });

  it('shows any two exits of the log side by side', async () => {
    await breakOn('hypercall:*');
    await goOn();
    const args = { start: 0, count: 500 };
    const exits: ExitsBody = (await session.client.customRequest(customRequest.exits, args)).body;
    const cpuid = exits.rows.find(({ reason }) => reason === 10);
    const output = exits.rows.find(({ reason }) => reason === 30);
    assert(cpuid !== undefined && output !== undefined);
    const body = await inspect({ exit: output.id, comparedWith: cpuid.id });
    assert.equal(body.moment, `At exit ${output.exitNumber}, I/O instruction`);
    assert.equal(body.comparedWith, `exit ${cpuid.exitNumber}, CPUID`);
    const reason = field(body, 'VM_EXIT_REASON');
    assert.deepEqual([reason.value, reason.before?.value], ['0x1e', '0xa']);
    assert.deepEqual([reason.text, reason.before?.text], ['I/O instruction', 'CPUID']);
    assert.equal(field(body, 'GUEST_RIP').value, output.rip);
    assert.equal(field(body, 'GUEST_RIP').before?.value, cpuid.rip);
    assert.equal(field(body, 'GUEST_CR0').isEditable, false, 'the past is not edited here');
    assert.match((await inspect()).moment, /VMCALL, not handled yet/);
    assert.match(await session.refusal(customRequest.vmcs, { threadId, exit: '1.1' }), /not kept/);
  });

  it('sets guest state and controls, and nothing else', async () => {
    const set = (name: string, value: string): object => ({ threadId, field: name, value });
    const send = (name: string, value: string) =>
      session.client.customRequest(customRequest.setVmcsField, set(name, value));
    await send('EXCEPTION_BITMAP', '1 << 14');
    assert.equal(field(await inspect(), 'EXCEPTION_BITMAP').text, '[#PF]');
    const rows: readonly (readonly [string, string, RegExp])[] = [
      ['VM_EXIT_REASON', '1', /read-only/],
      ['HOST_RIP', '1', /host state is not used/],
      ['GUEST_CS_SELECTOR', '0x10000', /does not fit/],
      ['GUEST_NOTHING', '1', /no register/],
      ['GUEST_RIP', '0x8000000000000000', /not a canonical/],
      ['GUEST_CR0', 'nonsense', /no register, symbol/],
    ];
    for (const [name, value, text] of rows) {
      const args = set(name, value);
      assert.match(await session.refusal(customRequest.setVmcsField, args), text, name);
    }
  });

  it('tells why VM entry will fail, and shows the failure', async () => {
    const args = { threadId, field: 'GUEST_CR4', value: '0' };
    assert.equal((await inspect()).entryProblem, '');
    await session.client.customRequest(customRequest.setVmcsField, args);
    assert.match((await inspect()).entryProblem, /GUEST_CR4 must have PAE set .*27\.3\.1\.1/);
    await breakOn('exit:INVALID_STATE');
    await goOn();
    const reason = field(await inspect(), 'VM_EXIT_REASON');
    assert.equal(reason.value, '0x80000021');
    assert.match(reason.text, /invalid guest state, VM-entry failure/);
  });
});
