/** What a number in an instruction stands for, found from the instructions around it. */
import { hypervisorCpuidLeafByNumber } from '../../../debug-adapter/spec/tlfs/cpuid-leaves';
import { hypercallByCode } from '../../../debug-adapter/spec/tlfs/hypercalls';
import { exceptionByVector } from '../../../debug-adapter/spec/x86/exceptions';
import { findInstruction } from '../../../debug-adapter/spec/x86/instructions';
import { msrByNumber } from '../../../debug-adapter/spec/x86/msrs';
import { findRegister } from '../../../debug-adapter/spec/x86/registers';
import { statusByCode } from '../../../debug-adapter/spec/tlfs/status-codes';
import { vmcsFields } from '../../../debug-adapter/spec/x86/vmcs-fields';
import {
  describeCpuidLeaf,
  describeException,
  describeHypercallControl,
  describeMsr,
  describePort,
  describeStatus,
  describeVmcsField,
} from './describe';
import type { Operand, Statement } from './syntax-tree';

export type NumberRole =
  | 'msr'
  | 'cpuid leaf'
  | 'hypercall control'
  | 'hypercall status'
  | 'port'
  | 'vector'
  | 'vmcs field';

/** How many statements around a number are looked at. */
const reach = 16;

const endsFlow = new Set(['jmp', 'ret', 'iretq', 'iret', 'ud2']);

function mnemonicOf(statement: Statement): string {
  if (statement.kind !== 'instruction' || statement.name === undefined) return '';
  return findInstruction(statement.name.text)?.mnemonic ?? '';
}

/** The full-width register that an operand is, such as `rcx` for `%ecx`; undefined for all other operands. */
function registerOf(operand: Operand | undefined): string | undefined {
  if (operand?.tokens.length !== 1) return undefined;
  const register = findRegister(operand.tokens[0]?.text.replace(/^%/, '') ?? '');
  return register === undefined ? undefined : (register.partOf ?? register.name);
}

function isHypercall(statement: Statement): boolean {
  const mnemonic = mnemonicOf(statement);
  if (mnemonic === 'vmcall' || mnemonic === 'vmmcall') return true;
  const target = statement.operands[0]?.tokens.map(({ text }) => text).join('') ?? '';
  return mnemonic === 'call' && /hypercall|hcall/i.test(target);
}

/** What the value that is loaded into `register` is for, if `statement` uses it up. */
function consumerRole(statement: Statement, register: string): NumberRole | undefined {
  const mnemonic = mnemonicOf(statement);
  if (register === 'rcx') {
    if (mnemonic === 'rdmsr' || mnemonic === 'wrmsr') return 'msr';
    if (isHypercall(statement)) return 'hypercall control';
  }
  if (register === 'rax' && mnemonic === 'cpuid') return 'cpuid leaf';
  if (register === 'rdx' && /^(?:ins|outs)[bwd]?$/.test(mnemonic)) return 'port';
  const usesRegister = statement.operands.some((operand) => registerOf(operand) === register);
  if (register === 'rdx' && (mnemonic === 'in' || mnemonic === 'out') && usesRegister) {
    return 'port';
  }
  return (mnemonic === 'vmread' || mnemonic === 'vmwrite') && usesRegister
    ? 'vmcs field'
    : undefined;
}

function roleOfLoad(
  statements: readonly Statement[],
  index: number,
  register: string,
): NumberRole | undefined {
  for (const statement of statements.slice(index + 1, index + 1 + reach)) {
    const role = consumerRole(statement, register);
    if (role !== undefined) return role;
    const mnemonic = mnemonicOf(statement);
    if (endsFlow.has(mnemonic)) return undefined;
    const loadsAgain = mnemonic === 'mov' || mnemonic === 'movabs';
    if (loadsAgain && statement.operands.some((operand) => registerOf(operand) === register)) {
      return undefined;
    }
  }
  return undefined;
}

/**
 * Role of the operand that holds a number, in the statement at `index`; either operand order.
 * @returns undefined where the surroundings do not tell
 */
export function roleOfNumber(
  statements: readonly Statement[],
  index: number,
): NumberRole | undefined {
  const statement = statements[index];
  if (statement === undefined) return undefined;
  const mnemonic = mnemonicOf(statement);
  if (mnemonic === 'in' || mnemonic === 'out') return 'port';
  if (mnemonic === 'int') return 'vector';
  const register = statement.operands.map(registerOf).find((name) => name !== undefined);
  if (register === undefined) return undefined;
  if (mnemonic === 'mov' || mnemonic === 'movabs') return roleOfLoad(statements, index, register);
  if (mnemonic === 'cmp') {
    const before = statements.slice(Math.max(0, index - reach), index);
    return before.some(isHypercall) ? 'hypercall status' : undefined;
  }
  return undefined;
}

const vmcsFieldByEncoding = new Map(vmcsFields.map((field) => [field.encoding, field]));

function describedBy<Row>(row: Row | undefined, describe: (row: Row) => string): string {
  return row === undefined ? '' : describe(row);
}

/** What `value` means in a role, as Markdown; empty where no table knows it. */
export function describeInRole(value: bigint, role: NumberRole): string {
  const number = Number(BigInt.asUintN(32, value));
  switch (role) {
    case 'msr':
      return describedBy(msrByNumber.get(number), describeMsr);
    case 'cpuid leaf':
      return describeCpuidLeaf(number) ?? '';
    case 'hypercall control':
      return describeHypercallControl(BigInt.asUintN(64, value));
    case 'hypercall status':
      return describedBy(statusByCode.get(number), describeStatus);
    case 'port':
      return describePort(number) ?? '';
    case 'vector':
      return describedBy(exceptionByVector.get(number), describeException);
    case 'vmcs field':
      return describedBy(vmcsFieldByEncoding.get(number), describeVmcsField);
  }
}

/** The name of `value` in a role, for a hint behind the number; empty where no table knows it. */
export function nameInRole(value: bigint, role: NumberRole): string {
  const number = Number(BigInt.asUintN(32, value));
  switch (role) {
    case 'msr':
      return msrByNumber.get(number)?.name ?? '';
    case 'cpuid leaf':
      return hypervisorCpuidLeafByNumber.get(number)?.name ?? '';
    case 'hypercall control':
      return hypercallByCode.get(number & 0xffff)?.name ?? '';
    case 'hypercall status':
      return statusByCode.get(number)?.name ?? '';
    case 'port':
      return '';
    case 'vector':
      return exceptionByVector.get(number)?.mnemonic ?? '';
    case 'vmcs field':
      return vmcsFieldByEncoding.get(number)?.name ?? '';
  }
}

/** What a number may mean where nothing around it tells; only numbers too odd to be a coincidence. */
export function describeUnplaced(value: bigint): string {
  const number = Number(BigInt.asUintN(64, value));
  return number >= 0x40000000 ? describedBy(msrByNumber.get(number), describeMsr) : '';
}
