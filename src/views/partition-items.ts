/** The nodes of the Partitions view, and the item that each is shown as. */
import * as vscode from 'vscode';
import type { PartitionInfo, ProcessorInfo } from '../../debug-adapter/protocol/custom-requests';
import type { DiskInfo } from '../../debug-adapter/protocol/guest-disks';
import type {
  IntegrationBody,
  IntegrationComponentInfo,
  IntegrationDataItem,
} from '../../debug-adapter/protocol/guest-integration';
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

/** The item of a node; its id is the same as long as it stands for the same thing. */
export function partitionTreeItem(node: PartitionTreeNode): vscode.TreeItem {
  const item = itemOf(node);
  item.id = nodeId(node);
  return item;
}

/** Names what a node stands for. */
export function nodeId(node: PartitionTreeNode): string {
  const { id } = node.partition;
  switch (node.kind) {
    case 'processor':
      return `processor-${id}-${node.processor.index}`;
    case 'component':
      return `component-${id}-${node.component.name}`;
    case 'data':
      return `data-${id}-${node.item.pool}-${node.item.key}`;
    case 'disk':
      return `disk-${id}-${node.disk.index}`;
    case 'partition':
    case 'integration':
    case 'disks':
      return `${node.kind}-${id}`;
  }
}

function itemOf(node: PartitionTreeNode): vscode.TreeItem {
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

function partitionItem({ partition }: PartitionNode): vscode.TreeItem {
  const item = new vscode.TreeItem(partition.name, vscode.TreeItemCollapsibleState.Expanded);
  const parent = partition.kind === 'parent';
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

function integrationItem({ body }: IntegrationNode): vscode.TreeItem {
  const item = new vscode.TreeItem(
    'Integration components',
    vscode.TreeItemCollapsibleState.Collapsed,
  );
  const ready = body.components.filter(({ phase }) => phase === 'ready').length;
  item.description = `${ready} of ${body.components.length} ready`;
  item.iconPath = new vscode.ThemeIcon('extensions');
  return item;
}

function componentItem({ component, data }: ComponentNode): vscode.TreeItem {
  const { None, Collapsed } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(component.title, data.length === 0 ? None : Collapsed);
  item.description = componentDescription(component);
  item.iconPath = new vscode.ThemeIcon(phaseIcons[component.phase]);
  item.contextValue = componentContext(component);
  item.tooltip = factsTooltip(component.title, componentFacts(component));
  return item;
}

function dataItem({ item: { key, value } }: DataNode): vscode.TreeItem {
  const item = new vscode.TreeItem(key);
  item.description = value;
  item.iconPath = new vscode.ThemeIcon('symbol-key');
  return item;
}

function disksItem({ disks }: DisksNode): vscode.TreeItem {
  const item = new vscode.TreeItem('Disks', vscode.TreeItemCollapsibleState.Collapsed);
  item.description = String(disks.length);
  item.iconPath = new vscode.ThemeIcon('database');
  return item;
}

function diskItem({ disk }: DiskNode): vscode.TreeItem {
  const item = new vscode.TreeItem(diskLabel(disk));
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
