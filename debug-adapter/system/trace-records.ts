// Table: binary layout of trace records, one structure for each kind of event; sizes in bytes.
import { structField, structLayout, type StructField } from '../support/struct-layout';
import { channelMessageBytesMax } from '../spec/vmbus/messages';
import { limits } from './limits';

const header: readonly StructField[] = [
  structField('position', 'u64', 0),
  structField('timeNs', 'u64', 8),
  structField('ordinal', 'u32', 16),
  structField('partition', 'u16', 20),
  structField('processor', 'u16', 22),
];

/** Length of the header that every record begins with. */
export const traceHeader = structLayout('trace header', header);

export const vmExitRecord = structLayout('vm-exit', [
  ...header,
  structField('exitNumber', 'u64', 24),
  structField('reason', 'u32', 32),
  structField('instructionLength', 'u32', 36),
  structField('interruptionInformation', 'u32', 40),
  structField('rflags', 'u32', 44),
  structField('qualification', 'u64', 48),
  structField('guestPhysicalAddress', 'u64', 56),
  structField('guestLinearAddress', 'u64', 64),
  structField('rip', 'u64', 72),
  structField('cr0', 'u64', 80),
  structField('cr3', 'u64', 88),
  structField('cr4', 'u64', 96),
  structField('registers', { bytes: 128 }, 104),
]);

export const hypercallRecord = structLayout('hypercall', [
  ...header,
  structField('control', 'u64', 24),
  structField('code', 'u16', 32),
  structField('status', 'u16', 34),
  structField('repsCompleted', 'u32', 36),
  structField('inputLength', 'u8', 40),
  structField('outputLength', 'u8', 41),
  structField('input', { bytes: limits.traceHypercallInputBytes }, 48),
  structField(
    'output',
    { bytes: limits.traceHypercallOutputBytes },
    48 + limits.traceHypercallInputBytes,
  ),
]);

export const eventRecord = structLayout('event', [
  ...header,
  structField('rip', 'u64', 24),
  structField('vector', 'u8', 32),
  structField('hasErrorCode', 'u8', 33),
  structField('isInjected', 'u8', 34),
  structField('errorCode', 'u32', 36),
]);

export const consoleRecord = structLayout('console', [
  ...header,
  structField('length', 'u8', 24),
  structField('data', { bytes: 4 }, 28),
]);

export const crashRecord = structLayout('guest-crash', [
  ...header,
  structField('parameters', { bytes: 40 }, 24),
  structField('length', 'u32', 64),
  structField('text', { bytes: limits.traceCrashTextBytes }, 72),
]);

export const inputRecord = structLayout('input', [
  ...header,
  structField('length', 'u32', 24),
  structField('text', { bytes: limits.traceInputTextBytes }, 32),
]);

const reason = (offset: number): StructField =>
  structField('reason', { bytes: limits.traceReasonBytes }, offset);

export const vmbusMessageRecord = structLayout('vmbus-message', [
  ...header,
  structField('isToGuest', 'u8', 24),
  structField('length', 'u8', 25),
  structField('reasonLength', 'u8', 26),
  structField('payload', { bytes: channelMessageBytesMax }, 32),
  reason(32 + channelMessageBytesMax),
]);

export const vmbusPacketRecord = structLayout('vmbus-packet', [
  ...header,
  structField('isToGuest', 'u8', 24),
  structField('reasonLength', 'u8', 25),
  structField('classLength', 'u8', 26),
  structField('packetType', 'u16', 28),
  structField('channel', 'u32', 32),
  structField('sizeBytes', 'u32', 36),
  structField('transactionId', 'u64', 40),
  structField('class', { bytes: 40 }, 48),
  structField('bytesAt', 'u64', 88),
  structField('length', 'u32', 96),
  reason(104),
]);

export const vmbusSignalRecord = structLayout('vmbus-signal', [
  ...header,
  structField('isToGuest', 'u8', 24),
  structField('reasonLength', 'u8', 25),
  structField('channel', 'u32', 28),
  reason(32),
]);

export const msrAccessRecord = structLayout('msr-access', [
  ...header,
  structField('value', 'u64', 24),
  structField('msr', 'u32', 32),
  structField('isWrite', 'u8', 36),
  structField('isRefused', 'u8', 37),
]);

export const interceptMessageRecord = structLayout('intercept-message', [
  ...header,
  structField('address', 'u64', 24),
  structField('value', 'u64', 32),
  structField('intercept', 'u8', 40),
  structField('sizeBytes', 'u8', 41),
  structField('accessType', 'u8', 42),
]);

export const timerExpirationRecord = structLayout('timer-expiration', [
  ...header,
  structField('dueNs', 'u64', 24),
  structField('source', 'u8', 32),
  structField('timer', 'u8', 33),
]);

export const overlayChangeRecord = structLayout('overlay-change', [
  ...header,
  structField('gpaPage', 'u64', 24),
  structField('isLaid', 'u8', 32),
  structField('nameLength', 'u8', 33),
  structField('name', { bytes: limits.traceOverlayNameBytes }, 40),
]);

export const scheduleSwitchRecord = structLayout('schedule-switch', [
  ...header,
  structField('atNs', 'u64', 24),
  structField('ranNs', 'u64', 32),
  structField('partitionRunNs', 'u64', 40),
  structField('logicalProcessor', 'u16', 48),
  structField('begins', 'u8', 50),
  structField('reason', 'u8', 51),
]);

export const syntheticMessageRecord = structLayout('synthetic-message', [
  ...header,
  structField('messageType', 'u32', 24),
  structField('sint', 'u8', 28),
  structField('outcome', 'u8', 29),
  structField('reason', 'u8', 30),
]);

export const eventFlagRecord = structLayout('event-flag', [
  ...header,
  structField('flag', 'u32', 24),
  structField('sint', 'u8', 28),
  structField('outcome', 'u8', 29),
  structField('reason', 'u8', 30),
]);
