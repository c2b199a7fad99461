/** The Partitions view: the parent partition and the guests, each with its virtual processors, integration components and disks. */
import * as vscode from 'vscode';
import { customRequest } from '../../debug-adapter/protocol/custom-requests';
import type { PartitionInfo } from '../../debug-adapter/protocol/custom-requests';
import { diskRequest } from '../../debug-adapter/protocol/guest-disks';
import { integrationRequest } from '../../debug-adapter/protocol/guest-integration';
import type { HyperscopeSessions } from '../debug/hyperscope-sessions';
import { requestFromAdapter } from '../debug/session-requests';
import {
  nodeId,
  partitionTreeItem,
  type DisksNode,
  type IntegrationNode,
  type PartitionTreeNode,
  type ProcessorNode,
} from './partition-items';
import { RefreshTimer } from './refresh-timer';
import { changedNodes, type ShownNode, type ShownTree } from './shown-tree';

/** The component by which a guest tells about itself. */
const dataComponent = 'kvp';

/** Longer than the 200 ms for which VS Code waits for another change of a tree: with less it would wait on and on. */
const refreshPeriodMs = 300;

type Tree = ShownTree<PartitionTreeNode>;

const nothing: Tree = { top: [], shown: new Map() };

export class PartitionsView
  implements vscode.TreeDataProvider<PartitionTreeNode>, vscode.Disposable
{
  private readonly disposables: vscode.Disposable[] = [];
  private readonly treeChanged = new vscode.EventEmitter<PartitionTreeNode[] | undefined>();
  private readonly refresh = new RefreshTimer(refreshPeriodMs, () => void this.look());
  private readonly view: vscode.TreeView<PartitionTreeNode>;
  private tree = nothing;
  private isLooking = false;

  readonly onDidChangeTreeData = this.treeChanged.event;

  constructor(private readonly sessions: HyperscopeSessions) {
    this.view = vscode.window.createTreeView('hyperscope.partitions', { treeDataProvider: this });
    this.disposables.push(
      this.treeChanged,
      this.refresh,
      this.view,
      this.view.onDidChangeVisibility(() => this.refresh.request()),
      sessions.onDidChange(() => this.refresh.request()),
      sessions.onDidTraceAnything(() => this.refresh.request()),
    );
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  getChildren(node?: PartitionTreeNode): PartitionTreeNode[] {
    const { top, shown } = this.tree;
    const ids = node === undefined ? top : (shown.get(nodeId(node))?.children ?? []);
    return ids.flatMap((id) => shown.get(id)?.node ?? []);
  }

  getTreeItem(node: PartitionTreeNode): vscode.TreeItem {
    return partitionTreeItem(node);
  }

  /** Reads the tree anew, soon. */
  update(): void {
    this.refresh.request();
  }

  /**
   * Reads the tree, and has drawn anew only what has changed: a row that is drawn anew loses the button that a person
   * is pressing at that moment.
   */
  private async look(): Promise<void> {
    if (this.isLooking) return this.refresh.request();
    if (!this.view.visible) return;
    this.isLooking = true;
    const before = this.tree;
    const shown = new Map<string, ShownNode<PartitionTreeNode>>();
    const top = await this.show(await this.partitions(), shown).finally(() => {
      this.isLooking = false;
    });
    this.tree = { top, shown };
    const changed = changedNodes(before, this.tree);
    if (changed === 'all') this.treeChanged.fire(undefined);
    else if (changed.length > 0) this.treeChanged.fire([...changed]);
  }

  /** Adds nodes and what is below them to a tree. VS Code knows a node by its object, which therefore stays. */
  private async show(
    nodes: readonly PartitionTreeNode[],
    shown: Map<string, ShownNode<PartitionTreeNode>>,
  ): Promise<string[]> {
    const ids: string[] = [];
    for (const fresh of nodes) {
      const id = nodeId(fresh);
      const known = this.tree.shown.get(id)?.node;
      const node = known === undefined ? fresh : Object.assign(known, fresh);
      const face = JSON.stringify(partitionTreeItem(fresh));
      const children = await this.show(await this.below(node), shown);
      shown.set(id, { node, face, children });
      ids.push(id);
    }
    return ids;
  }

  private async below(node: PartitionTreeNode): Promise<PartitionTreeNode[]> {
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
