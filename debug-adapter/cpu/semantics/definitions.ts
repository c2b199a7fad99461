/** Every definition by mnemonic: the one place where the families meet. */
import { assert } from '../../support/assert';
import { arithmeticDefinitions } from './arithmetic';
import { bitDefinitions } from './bit';
import { controlDefinitions } from './control';
import type { Definition } from './definition';
import { flagDefinitions } from './flag';
import { legacyDefinitions } from './legacy';
import { moveDefinitions } from './move';
import { multiplyDefinitions } from './multiply';
import { shiftDefinitions } from './shift';
import { simdConvertDefinitions } from './simd-convert';
import { simdFloatDefinitions } from './simd-float';
import { simdIntegerDefinitions } from './simd-integer';
import { simdMoveDefinitions } from './simd-move';
import { stackDefinitions } from './stack';
import { stringDefinitions } from './string';
import { systemDefinitions } from './system';
import { timeStampDefinitions } from './time-stamp';
import { x87Definitions } from './x87';

const byMnemonic = new Map<string, Definition>();

for (const family of [
  arithmeticDefinitions,
  multiplyDefinitions,
  shiftDefinitions,
  moveDefinitions,
  bitDefinitions,
  stackDefinitions,
  controlDefinitions,
  stringDefinitions,
  flagDefinitions,
  simdMoveDefinitions,
  simdIntegerDefinitions,
  simdFloatDefinitions,
  simdConvertDefinitions,
  systemDefinitions,
  timeStampDefinitions,
  legacyDefinitions,
  x87Definitions,
]) {
  for (const definition of family) {
    assert(!byMnemonic.has(definition.mnemonic), `${definition.mnemonic} is defined twice`);
    byMnemonic.set(definition.mnemonic, definition);
  }
}

/** The definition of a mnemonic of the opcode map, or undefined where it is not built. */
export function definitionOf(mnemonic: string): Definition | undefined {
  return byMnemonic.get(mnemonic);
}
