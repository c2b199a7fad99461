/** Short names of exception vectors, for exceptionInfo. */
import { exceptionFilters } from './exception-filters';

/** `#PF Page Fault`, or the number of a vector that has no filter. */
export function exceptionByVectorName(vector: number): string {
  const row = exceptionFilters.find(({ vectors }) => vectors.includes(vector));
  return row?.label ?? `vector ${vector}`;
}
