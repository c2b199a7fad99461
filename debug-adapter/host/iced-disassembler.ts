/**
 * The disassembler port on top of iced-x86, whose WebAssembly objects are freed after each call. Bundles load the
 * package when something of it is first used (`scripts/load-when-used.mjs`), so this file uses nothing while it is loaded.
 */
import {
  Decoder,
  DecoderOptions,
  FlowControl,
  Formatter,
  FormatterSyntax,
  Instruction,
  Mnemonic,
} from 'iced-x86';
import type {
  AddressNamer,
  AssemblySyntax,
  DisassembledInstruction,
  Disassembler,
  InstructionFlow,
} from '../backends/disassembler';
import { once } from '../support/once';

const formatterSyntax = once((): Readonly<Record<AssemblySyntax, FormatterSyntax>> => ({
  gnu: FormatterSyntax.Gas,
  intel: FormatterSyntax.Intel,
  nasm: FormatterSyntax.Nasm,
}));

const flowByMnemonic = once(
  (): ReadonlyMap<Mnemonic, InstructionFlow> =>
    new Map([
      [Mnemonic.Hlt, 'halt'],
      [Mnemonic.Vmcall, 'hypercall'],
      [Mnemonic.Vmmcall, 'hypercall'],
      [Mnemonic.Syscall, 'system-call'],
      [Mnemonic.Sysenter, 'system-call'],
    ]),
);

function flowOf(instruction: Instruction): InstructionFlow {
  const special = flowByMnemonic().get(instruction.mnemonic);
  if (special !== undefined) return special;
  switch (instruction.flowControl) {
    case FlowControl.UnconditionalBranch:
    case FlowControl.IndirectBranch:
      return 'jump';
    case FlowControl.ConditionalBranch:
      return 'conditional-jump';
    case FlowControl.Return:
      return 'return';
    case FlowControl.Call:
    case FlowControl.IndirectCall:
      return 'call';
    case FlowControl.Interrupt:
      return 'interrupt';
    case FlowControl.Exception:
      return 'exception';
    default:
      return 'next';
  }
}

const directBranches = once(
  (): ReadonlySet<FlowControl> =>
    new Set([FlowControl.UnconditionalBranch, FlowControl.ConditionalBranch, FlowControl.Call]),
);

function describe(
  instruction: Instruction,
  formatter: Formatter,
  address: bigint,
  nameOf: AddressNamer,
): DisassembledInstruction {
  const direct = directBranches().has(instruction.flowControl);
  const target = direct ? instruction.nearBranchTarget : undefined;
  const named =
    target ?? (instruction.isIpRelMemoryOperand ? instruction.ipRelMemoryAddress : undefined);
  const name = named === undefined ? undefined : nameOf(named);
  const repeats =
    instruction.isStringInstruction && (instruction.hasRepePrefix || instruction.hasRepnePrefix);
  return {
    address,
    length: instruction.length,
    text: formatter.format(instruction) + (name === undefined ? '' : ` <${name}>`),
    valid: true,
    flow: flowOf(instruction),
    repeats,
    ...(target === undefined ? {} : { target }),
  };
}

function rawByte(bytes: Uint8Array, offset: number, address: bigint): DisassembledInstruction {
  const value = (bytes[offset] ?? 0).toString(16).padStart(2, '0');
  return {
    address,
    length: 1,
    text: `.byte 0x${value}`,
    valid: false,
    flow: 'next',
    repeats: false,
  };
}

function createFormatter(syntax: AssemblySyntax): Formatter {
  const formatter = new Formatter(formatterSyntax()[syntax]);
  formatter.hexPrefix = '0x';
  formatter.hexSuffix = '';
  formatter.uppercaseHex = false;
  formatter.smallHexNumbersInDecimal = false;
  formatter.spaceAfterOperandSeparator = true;
  formatter.branchLeadingZeros = false;
  formatter.showBranchSize = false;
  return formatter;
}

function decode(
  bytes: Uint8Array,
  address: bigint,
  limit: number,
  syntax: AssemblySyntax,
  nameOf: AddressNamer,
): readonly DisassembledInstruction[] {
  const decoder = new Decoder(64, bytes, DecoderOptions.None);
  const instruction = new Instruction();
  const formatter = createFormatter(syntax);
  const rows: DisassembledInstruction[] = [];
  try {
    decoder.ip = address;
    while (rows.length < limit && decoder.position < bytes.length) {
      const offset = decoder.position;
      const at = BigInt.asUintN(64, address + BigInt(offset));
      decoder.decodeOut(instruction);
      if (instruction.isInvalid) {
        rows.push(rawByte(bytes, offset, at));
        decoder.position = offset + 1;
        decoder.ip = BigInt.asUintN(64, at + 1n);
      } else {
        rows.push(describe(instruction, formatter, at, nameOf));
      }
    }
  } finally {
    formatter.free();
    instruction.free();
    decoder.free();
  }
  return rows;
}

/** The disassembler of this process. */
export const icedDisassembler: Disassembler = { decode };
