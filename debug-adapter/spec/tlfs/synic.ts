// Table: the synthetic interrupt controller, TLFS chapter 11: registers, message page, event flags page, messages.
import { bit, bits, type BitField } from '../../support/bit-field';
import { structField as f, structLayout } from '../../support/struct-layout';

/** Synthetic interrupt sources of each virtual processor. */
export const sintCount = 16;

/** HV_X64_MSR_SVERSION. */
export const synicVersion = 1n;

/** HV_X64_MSR_SCONTROL. */
export const synicControlFields = {
  enabled: bit(0, 'enabled'),
  reserved63: bits(63, 1, 'reserved'),
} as const satisfies Readonly<Record<string, BitField>>;

/** HV_X64_MSR_SINTx. */
export const sintFields = {
  vector: bits(7, 0, 'vector'),
  reserved15: bits(15, 8, 'reserved'),
  masked: bit(16, 'masked'),
  autoEoi: bit(17, 'auto-EOI'),
  polling: bit(18, 'polling'),
  reserved63: bits(63, 19, 'reserved'),
} as const satisfies Readonly<Record<string, BitField>>;

/** What a SINT holds after a reset: masked. */
export const sintReset = 0x10000n;
/** An unmasked SINT takes no vector below. */
export const lowestSintVector = 16;

/** HV_MESSAGE: one slot of the message page, slot n at n times its size. */
export const messageSlot = structLayout('HV_MESSAGE', [
  f('MessageType', 'u32', 0),
  f('PayloadSize', 'u8', 4),
  f('MessageFlags', 'u8', 5),
  f('Reserved', 'u16', 6),
  f('OriginationId', 'u64', 8),
  f('Payload', { bytes: 240 }, 16),
]);

/** HV_MESSAGE_MAX_PAYLOAD_BYTE_COUNT. */
export const messagePayloadBytesMax = 240;

/** MessageFlags: another message waits for the slot. */
export const messagePending = 1;

/** Messages that wait in the buffers of one port. */
export const messageBuffersPerPort = 16;

/** HV_MESSAGE_TYPE; guests choose theirs below {@link hypervisorMessages}. */
export const messageType = {
  none: 0,
  unmappedGpa: 0x80000000,
  gpaIntercept: 0x80000001,
  timerExpired: 0x80000010,
  invalidVpRegisterValue: 0x80000020,
  unrecoverableException: 0x80000021,
  unsupportedFeature: 0x80000022,
  tlbPageSizeMismatch: 0x80000023,
  eventLogBufferComplete: 0x80000040,
  hypercallIntercept: 0x80000050,
  ioPortIntercept: 0x80010000,
  msrIntercept: 0x80010001,
  cpuidIntercept: 0x80010002,
  exceptionIntercept: 0x80010003,
  apicEoi: 0x80010004,
} as const;

/** HV_MESSAGE_TYPE_HYPERVISOR_MASK: types that only the hypervisor may send. */
export const hypervisorMessages = 0x80000000;

/** Payload of a message of type `timerExpired` (TLFS 12.5.3). */
export const timerMessage = structLayout('HV_TIMER_MESSAGE_PAYLOAD', [
  f('TimerIndex', 'u32', 0),
  f('Reserved', 'u32', 4),
  f('ExpirationTime', 'u64', 8),
  f('DeliveryTime', 'u64', 16),
]);

/** Event flags of one SINT, and the bytes that they take in the event flags page. */
export const eventFlagsPerSint = 2048;
export const eventFlagBytesPerSint = 256;
