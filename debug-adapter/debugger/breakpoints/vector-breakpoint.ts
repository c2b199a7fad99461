/** Breakpoints on events delivered through a guest's IDT: `vector:#PF`, `vector:0xef`, `vector:*`. */
import { exceptionByVector, exceptionVectors } from '../../spec/x86/exceptions';
import { nearestName } from '../../support/nearest-name';
import { eventFieldNames } from '../event-fields';
import { hex } from '../value-format';
import { noTarget, onEvent, type BreakpointTarget } from './breakpoint';
import { parseNumber } from './event-text';

function onVector(vector: number | undefined, title: string): BreakpointTarget {
  return onEvent('event', title, eventFieldNames('event'), (event) =>
    vector === undefined ? true : event.vector === vector,
  );
}

/** Resolves what follows `vector:`. */
export function resolveVectorBreakpoint(text: string): BreakpointTarget {
  if (text === '*') return onVector(undefined, 'any interrupt or exception');
  const wanted = text.replace(/^#/, '').toUpperCase();
  const named = exceptionVectors.find(({ mnemonic }) => mnemonic.replace('#', '') === wanted);
  const vector = named?.vector ?? parseNumber(text, 0xff);
  if (vector !== undefined) {
    const row = exceptionByVector.get(vector);
    const title = row === undefined ? `vector ${hex(vector)}` : `${row.mnemonic} ${row.name}`;
    return onVector(vector, title);
  }
  const near = nearestName(
    text,
    exceptionVectors.map((row) => row.mnemonic),
  );
  const hint =
    near === undefined
      ? 'Give a number from 0 to 255, a mnemonic such as #PF, or *.'
      : `Did you mean "vector:${near}"?`;
  return noTarget(`There is no vector "${text}". ${hint}`);
}
