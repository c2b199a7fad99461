/** Commands that find, open and start guests. */
import * as vscode from 'vscode';
import type { Guest, GuestCatalogue } from '../debug/guest-catalogue';
import { launchConfigurationFor } from '../debug/guest-configuration-provider';
import { pickGuest } from '../debug/guest-picker';

export class GuestCommands {
  constructor(private readonly catalogue: GuestCatalogue) {}

  /**
   * Debugs a guest: the one of a file (`file:` address, as the code lens passes it, or a Uri), the sample of a
   * name, or one that the person picks.
   */
  async debugGuest(which?: unknown): Promise<void> {
    const path = filePathOf(which);
    if (path !== undefined) return this.start(launchConfigurationFor(path));
    const guest = await this.choose(which, 'Debug Guest', await this.catalogue.all());
    if (guest === undefined) return;
    if (guest.source !== undefined) await openSource(guest.source);
    await this.start(launchConfigurationFor(guest.image.fsPath));
  }

  /** For `${command:PickGuest}` in launch.json: the path of an image. */
  async pickGuest(): Promise<string | undefined> {
    const guest = await this.choose(undefined, 'Debug Guest', await this.catalogue.all());
    return guest?.image.fsPath;
  }

  /** Opens the source of a sample, by name or by choice. */
  async openSampleGuest(which?: unknown): Promise<void> {
    const guest = await this.choose(which, 'Open Sample Guest', await this.catalogue.samples());
    if (guest !== undefined) await openSource(guest.source ?? guest.image);
  }

  private async choose(
    which: unknown,
    title: string,
    guests: readonly Guest[],
  ): Promise<Guest | undefined> {
    const named = guests.find((guest) => guest.name === which);
    if (named !== undefined) return named;
    if (guests.length > 0) return pickGuest(guests, title);
    void vscode.window.showInformationMessage(
      'There is no guest image here: open a folder that contains an .elf file.',
    );
    return undefined;
  }

  private async start(configuration: vscode.DebugConfiguration): Promise<void> {
    const folder = vscode.workspace.workspaceFolders?.[0];
    await vscode.debug.startDebugging(folder, configuration);
  }
}

async function openSource(source: vscode.Uri): Promise<void> {
  await vscode.window.showTextDocument(source, { preview: false });
}

/** Path behind what a menu, a code lens or a link passes; undefined for sample names and nothing. */
function filePathOf(which: unknown): string | undefined {
  if (which instanceof vscode.Uri) return which.fsPath;
  if (typeof which === 'string' && which.includes(':/')) return vscode.Uri.parse(which).fsPath;
  return undefined;
}
