/** Turns rows of the specifications' tables into the Markdown that hovers and completions show. */
import { sampleGuest } from '../../../debug-adapter/spec/sample-guest';
import {
  hypervisorCpuidLeafByNumber,
  type CpuidRegister,
} from '../../../debug-adapter/spec/tlfs/cpuid-leaves';
import { hypercallByCode, type Hypercall } from '../../../debug-adapter/spec/tlfs/hypercalls';
import {
  Status,
  statusByCode,
  type HypercallStatus,
} from '../../../debug-adapter/spec/tlfs/status-codes';
import { syntheticMsrByNumber } from '../../../debug-adapter/spec/tlfs/synthetic-msrs';
import {
  cr0Bits,
  cr3Bits,
  cr4Bits,
  dr6Bits,
  dr7Bits,
} from '../../../debug-adapter/spec/x86/control-registers';
import type { ExceptionVector } from '../../../debug-adapter/spec/x86/exceptions';
import { exitReasonByName, type ExitReason } from '../../../debug-adapter/spec/x86/exit-reasons';
import type { Instruction } from '../../../debug-adapter/spec/x86/instructions';
import type { Msr } from '../../../debug-adapter/spec/x86/msrs';
import type { Register } from '../../../debug-adapter/spec/x86/registers';
import type { VmcsField } from '../../../debug-adapter/spec/x86/vmcs-fields';
import type { Directive } from './directives';

type BitFields = typeof cr0Bits;

/** Paragraphs as one Markdown text; empty ones are left out. */
export function paragraphs(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('\n\n');
}

/** `0x1F` written `0x1f`; negative numbers as their 64-bit pattern. */
export function hexOf(value: bigint | number): string {
  return `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`;
}

/** Call codes and statuses are 16 bits wide. */
function wordOf(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}

function bitsText(fields: BitFields): string {
  const words = fields.map(({ name, low, high }) =>
    low === high ? `${low} ${name}` : `${high}:${low} ${name}`,
  );
  return `Bits: ${words.join(' · ')}`;
}

export function describeInstruction(instruction: Instruction): string {
  const { mnemonic, summary, operands, flags, privilege, exits, section } = instruction;
  const forms = operands
    .split(' | ')
    .map((form) => `${mnemonic} ${form}`.trim())
    .join('\n');
  const exitTexts = exits.map((name) => {
    const number = exitReasonByName.get(name)?.number;
    return number === undefined ? `\`${name}\`` : `\`exit:${name}\` (${number})`;
  });
  return paragraphs(
    `**${mnemonic.toUpperCase()}** — ${summary}`,
    `\`\`\`hyperscope-asm\n${forms}\n\`\`\``,
    `Flags: ${flags}`,
    privilege === 'any' ? '' : `Privilege: ${privilege}`,
    exitTexts.length === 0 ? '' : `VM exit, where intercepted: ${exitTexts.join(', ')}`,
    `*${section}*`,
  );
}

const registerBits: Readonly<Record<string, BitFields>> = {
  cr0: cr0Bits,
  cr3: cr3Bits,
  cr4: cr4Bits,
  dr6: dr6Bits,
  dr7: dr7Bits,
};

export function describeRegister({ name, widthBits, role, section }: Register): string {
  const fields = Object.hasOwn(registerBits, name) ? registerBits[name] : undefined;
  return paragraphs(
    `**${name.toUpperCase()}** — register, ${widthBits} bits`,
    role,
    fields === undefined ? '' : bitsText(fields),
    `*${section}*`,
  );
}

export function describeDirective({ name, operands, summary }: Directive): string {
  return paragraphs(`\`${`${name} ${operands}`.trim()}\` — directive`, summary);
}

export function describeMsr(msr: Msr): string {
  const synthetic = syntheticMsrByNumber.get(msr.number);
  const access =
    synthetic === undefined
      ? ''
      : `One per ${synthetic.scope}, ${synthetic.access}.` +
        (synthetic.privilege === undefined ? '' : ` Privilege: ${synthetic.privilege}.`);
  const kind = synthetic === undefined ? 'MSR' : 'synthetic MSR';
  return paragraphs(
    `**${msr.name}** — ${kind} ${hexOf(msr.number)}`,
    `${msr.description}.`,
    access,
    `*${msr.section}*`,
  );
}

function fieldsText(call: Hypercall): string {
  const fields = (call.input ?? []).map(({ name, offset, type }) => {
    const width = typeof type === 'string' ? type : `${type.bytes} bytes`;
    return `- ${offset}: \`${name}\` (${width})`;
  });
  return fields.length === 0 ? '' : `Input, by byte offset:\n${fields.join('\n')}`;
}

const passing: Readonly<Record<Hypercall['fast'], string>> = {
  memory: 'parameters in memory',
  registers: 'parameters in memory or in registers (fast)',
  xmm: 'parameters in memory, registers or XMM registers (fast)',
};

