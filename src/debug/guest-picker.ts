/** Asks which guest to run or open. */
import * as vscode from 'vscode';
import type { Guest } from './guest-catalogue';

interface GuestItem extends vscode.QuickPickItem {
  readonly guest?: Guest;
}

/** @returns the chosen guest, undefined where the person cancelled */
export async function pickGuest(
  guests: readonly Guest[],
  title: string,
): Promise<Guest | undefined> {
  const items: GuestItem[] = [];
  for (const [origin, label] of [
    ['workspace', 'Workspace'],
    ['sample', 'Samples'],
  ] as const) {
    const group = guests.filter((guest) => guest.origin === origin);
    if (group.length === 0) continue;
    items.push({ label, kind: vscode.QuickPickItemKind.Separator }, ...group.map(itemFor));
  }
  const picked = await vscode.window.showQuickPick(items, {
    title,
    placeHolder: 'Select a guest image',
    matchOnDescription: true,
    matchOnDetail: true,
  });
  return picked?.guest;
}

function itemFor(guest: Guest): GuestItem {
  const file = guest.origin === 'sample' ? '' : vscode.workspace.asRelativePath(guest.image);
  return {
    label: `$(vm) ${guest.name}`,
    description: file,
    guest,
    ...(guest.summary === '' ? {} : { detail: guest.summary }),
  };
}
