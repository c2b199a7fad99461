/** Commands that set and remove breakpoints on events by name. */
import * as vscode from 'vscode';
import {
  customRequest,
  type CheckBreakpointBody,
} from '../../debug-adapter/protocol/custom-requests';
import {
  changeEventBreakpoints,
  setEventBreakpoints,
  setEventCondition,
} from '../debug/event-breakpoints';
import type { HyperscopeSessions } from '../debug/hyperscope-sessions';
import { requestFromAdapter } from '../debug/session-requests';
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

/** A group of the Event Breakpoints view. */
export interface EventGroupTarget {
  readonly group: Pick<CatalogueGroup, 'title' | 'prefix' | 'forms'>;
}

/** Asks for the condition of a breakpoint, and sets it with that. What is wrong is said while it is typed. */
export async function editEventCondition(
  sessions: HyperscopeSessions,
  { group, entry: { text } }: EventTarget,
): Promise<void> {
  const fields = (await checked(sessions, text))?.fields ?? [];
  const known = fields.length === 0 ? 'fields of the event' : fieldList(fields);
  const condition = await vscode.window.showInputBox({
    title: `Stop at ${text}`,
    prompt: `Only where this holds, over registers and ${known}. Empty: always.`,
    placeHolder: group.example,
    value: setEventBreakpoints().get(text) ?? '',
    validateInput: async (input) => problemOf(sessions, text, input),
  });
  if (condition !== undefined) setEventCondition(text, condition.trim());
}

/** Asks for an event that is not in the list, such as a port by its number, and sets a breakpoint on it. */
export async function addEventBreakpoint(
  sessions: HyperscopeSessions,
  { group: { title, prefix, forms } }: EventGroupTarget,
): Promise<void> {
  const start = `${prefix}:`;
  const input = await vscode.window.showInputBox({
    title: `Break on ${title}`,
    prompt: `${start} and ${forms}`,
    value: start,
    valueSelection: [start.length, start.length],
    validateInput: async (text) => {
      if (!text.startsWith(start)) return `A text that begins with ${start}`;
      if (text.trim() === start)
        return { message: forms, severity: vscode.InputBoxValidationSeverity.Info };
      return problemOf(sessions, text.trim(), '');
    },
  });
  const text = input?.trim() ?? start;
  if (text !== start) changeEventBreakpoints([text], new Set());
}

/** What the adapter makes of a breakpoint; undefined where no session can be asked: it will say so when it begins. */
async function checked(
  { live }: HyperscopeSessions,
  name: string,
  condition = '',
): Promise<CheckBreakpointBody | undefined> {
  if (live === undefined) return undefined;
  const args = { name, condition };
  return requestFromAdapter(live.session, customRequest.checkBreakpoint, args).catch(
    () => undefined,
  );
}

async function problemOf(
  sessions: HyperscopeSessions,
  name: string,
  condition: string,
): Promise<string | undefined> {
  const problem = (await checked(sessions, name, condition))?.problem ?? '';
  return problem === '' ? undefined : problem;
}

const fieldsShown = 12;

function fieldList(fields: readonly string[]): string {
  const shown = fields.slice(0, fieldsShown).join(', ');
  const rest = fields.length - fieldsShown;
  return rest > 0 ? `${shown} and ${rest} more fields` : `the fields ${shown}`;
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
    ...group.entries.flatMap((entry) => [
      item(entry),
      ...entry.parts.map((part) => item({ ...part, label: `${entry.label}.${part.label}` })),
    ]),
  ];
}
