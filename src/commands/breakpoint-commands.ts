/** Commands that set and remove breakpoints on events by name. */
import * as vscode from 'vscode';
import {
  changeEventBreakpoints,
  setEventBreakpoints,
  setEventCondition,
} from '../debug/event-breakpoints';
import {
  breakpointCatalogue,
  catalogueGroup,
  type CatalogueEntry,
  type CatalogueGroup,
} from '../presentation/breakpoint-catalogue';

interface NameItem extends vscode.QuickPickItem {
  /** The function breakpoint's text; absent for separators. */
  readonly text?: string;
}

export function breakOnHypercall(): Promise<void> {
  return chooseBreakpoints('Break on Hypercall', groupsOf('hypercall'));
}

export function breakOnExit(): Promise<void> {
  return chooseBreakpoints('Break on VM Exit', groupsOf('exit'));
}

/** Offers the events of every kind. */
export function breakOnEvent(): Promise<void> {
  return chooseBreakpoints('Break on Event', breakpointCatalogue);
}

/** What an item of the Event Breakpoints view is about. */
export interface EventTarget {
  readonly group: Pick<CatalogueGroup, 'example'>;
  readonly entry: Pick<CatalogueEntry, 'text'>;
}

/** Asks for the condition of a breakpoint, and sets it with that. */
export async function editEventCondition({ group, entry: { text } }: EventTarget): Promise<void> {
  const condition = await vscode.window.showInputBox({
    title: `Stop at ${text}`,
    prompt: `Only where this holds, over registers and fields of the event: ${group.example}. Empty: always.`,
    value: setEventBreakpoints().get(text) ?? '',
  });
  if (condition !== undefined) setEventCondition(text, condition.trim());
}

function groupsOf(prefix: string): readonly CatalogueGroup[] {
  const group = catalogueGroup(prefix);
  return group === undefined ? [] : [group];
}

/** Shows the names with those checked that have a breakpoint, and makes the breakpoints match the answer. */
async function chooseBreakpoints(title: string, groups: readonly CatalogueGroup[]): Promise<void> {
  const before = setEventBreakpoints();
  const items = groups.flatMap((group) => itemsFor(group, before));
  const picked = await vscode.window.showQuickPick(items, {
    title,
    placeHolder: 'Stop before these are handled',
    canPickMany: true,
    matchOnDescription: true,
  });
  if (picked === undefined) return;
  const wanted = new Set(picked.flatMap((item) => item.text ?? []));
  const offered = items.flatMap((item) => item.text ?? []);
  changeEventBreakpoints(wanted, new Set(offered.filter((text) => !wanted.has(text))));
}

function itemsFor(group: CatalogueGroup, set: ReadonlyMap<string, string>): NameItem[] {
  const item = ({ label, description, text }: CatalogueEntry): NameItem => ({
    label,
    description,
    text,
    picked: set.has(text),
  });
  return [
    { label: group.title, kind: vscode.QuickPickItemKind.Separator },
    item(group.everything),
    ...group.entries.map(item),
  ];
}
