/** How a virtual processor is called towards the client. */
import type { DebuggedThread } from '../debugger/debugged-machine';

/** `guest: VP 0` */
export function threadName({ partition, processor }: DebuggedThread): string {
  return `${partition.name}: VP ${processor.index}`;
}
