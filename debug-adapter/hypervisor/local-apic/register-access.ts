/** Reading and writing the registers of a local APIC, by its page in xAPIC mode and by MSRs in x2APIC mode. */
import type { DeliveryMode } from '../../machine/interrupt-request';
import { deliveryMode } from '../../machine/interrupt-request';
import {
  apicError,
  ApicRegister,
  apicVersion,
  command,
  divideBits,
  lowestVector,
  lvtBits,
  spuriousVector,
  timerMode,
} from '../../spec/x86/local-apic';
import type { LocalApic } from './local-apic';

const vectorRegisters = 8;
const tprBits = 0xff;

/** Index of a vector register behind the first of its eight; undefined where it is none of them. */
function indexBehind(first: number, register: number): number | undefined {
  const index = (register - first) >>> 4;
  return register >= first && index < vectorRegisters ? index : undefined;
}

/** The lowest bit of a register's slot of 16 bytes; the other 12 bytes are nothing. */
function vectorWord(apic: LocalApic, register: number): number | undefined {
  const { ISR, TMR, IRR } = ApicRegister;
  const inService = indexBehind(ISR, register);
  if (inService !== undefined) return apic.inService.word(inService);
  const levelTriggered = indexBehind(TMR, register);
  if (levelTriggered !== undefined) return apic.levelTriggered.word(levelTriggered);
  const requested = indexBehind(IRR, register);
  return requested === undefined ? undefined : apic.requested.word(requested);
}

/** What both modes read alike; undefined where there is no such register. */
function readCommon(apic: LocalApic, register: number, timeNs: number): number | undefined {
  if (lvtBits.has(register)) return apic.entry(register);
  switch (register) {
    case ApicRegister.VERSION:
      return apicVersion;
    case ApicRegister.TPR:
      return apic.taskPriority;
    case ApicRegister.PPR:
      return apic.processorPriority;
    case ApicRegister.SVR:
      return apic.spuriousInterrupt;
    case ApicRegister.ESR:
      return apic.errorStatus;
    case ApicRegister.TIMER_INITIAL_COUNT:
      return apic.timer.initial;
    case ApicRegister.TIMER_CURRENT_COUNT:
      return apic.timer.count(timeNs);
    case ApicRegister.TIMER_DIVIDE:
      return apic.timer.divideConfiguration;
    default:
      return vectorWord(apic, register);
  }
}

/** Writes what both modes write alike; false where there is no such register. */
function writeCommon(apic: LocalApic, register: number, value: number, timeNs: number): boolean {
  if (lvtBits.has(register)) {
    apic.setEntry(register, value);
    return true;
  }
  switch (register) {
    case ApicRegister.TPR:
      apic.taskPriority = value & tprBits;
      return true;
    case ApicRegister.EOI:
      apic.endOfInterrupt();
      return true;
    case ApicRegister.SVR:
      apic.spuriousInterrupt = value;
      return true;
    case ApicRegister.ESR:
      apic.latchErrors();
      return true;
    case ApicRegister.TIMER_INITIAL_COUNT:
      if (apic.timerMode !== timerMode.tscDeadline) apic.timer.start(value, timeNs);
      return true;
    case ApicRegister.TIMER_DIVIDE:
      apic.timer.setDivide(value, timeNs);
      return true;
    default:
      return false;
  }
}

/** A read of the register page. What is not there reads 0 and is an error. */
export function readPage(apic: LocalApic, register: number, timeNs: number): number {
  switch (register) {
    case ApicRegister.ID:
      return (apic.id << 24) >>> 0;
    case ApicRegister.APR:
      return apic.processorPriority;
    case ApicRegister.EOI:
    case ApicRegister.RRD:
      return 0;
    case ApicRegister.LDR:
      return apic.logicalDestination;
    case ApicRegister.DFR:
      return apic.destinationFormat;
    case ApicRegister.ICR_LOW:
      return apic.command;
    case ApicRegister.ICR_HIGH:
      return (apic.commandDestination << 24) >>> 0;
    default: {
      const value = readCommon(apic, register, timeNs);
      if (value === undefined) apic.raiseError(apicError.illegalRegister);
      return value ?? 0;
    }
  }
}