const kindOfCall: Readonly<Record<Hypercall['kind'], string>> = {
  simple: 'A simple call',
  rep: 'A rep call, which works through a list',
  vtl: 'A call with a calling convention of its own',
};

export function describeHypercall(call: Hypercall): string {
  return paragraphs(
    `**${call.name}** — hypercall ${wordOf(call.code)}`,
    `${call.description}.`,
    `${kindOfCall[call.kind]}, ${passing[call.fast]}. Callers: ${call.caller}.` +
      (call.privilege === undefined ? '' : ` Privilege: ${call.privilege}.`),
    fieldsText(call),
    `*${call.section}* · breakpoint \`hypercall:${call.name}\``,
  );
}

export function describeStatus({ code, name, description }: HypercallStatus): string {
  return paragraphs(
    `**${name}** — hypercall status ${wordOf(code)}`,
    `${description}.`,
    '*TLFS, appendix B*',
  );
}

export function describeExit({ number, name, text }: ExitReason): string {
  return paragraphs(
    `**${name}** — basic exit reason ${number}`,
    text,
    `*SDM vol. 3, appendix C* · breakpoint \`exit:${name}\``,
  );
}

export function describeException(exception: ExceptionVector): string {
  const errorCode = exception.hasErrorCode ? ', pushes an error code' : '';
  return paragraphs(
    `**${exception.mnemonic}** — vector ${exception.vector}, ${exception.name}`,
    `${exception.class}${errorCode}`,
    '*SDM vol. 3, table 6-1*',
  );
}

export function describeVmcsField({ name, encoding, width, group }: VmcsField): string {
  const bits = width === 'natural' ? 'natural width' : `${width} bits`;
  return paragraphs(
    `**${name}** — VMCS field ${hexOf(encoding)}, ${group}, ${bits}`,
    '*SDM vol. 3, appendix B*',
  );
}

function cpuidRegisterText({ register, description, fields }: CpuidRegister): string {
  return `- ${register}: ${description}${fields === undefined ? '' : `. ${bitsText(fields)}`}`;
}

/** Architectural leaves that guests ask first (SDM vol. 2A, CPUID). */
const architecturalLeaves: Readonly<Record<number, string>> = {
  0x0: 'highest basic leaf, vendor of the processor',
  0x1: 'family, model and features; ECX bit 31 says that there is a hypervisor',
  0x7: 'extended features',
  0xd: 'state that XSAVE manages',
  0x80000000: 'highest extended leaf',
  0x80000001: 'extended features: long mode, NX, SYSCALL',
  0x80000008: 'widths of addresses',
};

/** @returns undefined for a leaf that no table names */
export function describeCpuidLeaf(leaf: number): string | undefined {
  const synthetic = hypervisorCpuidLeafByNumber.get(leaf);
  if (synthetic !== undefined) {
    return paragraphs(
      `**CPUID leaf ${hexOf(leaf)}** — ${synthetic.name}`,
      synthetic.registers.map(cpuidRegisterText).join('\n'),
      `*${synthetic.section}*`,
    );
  }
  const text = architecturalLeaves[leaf];
  if (text === undefined) return undefined;
  return paragraphs(`**CPUID leaf ${hexOf(leaf)}** — ${text}`, '*SDM vol. 2A, CPUID*');
}

/** @returns undefined for a port that a sample guest's machine does not name */
export function describePort(port: number): string | undefined {
  if (port === sampleGuest.consolePort) {
    return `**Port ${hexOf(port)}** — the guest's console: a byte written here is printed.`;
  }
  if (port === sampleGuest.exitPort) {
    return `**Port ${hexOf(port)}** — ends the guest with the byte written as its exit code.`;
  }
  return undefined;
}

/** The fields of a hypercall input value in one line (TLFS 3.7). */
export function hypercallControlText(control: bigint): string {
  const reps = Number((control >> 32n) & 0xfffn);
  const words = [
    `call code ${wordOf(Number(control & 0xffffn))}`,
    (control & 0x10000n) === 0n ? 'parameters in memory' : 'fast: parameters in RDX and R8',
    reps === 0 ? '' : `rep count ${reps}, start index ${Number((control >> 48n) & 0xfffn)}`,
  ];
  const known = words.filter((word) => word !== '').join(', ');
  return `Hypercall input value ${hexOf(control)}: ${known} *(TLFS 3.7)*`;
}

/** The call that a hypercall input value makes, and its fields. */
export function describeHypercallControl(control: bigint): string {
  const call = hypercallByCode.get(Number(control & 0xffffn));
  const status = statusByCode.get(Status.invalidHypercallCode)?.name ?? '';
  return paragraphs(
    call === undefined
      ? `**Unknown hypercall** — the answer will be \`${status}\``
      : describeHypercall(call),
    hypercallControlText(control),
  );
}
