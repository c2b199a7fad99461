/** The Partitions view: the parent partition and the guests, each with its virtual processors. */
import * as vscode from 'vscode';
import { customRequest } from '../../debug-adapter/protocol/custom-requests';
import type { PartitionInfo, ProcessorInfo } from '../../debug-adapter/protocol/custom-requests';
import type { HyperscopeSessions } from '../debug/hyperscope-sessions';
import { requestFromAdapter } from '../debug/session-requests';
import {
  partitionDescription,
  partitionFacts,
  processorDescription,
  processorFacts,
  processorLabel,
  processorSpeech,
  stateIcons,
} from './partition-text';
import { RefreshTimer } from './refresh-timer';

export interface PartitionNode {
  readonly kind: 'partition';
  readonly partition: PartitionInfo;
}

export interface ProcessorNode {
  readonly kind: 'processor';
  readonly partition: PartitionInfo;
  readonly processor: ProcessorInfo;
}

export type PartitionTreeNode = PartitionNode | ProcessorNode;

const refreshDelayMs = 150;

export class PartitionsView
  implements vscode.TreeDataProvider<PartitionTreeNode>, vscode.Disposable
{
  private readonly disposables: vscode.Disposable[] = [];
  private readonly treeChanged = new vscode.EventEmitter<void>();
  private readonly refresh = new RefreshTimer(refreshDelayMs, () => this.treeChanged.fire());

  readonly onDidChangeTreeData = this.treeChanged.event;

  constructor(private readonly sessions: HyperscopeSessions) {
    this.disposables.push(
      this.treeChanged,
      this.refresh,
      vscode.window.createTreeView('hyperscope.partitions', { treeDataProvider: this }),
      sessions.onDidChange(() => this.refresh.request()),
      sessions.onDidTrace(() => this.refresh.request()),
    );
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  async getChildren(node?: PartitionTreeNode): Promise<PartitionTreeNode[]> {
    if (node === undefined) return this.partitions();
    if (node.kind === 'processor') return [];
    const { partition } = node;
    return partition.processors.map((processor) => ({ kind: 'processor', partition, processor }));
  }

  getTreeItem(node: PartitionTreeNode): vscode.TreeItem {
    return node.kind === 'partition' ? partitionItem(node) : processorItem(node);
  }

  private async partitions(): Promise<PartitionTreeNode[]> {
    const live = this.sessions.live;
    if (live === undefined) return [];
    try {
      const body = await requestFromAdapter(live.session, customRequest.partitions, {});
      return body.partitions.map((partition) => ({ kind: 'partition', partition }));
    } catch {
      return []; // Before launch is done, and after the end, the adapter has no machine to describe.
    }
  }
}

function partitionItem({ partition }: PartitionNode): vscode.TreeItem {
  const item = new vscode.TreeItem(partition.name, vscode.TreeItemCollapsibleState.Expanded);
  const parent = partition.kind === 'parent';
  item.id = `partition-${partition.id}`;
  item.description = partitionDescription(partition);
  item.iconPath = new vscode.ThemeIcon(parent ? 'server-environment' : 'vm');
  item.contextValue = parent ? 'parentPartition' : 'guestPartition';
  item.tooltip = factsTooltip(partition.name, partitionFacts(partition));
  return item;
}

function processorItem(node: ProcessorNode): vscode.TreeItem {
  const { partition, processor } = node;
  const label = processorLabel(processor);
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.None);
  const { icon, color } = stateIcons[processor.state];
  item.id = `processor-${partition.id}-${processor.index}`;
  item.description = processorDescription(processor);
  item.accessibilityInformation = { label: processorSpeech(processor) };
  if (processor.threadId === 0) {
    item.iconPath = new vscode.ThemeIcon('chip');
    item.contextValue = 'parentProcessor';
    return item;
  }
  item.iconPath = new vscode.ThemeIcon(icon, new vscode.ThemeColor(color));
  item.contextValue = 'guestProcessor';
  item.tooltip = factsTooltip(`${partition.name} · ${label}`, processorFacts(processor));
  item.command = {
    command: 'hyperscope.goToProcessor',
    title: 'Go to Instruction',
    arguments: [node],
  };
  return item;
}

/** A tooltip as a table. Guest-controlled text goes in as escaped text, never as Markdown. */
function factsTooltip(
  title: string,
  facts: readonly (readonly [string, string])[],
): vscode.MarkdownString {
  const tooltip = new vscode.MarkdownString();
  tooltip.appendText(title);
  tooltip.appendMarkdown('\n\n| | |\n|:--|:--|\n');
  for (const [name, value] of facts) {
    tooltip.appendMarkdown(`| ${name} | `);
    tooltip.appendText(value.replace(/\s+/g, ' ').replaceAll('|', '¦'));
    tooltip.appendMarkdown(' |\n');
  }
  return tooltip;
}
