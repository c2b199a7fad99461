/** An integration component whose own state is one record of numbers and truth values, as that of most is. */
import { restoreFlat, saveFlat, type FlatState } from '../../support/flat-state';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { IntegrationComponent, type ComponentKind } from './integration-component';

export abstract class FlatComponent<Own extends FlatState> extends IntegrationComponent {
  protected own: Own;

  /** @param initial its own state before a guest has agreed on versions */
  constructor(
    kind: ComponentKind,
    private readonly initial: Own,
  ) {
    super(kind);
    this.own = { ...initial };
  }

  protected resetOwn(): void {
    this.own = { ...this.initial };
  }

  protected saveOwn(): StateNode {
    return saveFlat(this.own);
  }

  protected restoreOwn(record: StateRecord): void {
    this.own = restoreFlat(record, this.initial);
  }
}