/** A write to the register page. The APIC id is the processor's number and stays so; read-only registers ignore it. */
export function writePage(apic: LocalApic, register: number, value: number, timeNs: number): void {
  switch (register) {
    case ApicRegister.LDR:
      apic.logicalDestination = (value & 0xff000000) >>> 0;
      return;
    case ApicRegister.DFR:
      apic.destinationFormat = (value | 0x0fffffff) >>> 0;
      return;
    case ApicRegister.ICR_LOW:
      apic.command = value & command.writable;
      sendCommand(apic);
      return;
    case ApicRegister.ICR_HIGH:
      apic.commandDestination = value >>> 24;
      return;
    default:
      if (writeCommon(apic, register, value, timeNs)) return;
      if (register === ApicRegister.ID || readCommon(apic, register, timeNs) !== undefined) return;
      apic.raiseError(apicError.illegalRegister);
  }
}

/** RDMSR of an x2APIC register; undefined raises #GP (SDM vol. 3, table 11-6). */
export function readX2(apic: LocalApic, register: number, timeNs: number): bigint | undefined {
  switch (register) {
    case ApicRegister.ID:
      return BigInt(apic.id);
    case ApicRegister.LDR:
      return BigInt(apic.x2LogicalDestination);
    case ApicRegister.ICR_LOW:
      return readCommand(apic);
    default: {
      const value = readCommon(apic, register, timeNs);
      return value === undefined ? undefined : BigInt(value >>> 0);
    }
  }
}

/** Bits that a write may have set; the registers that are absent are read-only, or not there. */
const x2Writable: ReadonlyMap<number, number> = new Map([
  ...lvtBits,
  [ApicRegister.TPR, tprBits],
  [ApicRegister.EOI, 0],
  [ApicRegister.SVR, spuriousVector.writable],
  [ApicRegister.ESR, 0],
  [ApicRegister.TIMER_INITIAL_COUNT, 0xffffffff],
  [ApicRegister.TIMER_DIVIDE, divideBits],
]);

/** WRMSR of an x2APIC register; false raises #GP: not writable, or a reserved bit is set. */
export function writeX2(apic: LocalApic, register: number, value: bigint, timeNs: number): boolean {
  const low = Number(value & 0xffffffffn);
  if (register === ApicRegister.ICR_LOW) {
    if ((low & ~command.writable) !== 0) return false;
    writeCommand(apic, value);
    return true;
  }
  if (value >> 32n !== 0n) return false;
  if (register === ApicRegister.SELF_IPI) {
    if (low > 0xff) return false;
    if (low < lowestVector) apic.raiseError(apicError.sendIllegalVector);
    else apic.request(low);
    return true;
  }
  const writable = x2Writable.get(register);
  if (writable === undefined || (low & ~writable) !== 0) return false;
  return writeCommon(apic, register, low, timeNs);
}

/** ICR as one register, the destination in bits 63:32 (an xAPIC's in 63:56). */
export function readCommand(apic: LocalApic): bigint {
  const destination = apic.isX2Apic ? apic.commandDestination : apic.commandDestination << 24;
  return (BigInt(destination >>> 0) << 32n) | BigInt(apic.command);
}

export function writeCommand(apic: LocalApic, value: bigint): void {
  const high = Number(value >> 32n) >>> 0;
  apic.commandDestination = apic.isX2Apic ? high : high >>> 24;
  apic.command = Number(value & BigInt(command.writable));
  sendCommand(apic);
}

const sendable: ReadonlyMap<number, DeliveryMode> = new Map(
  [
    deliveryMode.fixed,
    deliveryMode.lowestPriority,
    deliveryMode.nmi,
    deliveryMode.init,
    deliveryMode.startUp,
  ].map((mode) => [mode, mode]),
);

/** Sends what the command register says. INIT level de-assert and SMI have no effect here (SDM vol. 3, 11.6.1). */
function sendCommand(apic: LocalApic): void {
  const { command: word } = apic;
  const mode = sendable.get((word >>> command.modeShift) & 7);
  const vector = word & 0xff;
  if (mode === undefined) return;
  const isDeassert = (word & command.level) !== 0 && (word & command.asserted) === 0;
  if (mode === deliveryMode.init && isDeassert) return;
  const hasVector = mode === deliveryMode.fixed || mode === deliveryMode.lowestPriority;
  if (hasVector && vector < lowestVector) {
    apic.raiseError(apicError.sendIllegalVector);
    return;
  }
  apic.wires.send(
    {
      mode,
      vector,
      destination: apic.commandDestination,
      isLogical: (word & command.logical) !== 0,
      isLevel: false,
    },
    (word >>> command.shorthandShift) & 3,
  );
}
