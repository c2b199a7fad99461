/** Reads which rights a front end wants guest pages to have. */
import type { HostInput } from '../machine/host-input';
import { parseRights } from '../machine/page-rights';
import { UserError } from '../support/user-error';

/** Pages and rights as text: an address `0x123000`, and rights such as `r-x`. */
export interface WantedRights {
  readonly gpa: string;
  readonly pages: number;
  readonly access: string;
}

/** @throws UserError where the texts are no address and no rights */
export function pageProtection(partition: number, { gpa, pages, access }: WantedRights): HostInput {
  const rights = parseRights(access);
  if (!/^0x[0-9a-f]{1,13}$/i.test(gpa) || rights === undefined) {
    throw new UserError(
      'no-page-rights',
      `"${gpa}" with the access "${access}" is no page with rights.`,
      'Give an address such as 0x123000, and rights such as r-x.',
    );
  }
  return { kind: 'protect-pages', partition, gpa: Number(gpa), pages, rights };
}
