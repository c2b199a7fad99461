/** Completes and checks launch configurations, so that F5 works without a launch.json. */
import { isAbsolute, join } from 'node:path';
import * as vscode from 'vscode';
import { debugType } from '../../debug-adapter/protocol/custom-requests';
import type { GuestCatalogue } from './guest-catalogue';
import { guestName, imagePathFor, isGuestSource } from './guest-image';
import { pickGuest } from './guest-picker';

const pickAction = 'Pick a Guest…';
const openAction = 'Open launch.json';

/** A launch configuration for one image. */
export function launchConfigurationFor(image: string): vscode.DebugConfiguration {
  return {
    type: debugType,
    request: 'launch',
    name: `Debug ${guestName(image)}`,
    program: image,
    stopOnEntry: true,
  };
}

export class GuestConfigurationProvider implements vscode.DebugConfigurationProvider {
  constructor(private readonly catalogue: GuestCatalogue) {}

  /** Configurations offered without a launch.json: one for each guest that can be found. */
  async provideDebugConfigurations(): Promise<vscode.DebugConfiguration[]> {
    const guests = await this.catalogue.all();
    return guests.map((guest) => launchConfigurationFor(guest.image.fsPath));
  }

  /** Fills in what a configuration leaves out; undefined where the person cancelled. */
  async resolveDebugConfiguration(
    _folder: vscode.WorkspaceFolder | undefined,
    configuration: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    if (configuration.request === 'attach') {
      void vscode.window.showErrorMessage(
        'Hyperscope cannot attach: a guest lives inside its debug session. Use "request": "launch".',
      );
      return undefined;
    }
    if (['program', 'guests', 'restore'].some((key) => configuration[key] !== undefined)) {
      return { ...configuration, type: debugType, request: 'launch' };
    }
    const image = await this.imageToRun();
    if (image === undefined) return undefined;
    const complete = launchConfigurationFor(image);
    return configuration.name ? { ...complete, ...configuration, program: image } : complete;
  }

  /** Turns the program into the absolute path of an image that exists, or says what is wrong. */
  async resolveDebugConfigurationWithSubstitutedVariables(
    folder: vscode.WorkspaceFolder | undefined,
    configuration: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined | null> {
    if (configuration['guests'] !== undefined) return withAbsolutePrograms(configuration, folder);
    if (configuration['restore'] !== undefined) return configuration;
    const program: unknown = configuration['program'];
    if (typeof program !== 'string' || program.trim() === '') {
      return this.refuse(
        configuration,
        'The launch configuration has no "program": the path of a guest image.',
      );
    }
    const path = absolutePath(program, folder);
    const image = imagePathFor(path) ?? path;
    if (await isFile(image)) return { ...configuration, program: image };
    return this.refuse(configuration, await missingImageText(path, image));
  }

  private async refuse(
    configuration: vscode.DebugConfiguration,
    message: string,
  ): Promise<vscode.DebugConfiguration | undefined | null> {
    const answer = await vscode.window.showErrorMessage(
      message,
      { modal: true },
      pickAction,
      openAction,
    );
    if (answer === openAction) return null; // VS Code opens launch.json for null.
    if (answer !== pickAction) return undefined;
    const guest = await pickGuest(await this.catalogue.all(), 'Debug Guest');
    return guest && { ...configuration, program: guest.image.fsPath };
  }

  /** The image of the active editor's guest, else one that the person picks. */
  private async imageToRun(): Promise<string | undefined> {
    const active = activeFile();
    const image = active && imagePathFor(active);
    if (image !== undefined && (await isFile(image))) return image;
    const guests = await this.catalogue.all();
    return (await pickGuest(guests, 'Debug Guest'))?.image.fsPath;
  }
}

/** The file of the active editor or of the active custom editor (a hex view of an image). */
function activeFile(): string | undefined {
  const document = vscode.window.activeTextEditor?.document;
  if (document?.uri.scheme === 'file') return document.uri.fsPath;
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  return input instanceof vscode.TabInputCustom ? input.uri.fsPath : undefined;
}

/** The adapter says what is wrong with the list; here its paths are only made absolute. */
function withAbsolutePrograms(
  configuration: vscode.DebugConfiguration,
  folder: vscode.WorkspaceFolder | undefined,
): vscode.DebugConfiguration {
  const guests: unknown = configuration['guests'];
  if (!Array.isArray(guests)) return configuration;
  const complete = guests.map((guest: unknown) => {
    if (typeof guest !== 'object' || guest === null || !('program' in guest)) return guest;
    const { program } = guest;
    if (typeof program !== 'string' || program.trim() === '') return guest;
    const path = absolutePath(program, folder);
    return { ...guest, program: imagePathFor(path) ?? path };
  });
  return { ...configuration, guests: complete };
}

function absolutePath(program: string, folder: vscode.WorkspaceFolder | undefined): string {
  const base = folder ?? vscode.workspace.workspaceFolders?.[0];
  return isAbsolute(program) || base === undefined ? program : join(base.uri.fsPath, program);
}

async function isFile(path: string): Promise<boolean> {
  try {
    const stat = await vscode.workspace.fs.stat(vscode.Uri.file(path));
    return (stat.type & vscode.FileType.File) !== 0;
  } catch {
    return false;
  }
}

async function missingImageText(path: string, image: string): Promise<string> {
  if (!isGuestSource(path)) return `There is no guest image at ${image}.`;
  if (!(await isFile(path))) return `There is no assembly source at ${path}.`;
  return `${guestName(path)} has not been assembled: there is no image at ${image}. Assemble and link the source with line information (as --64 -g, ld) and debug again.`;
}
