/** The Event Breakpoints view: every event by name, with a check box that sets a function breakpoint. */
import * as vscode from 'vscode';
import { changeEventBreakpoints, setEventBreakpoints } from '../debug/event-breakpoints';
import {
  breakpointCatalogue,
  type CatalogueEntry,
  type CatalogueGroup,
} from '../presentation/breakpoint-catalogue';

type EventNode =
  | { readonly kind: 'group'; readonly group: CatalogueGroup }
  | { readonly kind: 'event'; readonly group: CatalogueGroup; readonly entry: CatalogueEntry };

const { Checked, Unchecked } = vscode.TreeItemCheckboxState;

export class EventBreakpointsView implements vscode.TreeDataProvider<EventNode>, vscode.Disposable {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly treeChanged = new vscode.EventEmitter<void>();

  readonly onDidChangeTreeData = this.treeChanged.event;

  constructor() {
    const view = vscode.window.createTreeView<EventNode>('hyperscope.eventBreakpoints', {
      treeDataProvider: this,
      showCollapseAll: true,
      manageCheckboxStateManually: true,
    });
    this.disposables.push(
      view,
      this.treeChanged,
      view.onDidChangeCheckboxState(({ items }) => apply(items)),
      vscode.debug.onDidChangeBreakpoints(() => this.treeChanged.fire()),
    );
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  getChildren(node?: EventNode): EventNode[] {
    if (node === undefined) return breakpointCatalogue.map((group) => ({ kind: 'group', group }));
    if (node.kind === 'event') return [];
    const { group } = node;
    return [group.everything, ...group.entries].map((entry) => ({ kind: 'event', group, entry }));
  }

  getTreeItem(node: EventNode): vscode.TreeItem {
    const set = setEventBreakpoints();
    return node.kind === 'group' ? groupItem(node.group, set) : eventItem(node.entry, set);
  }
}

function groupItem(group: CatalogueGroup, set: ReadonlyMap<string, string>): vscode.TreeItem {
  const item = new vscode.TreeItem(group.title, vscode.TreeItemCollapsibleState.Collapsed);
  const count = [group.everything, ...group.entries].filter(({ text }) => set.has(text)).length;
  item.id = group.prefix;
  item.description = count === 0 ? `${group.prefix}:` : `${group.prefix}:  ${count} set`;
  return item;
}

function eventItem(entry: CatalogueEntry, set: ReadonlyMap<string, string>): vscode.TreeItem {
  const item = new vscode.TreeItem(entry.label);
  item.id = entry.text;
  const condition = set.get(entry.text) ?? '';
  item.description = condition === '' ? entry.description : `if ${condition}`;
  item.tooltip = `${entry.text}\n${entry.description}`.trim();
  const state = set.has(entry.text) ? Checked : Unchecked;
  const stop = state === Checked ? 'Do not stop at' : 'Stop at';
  item.checkboxState = {
    state,
    tooltip: `${stop} ${entry.text}`,
    accessibilityInformation: { label: `Stop at ${entry.label}`, role: 'checkbox' },
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
