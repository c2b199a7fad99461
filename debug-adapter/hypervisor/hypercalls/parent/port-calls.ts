/** Ports of the parent and the connections of its children to them (TLFS 11.2, 11.3). */
import { eventFlagsPerSint, sintCount } from '../../../spec/tlfs/synic';
import { partitionIdSelf, portIdMax, portType } from '../../../spec/tlfs/partitions';
import { Status } from '../../../spec/tlfs/status-codes';
import { poolPages } from '../../life-cycle/memory-pool';
import type { ParentPort } from '../../life-cycle/partition-life-cycle';
import type { Partition } from '../../partition';
import { findChild, inputOf, type ParentCaller, type ParentHandler } from './parent-caller';

interface FoundPort {
  readonly child: Partition;
  readonly port: ParentPort;
}

function findPort({ children }: ParentCaller, id: number): FoundPort | undefined {
  for (const child of children.children) {
    const port = child.lifeCycle.ports.get(id);
    if (port !== undefined) return { child, port };
  }
  return undefined;
}

const isParent = ({ id }: ParentCaller, partition: bigint): boolean =>
  partition === partitionIdSelf || partition === BigInt(id);

const createInput = inputOf('HvCallCreatePort');

/** Ports are the parent's own; a child's synthetic interrupt sources are reached without. */
export const createPort: ParentHandler = {
  kind: 'simple',
  run({ caller, header }) {
    const field = (name: string): number => createInput.number(header, name);
    if (!isParent(caller, createInput.wide(header, 'PortPartition'))) {
      return Status.invalidPartitionId;
    }
    const child = findChild(caller, createInput.wide(header, 'ConnectionPartition'), 'active');
    if (typeof child === 'number') return child;
    const id = field('PortId');
    if (id === 0 || id > portIdMax || findPort(caller, id) !== undefined) {
      return Status.invalidPortId;
    }
    const type = field('PortType');
    const [base, flags] = [field('BaseFlagNumber'), field('FlagCount')];
    const isEvent = type === portType.event;
    const isKnown = isEvent || type === portType.message;
    const hasFlags = !isEvent || (flags > 0 && base + flags <= eventFlagsPerSint);
    const isGood = isKnown && hasFlags && field('PortVtl') === 0 && field('TargetSint') < sintCount;
    if (!isGood) return Status.invalidParameter;
    if (!child.lifeCycle.pool.use(poolPages.port)) return Status.insufficientMemory;
    const kind = isEvent ? 'event' : 'message';
    child.lifeCycle.ports.set(id, { id, kind, flagCount: isEvent ? flags : 0 });
    return Status.success;
  },
};

const deletePortInput = inputOf('HvCallDeletePort');

/** A connection to it stays, and leads nowhere. */
export const deletePort: ParentHandler = {
  kind: 'simple',
  run({ caller, header }) {
    if (!isParent(caller, deletePortInput.wide(header, 'PortPartition'))) {
      return Status.invalidPartitionId;
    }
    const found = findPort(caller, deletePortInput.number(header, 'PortId'));
    if (found === undefined) return Status.invalidPortId;
    const { child, port } = found;
    child.lifeCycle.ports.delete(port.id);
    child.lifeCycle.pool.release(poolPages.port);
    child.connections.portDidGo(port.id);
    return Status.success;
  },
};

const connectInput = inputOf('HvCallConnectPort');

export const connectPort: ParentHandler = {
  kind: 'simple',
  run({ caller, header }) {
    const field = (name: string): number => connectInput.number(header, name);
    const child = findChild(caller, connectInput.wide(header, 'ConnectionPartition'), 'active');
    if (typeof child === 'number') return child;
    if (!isParent(caller, connectInput.wide(header, 'PortPartition'))) {
      return Status.invalidPartitionId;
    }
    const port = child.lifeCycle.ports.get(field('PortId'));
    if (port === undefined) return Status.invalidPortId;
    const connectionId = field('ConnectionId');
    const isFree = child.connections.find(connectionId) === undefined;
    if (connectionId === 0 || connectionId > portIdMax || !isFree) {
      return Status.invalidConnectionId;
    }
    if (field('ConnectionType') !== portType[port.kind] || field('ConnectionVtl') !== 0) {
      return Status.invalidParameter;
    }
    child.connections.connect(
      connectionId,
      port.kind === 'message'
        ? { kind: 'message', portId: port.id }
        : { kind: 'event', portId: port.id, flagCount: port.flagCount },
    );
    return Status.success;
  },
};

const disconnectInput = inputOf('HvCallDisconnectPort');

export const disconnectPort: ParentHandler = {
  kind: 'simple',
  run({ caller, header }) {
    const id = disconnectInput.wide(header, 'ConnectionPartition');
    const child = findChild(caller, id, 'active');
    if (typeof child === 'number') return child;
    const connectionId = disconnectInput.number(header, 'ConnectionId');
    if (child.connections.find(connectionId) === undefined) return Status.invalidConnectionId;
    child.connections.disconnect(connectionId);
    return Status.success;
  },
};
