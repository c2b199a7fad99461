/** Decoded fields of a VM exit by name: what breakpoint conditions and log messages may use. */
import type { VmExitEvent } from '../../machine/trace';
import {
  eptViolationQualification,
  ExitReasonNumber,
  ioQualification,
} from '../../spec/x86/exit-reasons';
import { extractBits } from '../../support/bit-field';
import { decodeHypercallControl, hypercallControlOf } from './hypercall-control';

/** Fields of each exit reason beyond the common ones, for completion and documentation. */
export const exitFieldNames: Readonly<Record<string, readonly string[]>> = {
  VMCALL: [
    'code',
    'fast',
    'variable_header_size',
    'nested',
    'rep_count',
    'rep_start',
    'input',
    'output',
  ],
  IO_INSTRUCTION: ['port', 'size', 'write', 'string', 'rep', 'value'],
  MSR_READ: ['msr', 'write'],
  MSR_WRITE: ['msr', 'write', 'value'],
  CPUID: ['leaf', 'subleaf'],
  EPT_VIOLATION: ['gpa', 'gla', 'read', 'write', 'fetch'],
  EXCEPTION_NMI: ['vector'],
  CR_ACCESS: ['cr', 'access', 'register', 'value'],
};

/** Fields that every exit has. */
export const commonExitFieldNames: readonly string[] = ['reason', 'qualification', 'exit'];

const [rax, rcx, rdx, r8] = [0, 1, 2, 8];

/** General registers, by number, that the fields of an exit are read from; none where a reason is not there. */
export const registersOfFields: ReadonlyMap<number, readonly number[]> = new Map([
  [ExitReasonNumber.VMCALL, [rcx, rdx, r8]],
  [ExitReasonNumber.IO_INSTRUCTION, [rax]],
  [ExitReasonNumber.MSR_READ, [rcx]],
  [ExitReasonNumber.MSR_WRITE, [rax, rcx, rdx]],
  [ExitReasonNumber.CPUID, [rax, rcx]],
  // Any of them may be the operand.
  [ExitReasonNumber.CR_ACCESS, Array.from({ length: 16 }, (_, index) => index)],
]);

function register(exit: VmExitEvent, index: number): bigint {
  return exit.registers[index] ?? 0n;
}

function low32(value: bigint): bigint {
  return BigInt.asUintN(32, value);
}

function ioFields(exit: VmExitEvent): readonly (readonly [string, bigint])[] {
  const size = extractBits(exit.qualification, ioQualification.size) + 1n;
  const isIn = extractBits(exit.qualification, ioQualification.direction) === 1n;
  return [
    ['port', extractBits(exit.qualification, ioQualification.port)],
    ['size', size],
    ['write', isIn ? 0n : 1n],
    ['string', extractBits(exit.qualification, ioQualification.string)],
    ['rep', extractBits(exit.qualification, ioQualification.rep)],
    ['value', BigInt.asUintN(Number(size) * 8, register(exit, rax))],
  ];
}

function msrFields(exit: VmExitEvent, write: boolean): readonly (readonly [string, bigint])[] {
  const value = (low32(register(exit, rdx)) << 32n) | low32(register(exit, rax));
  const base: readonly (readonly [string, bigint])[] = [
    ['msr', low32(register(exit, rcx))],
    ['write', write ? 1n : 0n],
  ];
  return write ? [...base, ['value', value]] : base;
}

function crFields(exit: VmExitEvent): readonly (readonly [string, bigint])[] {
  const index = Number((exit.qualification >> 8n) & 15n);
  return [
    ['cr', exit.qualification & 15n],
    ['access', (exit.qualification >> 4n) & 3n],
    ['register', BigInt(index)],
    ['value', register(exit, index)],
  ];
}

function eptFields(exit: VmExitEvent): readonly (readonly [string, bigint])[] {
  const access = eptViolationQualification;
  return [
    ['gpa', exit.guestPhysicalAddress],
    ['gla', exit.guestLinearAddress],
    ['read', extractBits(exit.qualification, access.read)],
    ['write', extractBits(exit.qualification, access.write)],
    ['fetch', extractBits(exit.qualification, access.fetch)],
  ];
}

function specificFields(exit: VmExitEvent): readonly (readonly [string, bigint])[] {
  switch (exit.reason & 0xffff) {
    case ExitReasonNumber.VMCALL:
      return [
        ...decodeHypercallControl(hypercallControlOf(exit)),
        ['input', register(exit, rdx)],
        ['output', register(exit, r8)],
      ];
    case ExitReasonNumber.IO_INSTRUCTION:
      return ioFields(exit);
    case ExitReasonNumber.MSR_READ:
      return msrFields(exit, false);
    case ExitReasonNumber.MSR_WRITE:
      return msrFields(exit, true);
    case ExitReasonNumber.CPUID:
      return [
        ['leaf', low32(register(exit, rax))],
        ['subleaf', low32(register(exit, rcx))],
      ];
    case ExitReasonNumber.EPT_VIOLATION:
      return eptFields(exit);
    case ExitReasonNumber.EXCEPTION_NMI:
      return [['vector', BigInt(exit.interruptionInformation & 0xff)]];
    case ExitReasonNumber.CR_ACCESS:
      return crFields(exit);
    default:
      return [];
  }
}

/** Every decoded field of `exit`, in a sensible order. */
export function exitFields(exit: VmExitEvent): ReadonlyMap<string, bigint> {
  return new Map([
    ['reason', BigInt(exit.reason & 0xffff)],
    ['qualification', exit.qualification],
    ['exit', BigInt(exit.exitNumber)],
    ...specificFields(exit),
  ]);
}
