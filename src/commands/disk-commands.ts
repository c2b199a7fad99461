/** Commands for the disks of guests: export, backup of a running guest, attach and detach. */
import * as vscode from 'vscode';
import { customRequest } from '../../debug-adapter/protocol/custom-requests';
import { diskRequest, type DiskInfo } from '../../debug-adapter/protocol/guest-disks';
import {
  integrationRequest,
  type GuestOperationName,
} from '../../debug-adapter/protocol/guest-integration';
import type { HyperscopeSessions } from '../debug/hyperscope-sessions';
import { requestFromAdapter, type AdapterRequests } from '../debug/session-requests';
import { bytesText } from '../presentation/quantity-text';
import type { PartitionTarget } from './partition-commands';

type Guest = PartitionTarget['partition'];

/** How often a guest is asked whether it has frozen, and how long. */
const askEveryMs = 200;
const freezeTimeoutMs = 60_000;

const imageFilters = { 'Disk image': ['raw', 'img', 'vhd', 'vhdx'] };

export class DiskCommands {
  constructor(private readonly sessions: HyperscopeSessions) {}

  /** Writes a disk as it is now; a guest that is writing leaves it as after a loss of power. */
  export(target?: PartitionTarget): Promise<void> {
    return this.withDisk(
      target,
      'Export Disk',
      () => true,
      async (guest, disk) => {
        const path = await askForImage('Export Disk', disk);
        if (path !== undefined) await this.write(guest, disk, path);
      },
    );
  }

  /** Freezes the file systems of the running guest, takes its disk, and thaws them; then writes what was taken. */
  backUp(target?: PartitionTarget): Promise<void> {
    return this.withDisk(
      target,
      'Back Up Disk',
      ({ isAttached }) => isAttached,
      async (guest, disk) => {
        const path = await askForImage('Back Up Disk', disk);
        if (path === undefined) return;
        await this.ask(guest, 'freeze');
        try {
          await this.frozen(guest);
        } catch (error) {
          // A guest that is only late is not left frozen.
          await this.ask(guest, 'thaw').catch(() => undefined);
          throw error;
        }
        // The disk is taken when the request comes: the guest need not wait until it is written.
        await Promise.all([this.write(guest, disk, path), this.ask(guest, 'thaw')]);
      },
    );
  }

  attach(target?: PartitionTarget): Promise<void> {
    const isOut = (disk: DiskInfo): boolean => !disk.isAttached;
    return this.withDisk(target, 'Attach Disk', isOut, ({ id }, { index }) =>
      this.request(diskRequest.attachDisk, { partition: id, disk: index }),
    );
  }

  detach(target?: PartitionTarget): Promise<void> {
    const isRemovable = (disk: DiskInfo): boolean => disk.isAttached && disk.controller === 'scsi';
    return this.withDisk(target, 'Detach Disk', isRemovable, ({ id }, { index }) =>
      this.request(diskRequest.detachDisk, { partition: id, disk: index }),
    );
  }

  private async withDisk(
    target: PartitionTarget | undefined,
    title: string,
    fits: (disk: DiskInfo) => boolean,
    act: (guest: Guest, disk: DiskInfo) => Promise<unknown>,
  ): Promise<void> {
    try {
      const guest = target?.partition ?? (await this.pickGuest(title));
      if (guest === undefined) return;
      const { disks } = await this.request(diskRequest.disks, { partition: guest.id });
      const fitting = disks.filter(fits);
      if (fitting.length === 0) {
        void vscode.window.showInformationMessage(`"${guest.name}" has no disk for that.`);
        return;
      }
      const items = fitting.map((disk) => ({
        disk,
        label: `Disk ${disk.index}: ${disk.path.split(/[\\/]/).at(-1) ?? disk.path}`,
        description: diskFacts(disk),
        detail: disk.path,
      }));
      const [only, ...others] = items;
      const picked =
        others.length === 0 ? only : await vscode.window.showQuickPick(items, { title });
      if (picked !== undefined) await act(guest, picked.disk);
    } catch (error) {
      void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
    }
  }

  private async pickGuest(title: string): Promise<Guest | undefined> {
    const { partitions } = await this.request(customRequest.partitions, {});
    const [only, ...others] = partitions.filter(({ kind }) => kind !== 'parent');
    if (only === undefined || others.length === 0) return only;
    const items = [only, ...others].map((guest) => ({ guest, label: guest.name }));
    return (await vscode.window.showQuickPick(items, { title }))?.guest;
  }

  private async write(guest: Guest, { index }: DiskInfo, path: string): Promise<void> {
    const args = { partition: guest.id, disk: index, path };
    await this.request(diskRequest.exportDisk, args);
    void vscode.window.showInformationMessage(`Disk ${index} of "${guest.name}" is in ${path}.`);
  }

  private ask({ id }: Guest, operation: GuestOperationName): Promise<undefined> {
    return this.request(integrationRequest.askGuest, { partition: id, operation });
  }

  /** Waits until the guest has frozen its file systems. @throws Error where it does not */
  private async frozen({ id, name }: Guest): Promise<void> {
    for (let waitedMs = 0; waitedMs < freezeTimeoutMs; waitedMs += askEveryMs) {
      const { components } = await this.request(integrationRequest.integration, { partition: id });
      const backup = components.find((component) => component.name === 'vss');
      if (backup?.isBusy === false) {
        if (backup.detail === 'frozen') return;
        throw new Error(`"${name}" has not frozen its file systems: ${backup.detail}.`);
      }
      if (this.sessions.live?.running === false) {
        throw new Error(`"${name}" is stopped, and cannot freeze its file systems.`);
      }
      await new Promise((resolve) => setTimeout(resolve, askEveryMs));
    }
    throw new Error(`"${name}" has not frozen its file systems within a minute.`);
  }

  private async request<Command extends keyof AdapterRequests>(
    command: Command,
    args: AdapterRequests[Command]['arguments'],
  ): Promise<AdapterRequests[Command]['body']> {
    const { live } = this.sessions;
    if (live === undefined) throw new Error('No guest is being debugged.');
    return requestFromAdapter(live.session, command, args);
  }
}

function askForImage(title: string, { path }: DiskInfo): Promise<string | undefined> {
  const name = path.replace(/\.[^./\\]*$/, '');
  const defaultUri = vscode.Uri.file(`${name}-copy.vhdx`);
  const options = { title, filters: imageFilters, defaultUri };
  return Promise.resolve(vscode.window.showSaveDialog(options)).then((uri) => uri?.fsPath);
}

function diskFacts({
  controller,
  location,
  sizeBytes,
  writtenBytes,
  isAttached,
}: DiskInfo): string {
  const out = isAttached ? '' : ', detached';
  return `${controller} ${location}, ${bytesText(sizeBytes)}, ${bytesText(writtenBytes)} written${out}`;
}
