/** The connections of a partition to ports of its parent (TLFS 11.3): where its messages and events may go. */
import type { SavedPart } from '../../machine/saved-part';
import { assert } from '../../support/assert';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';

/** What stands at the other end of a connection. */
export type Connection =
  { readonly kind: 'message' } | { readonly kind: 'event'; readonly flagCount: number };

const version = 1;
/** Says in the saved state that a connection is for messages. */
const noFlags = 0;

/**
 * By connection identifier. They belong to the parent, who makes and closes them: a reset of the guest leaves them.
 */
export class ConnectionTable implements SavedPart {
  private readonly connections = new Map<number, Connection>();

  connect(id: number, connection: Connection): void {
    assert(!this.connections.has(id), `connection ${id} is free`);
    this.connections.set(id, connection);
  }

  disconnect(id: number): void {
    assert(this.connections.delete(id), `connection ${id} exists`);
  }

  find(id: number): Connection | undefined {
    return this.connections.get(id);
  }

  reset(): void {}

  save(): StateNode {
    return {
      version,
      connections: [...this.connections]
        .sort(([a], [b]) => a - b)
        .map(([id, connection]) => ({
          id,
          flagCount: connection.kind === 'event' ? connection.flagCount : noFlags,
        })),
    };
  }

  restore(record: StateRecord): void {
    record.expectVersion(version);
    this.connections.clear();
    for (const saved of record.records('connections')) {
      const flagCount = saved.number('flagCount');
      this.connections.set(
        saved.number('id'),
        flagCount === noFlags ? { kind: 'message' } : { kind: 'event', flagCount },
      );
    }
  }
}
