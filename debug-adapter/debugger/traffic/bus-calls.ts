/** What the hypervisor said to a guest that sent its parent a message or an event: a refused one reaches nobody. */
import type { HypercallEvent } from '../../machine/trace';
import { hypercallByName } from '../../spec/tlfs/hypercalls';
import { Status, statusByCode } from '../../spec/tlfs/status-codes';
import { present } from '../../support/assert';
import type { TraceLog } from '../../system/trace-log';
import { hex } from '../value-format';

/** A hypercall to the parent that was refused. */
export interface RefusedCall {
  /** HvCallPostMessage or HvCallSignalEvent. */
  readonly name: string;
  /** HV_STATUS_… */
  readonly status: string;
  /** There is no such connection: no port of the parent, or not one of this kind. */
  readonly isUnknownConnection: boolean;
  /** Undefined where it stood in memory that may have changed since. */
  readonly connectionId: number | undefined;
}

/** How many hypercalls are looked through: a guest that waits makes few. */
const searchedMax = 2048;

const names = new Map(
  ['HvCallPostMessage', 'HvCallSignalEvent'].map((name) => [
    present(hypercallByName.get(name), name).code,
    name,
  ]),
);

/** Bit 16 of the control word: the input is in registers (TLFS 3.7). */
const fastCall = 1n << 16n;
const rdx = 2;

/** The last message or event of a guest to its parent up to a position, where the hypervisor refused it. */
export function lastRefusedCall(
  { hypercalls, exits }: Pick<TraceLog, 'hypercalls' | 'exits'>,
  partition: number,
  position: number,
): RefusedCall | undefined {
  const newest = hypercalls.firstFrom(position + 1, 0) - 1;
  const oldest = Math.max(hypercalls.dropped, newest - searchedMax);
  for (let index = newest; index >= oldest; index--) {
    const call = hypercalls.at(index);
    if (call?.partition !== partition) continue;
    const name = names.get(call.code);
    if (name === undefined) continue;
    if (call.status === Status.success) return undefined;
    const { invalidConnectionId, invalidPortId } = Status;
    return {
      name,
      status: statusByCode.get(call.status)?.name ?? hex(call.status),
      isUnknownConnection: call.status === invalidConnectionId || call.status === invalidPortId,
      connectionId: connectionOf(call, exits),
    };
  }
  return undefined;
}

/** A fast call has its input in registers, which the exit that led to it has kept. */
function connectionOf(call: HypercallEvent, exits: TraceLog['exits']): number | undefined {
  if ((call.control & fastCall) === 0n) return undefined;
  const exit = exits.at(exits.firstFrom(call.position, 0) - 1);
  const isOfCall = exit?.partition === call.partition && exit.processor === call.processor;
  const input = isOfCall ? exit.registers[rdx] : undefined;
  return input === undefined ? undefined : Number(input & 0xffffffffn);
}
