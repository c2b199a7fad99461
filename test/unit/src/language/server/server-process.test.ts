// The server as a process of its own, spoken to over its standard streams.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type MessageConnection,
} from 'vscode-languageserver/node';

const root = fileURLToPath(new URL('../../../../../', import.meta.url));
const guestPath = `${root}guests/hello-partition/hello-partition.s`;
const uri = pathToFileURL(guestPath).href;
const text = readFileSync(guestPath, 'utf8');

/** Position of the first place where `needle` stands. */
function positionOf(needle: string): { line: number; character: number } {
  const before = text.slice(0, text.indexOf(needle)).split('\n');
  return { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
}

describe('language server process', () => {
  let server: ChildProcess;
  let connection: MessageConnection;

  before(async () => {
    const main = `${root}src/language/server/main.ts`;
    server = spawn(process.execPath, ['--import', 'tsx', main, '--stdio'], { cwd: root });
    const { stdout, stdin } = server;
    assert.ok(stdout !== null && stdin !== null);
    connection = createMessageConnection(
      new StreamMessageReader(stdout),
      new StreamMessageWriter(stdin),
    );
    connection.listen();
    await connection.sendRequest('initialize', {
      processId: null,
      rootUri: null,
      capabilities: {},
    });
    await connection.sendNotification('initialized', {});
  });

  after(() => {
    connection.dispose();
    server.kill();
  });

  it('publishes diagnostics, answers hovers, definitions, lenses and symbols of a sample guest', async () => {
    const published = new Promise<unknown>((resolve) => {
      connection.onNotification('textDocument/publishDiagnostics', resolve);
    });
    await connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri, languageId: 'hyperscope-asm', version: 1, text },
    });
    assert.deepEqual(await published, { uri, diagnostics: [] });

    const textDocument = { uri };
    const hover = await connection.sendRequest('textDocument/hover', {
      textDocument,
      position: positionOf('HvCallNotifyLongSpinWait | '),
    });
    assert.match(JSON.stringify(hover), /hypercall 0x0008/);
    const definition = await connection.sendRequest('textDocument/definition', {
      textDocument,
      position: positionOf('HV_X64_MSR_VP_INDEX'),
    });
    assert.match(JSON.stringify(definition), /guests\/include\/hyperscope\.inc/);
    const lenses = await connection.sendRequest('textDocument/codeLens', { textDocument });
    assert.match(JSON.stringify(lenses), /hyperscope\.debugGuest/);
    const symbols = await connection.sendRequest('textDocument/documentSymbol', { textDocument });
    assert.match(JSON.stringify(symbols), /"_start"/);
  }).timeout(20_000);

  it('refuses a malformed request and goes on', async () => {
    await assert.rejects(connection.sendRequest('textDocument/hover', { wrong: true }));
    await assert.rejects(connection.sendRequest('no/such/request', {}));
    const lenses = await connection.sendRequest('textDocument/codeLens', { textDocument: { uri } });
    assert.match(JSON.stringify(lenses), /Debug this guest/);
  }).timeout(20_000);
});
