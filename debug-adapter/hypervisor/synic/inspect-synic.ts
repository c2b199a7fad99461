/** A synthetic interrupt controller in words, for whoever looks at it; reading changes nothing. */
import type { InspectedValue } from '../../machine/inspect';
import { sintCount, sintFields } from '../../spec/tlfs/synic';
import { extractBits } from '../../support/bit-field';
import type { SyntheticInterruptController } from './synthetic-interrupt-controller';
import { hexadecimal } from '../../support/hexadecimal';

function sintText(synic: SyntheticInterruptController, sint: number): string {
  const word = synic.sint(sint);
  const flags = [sintFields.masked, sintFields.autoEoi, sintFields.polling]
    .filter((field) => extractBits(word, field) === 1n)
    .map(({ name }) => name);
  const waiting = synic.waiting(sint).length;
  const messages = waiting === 0 ? [] : [`${waiting} messages wait for their slot`];
  const vector = `vector ${hexadecimal(extractBits(word, sintFields.vector))}`;
  return `${hexadecimal(word)} ${[vector, ...flags, ...messages].join(', ')}`;
}

/** Registers under the names of the TLFS (11.5). */
export function inspectSynic(synic: SyntheticInterruptController): readonly InspectedValue[] {
  return [
    { name: 'SCONTROL', value: synic.control },
    { name: 'SIMP', value: synic.messagePage.value },
    { name: 'SIEFP', value: synic.eventFlagsPage.value },
    ...Array.from({ length: sintCount }, (_, sint) => ({
      name: `SINT${sint}`,
      value: sintText(synic, sint),
    })),
  ];
}
