// Time travel over DAP: step back, continue backwards, go to a position or to an exit of the log.
import assert from 'node:assert/strict';
import { customRequest } from '../../debug-adapter/protocol/custom-requests';
import { AdapterSession } from './adapter-session';

describe('time travel', () => {
  let session: AdapterSession;
  let threadId: number;

  beforeEach(async () => {
    session = await AdapterSession.launched('hello-partition');
    threadId = await session.threadId();
  });
  afterEach(() => session.end());

  const request = (command: string, args: object = { threadId }) =>
    session.stopOf(() => session.client.customRequest(command, args));
  const position = async (): Promise<number> => {
    const { body } = await session.client.customRequest(customRequest.partitions);
    return body.position;
  };

  it('steps back to where it was', async () => {
    const rip = await session.rip();
    await request('stepIn', { threadId, granularity: 'instruction' });
    const stop = await request('stepBack', { threadId, granularity: 'instruction' });
    assert.equal(stop.reason, 'step');
    assert.match(stop.description ?? '', /step back, in the past/);
    assert.equal(await session.rip(), rip);
    const again = await request('stepBack');
    assert.match(again.description ?? '', /beginning of the recording/);
  });

  it('continues backwards to the breakpoint before, and shows the console once', async () => {
    await session.client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'print_string' }] });
    await request('continue');
    const first = await position();
    await request('continue');
    await request('continue');
    const shown = session.output.get('stdout');
    await request('reverseContinue');
    const stop = await request('reverseContinue');
    assert.equal(stop.hitBreakpointIds?.length, 1);
    assert.equal(await position(), first);
    await request('continue');
    await request('continue');
    assert.equal(session.output.get('stdout'), shown);
  });

  it('goes to the moment of an exit of the log', async () => {
    await session.client.setFunctionBreakpointsRequest({
      breakpoints: [{ name: 'first_hypercall' }],
    });
    await request('continue');
    const { body } = await session.client.customRequest(customRequest.exits, {
      start: 0,
      count: 9,
    });
    const row = body.rows[3];
    const stop = await request(customRequest.goToPosition, { position: row.position, threadId });
    assert.match(stop.description ?? '', /position asked for/);
    assert.equal(await position(), row.position);
    assert.equal(await session.rip(), Number(row.rip));
    const message = await session.refusal(customRequest.goToPosition, { position: -4 });
    assert.match(message, /no position -4/);
  });

  it('an edit in the past begins a new future, and says so', async () => {
    await request('stepIn', { threadId, granularity: 'instruction' });
    await request('stepBack', { threadId, granularity: 'instruction' });
    await session.client.customRequest('setExpression', { expression: '$r15', value: '7' });
    assert.match(await session.evaluate('$r15'), /0x7/);
    // The note follows the answer to the edit.
    assert.match(session.output.get('console') ?? '', /new future begins at position 0/);
  });
});
