/** Says in words what a VM exit was about. */
import type { VmExitEvent } from '../../machine/trace';
import { hypercallByCode } from '../../spec/tlfs/hypercalls';
import { exceptionByVector } from '../../spec/x86/exceptions';
import { exitReasonByNumber, ExitReasonNumber } from '../../spec/x86/exit-reasons';
import { msrByNumber } from '../../spec/x86/msrs';
import { decodeBits } from '../../support/bit-field';
import { hex } from '../value-format';
import { exitFields } from './exit-fields';

/** The SDM's name of a basic exit reason. */
export function exitReasonText(reason: number): string {
  return exitReasonByNumber.get(reason & 0xffff)?.text ?? `reason ${reason & 0xffff}`;
}

/** The constant name of a basic exit reason, as `exit:` breakpoints take it. */
export function exitReasonName(reason: number): string {
  return exitReasonByNumber.get(reason & 0xffff)?.name ?? String(reason & 0xffff);
}

function printable(value: bigint): string {
  return value >= 0x20n && value < 0x7fn ? ` '${String.fromCharCode(Number(value))}'` : '';
}

function describeIo(field: (name: string) => bigint): string {
  const size = field('size');
  const register = size === 1n ? 'AL' : size === 2n ? 'AX' : 'EAX';
  const port = hex(field('port'));
  const rep = field('rep') === 1n ? 'REP ' : '';
  if (field('string') === 1n) {
    const name = field('write') === 1n ? 'OUTS' : 'INS';
    return `${rep}${name} ${port}, ${size} byte${size === 1n ? '' : 's'}`;
  }
  if (field('write') === 0n) return `IN ${register}, ${port}`;
  const value = field('value');
  return `OUT ${port}, ${register} = ${hex(value)}${size === 1n ? printable(value) : ''}`;
}

function msrName(number: bigint): string {
  const row = msrByNumber.get(Number(number));
  return row === undefined ? hex(number) : `${hex(number)} ${row.name}`;
}

function describeHypercall(field: (name: string) => bigint): string {
  const code = field('code');
  const row = hypercallByCode.get(Number(code));
  const name = row?.name ?? 'unknown call';
  const parts = [`${name} (${hex(code)})`];
  if (field('fast') === 1n) parts.push(`fast, RDX = ${hex(field('input'))}`);
  else parts.push(`input at ${hex(field('input'))}, output at ${hex(field('output'))}`);
  if (field('rep_count') > 0n) parts.push(`reps ${field('rep_start')} of ${field('rep_count')}`);
  return parts.join(', ');
}

function describeEpt(field: (name: string) => bigint): string {
  const kinds = ['read', 'write', 'fetch'].filter((name) => field(name) === 1n);
  return `${kinds.join(' and ') || 'access'} of GPA ${hex(field('gpa'))}, GVA ${hex(field('gla'))}`;
}

function describeQualification(exit: VmExitEvent): string {
  const layout = exitReasonByNumber.get(exit.reason & 0xffff)?.qualification;
  if (layout === undefined) return '';
  switch (layout.kind) {
    case 'none':
      return '';
    case 'address':
      return `${layout.name} ${hex(exit.qualification)}`;
    case 'displacement':
      return `displacement ${hex(exit.qualification)}`;
    case 'bits':
      return decodeBits(exit.qualification, layout.fields)
        .map((decoded) => `${decoded.name} ${decoded.valueName ?? hex(decoded.value)}`)
        .join(', ');
  }
}

/** Qualification and operands in words; empty where the reason says it all. */
export function describeExit(exit: VmExitEvent): string {
  const fields = exitFields(exit);
  const field = (name: string): bigint => fields.get(name) ?? 0n;
  switch (exit.reason & 0xffff) {
    case ExitReasonNumber.IO_INSTRUCTION:
      return describeIo(field);
    case ExitReasonNumber.MSR_READ:
      return `RDMSR ${msrName(field('msr'))}`;
    case ExitReasonNumber.MSR_WRITE:
      return `WRMSR ${msrName(field('msr'))} = ${hex(field('value'))}`;
    case ExitReasonNumber.CPUID:
      return `leaf ${hex(field('leaf'))}, subleaf ${hex(field('subleaf'))}`;
    case ExitReasonNumber.VMCALL:
      return describeHypercall(field);
    case ExitReasonNumber.EPT_VIOLATION:
      return describeEpt(field);
    case ExitReasonNumber.EXCEPTION_NMI: {
      const row = exceptionByVector.get(Number(field('vector')));
      return row === undefined ? `vector ${field('vector')}` : `${row.mnemonic} ${row.name}`;
    }
    default:
      return describeQualification(exit);
  }
}
