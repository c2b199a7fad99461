/** Which rows of equal height a scrolled list shows, and where; pure and independent of the number of rows. */

/** Height of rows and of the header; the style sheet says the same. */
export const rowPixels = 22;

/** Rows to render: `first` to `end - 1`, placed `offsetPixels` below the top of a box of `heightPixels`. */
export interface RowWindow {
  readonly first: number;
  readonly end: number;
  readonly offsetPixels: number;
  readonly heightPixels: number;
}

export interface ScrollGeometry {
  readonly scrollTop: number;
  /** Height of the visible part, without the header. */
  readonly viewportPixels: number;
  readonly rowPixels: number;
  readonly rowCount: number;
}

/** Browsers lose precision in boxes taller than some ten million pixels; beyond this, scrolling is scaled. */
const maxHeightPixels = 8_000_000;
const overscanRows = 8;

export function rowWindow(geometry: ScrollGeometry): RowWindow {
  const { scrollTop, viewportPixels, rowPixels, rowCount } = geometry;
  const virtualTop = scrollTop * scrollScale(geometry);
  const firstVisible = Math.floor(virtualTop / rowPixels);
  const visible = Math.ceil(viewportPixels / rowPixels) + 1;
  const first = clamp(firstVisible - overscanRows, 0, rowCount);
  const end = clamp(firstVisible + visible + overscanRows, first, rowCount);
  return {
    first,
    end,
    offsetPixels: scrollTop - (virtualTop - first * rowPixels),
    heightPixels: heightPixels(geometry),
  };
}

/** The scroll position that shows row `index`, changed as little as possible. */
export function scrollTopToShow(index: number, geometry: ScrollGeometry): number {
  const { scrollTop, viewportPixels, rowPixels } = geometry;
  const scale = scrollScale(geometry);
  const virtualTop = scrollTop * scale;
  const rowTop = index * rowPixels;
  if (rowTop < virtualTop) return rowTop / scale;
  const lowest = rowTop + rowPixels - viewportPixels;
  return lowest > virtualTop ? Math.max(lowest, 0) / scale : scrollTop;
}

/** Rows that fit completely; what PageUp and PageDown move by. */
export function rowsOfPage(geometry: ScrollGeometry): number {
  return Math.max(1, Math.floor(geometry.viewportPixels / geometry.rowPixels) - 1);
}

function heightPixels({ rowPixels, rowCount }: ScrollGeometry): number {
  return Math.min(rowCount * rowPixels, maxHeightPixels);
}

/** Pixels of list for each pixel of scrolling. */
function scrollScale(geometry: ScrollGeometry): number {
  const { viewportPixels, rowPixels, rowCount } = geometry;
  const virtual = rowCount * rowPixels;
  const height = heightPixels(geometry);
  return virtual <= height ? 1 : (virtual - viewportPixels) / (height - viewportPixels);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
