/**
 * Exit 9: a task switch, which the processor does not make in VMX non-root operation (SDM vol. 3, 26.4.2). It has
 * checked the descriptor of the new task; the switch itself is emulated.
 */
import { stateOffsets } from '../../machine/processor-state';
import { ExceptionNumber } from '../../spec/x86/exceptions';
import { injectException } from '../inject-exception';
import { combinedFault, interruptedEvent } from '../task-switch/interrupted-event';
import { TaskSwitch } from '../task-switch/task-switch';
import { resume, type ExitHandler } from './exit-handler';
import { handleTripleFault } from './triple-fault';

export const handleTaskSwitch: ExitHandler = (context) => {
  const { partition, processor, exit } = context;
  const { state, core } = processor;
  const event = interruptedEvent(state);
  const { rip } = exit;
  const failure = new TaskSwitch(core, partition.memory, event).run();
  if (failure === undefined) return resume;
  if (failure.kind === 'refused') {
    return {
      kind: 'unhandled',
      message: `A task switch at 0x${rip.toString(16)} needs memory that is not there.`,
    };
  }
  if (failure.address !== undefined) state.writeU64(stateOffsets.cr2, failure.address);
  switch (combinedFault(event, failure.vector)) {
    case 'triple fault':
      return handleTripleFault(context);
    case 'double fault':
      injectException(processor, ExceptionNumber.DF);
      return resume;
    default:
      injectException(processor, failure.vector, failure.errorCode);
      return resume;
  }
};
