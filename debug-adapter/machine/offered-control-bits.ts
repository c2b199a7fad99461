/** Bits of control registers that the processors have: those of the features that CPUID offers (SDM vol. 3, 2.5). */
import { cr4Bits } from '../spec/x86/control-registers';
import { maskOf } from '../support/bit-field';

/** Of CR4, besides LA57, which only processors with 57-bit addresses have. PCE belongs to no feature of CPUID. */
export const offeredCr4 = maskOf(cr4Bits, [
  ...['TSD', 'DE', 'PSE', 'PAE', 'PGE', 'PCE', 'OSFXSR', 'OSXMMEXCPT', 'UMIP', 'FSGSBASE'],
  ...['PCIDE', 'SMEP', 'SMAP'],
]);
