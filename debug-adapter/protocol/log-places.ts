/** Custom requests that find a row of one log in another: types and constants shared by the adapter and the extension. */

/** Requests; each takes `PlaceArguments` of its log's filter, and answers with `PlaceBody`. */
export const placeRequest = {
  exitPlace: 'hyperscope/exitPlace',
  trafficPlace: 'hyperscope/trafficPlace',
  eventPlace: 'hyperscope/eventPlace',
} as const;

/** `id` is the identity of a row: rows of the same event have the same in every log. */
export interface PlaceArguments<Filter> {
  readonly id: string;
  readonly filter: Filter;
}

/** Where the row stands among those that pass the filter. */
export interface PlaceBody {
  /** Absent where it does not pass, or is no longer kept. */
  readonly index?: number;
  /** Rows that pass the filter, as far as they have been looked at. */
  readonly total: number;
}
