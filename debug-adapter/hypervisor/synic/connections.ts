/** The connections of a partition to ports of its parent (TLFS 11.3): where its messages and events may go. */
import { assert } from '../../support/assert';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';

/** What stands at the other end of a connection. */
export type Connection =
  | { readonly kind: 'message'; readonly portId: number }
  | { readonly kind: 'event'; readonly portId: number; readonly flagCount: number }
  /** Its port has been deleted. */
  | { readonly kind: 'broken' };

/** What a connection needs to know of the port that it leads to. */
export interface ConnectedPort {
  readonly kind: 'message' | 'event';
  readonly flagCount: number;
}

const connectionIdMax = 0xffffffff;
const version = 2;

/**
 * By connection identifier. They belong to the parent, who makes and closes them: a reset of the guest leaves them.
 */
export class ConnectionTable {
  private readonly connections = new Map<number, Connection>();

  connect(id: number, connection: Connection): void {
    assert(!this.connections.has(id), `connection ${id} is free`);
    this.connections.set(id, connection);
  }

  disconnect(id: number): void {
    assert(this.connections.delete(id), `connection ${id} exists`);
  }

  /** The connections to a deleted port lead nowhere from now on. */
  portDidGo(portId: number): void {
    for (const [id, connection] of this.connections) {
      if (connection.kind !== 'broken' && connection.portId === portId) {
        this.connections.set(id, { kind: 'broken' });
      }
    }
  }

  clear(): void {
    this.connections.clear();
  }

  find(id: number): Connection | undefined {
    return this.connections.get(id);
  }

  /** Those that lead somewhere, by identifier; a message port has no flags. */
  get open(): readonly { readonly id: number; readonly flagCount: number }[] {
    return [...this.connections]
      .sort(([a], [b]) => a - b)
      .flatMap(([id, connection]) => {
        if (connection.kind === 'broken') return [];
        return [{ id, flagCount: connection.kind === 'event' ? connection.flagCount : 0 }];
      });
  }

  save(): StateNode {
    return {
      version,
      connections: [...this.connections]
        .sort(([a], [b]) => a - b)
        .map(([id, connection]) => ({ id, ...connection })),
    };
  }

  /** @throws UserError where a connection is there twice, or leads to none of `ports` */
  restore(record: StateRecord, ports: ReadonlyMap<number, ConnectedPort>): void {
    record.expectVersion(version);
    this.connections.clear();
    for (const saved of record.records('connections')) {
      const id = saved.count('id', connectionIdMax);
      if (this.connections.has(id)) throw saved.mismatch('id', 'of one connection only');
      this.connections.set(id, restoreConnection(saved, ports));
    }
  }
}

function restoreConnection(
  record: StateRecord,
  ports: ReadonlyMap<number, ConnectedPort>,
): Connection {
  const kind = record.choice('kind', ['message', 'event', 'broken']);
  if (kind === 'broken') return { kind };
  const portId = record.number('portId');
  const port = ports.get(portId);
  if (port?.kind !== kind) throw record.mismatch('portId', `a port for a connection "${kind}"`);
  if (kind === 'message') return { kind, portId };
  const flagCount = record.number('flagCount');
  if (flagCount !== port.flagCount) throw record.mismatch('flagCount', 'that of its port');
  return { kind, portId, flagCount };
}
