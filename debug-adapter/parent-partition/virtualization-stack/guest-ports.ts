/** What the virtualization stack asks the hypervisor for on behalf of a guest's devices: intercepts, ports and connections. */
import { interceptAccess, interceptType, portType } from '../../spec/tlfs/partitions';
import type { ParentCalls } from './parent-calls';

/** The synthetic interrupt source of the parent at which its ports deliver; it has one processor. */
const parentSint = 2;

export class GuestPorts {
  constructor(
    private readonly calls: ParentCalls,
    private readonly parentId: number,
    private readonly deposit: (partition: number) => void,
  ) {}

  /** Asks for messages about accesses to `count` ports from `first` on. */
  installPortIntercept(partition: number, first: number, count: number): void {
    this.calls.call('HvCallInstallIntercept', {
      PartitionId: partition,
      AccessTypeMask: interceptAccess.read | interceptAccess.write,
      InterceptType: interceptType.X64IoPortRange,
      InterceptParameter: (first + count - 1) * 0x10000 + first,
    });
  }

  /** Makes a message port and connects the guest to it. */
  connectMessagePort(partition: number, connectionId: number): void {
    this.connect(partition, connectionId, { PortType: portType.message });
  }

  /** Makes an event port with `flagCount` flags and connects the guest to it. */
  connectEventPort(partition: number, connectionId: number, flagCount: number): void {
    this.connect(partition, connectionId, { PortType: portType.event, FlagCount: flagCount });
  }

  /** Undoes {@link connectMessagePort} or {@link connectEventPort}. */
  disconnectPort(partition: number, connectionId: number): void {
    this.calls.call('HvCallDisconnectPort', {
      ConnectionPartition: partition,
      ConnectionId: connectionId,
    });
    this.calls.call('HvCallDeletePort', {
      PortPartition: this.parentId,
      PortId: portIdOf(partition, connectionId),
    });
  }

  private connect(
    partition: number,
    connectionId: number,
    kind: { readonly PortType: number; readonly FlagCount?: number },
  ): void {
    const port = {
      PortPartition: this.parentId,
      PortId: portIdOf(partition, connectionId),
      ConnectionPartition: partition,
    };
    this.calls.call('HvCallCreatePort', { ...port, ...kind, TargetSint: parentSint }, () =>
      this.deposit(partition),
    );
    this.calls.call('HvCallConnectPort', {
      ...port,
      ConnectionId: connectionId,
      ConnectionType: kind.PortType,
    });
  }
}

/** One port for each connection: partition above the low 16 bits of the connection's identifier. */
function portIdOf(partition: number, connectionId: number): number {
  return ((partition & 0xff) << 16) | (connectionId & 0xffff);
}
