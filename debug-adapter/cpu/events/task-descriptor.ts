/** What the processor checks of the task that a switch names, before the switch exits (SDM vol. 3, 7.3 and 26.4.2). */
import { taskState16, taskState32, TaskDescriptorType } from '../../spec/x86/task-state';
import { generalProtection, vector, type Fault } from '../processor-context';
import { isPresent, limitOf, notPresent, typeOf, type SegmentLoader } from './segments';

const availableTasks: readonly number[] = [1, 9];

/** The descriptor must be one of the global table, available or busy as the kind of switch demands, and long enough. */
export function taskFault(
  segments: SegmentLoader,
  selector: number,
  wanted: 'available' | 'busy',
  external = 0,
): Fault | 'exit' | 'exhausted' | undefined {
  const errorCode = (selector & 0xfffc) | external;
  const invalidTask: Fault = { vector: vector.TS, errorCode };
  const wrong = wanted === 'busy' ? invalidTask : generalProtection(errorCode);
  if ((selector & 4) !== 0 || (selector & 0xfffc) === 0) return wrong;
  const load = segments.readDescriptor(selector, 8, external);
  if (load.kind === 'left') return load.end;
  if (load.kind === 'fault') return load.fault.vector === vector.GP ? wrong : load.fault;
  const { descriptor } = load;
  const type = typeOf(descriptor);
  const expected = wanted === 'busy' ? type & ~TaskDescriptorType.busy : type;
  const isBusy = (type & TaskDescriptorType.busy) !== 0;
  if (!availableTasks.includes(expected) || isBusy !== (wanted === 'busy')) return wrong;
  if (!isPresent(descriptor)) return notPresent(selector, external);
  const layout = (type & TaskDescriptorType.is32Bit) !== 0 ? taskState32 : taskState16;
  return limitOf(descriptor) < layout.limitMinimum ? invalidTask : undefined;
}
