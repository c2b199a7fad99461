/** Scopes of what belongs to a processor besides its registers: local APIC and SynIC, and the devices of its guest. */
import type { InspectedPart, InspectedValue } from '../../machine/inspect';
import type { DebuggedMachine, DebuggedThread } from '../debugged-machine';
import { hex } from '../value-format';
import type { VariableNode, VariableScope } from './variable-node';

function valueText({ value }: InspectedValue): string {
  return typeof value === 'number' || typeof value === 'bigint' ? hex(value) : String(value);
}

function valueNodes(values: readonly InspectedValue[]): readonly VariableNode[] {
  return values.map((value) => ({ name: value.name, value: valueText(value) }));
}

function scope(name: string, children: () => readonly VariableNode[]): VariableScope {
  return { name, expensive: false, isRegisters: false, children };
}

/** The scopes of a thread; a guest without such devices has no scope for them. */
export function inspectionScopes(
  machine: DebuggedMachine,
  { partition, processor }: DebuggedThread,
): readonly VariableScope[] {
  const own = (): readonly InspectedPart[] =>
    machine.inspectProcessor(partition.id, processor.index);
  const devices = (): readonly InspectedPart[] => machine.inspectDevices(partition.id);
  const ownScopes = own().map(({ name }) =>
    scope(name, () => valueNodes(own().find((part) => part.name === name)?.values ?? [])),
  );
  if (devices().length === 0) return ownScopes;
  const nodes = (): readonly VariableNode[] =>
    devices().map(({ name, values }) => ({ name, value: '', children: () => valueNodes(values) }));
  return [...ownScopes, scope('Devices', nodes)];
}
