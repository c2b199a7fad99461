// Table: HV_X64_MSR_STIMERn_CONFIG, TLFS 12.5.1.
import { bit, bits, type BitField } from '../../support/bit-field';

/** Fields of a timer's configuration. */
export const syntheticTimerConfiguration = {
  enabled: bit(0, 'enabled'),
  periodic: bit(1, 'periodic'),
  lazy: bit(2, 'lazy'),
  autoEnable: bit(3, 'auto-enable'),
  apicVector: bits(11, 4, 'APIC vector'),
  directMode: bit(12, 'direct mode'),
  reserved15: bits(15, 13, 'reserved'),
  sint: bits(19, 16, 'SINT'),
  reserved63: bits(63, 20, 'reserved'),
} as const satisfies Readonly<Record<string, BitField>>;

/** Timers of each virtual processor. */
export const syntheticTimerCount = 4;
