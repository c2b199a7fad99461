/** The custom requests of the extension's views: partitions, exit log, VMBus traffic. */
import { threadIdOf, type DebuggedPartition } from '../../debugger/debugged-machine';
import {
  customRequest,
  type ExitDetailBody,
  type ExitsBody,
  type PartitionInfo,
  type PartitionsBody,
  type ProcessorRunState,
  type RestorePartitionBody,
  type SaveMachineBody,
  type SavePartitionBody,
} from '../../protocol/custom-requests';
import type { TrafficBody, TrafficBusesBody, TrafficDetailBody } from '../../protocol/traffic';
import { decodeBase64 } from '../../support/base64';
import { UserError } from '../../support/user-error';
import type { RequestArguments } from '../request-arguments';
import type { HandlerTable, SessionState } from '../session-state';

const mostRows = 500;
const mostInputBytes = 65_536;
const parentId = 1;

function runStateOf(
  runState: DebuggedPartition['processors'][number]['runState'],
  running: boolean,
  isPaused: boolean,
): ProcessorRunState {
  if (runState === 'suspended' && isPaused) return 'paused';
  if (runState === 'shutdown') return 'ended';
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
    guestOs: partition.guestOsId === 0n ? '' : `0x${partition.guestOsId.toString(16)}`,
    isPaused: partition.isSuspended,
    isDeleted: partition.isDeleted,
    processors: partition.processors.map((processor) => {
      const { rip } = processor.core.state;
      return {
        index: processor.index,
        threadId: threadIdOf(partition.id, processor.index),
        state: runStateOf(processor.runState, control.running, partition.isSuspended),
        rip: `0x${rip.toString(16)}`,
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

function exits(session: SessionState, args: RequestArguments): ExitsBody {
  const start = args.integerBetween('start', 0, Number.MAX_SAFE_INTEGER);
  const count = args.integerBetween('count', 0, mostRows);
  const filter = args.has('filter') ? args.object('filter') : undefined;
  return session.control.exits.query(start, count, {
    reasons: filter?.optionalIntegers('reasons'),
    partition: filter?.optionalInteger('partition'),
    processor: filter?.optionalInteger('processor'),
    text: filter?.optionalString('text'),
  });
}

function exitDetail(session: SessionState, args: RequestArguments): ExitDetailBody {
  const id = args.string('id');
  const detail = session.control.exits.detail(id);
  if (detail !== undefined) return detail;
  throw new UserError('no-such-exit', `The exit ${id} is not kept any more.`);
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
  session.invalidate();
  session.launched.run.wake();
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
}

function startPartition(session: SessionState, args: RequestArguments): undefined {
  session.control.startPartition(args.integer('partition'));
  guestsChanged(session);
}

/** A guest has gone, or has come back: its threads with it. */
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

const trafficKinds = ['vmbus-message', 'vmbus-packet', 'vmbus-signal'] as const;

function traffic(session: SessionState, args: RequestArguments): TrafficBody {
  const start = args.integerBetween('start', 0, Number.MAX_SAFE_INTEGER);
  const count = args.integerBetween('count', 0, mostRows);
  const filter = args.has('filter') ? args.object('filter') : undefined;
  const names = filter?.optionalStrings('kinds');
  return session.control.traffic.query(start, count, {
    partition: filter?.optionalInteger('partition'),
    channels: filter?.optionalIntegers('channels'),
    kinds: names === undefined ? undefined : trafficKinds.filter((kind) => names.includes(kind)),
    text: filter?.optionalString('text'),
  });
}

function trafficDetail(session: SessionState, args: RequestArguments): TrafficDetailBody {
  const id = args.string('id');
  const detail = session.control.traffic.detail(id);
  if (detail !== undefined) return detail;
  throw new UserError('no-such-traffic', `The traffic ${id} is not kept any more.`);
}

function trafficBuses(session: SessionState): TrafficBusesBody {
  return { buses: session.control.traffic.buses() };
}

/** Handlers of this group. */
export const customHandlers: HandlerTable = {
  [customRequest.partitions]: partitions,
  [customRequest.exits]: exits,
  [customRequest.exitDetail]: exitDetail,
  [customRequest.traffic]: traffic,
  [customRequest.trafficDetail]: trafficDetail,
  [customRequest.trafficBuses]: trafficBuses,
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
