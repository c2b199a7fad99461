/** Rows that the adapter looks at in parts: how far it has come. */
import { LogRows, type LogRow, type RowsBody } from './log-rows';

/** What an answer says of the search besides its rows. */
export interface SearchedBody<Row> extends RowsBody<Row> {
  readonly kept: number;
  readonly isComplete: boolean;
}

export abstract class SearchedRows<
  Row extends LogRow,
  Detail extends { readonly row: Row },
  Body extends SearchedBody<Row>,
  Filter,
> extends LogRows<Row, Detail, Body, Filter> {
  /** Rows there are without the filter, as far as they have been taken in. */
  kept = 0;
  /** False while the adapter has not looked at all of them. */
  isComplete = true;

  protected override keep({ kept, isComplete }: Body): boolean {
    this.kept = kept;
    this.isComplete = isComplete;
    return isComplete;
  }

  protected override forget(): void {
    this.kept = 0;
    this.isComplete = true;
  }
}
