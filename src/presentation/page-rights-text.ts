/** Reads what a person types to change the rights to guest pages. */
import type { ProtectPagesArguments } from '../../debug-adapter/protocol/custom-requests';

/** Pages of a guest and what it may do with them. */
export type PageRights = Omit<ProtectPagesArguments, 'partition'>;

/**
 * An address, how many pages (one where it is left out), and their rights: `0x123000 4 r--`.
 * @returns undefined where it is something else
 */
export function parsePageRights(text: string): PageRights | undefined {
  const match = /^(0x[0-9a-f]*?000|0x0)(?:\s+(\d{1,9}))?\s+(---|r--|rw-|r-x|rwx)$/i.exec(
    text.trim(),
  );
  if (match === null) return undefined;
  const [, gpa = '', count = '1', access = ''] = match;
  const pages = Number(count);
  return pages > 0 ? { gpa, pages, access: access.toLowerCase() } : undefined;
}
