/** Commands for the disks of guests: export, backup of a running guest, attach and detach. */
import * as vscode from 'vscode';
import { customRequest } from '../../debug-adapter/protocol/custom-requests';
import {
  diskRequest,
  exportGivenUp,
  type DiskInfo,
} from '../../debug-adapter/protocol/guest-disks';
import {
  integrationRequest,
  type GuestOperationName,
} from '../../debug-adapter/protocol/guest-integration';
import type { HyperscopeSessions } from '../debug/hyperscope-sessions';
import { requestFromAdapter, type AdapterRequests } from '../debug/session-requests';
import { showError } from '../debug/show-error';
import { errorText } from '../presentation/error-text';
import { diskDescription, diskLabel } from '../views/disk-text';
import type { PartitionTarget } from './partition-commands';

type Guest = PartitionTarget['partition'];

/** How often a guest is asked whether it has frozen, and how long. */
const askEveryMs = 200;
const freezeTimeoutMs = 60_000;

/** What a menu of the Partitions view is on: a guest, or one of its disks. */
export interface DiskTarget extends PartitionTarget {
  readonly disk?: DiskInfo;
}

const imageFilters = { 'Disk image': ['raw', 'img', 'vhd', 'vhdx'] };

export class DiskCommands {
  constructor(
    private readonly sessions: HyperscopeSessions,
    /** Called when something has become of a disk, so that views show it. */
    private readonly changed: () => void,
  ) {}

  /** Writes a disk as it is now; a guest that is writing leaves it as after a loss of power. */
  export(target?: DiskTarget): Promise<void> {
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
  backUp(target?: DiskTarget): Promise<void> {
    return this.withDisk(
      target,
      'Back Up Disk',
      ({ isAttached }) => isAttached,
      async (guest, disk) => {
        const path = await askForImage('Back Up Disk', disk);
        if (path === undefined) return;
        await this.freeze(guest);
        // The disk is taken when the request comes: the guest need not wait until it is written.
        await Promise.all([this.write(guest, disk, path), this.ask(guest, 'thaw')]);
      },
    );
  }

  attach(target?: DiskTarget): Promise<void> {
    const isOut = (disk: DiskInfo): boolean => !disk.isAttached;
    return this.withDisk(target, 'Attach Disk', isOut, async (guest, disk) => {
      await this.request(diskRequest.attachDisk, { partition: guest.id, disk: disk.index });
      this.say(`Attached ${diskLabel(disk)} to "${guest.name}".`);
    });
  }

  detach(target?: DiskTarget): Promise<void> {
    const isRemovable = (disk: DiskInfo): boolean => disk.isAttached && disk.controller === 'scsi';
    return this.withDisk(target, 'Detach Disk', isRemovable, async (guest, disk) => {
      await this.request(diskRequest.detachDisk, { partition: guest.id, disk: disk.index });
      this.say(`Detached ${diskLabel(disk)} from "${guest.name}".`);
    });
  }

  /** Says what was done, and that a stopped guest has yet to notice. */
  private say(what: string): void {
    const stopped = this.sessions.live?.running === true ? '' : ' It notices once it runs.';
    vscode.window.setStatusBarMessage(`${what}${stopped}`, 5000);
  }

  private async withDisk(
    target: DiskTarget | undefined,
    title: string,
    fits: (disk: DiskInfo) => boolean,
    act: (guest: Guest, disk: DiskInfo) => Promise<unknown>,
  ): Promise<void> {
    try {
      const guest = target?.partition ?? (await this.pickGuest(title));
      if (guest === undefined) return;
      const disk = target?.disk ?? (await this.pickDisk(guest, title, fits));
      if (disk === undefined) return;
      await act(guest, disk);
    } catch (error) {
      showError(error);
    } finally {
      this.changed();
    }
  }

  private async pickDisk(
    guest: Guest,
    title: string,
    fits: (disk: DiskInfo) => boolean,
  ): Promise<DiskInfo | undefined> {
    const { disks } = await this.request(diskRequest.disks, { partition: guest.id });
    const [only, ...others] = disks.filter(fits);
    if (only === undefined) {
      void vscode.window.showInformationMessage(`"${guest.name}" has no disk for that.`);
      return undefined;
    }
    if (others.length === 0) return only;
    const items = [only, ...others].map((disk) => ({
      disk,
      label: diskLabel(disk),
      description: diskDescription(disk),
      detail: disk.path,
    }));
    return (await vscode.window.showQuickPick(items, { title }))?.disk;
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
    try {
      await this.request(diskRequest.exportDisk, args);
    } catch (error) {
      // The person knows that it was given up.
      if (errorText(error) === exportGivenUp) return;
      throw error;
    }
    void vscode.window.showInformationMessage(`Disk ${index} of "${guest.name}" is in ${path}.`);
  }

  /** Freezes the file systems of a guest, and says so while it takes. @throws Error where that fails; nothing is frozen then */
  private async freeze(guest: Guest): Promise<void> {
    await vscode.window.withProgress(
      {
        location: vscode.ProgressLocation.Notification,
        title: `Hyperscope: "${guest.name}" freezes its file systems`,
        cancellable: true,
      },
      async (_progress, cancellation) => {
        await this.ask(guest, 'freeze');
        try {
          await this.frozen(guest, cancellation);
        } catch (error) {
          // A guest that is only late is not left frozen.
          await this.ask(guest, 'thaw').catch(() => undefined);
          throw error;
        }
      },
    );
  }

  private ask({ id }: Guest, operation: GuestOperationName): Promise<undefined> {
    return this.request(integrationRequest.askGuest, { partition: id, operation });
  }

  /** Waits until the guest has frozen its file systems. @throws Error where it does not */
  private async frozen({ id, name }: Guest, cancellation: vscode.CancellationToken): Promise<void> {
    for (let waitedMs = 0; waitedMs < freezeTimeoutMs; waitedMs += askEveryMs) {
      const { components } = await this.request(integrationRequest.integration, { partition: id });
      const backup = components.find((component) => component.name === 'vss');
      if (backup?.isBusy === false) {
        if (backup.detail === 'frozen') return;
        throw new Error(`"${name}" has not frozen its file systems: ${backup.detail}.`);
      }
      if (cancellation.isCancellationRequested) throw new Error('The backup was given up.');
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
