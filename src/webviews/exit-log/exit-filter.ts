/** The filter of the log as the person builds it; pure. */
import type { ExitFilter } from '../../../debug-adapter/protocol/custom-requests';

/** A filter whose fields may be undefined, which is the same as absent. */
type Parts = { readonly [Field in keyof ExitFilter]: ExitFilter[Field] | undefined };

/** The same filter with `text`, trimmed; empty text does not restrict. */
export function withText(filter: ExitFilter, text: string): ExitFilter {
  const trimmed = text.trim();
  return compose({ ...filter, text: trimmed === '' ? undefined : trimmed });
}

/** The same filter with `reason` added, or taken out where it was there. */
export function withReasonToggled(filter: ExitFilter, reason: number): ExitFilter {
  const before = filter.reasons ?? [];
  const reasons = before.includes(reason)
    ? before.filter((other) => other !== reason)
    : [...before, reason].sort((a, b) => a - b);
  return compose({ ...filter, reasons: reasons.length === 0 ? undefined : reasons });
}

/** The same filter for one virtual processor. */
export function withProcessor(
  filter: ExitFilter,
  partition: number,
  processor: number,
): ExitFilter {
  return { ...filter, partition, processor };
}

/** The same filter for every virtual processor. */
export function withoutProcessor(filter: ExitFilter): ExitFilter {
  return compose({ ...filter, partition: undefined, processor: undefined });
}

export function restricts(filter: ExitFilter): boolean {
  return Object.keys(filter).length > 0;
}

/** Leaves undefined fields out, since a field that is there restricts. */
function compose({ text, reasons, partition, processor }: Parts): ExitFilter {
  return {
    ...(text === undefined ? {} : { text }),
    ...(reasons === undefined ? {} : { reasons }),
    ...(partition === undefined ? {} : { partition }),
    ...(processor === undefined ? {} : { processor }),
  };
}
