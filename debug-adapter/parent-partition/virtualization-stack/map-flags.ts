/** Rights of the second-level map as flags of the hypercalls that map pages (TLFS 5.3.2). */
import { rightExecute, rightRead, rightWrite } from '../../machine/guest-memory';
import { mapGpaFlag } from '../../spec/tlfs/partitions';

export function mapFlagsOf(rights: number): number {
  const { readable, writable, kernelExecutable, userExecutable, noAccess } = mapGpaFlag;
  if (rights === 0) return noAccess;
  return (
    ((rights & rightRead) === 0 ? 0 : readable) +
    ((rights & rightWrite) === 0 ? 0 : writable) +
    ((rights & rightExecute) === 0 ? 0 : kernelExecutable + userExecutable)
  );
}
