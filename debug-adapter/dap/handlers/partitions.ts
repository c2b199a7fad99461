/** Requests about partitions, and about the machine that they are in. */
import { hex } from '../../debugger/value-format';
import { threadIdOf, type DebuggedPartition } from '../../debugger/debugged-machine';
import {
  customRequest,
  type PartitionInfo,
  type PartitionsBody,
  type ProcessorRunState,
  type RestorePartitionBody,
  type SaveMachineBody,
  type SavePartitionBody,
} from '../../protocol/custom-requests';
import { decodeBase64 } from '../../support/base64';
import { UserError } from '../../support/user-error';
import type { RequestArguments } from '../request-arguments';
import type { HandlerTable, SessionState } from '../session-state';

const mostInputBytes = 65_536;
const parentId = 1;

function runStateOf(
  runState: DebuggedPartition['processors'][number]['runState'],
  running: boolean,
  isPaused: boolean,
): ProcessorRunState {
  if (runState === 'shutdown') return 'ended';
  if (isPaused) return 'paused';
  if (runState === 'halted' || runState === 'suspended') return runState;
  return running ? 'running' : 'stopped';
}

function guestInfo(session: SessionState, partition: DebuggedPartition): PartitionInfo {
  const { control } = session;
  return {
    id: partition.id,
    kind: 'guest',
    name: partition.name,
    memoryBytes: partition.memoryBytes,
    guestOs: partition.guestOsId === 0n ? '' : hex(partition.guestOsId),
    isPaused: partition.isSuspended,
    isDeleted: partition.isDeleted,
    processors: partition.processors.map((processor) => {
      const { rip } = processor.core.state;
      return {
        index: processor.index,
        threadId: threadIdOf(partition.id, processor.index),
        state: runStateOf(processor.runState, control.running, partition.isSuspended),
        rip: hex(rip),
        symbol: control.programOf(partition.id).symbols.nameOf(rip) ?? '',
        retired: processor.retired,
        exits: processor.exits,
      };
    }),
  };
}

/** The parent is a model: it has an identity and a root processor, but no guest code to look at. */
const parentInfo: Omit<PartitionInfo, 'isPaused'> = {
  isDeleted: false,
  id: parentId,
  kind: 'parent',
  name: 'Parent partition',
  memoryBytes: 0,
  guestOs: '',
  processors: [
    { index: 0, threadId: 0, state: 'stopped', rip: '0x0', symbol: '', retired: 0, exits: 0 },
  ],
};

function partitions(session: SessionState): PartitionsBody {
  const { control } = session;
  const guests = [...new Set(control.threads.map((thread) => thread.partition))];
  const running = control.running ? 'running' : 'stopped';
  const root = parentInfo.processors.map(
    (processor) => ({ ...processor, state: running }) as const,
  );
  return {
    position: control.position,
    timeNs: control.timeNs,
    endPosition: control.endPosition,
    partitions: [
      { ...parentInfo, isPaused: control.isParentPaused, processors: root },
      ...guests.map((guest) => guestInfo(session, guest)),
    ],
  };
}

function consoleInput(session: SessionState, args: RequestArguments): undefined {
  const partition = args.integer('partition');
  const data = decodeBase64(args.string('data'));
  if (data === undefined || data.length > mostInputBytes) {
    throw new UserError(
      'bad-arguments',
      `The console takes up to ${mostInputBytes} bytes at once, in base64.`,
    );
  }
  if (data.length > 0) session.control.sendConsoleInput(partition, data);
  session.launched.run.wake();
  return undefined;
}

function pausePartition(session: SessionState, args: RequestArguments): undefined {
  session.control.setPartitionPaused(args.integer('partition'), args.boolean('isPaused'));
  session.launched.run.wake();
  return undefined;
}

function protectPages(session: SessionState, args: RequestArguments): undefined {
  const pages = args.integer('pages');
  const wanted = { gpa: args.string('gpa'), pages, access: args.string('access') };
  session.control.protectPages(args.integer('partition'), wanted);
  guestsChanged(session);
  return undefined;
}

function savePartition(session: SessionState, args: RequestArguments): SavePartitionBody {
  const { control } = session;
  return { sizeBytes: control.savePartitionTo(args.integer('partition'), args.string('path')) };
}

function restorePartition(session: SessionState, args: RequestArguments): RestorePartitionBody {
  const partition = session.control.restorePartition(
    args.string('path'),
    args.optionalInteger('partition'),
  );
  guestsChanged(session);
  return { partition };
}

function deletePartition(session: SessionState, args: RequestArguments): undefined {
  session.control.deletePartition(args.integer('partition'));
  guestsChanged(session);
  return undefined;
}

function startPartition(session: SessionState, args: RequestArguments): undefined {
  session.control.startPartition(args.integer('partition'));
  guestsChanged(session);
  return undefined;
}

/** What the client knows of guests is no longer so, and a machine that waited has something to do. */
function guestsChanged(session: SessionState): void {
  session.invalidate();
  session.launched.run.wake();
}

function saveMachine(session: SessionState, args: RequestArguments): SaveMachineBody {
  return { sizeBytes: session.control.saveTo(args.string('path')) };
}

function goToPosition(session: SessionState, args: RequestArguments): undefined {
  const { control, run } = session.launched;
  const position = args.integer('position');
  control.goToPosition(position, args.optionalInteger('threadId'));
  session.after(() => {
    // A client does not know that a request of our own moves the machine.
    const threadId = control.threadIdOfStop(control.lastStop);
    session.sendEvent('continued', { threadId, allThreadsContinued: true });
    run.start();
  });
}

/** Handlers of this group. */
export const partitionHandlers: HandlerTable = {
  [customRequest.partitions]: partitions,
  [customRequest.goToPosition]: goToPosition,
  [customRequest.pausePartition]: pausePartition,
  [customRequest.protectPages]: protectPages,
  [customRequest.saveMachine]: saveMachine,
  [customRequest.savePartition]: savePartition,
  [customRequest.restorePartition]: restorePartition,
  [customRequest.deletePartition]: deletePartition,
  [customRequest.startPartition]: startPartition,
  [customRequest.consoleInput]: consoleInput,
};
