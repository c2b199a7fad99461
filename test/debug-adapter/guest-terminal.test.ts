// The guest's console in a terminal: bytes out as events, bytes in as recorded inputs.
import assert from 'node:assert/strict';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { customEvent, customRequest } from '../../debug-adapter/protocol/custom-requests';
import { AdapterSession } from './adapter-session';

describe('a console in a terminal', () => {
  let session: AdapterSession;
  afterEach(() => session.end());

  it('comes as bytes with the name of its partition, and not to the Debug Console', async () => {
    session = await AdapterSession.launched('hello-partition', {
      console: { location: 'terminal' },
      partitionName: 'First guest',
    });
    const received: Buffer[] = [];
    const names = new Set<string>();
    const printed: string[] = [];
    session.client.on(customEvent.consoleOutput, ({ body }: DebugProtocol.Event) => {
      received.push(Buffer.from(body.data, 'base64'));
      names.add(body.partitionName);
    });
    session.client.on('output', ({ body }: DebugProtocol.OutputEvent) => {
      if (body.category === 'stdout') printed.push(body.output);
    });
    const threadId = await session.threadId();
    await session.stopOf(() => session.client.continueRequest({ threadId }));
    const text = Buffer.concat(received).toString();
    assert.match(text, /^Hello from a guest partition\.[^]*done/);
    assert.deepEqual([...names], ['First guest']);
    assert.deepEqual(printed, []);
  });

  it('refuses input that is no base64, is too long, or is for a guest that cannot read', async () => {
    session = await AdapterSession.launched('hello-partition');
    const [, guest] = (await session.client.customRequest(customRequest.partitions, {})).body
      .partitions;
    const refused = (partition: number, data: string): Promise<string> =>
      session.refusal(customRequest.consoleInput, { partition, data });
    assert.match(await refused(guest.id, '!'), /base64/);
    assert.match(await refused(guest.id, 'A'.repeat(100_000)), /up to 65536 bytes/);
    assert.match(await refused(guest.id, 'bHM='), /only writes/);
    assert.match(await refused(77, 'bHM='), /no guest partition 77/);
  });
});
