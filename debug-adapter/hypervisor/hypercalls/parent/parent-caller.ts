/** The parent as the caller of hypercalls, and what it can reach: its children, and its own pages. */
import { hypercallByName } from '../../../spec/tlfs/hypercalls';
import type { PrivilegeName } from '../../../spec/tlfs/privileges';
import { Status } from '../../../spec/tlfs/status-codes';
import { present } from '../../../support/assert';
import { readField, structLayout, writeField } from '../../../support/struct-layout';
import type { GuestMemory } from '../../../machine/guest-memory';
import type { PartitionState } from '../../life-cycle/partition-life-cycle';
import type { Partition } from '../../partition';
import type { HypercallCall, HypercallHandler } from '../handler';

/** The children of the parent; deleted ones are not among them. */
export interface ChildTable {
  readonly children: readonly Partition[];
  child(id: number): Partition | undefined;
  /** A new child in state `created`; undefined where the machine has no room for one. */
  createChild(): Partition | undefined;
  /** What a processor's next VM entry delivers is decided again. */
  reconsider(partition: Partition): void;
}

/** The parent when it calls. */
export interface ParentCaller {
  readonly id: number;
  /** Pages that its input and output blocks lie in. */
  readonly memory: GuestMemory;
  /** Pages of system memory; those that no child has been given are the parent's. */
  readonly systemPages: number;
  readonly children: ChildTable;
  holds(privilege: PrivilegeName): boolean;
}

/** A call of the parent. */
export type ParentCall = HypercallCall<ParentCaller>;

/** What such a call does. */
export type ParentHandler = HypercallHandler<ParentCaller>;

/** Reads fields of the input header of a call as numbers; what is beyond 2^53 is no longer exact, and refused as too large. */
export function inputOf(name: string) {
  const layout = structLayout(name, present(hypercallByName.get(name)?.input, 'input layout'));
  return {
    layout,
    number: (header: Uint8Array, field: string): number => Number(readField(layout, header, field)),
    wide: (header: Uint8Array, field: string): bigint => readField(layout, header, field),
  };
}

/** Writes fields of the output of a call. */
export function outputOf(name: string) {
  const layout = structLayout(name, present(hypercallByName.get(name)?.output, 'output layout'));
  return (output: Uint8Array, field: string, value: number | bigint): void =>
    writeField(layout, output, field, BigInt(value));
}

/** The child that an identifier names, in one of `states`; else the status of the refusal. */
export function findChild(
  { children }: ParentCaller,
  id: bigint,
  ...states: readonly PartitionState[]
): Partition | number {
  const child = id < 1n << 32n ? children.child(Number(id)) : undefined;
  if (child === undefined) return Status.invalidPartitionId;
  return states.includes(child.lifeCycle.state) ? child : Status.invalidPartitionState;
}

/** True where `count` pages of system memory from `first` on are the parent's own. */
export function ownsPages(
  { children, systemPages }: ParentCaller,
  first: number,
  count: number,
): boolean {
  if (first + count > systemPages) return false;
  return children.children.every(
    ({ lifeCycle }) =>
      !lifeCycle.pool.holds(first, count) && !lifeCycle.gpaMap.usesSource(first, count),
  );
}
