// Disks and integration components of a guest as a client uses them: lists, attaching, export with progress, refusals.
import assert from 'node:assert/strict';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { customRequest } from '../../debug-adapter/protocol/custom-requests';
import { diskRequest, type DiskInfo } from '../../debug-adapter/protocol/guest-disks';
import { integrationRequest } from '../../debug-adapter/protocol/guest-integration';
import { ImageFolder } from '../support/disk-images';
import { AdapterSession } from './adapter-session';

/** JMP to itself, as a flat image: a guest with a bus and disks that asks for nothing. */
const idle = Uint8Array.of(0xeb, 0xfe);
const partition = 2;
const content = Buffer.from(
  Array.from({ length: 1 << 20 }, (_, at) => (at * 7 + (at >> 9)) & 0xff),
);

describe('disks of a guest', () => {
  const folder = new ImageFolder();
  let session: AdapterSession;

  before(() => {
    folder.write('idle.bin', idle);
    folder.write('disk.raw', content);
    writeFileSync(folder.place('large.raw'), content);
    truncateSync(folder.place('large.raw'), 2 ** 31);
  });
  beforeEach(async () => {
    session = await AdapterSession.start();
    await session.launch({
      ...{ program: folder.place('idle.bin'), format: 'flat', stopOnEntry: true },
      flat: { address: '0x1000', mode: 'real' },
      disks: [
        { path: folder.place('disk.raw') },
        { path: folder.place('large.raw'), attached: false },
        { path: folder.place('disk.raw'), controller: 'ide', readOnly: true },
      ],
    });
    await session.stopOf(() => session.client.configurationDoneRequest());
  });
  afterEach(() => session.end());
  after(() => folder.remove());

  async function disks(): Promise<readonly DiskInfo[]> {
    return (await session.client.customRequest(diskRequest.disks, { partition })).body.disks;
  }

  const unfinished = (): string[] => readdirSync(folder.path).filter((name) => /part$/.test(name));

  it('are listed, attached and detached', async () => {
    const listed = await disks();
    assert.deepEqual(
      listed.map(({ controller, location, sizeBytes, isReadOnly, isAttached, writtenBytes }) => [
        ...[controller, location, sizeBytes, isReadOnly, isAttached, writtenBytes],
      ]),
      [
        ['scsi', 0, 1 << 20, false, true, 0],
        ['scsi', 1, 2 ** 31, false, false, 0],
        ['ide', 0, 1 << 20, true, true, 0],
      ],
    );
    await session.client.customRequest(diskRequest.attachDisk, { partition, disk: 1 });
    assert.equal((await disks())[1]?.isAttached, true);
    await session.client.customRequest(diskRequest.detachDisk, { partition, disk: 1 });
    assert.equal((await disks())[1]?.isAttached, false);
    const refused = (command: string, disk: number): Promise<string> =>
      session.refusal(command, { partition, disk });
    assert.match(await refused(diskRequest.detachDisk, 2), /IDE drive/);
    assert.match(await refused(diskRequest.attachDisk, 7), /no disk 7/);
    assert.match(
      await session.refusal(diskRequest.disks, { partition: 9 }),
      /no guest partition 9/,
    );
  });

  it('are written to new images while the guest runs', async () => {
    const threadId = await session.threadId();
    await session.client.continueRequest({ threadId });
    const path = folder.place('copy.raw');
    await session.client.customRequest(diskRequest.exportDisk, { partition, disk: 0, path });
    assert.ok(content.equals(readFileSync(path)));
    const over = { partition, disk: 0, path: folder.place('disk.raw') };
    assert.match(await session.refusal(diskRequest.exportDisk, over), /a guest uses/);
    const nowhere = { partition, disk: 0, path: folder.place('no/copy.raw') };
    assert.match(await session.refusal(diskRequest.exportDisk, nowhere), /could not be written/);
    const strange = { partition, disk: 0, path, format: 'qcow2' };
    assert.match(await session.refusal(diskRequest.exportDisk, strange), /no format "qcow2"/);
    await session.stopOf(() => session.client.pauseRequest({ threadId }));
    assert.deepEqual(unfinished(), []);
  });

  it('show how far an export is, which can be given up', async () => {
    const path = folder.place('never.vhdx');
    const started = session.client.waitForEvent('progressStart');
    const refusal = session.refusal(diskRequest.exportDisk, { partition, disk: 1, path });
    // The client types the body as any; the adapter's event has this one.
    const { progressId } = (await started).body as DebugProtocol.ProgressStartEvent['body'];
    assert.equal(unfinished().length, 1);
    const ended = session.client.waitForEvent('progressEnd');
    await session.client.customRequest('cancel', { progressId });
    assert.match(await refusal, /given up/);
    await ended;
    assert.deepEqual(unfinished(), []);
    assert.ok(!readdirSync(folder.path).includes('never.vhdx'));
  });

  it('have a guest whose components say why they cannot be asked yet', async () => {
    const { body } = await session.client.customRequest(customRequest.partitions, {});
    assert.equal(body.partitions[1].id, partition);
    const ask = (args: object): Promise<string> =>
      session.refusal(integrationRequest.askGuest, { partition, ...args });
    assert.match(await ask({ operation: 'freeze' }), /[Bb]ackup|VSS/);
    assert.match(await ask({ operation: 'shut-down' }), /[Ss]hutdown/);
    assert.match(await ask({ operation: 'dance' }), /no operation "dance"/);
    assert.match(await ask({ operation: 'set-data', key: 'k' }), /value/);
    const lists = { addresses: '', subnetMasks: '', gateways: '', dnsServers: '' };
    const addresses = { adapter: '{x}', assignment: 'dhcp', ...lists };
    const setAddresses = (configuration?: object): Promise<string> =>
      ask({ operation: 'set-addresses', configuration });
    assert.match(await setAddresses(addresses), /[Dd]ata exchange|[Kk]ey-value|KVP/);
    assert.match(await setAddresses({ ...addresses, assignment: 'luck' }), /dhcp/);
    assert.match(await setAddresses(), /configuration/);
    const file = { operation: 'copy-file', path: '/tmp/x', data: '!' };
    assert.match(await ask(file), /base64/);
    assert.match(await session.refusal(integrationRequest.askGuest, {}), /operation/);
    const components = (await session.client.customRequest(integrationRequest.integration, {
      partition,
    })) as { body: { components: { name: string; phase: string }[] } };
    assert.deepEqual(
      [...new Set(components.body.components.map(({ phase }) => phase))],
      ['absent'],
    );
  });
});
