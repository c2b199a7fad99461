/** The Event Breakpoints view: every event by name, with a check box that sets a function breakpoint. */
import * as vscode from 'vscode';
import type { EventTarget } from '../commands/breakpoint-commands';
import type { BreakpointProblems } from '../debug/breakpoint-problems';
import { changeEventBreakpoints, setEventBreakpoints } from '../debug/event-breakpoints';
import {
  breakpointCatalogue,
  entriesOf,
  typedEntries,
  type CatalogueEntry,
  type CatalogueGroup,
} from '../presentation/breakpoint-catalogue';

type EventNode =
  | { readonly kind: 'group'; readonly group: CatalogueGroup }
  | { readonly kind: 'event'; readonly group: CatalogueGroup; readonly entry: CatalogueEntry };

const { Checked, Unchecked } = vscode.TreeItemCheckboxState;
const { Collapsed, None } = vscode.TreeItemCollapsibleState;

export class EventBreakpointsView implements vscode.TreeDataProvider<EventNode>, vscode.Disposable {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly treeChanged = new vscode.EventEmitter<void>();
  private readonly view: vscode.TreeView<EventNode>;

  readonly onDidChangeTreeData = this.treeChanged.event;

  constructor(private readonly problems: BreakpointProblems) {
    this.view = vscode.window.createTreeView<EventNode>('hyperscope.eventBreakpoints', {
      treeDataProvider: this,
      showCollapseAll: true,
      manageCheckboxStateManually: true,
    });
    this.disposables.push(
      this.view,
      this.treeChanged,
      this.view.onDidChangeCheckboxState(({ items }) => apply(items)),
      vscode.debug.onDidChangeBreakpoints(() => this.treeChanged.fire()),
      problems.onDidChange(() => this.treeChanged.fire()),
    );
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** The event that is selected; undefined where a group is, or nothing. */
  get selected(): EventTarget | undefined {
    const [node] = this.view.selection;
    return node?.kind === 'event' ? node : undefined;
  }

  /** Checks the selected event, or takes its mark away; opens or closes a selected group. */
  async toggleSelected(): Promise<void> {
    const target = this.selected;
    if (target === undefined) {
      await vscode.commands.executeCommand('list.toggleExpand');
      return;
    }
    const { text } = target.entry;
    if (setEventBreakpoints().has(text)) changeEventBreakpoints([], new Set([text]));
    else changeEventBreakpoints([text], new Set());
  }

  getChildren(node?: EventNode): EventNode[] {
    if (node === undefined) return breakpointCatalogue.map((group) => ({ kind: 'group', group }));
    const { group } = node;
    const entries =
      node.kind === 'event'
        ? node.entry.parts
        : [
            ...typedEntries(group, setEventBreakpoints().keys()),
            group.everything,
            ...group.entries,
          ];
    return entries.map((entry) => ({ kind: 'event', group, entry }));
  }

  getTreeItem(node: EventNode): vscode.TreeItem {
    const set = setEventBreakpoints();
    if (node.kind === 'group') return groupItem(node.group, set);
    return eventItem(node.entry, set, this.problems.of(node.entry.text));
  }
}

function groupItem(group: CatalogueGroup, set: ReadonlyMap<string, string>): vscode.TreeItem {
  const item = new vscode.TreeItem(group.title, Collapsed);
  const offered = entriesOf(group).filter(({ text }) => set.has(text)).length;
  const count = offered + typedEntries(group, set.keys()).length;
  item.id = group.prefix;
  item.description = count === 0 ? `${group.prefix}:` : `${group.prefix}:  ${count} set`;
  item.contextValue = 'eventBreakpointGroup';
  return item;
}

function eventItem(
  entry: CatalogueEntry,
  set: ReadonlyMap<string, string>,
  problem: string,
): vscode.TreeItem {
  const item = new vscode.TreeItem(entry.label, entry.parts.length === 0 ? None : Collapsed);
  item.id = entry.text;
  const condition = set.get(entry.text) ?? '';
  const parts = entry.parts.filter(({ text }) => set.has(text)).length;
  const told = [
    ...(condition === '' ? [entry.description] : [`if ${condition}`]),
    ...(parts === 0 ? [] : [`${parts} set`]),
  ];
  item.description = told.filter((text) => text !== '').join('  ');
  item.tooltip = `${entry.text}\n${entry.description}`.trim();
  const state = set.has(entry.text) ? Checked : Unchecked;
  const isWrong = state === Checked && problem !== '';
  if (isWrong) {
    item.iconPath = new vscode.ThemeIcon(
      'warning',
      new vscode.ThemeColor('list.warningForeground'),
    );
    item.description = `${item.description}  ${problem}`.trim();
    item.tooltip = `${entry.text}\n${problem}`;
  }
  const stop = state === Checked ? 'Do not stop at' : 'Stop at';
  const spoken = condition === '' ? entry.label : `${entry.label} if ${condition}`;
  item.checkboxState = {
    state,
    tooltip: `${stop} ${entry.text}`,
    accessibilityInformation: {
      label: `Stop at ${spoken}${isWrong ? `. Never stops: ${problem}` : ''}`,
      role: 'checkbox',
    },
  };
  item.contextValue = 'eventBreakpoint';
  return item;
}

function apply(items: readonly (readonly [EventNode, vscode.TreeItemCheckboxState])[]): void {
  const texts = (wanted: vscode.TreeItemCheckboxState): string[] =>
    items.flatMap(([node, state]) =>
      node.kind === 'event' && state === wanted ? [node.entry.text] : [],
    );
  changeEventBreakpoints(texts(Checked), new Set(texts(Unchecked)));
}
