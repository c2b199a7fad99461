/** What the page keeps while it is hidden: filter, pane and its width. */
import type { ExitFilter } from '../../../debug-adapter/protocol/custom-requests';

export interface PageState {
  readonly filter: ExitFilter;
  readonly detailOpen: boolean;
  readonly detailPixels: number;
}

export const detailPixelsLimits = { least: 260, usual: 420 } as const;

const initialState: PageState = {
  filter: {},
  detailOpen: false,
  detailPixels: detailPixelsLimits.usual,
};

/** Reads a kept state; whatever does not fit, of an older version for example, becomes the initial value. */
export function readPageState(kept: unknown): PageState {
  if (typeof kept !== 'object' || kept === null) return initialState;
  const fields = new Map<string, unknown>(Object.entries(kept));
  const pixels = fields.get('detailPixels');
  return {
    filter: readFilter(fields.get('filter')),
    detailOpen: fields.get('detailOpen') === true,
    detailPixels:
      typeof pixels === 'number' && pixels >= detailPixelsLimits.least
        ? pixels
        : initialState.detailPixels,
  };
}

function readFilter(kept: unknown): ExitFilter {
  if (typeof kept !== 'object' || kept === null) return {};
  const fields = new Map<string, unknown>(Object.entries(kept));
  const text = fields.get('text');
  const reasons = fields.get('reasons');
  const numbers = Array.isArray(reasons) ? reasons.filter((each) => typeof each === 'number') : [];
  // A processor's number means nothing to the next session, so that part of the filter is not kept.
  return {
    ...(typeof text === 'string' && text !== '' ? { text } : {}),
    ...(numbers.length > 0 ? { reasons: numbers } : {}),
  };
}
