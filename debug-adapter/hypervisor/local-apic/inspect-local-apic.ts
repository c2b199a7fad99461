/** A local APIC in words, for whoever looks at it; reading changes nothing. */
import type { InspectedValue } from '../../machine/inspect';
import { ApicRegister, lvt, lvtBits } from '../../spec/x86/local-apic';
import type { LocalApic } from './local-apic';
import { readCommand } from './register-access';
import type { VectorSet } from './vector-set';
import { hexadecimal } from '../../support/hexadecimal';

const vectorCount = 256;

function vectorsText(set: VectorSet): string {
  const vectors = Array.from({ length: vectorCount }, (_, vector) => vector);
  return (
    vectors
      .filter((vector) => set.has(vector))
      .map(hexadecimal)
      .join(' ') || 'none'
  );
}

function entryText(entry: number): string {
  const parts = [`vector ${hexadecimal(entry & lvt.vector)}`];
  if ((entry & lvt.masked) !== 0) parts.push('masked');
  if ((entry & lvt.pending) !== 0) parts.push('pending');
  if ((entry & lvt.level) !== 0) parts.push('level');
  return `${hexadecimal(entry)} ${parts.join(', ')}`;
}

function modeText(apic: LocalApic): string {
  if (!apic.isEnabled) return 'disabled';
  const software = apic.isSoftwareEnabled ? '' : ', software-disabled';
  return `${apic.isX2Apic ? 'x2APIC' : 'xAPIC'}${software}`;
}

/** Registers under their names in the SDM (vol. 3, table 11-1); sets of vectors as lists. */
export function inspectLocalApic(apic: LocalApic, timeNs: number): readonly InspectedValue[] {
  const names = Object.entries(ApicRegister);
  const entries = [...lvtBits.keys()].map((register) => ({
    name: names.find(([, offset]) => offset === register)?.[0] ?? hexadecimal(register),
    value: entryText(apic.entry(register)),
  }));
  return [
    { name: 'mode', value: modeText(apic) },
    { name: 'ID', value: apic.id },
    { name: 'TPR', value: apic.taskPriority },
    { name: 'PPR', value: apic.processorPriority },
    { name: 'LDR', value: apic.isX2Apic ? apic.x2LogicalDestination : apic.logicalDestination },
    { name: 'DFR', value: apic.destinationFormat },
    { name: 'IRR', value: vectorsText(apic.requested) },
    { name: 'ISR', value: vectorsText(apic.inService) },
    { name: 'TMR', value: vectorsText(apic.levelTriggered) },
    { name: 'next to deliver', value: apic.deliverable === 0 ? 'none' : apic.deliverable },
    { name: 'ICR', value: readCommand(apic) },
    { name: 'ESR', value: apic.errorStatus },
    ...entries,
    { name: 'TIMER_INITIAL_COUNT', value: apic.timer.initial },
    { name: 'TIMER_CURRENT_COUNT', value: apic.timer.count(timeNs) },
    { name: 'TIMER_DIVIDE', value: apic.timer.divideConfiguration },
  ];
}
