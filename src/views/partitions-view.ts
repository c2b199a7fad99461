/** The Partitions view: the parent partition and the guests, each with its virtual processors, integration components and disks. */
import * as vscode from 'vscode';
import { customRequest } from '../../debug-adapter/protocol/custom-requests';
import type { PartitionInfo, ProcessorInfo } from '../../debug-adapter/protocol/custom-requests';
import { diskRequest, type DiskInfo } from '../../debug-adapter/protocol/guest-disks';
import {
  integrationRequest,
  type IntegrationBody,
  type IntegrationComponentInfo,
  type IntegrationDataItem,
} from '../../debug-adapter/protocol/guest-integration';
import type { HyperscopeSessions } from '../debug/hyperscope-sessions';
import { requestFromAdapter } from '../debug/session-requests';
import { diskContext, diskDescription, diskFacts, diskLabel } from './disk-text';
import {
  componentContext,
  componentDescription,
  componentFacts,
  phaseIcons,
} from './integration-text';
import {
  partitionContext,
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

/** What the components of a guest say, as one node. */
export interface IntegrationNode {
  readonly kind: 'integration';
  readonly partition: PartitionInfo;
  readonly body: IntegrationBody;
}

export interface ComponentNode {
  readonly kind: 'component';
  readonly partition: PartitionInfo;
  readonly component: IntegrationComponentInfo;
  readonly data: readonly IntegrationDataItem[];
}

/** A value that the guest has told. */
export interface DataNode {
  readonly kind: 'data';
  readonly partition: PartitionInfo;
  readonly item: IntegrationDataItem;
}

/** The disks of a guest, as one node. */
export interface DisksNode {
  readonly kind: 'disks';
  readonly partition: PartitionInfo;
  readonly disks: readonly DiskInfo[];
}

export interface DiskNode {
  readonly kind: 'disk';
  readonly partition: PartitionInfo;
  readonly disk: DiskInfo;
}

export type PartitionTreeNode =
  PartitionNode | ProcessorNode | IntegrationNode | ComponentNode | DataNode | DisksNode | DiskNode;

/** The component by which a guest tells about itself. */
const dataComponent = 'kvp';

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
    const { partition } = node;
    switch (node.kind) {
      case 'partition': {
        const processors = partition.processors.map((processor): ProcessorNode => ({
          kind: 'processor',
          partition,
          processor,
        }));
        const [integration, disks] = await Promise.all([
          this.integration(partition),
          this.disks(partition),
        ]);
        return [...processors, ...integration, ...disks];
      }
      case 'integration': {
        const { components, data } = node.body;
        return components.map((component) => ({
          kind: 'component',
          partition,
          component,
          data: component.name === dataComponent ? data : [],
        }));
      }
      case 'component':
        return node.data.map((item) => ({ kind: 'data', partition, item }));
      case 'disks':
        return node.disks.map((disk) => ({ kind: 'disk', partition, disk }));
      case 'processor':
      case 'data':
      case 'disk':
        return [];
    }
  }

  getTreeItem(node: PartitionTreeNode): vscode.TreeItem {
    switch (node.kind) {
      case 'partition':
        return partitionItem(node);
      case 'processor':
        return processorItem(node);
      case 'integration':
        return integrationItem(node);
      case 'component':
        return componentItem(node);
      case 'data':
        return dataItem(node);
      case 'disks':
        return disksItem(node);
      case 'disk':
        return diskItem(node);
    }
  }

  /** Reads the tree anew, soon. */
  update(): void {
    this.refresh.request();
  }

  private async integration(partition: PartitionInfo): Promise<IntegrationNode[]> {
    const live = this.sessions.live;
    if (live === undefined || partition.kind === 'parent') return [];
    try {
      const args = { partition: partition.id };
      const body = await requestFromAdapter(live.session, integrationRequest.integration, args);
      // A sample guest has no bus, and so no integration components.
      return body.components.length === 0 ? [] : [{ kind: 'integration', partition, body }];
    } catch {
      return []; // The session ends at this moment.
    }
  }

  private async disks(partition: PartitionInfo): Promise<DisksNode[]> {
    const live = this.sessions.live;
    if (live === undefined || partition.kind === 'parent') return [];
    try {
      const args = { partition: partition.id };
      const { disks } = await requestFromAdapter(live.session, diskRequest.disks, args);
      return disks.length === 0 ? [] : [{ kind: 'disks', partition, disks }];
    } catch {
      return []; // As above.
    }
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
  item.contextValue = partitionContext(partition);
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

function integrationItem({ partition, body }: IntegrationNode): vscode.TreeItem {
  const item = new vscode.TreeItem(
    'Integration components',
    vscode.TreeItemCollapsibleState.Collapsed,
  );
  const ready = body.components.filter(({ phase }) => phase === 'ready').length;
  item.id = `integration-${partition.id}`;
  item.description = `${ready} of ${body.components.length} ready`;
  item.iconPath = new vscode.ThemeIcon('extensions');
  return item;
}

function componentItem({ partition, component, data }: ComponentNode): vscode.TreeItem {
  const { None, Collapsed } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(component.title, data.length === 0 ? None : Collapsed);
  item.id = `component-${partition.id}-${component.name}`;
  item.description = componentDescription(component);
  item.iconPath = new vscode.ThemeIcon(phaseIcons[component.phase]);
  item.contextValue = componentContext(component);
  item.tooltip = factsTooltip(component.title, componentFacts(component));
  return item;
}

function dataItem({ partition, item: { pool, key, value } }: DataNode): vscode.TreeItem {
  const item = new vscode.TreeItem(key);
  item.id = `data-${partition.id}-${pool}-${key}`;
  item.description = value;
  item.iconPath = new vscode.ThemeIcon('symbol-key');
  return item;
}

function disksItem({ partition, disks }: DisksNode): vscode.TreeItem {
  const item = new vscode.TreeItem('Disks', vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `disks-${partition.id}`;
  item.description = String(disks.length);
  item.iconPath = new vscode.ThemeIcon('database');
  return item;
}

function diskItem({ partition, disk }: DiskNode): vscode.TreeItem {
  const item = new vscode.TreeItem(diskLabel(disk));
  item.id = `disk-${partition.id}-${disk.index}`;
  item.description = diskDescription(disk);
  item.iconPath = new vscode.ThemeIcon(disk.isAttached ? 'database' : 'circle-slash');
  item.contextValue = diskContext(disk);
  item.tooltip = factsTooltip(diskLabel(disk), diskFacts(disk));
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
