/** Task switches: in VMX non-root operation they always exit (SDM vol. 3, 26.4.2; qualification table 28-2). */
import { isPresent, notPresent, privilegeOf, typeOf } from '../events/segments';
import { taskFault } from '../events/task-descriptor';
import { causeTaskSwitch, taskSwitchSource } from '../vmx/task-switch-exit';
import { generalProtection, RoutineEnd } from '../processor-context';
import type { Processor, RoutineRecord } from './routine';

const taskGate = 5;
const availableTasks: readonly number[] = [1, 9];

/** A far jump or call to a TSS or task gate; the checks before the switch are the processor's (SDM vol. 3, 7.3). */
export function switchTask(
  processor: Processor,
  record: RoutineRecord,
  selector: number,
  source: 'call' | 'jump',
): RoutineEnd {
  const { context, segments } = processor;
  const load = segments.readDescriptor(selector, 8);
  if (load.kind === 'fault') return context.raise(load.fault);
  if (load.kind === 'left') return RoutineEnd.leave;
  const { descriptor } = load;
  const privilege = privilegeOf(descriptor);
  const errorCode = selector & 0xfffc;
  if (privilege < context.cpl || privilege < (selector & 3)) {
    return context.raise(generalProtection(errorCode));
  }
  const isGate = typeOf(descriptor) === taskGate;
  if (isGate && !isPresent(descriptor)) return context.raise(notPresent(selector));
  const task = isGate ? descriptor.low >>> 16 : selector;
  const fault = taskFault(segments, task, 'available');
  if (typeof fault === 'string') return RoutineEnd.leave;
  if (fault !== undefined) return context.raise(fault);
  return causeTaskSwitch(context, task, taskSwitchSource[source], record.length);
}

/** Types of descriptors that mean a task switch outside IA-32e mode. */
export function namesTask(type: number): boolean {
  return type === taskGate || availableTasks.includes(type);
}
