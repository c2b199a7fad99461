/** HvCallInstallIntercept (TLFS 9.3, 11.9): the accesses of a child that its parent wants to answer. */
import { interceptAccess as access, interceptType } from '../../../spec/tlfs/partitions';
import { Status } from '../../../spec/tlfs/status-codes';
import { findChild, inputOf, type ParentHandler } from './parent-caller';

const input = inputOf('HvCallInstallIntercept');

interface PortRange {
  readonly first: number;
  readonly count: number;
}

/** The ports that a parameter names; undefined where it names none, or the type is not one for ports. */
function portsOf(type: number, parameter: bigint): PortRange | undefined {
  const first = Number(parameter & 0xffffn);
  if (type === interceptType.X64IoPort) {
    return parameter > 0xffffn ? undefined : { first, count: 1 };
  }
  const last = Number(parameter >> 16n);
  const isRange = type === interceptType.X64IoPortRange && last >= first && last <= 0xffff;
  return isRange ? { first, count: last - first + 1 } : undefined;
}

/** Ports are intercepted for both directions or for none; other types are the hypervisor's own business here. */
export const installIntercept: ParentHandler = {
  kind: 'simple',
  run({ caller, header }) {
    const child = findChild(caller, input.wide(header, 'PartitionId'), 'active');
    if (typeof child === 'number') return child;
    const mask = input.number(header, 'AccessTypeMask');
    const ports = portsOf(
      input.number(header, 'InterceptType'),
      input.wide(header, 'InterceptParameter'),
    );
    if (ports === undefined) return Status.invalidParameter;
    if (mask === (access.read | access.write)) child.installPortIntercept(ports.first, ports.count);
    else if (mask === access.none) child.removePortIntercept(ports.first, ports.count);
    else return Status.invalidParameter;
    return Status.success;
  },
};
