/** Where a row of a log came about. */

export interface RowMoment {
  readonly position: number;
  readonly partition: number;
  readonly processor: number;
}
