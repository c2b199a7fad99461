/** Segment selectors, chosen by the number in the decoded immediate. */
import { vmcsEncoding, vmcsSlotOffset } from '../../machine/processor-state';
import type { Builder } from '../ir/builder';
import type { Expression } from '../ir/ir';

/** Names by segment number (SDM vol. 2, table 2-8 order: ES, CS, SS, DS, FS, GS). */
const selectorOffsets = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'].map((name) =>
  vmcsSlotOffset(vmcsEncoding(`GUEST_${name}_SELECTOR`)),
);

/** The selector that the decoded immediate names, as an i64. */
export function segmentSelector(b: Builder): Expression {
  const number = b.decoded('imm');
  const [first = 0, ...rest] = selectorOffsets;
  const chosen = rest.reduce(
    (otherwise, offset, index) =>
      b.select(b.compare('eq', number, b.i64(index + 1)), b.state(offset, 2), otherwise),
    b.state(first, 2),
  );
  return b.let(b.widen(chosen));
}
