/** Finds guests to debug: images of the workspace and the samples that come with the extension. */
import * as vscode from 'vscode';
import { guestName, guestSummary } from './guest-image';

/** A guest image, and the assembly source beside it where there is one. */
export interface Guest {
  readonly name: string;
  readonly image: vscode.Uri;
  readonly source: vscode.Uri | undefined;
  readonly summary: string;
  readonly origin: 'workspace' | 'sample';
}

/** Folders that are looked into, the nearest first; a workspace is a home of guests or has them near its root. */
const maxFolders = 400;
const maxGuests = 100;
const skippedFolders = /^(\..*|node_modules|out|dist)$/;

export class GuestCatalogue {
  constructor(private readonly extensionUri: vscode.Uri) {}

  /** Guests of the workspace first, then samples that are not part of it. */
  async all(): Promise<readonly Guest[]> {
    const workspace = await this.workspaceGuests();
    const known = new Set(workspace.map((guest) => guest.image.toString()));
    const samples = await this.samples();
    return [...workspace, ...samples.filter((guest) => !known.has(guest.image.toString()))];
  }

  /** The samples, by name. */
  async samples(): Promise<readonly Guest[]> {
    const root = vscode.Uri.joinPath(this.extensionUri, 'guests');
    const folders = await this.entries(root, vscode.FileType.Directory);
    const guests: Guest[] = [];
    for (const folder of folders) {
      const within = vscode.Uri.joinPath(root, folder);
      for (const file of await this.entries(within, vscode.FileType.File)) {
        if (file.endsWith('.elf')) {
          guests.push(await this.describe(vscode.Uri.joinPath(within, file), 'sample'));
        }
      }
    }
    return guests.sort(
      (a, b) => sampleOrder(a.name) - sampleOrder(b.name) || (a.name < b.name ? -1 : 1),
    );
  }

  private async workspaceGuests(): Promise<readonly Guest[]> {
    const images: vscode.Uri[] = [];
    const folders = (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri);
    for (let looked = 0; looked < Math.min(folders.length, maxFolders); looked++) {
      const folder = folders[looked];
      if (folder === undefined || images.length >= maxGuests) break;
      for (const name of await this.entries(folder, vscode.FileType.File)) {
        if (name.endsWith('.elf')) images.push(vscode.Uri.joinPath(folder, name));
      }
      for (const name of await this.entries(folder, vscode.FileType.Directory)) {
        if (!skippedFolders.test(name)) folders.push(vscode.Uri.joinPath(folder, name));
      }
    }
    images.sort((a, b) => (a.path < b.path ? -1 : 1));
    return Promise.all(images.map((image) => this.describe(image, 'workspace')));
  }

  private async describe(image: vscode.Uri, origin: Guest['origin']): Promise<Guest> {
    const source = image.with({ path: image.path.replace(/\.elf$/, '.s') });
    const text = await readText(source);
    return {
      name: guestName(image.path),
      image,
      source: text === undefined ? undefined : source,
      summary: text === undefined ? '' : guestSummary(text),
      origin,
    };
  }

  private async entries(folder: vscode.Uri, kind: vscode.FileType): Promise<readonly string[]> {
    try {
      const entries = await vscode.workspace.fs.readDirectory(folder);
      return entries.filter(([, type]) => type === kind).map(([name]) => name);
    } catch {
      return []; // A folder that cannot be read offers no guests; the picker says what to do then.
    }
  }
}

/** The samples of the walkthrough come first. */
function sampleOrder(name: string): number {
  const first = ['hello-partition', 'page-fault-lab'].indexOf(name);
  return first < 0 ? 2 : first;
}

async function readText(uri: vscode.Uri): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
  } catch {
    return undefined; // Images without a source beside them are ordinary.
  }
}
