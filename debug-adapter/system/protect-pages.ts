/** The input by which a person has the parent change what a guest may do with pages of its RAM. */
import type { Partition } from '../hypervisor/partition';
import { pageSizeBytes } from '../machine/addresses';
import { rightRead } from '../machine/guest-memory';
import type { HostInput } from '../machine/host-input';
import { formatRights } from '../machine/page-rights';
import type { ParentPartition } from '../parent-partition/parent-partition';
import { mapFlagsOf } from '../parent-partition/virtualization-stack/map-flags';
import { UserError } from '../support/user-error';
import { hexadecimal } from '../support/hexadecimal';

/** The input. */
export type PageProtection = Extract<HostInput, { readonly kind: 'protect-pages' }>;

/** @throws UserError, with nothing changed, where the pages or the rights cannot be */
export function protectPages(
  parent: ParentPartition,
  partition: Partition,
  { gpa, pages, rights }: PageProtection,
): void {
  refuseRights(rights);
  const first = gpa / pageSizeBytes;
  refuseRange(partition, gpa, pages);
  for (let page = first; page < first + pages; page++) {
    if (!partition.memory.isOverlay(page)) continue;
    throw new UserError(
      'page-is-overlay',
      `The hypervisor has laid a page of its own over guest page ${hexadecimal(page)} of "${partition.name}".`,
      'Rights to it are not the parent’s to change; leave it out of the range.',
    );
  }
  parent.protectPages(partition.id, first, pages, mapFlagsOf(rights));
}

/** The processor offers no map entries that can be executed or written but not read (TLFS 5.3.2). */
function refuseRights(rights: number): void {
  if (rights === 0 || (rights & rightRead) !== 0) return;
  throw new UserError(
    'rights-not-offered',
    `Pages cannot have the rights "${formatRights(rights)}": what may be written or executed may also be read.`,
    'Use ---, r--, rw-, r-x or rwx.',
  );
}

function refuseRange(
  { name, memoryBytes, lifeCycle }: Partition,
  gpa: number,
  pages: number,
): void {
  const isRange = Number.isSafeInteger(gpa) && gpa >= 0 && Number.isSafeInteger(pages) && pages > 0;
  if (!isRange || gpa % pageSizeBytes !== 0) {
    throw new UserError(
      'no-page-range',
      `${pages} pages at guest-physical ${hexadecimal(gpa)} are no range of pages.`,
      `An address is a multiple of ${hexadecimal(pageSizeBytes)}; there is at least one page.`,
    );
  }
  if (lifeCycle.gpaMap.isMapped(gpa / pageSizeBytes, pages)) return;
  throw new UserError(
    'memory-not-there',
    `${pages} pages at guest-physical ${hexadecimal(gpa)} are not all RAM of "${name}".`,
    `RAM ends at ${hexadecimal(memoryBytes)}.`,
  );
}

/** The input in words. */
export function describeProtection({ gpa, pages, rights }: PageProtection): string {
  const count = pages === 1 ? '1 page' : `${pages} pages`;
  return `${count} at guest-physical ${hexadecimal(gpa)} ${formatRights(rights)}`;
}
