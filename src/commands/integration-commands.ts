/** Commands that ask a guest for something through its integration components. */
import * as vscode from 'vscode';
import {
  integrationRequest,
  type AskGuestArguments,
  type GuestAddresses,
  type GuestOperationName,
} from '../../debug-adapter/protocol/guest-integration';
import type { HyperscopeSessions } from '../debug/hyperscope-sessions';
import { requestFromAdapter } from '../debug/session-requests';
import { showError } from '../debug/show-error';
import {
  adapterInstance,
  adapterProblem,
  addressesProblem,
  addressList,
  masksProblem,
} from '../presentation/address-list';
import { operationTexts } from '../views/integration-text';
import type { PartitionTarget } from './partition-commands';

/** Most that a guest is sent in one file. */
const mostFileBytes = 64 * 1024 * 1024;

export class IntegrationCommands {
  constructor(
    private readonly sessions: HyperscopeSessions,
    /** Called when a guest has been asked, so that views show it. */
    private readonly asked: () => void,
  ) {}

  ask(operation: GuestOperationName, target: PartitionTarget): Promise<void> {
    return this.send({ operation, partition: target.partition.id }, target);
  }

  /** Asks which file to copy, and to where. */
  async copyFile(target: PartitionTarget): Promise<void> {
    const [file] =
      (await vscode.window.showOpenDialog({ title: 'Copy a File to the Guest' })) ?? [];
    if (file === undefined) return;
    const name = file.path.split('/').at(-1) ?? '';
    const path = await vscode.window.showInputBox({
      title: 'Copy a File to the Guest',
      prompt: 'Absolute path in the guest',
      value: `/tmp/${name}`,
      validateInput: (text) => (text.startsWith('/') ? undefined : 'An absolute path.'),
    });
    if (path === undefined) return;
    const bytes = await vscode.workspace.fs.readFile(file);
    if (bytes.length > mostFileBytes) {
      void vscode.window.showErrorMessage(`${name} is larger than 64 MiB.`);
      return;
    }
    const data = Buffer.from(bytes).toString('base64');
    const { id: partition } = target.partition;
    await this.send({ operation: 'copy-file', partition, path, data }, target);
  }

  /** Asks for a key and a value that programs of the guest can read. */
  async setValue(target: PartitionTarget): Promise<void> {
    const title = 'Set a Value in the Guest';
    const key = await vscode.window.showInputBox({ title, prompt: 'Key' });
    if (key === undefined || key === '') return;
    const value = await vscode.window.showInputBox({ title, prompt: `Value of ${key}` });
    if (value === undefined) return;
    const { id: partition } = target.partition;
    await this.send({ operation: 'set-data', partition, key, value }, target);
  }

  /** Asks for an adapter and the addresses that it is to have. */
  async setAddresses(target: PartitionTarget): Promise<void> {
    const configuration = await askAddresses(`Set Addresses of "${target.partition.name}"`);
    if (configuration === undefined) return;
    const { id: partition } = target.partition;
    await this.send({ operation: 'set-addresses', partition, configuration }, target);
  }

  private async send(args: AskGuestArguments, { partition }: PartitionTarget): Promise<void> {
    const live = this.sessions.live;
    if (live === undefined) return;
    try {
      await requestFromAdapter(live.session, integrationRequest.askGuest, args);
      const what = operationTexts[args.operation];
      const stopped = live.running ? '' : ' It answers once it runs.';
      vscode.window.setStatusBarMessage(`Asked "${partition.name}" to ${what}.${stopped}`, 5000);
    } catch (error) {
      showError(error);
    }
    this.asked();
  }
}

/** Asks in as many steps as it takes; undefined where one of them is left. */
async function askAddresses(title: string): Promise<GuestAddresses | undefined> {
  const ask = (
    prompt: string,
    validateInput: (text: string) => string | undefined,
  ): Thenable<string | undefined> =>
    vscode.window.showInputBox({ title, prompt, validateInput, ignoreFocusOut: true });
  const instance = await ask('Adapter: the instance of its device', adapterProblem);
  if (instance === undefined) return undefined;
  const adapter = adapterInstance(instance);
  const assignments = [
    { label: 'From a DHCP server', assignment: 'dhcp' as const },
    { label: 'Static addresses', assignment: 'static' as const },
  ];
  const chosen = await vscode.window.showQuickPick(assignments, { title, ignoreFocusOut: true });
  if (chosen === undefined) return undefined;
  const { assignment } = chosen;
  const nothing = { addresses: '', subnetMasks: '', gateways: '', dnsServers: '' };
  if (assignment === 'dhcp') return { adapter, assignment, ...nothing };
  const addresses = await ask('IPv4 and IPv6 addresses, with commas', (text) =>
    addressesProblem(text, false),
  );
  if (addresses === undefined) return undefined;
  const masks = await ask('Subnet mask of each, with commas', (text) =>
    masksProblem(text, addresses),
  );
  if (masks === undefined) return undefined;
  const optional = (text: string): string | undefined => addressesProblem(text, true);
  const gateways = await ask('Gateways, with commas; may be empty', optional);
  if (gateways === undefined) return undefined;
  const dnsServers = await ask('DNS servers, with commas; may be empty', optional);
  if (dnsServers === undefined) return undefined;
  return {
    adapter,
    assignment,
    addresses: addressList(addresses),
    subnetMasks: addressList(masks),
    gateways: addressList(gateways),
    dnsServers: addressList(dnsServers),
  };
}
