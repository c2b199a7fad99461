/** Hypercall dispatch: the checks of TLFS chapter 3 in their order, then the handler. */
import { pageOf, pageSizeBytes } from '../../machine/addresses';
import { rightRead, rightWrite, type GuestMemory } from '../../machine/guest-memory';
import { hypercallByCode, type Hypercall } from '../../spec/tlfs/hypercalls';
import { Status } from '../../spec/tlfs/status-codes';
import { present } from '../../support/assert';
import { structLayout } from '../../support/struct-layout';
import {
  fastInputBytes,
  readFastInput,
  type HypercallRegisters,
  type HypercallResult,
} from './calling-convention';
import { decodeControlWord, type ControlWord } from './control-word';
import type {
  CallerKind,
  HypercallBlocks,
  HypercallCall,
  HypercallCaller,
  HypercallHandler,
  RepHypercallHandler,
} from './handler';
import { hypercallHandlers } from './handler-table';

/** Elements of a rep call before the caller's interrupts get their turn (TLFS 3.4). */
const elementsPerTurn = 256;

/** Parameter blocks of one call, in bytes. */
interface BlockSizes {
  readonly header: number;
  readonly input: number;
  readonly output: number;
}

const noBytes = new Uint8Array(0);

/** Bytes of a block; most calls have no more than one part, and a view of it would cost as much as the call. */
function partOf(block: Uint8Array, from: number, to: number): Uint8Array {
  if (from === to) return noBytes;
  return from === 0 && to === block.length ? block : block.subarray(from, to);
}

const failed = (status: number, repsCompleted = 0): HypercallResult => ({ status, repsCompleted });

/** Guests: their own memory, their privileges, and calls on themselves. */
const guests: CallerKind<HypercallCaller> = {
  handlers: hypercallHandlers,
  memoryOf: ({ partition }) => partition.memory,
  /** A call on children or on the machine needs a parent or the root partition, and no guest is one. */
  mayCall({ partition }, call) {
    if (call.caller === 'parent' || call.caller === 'root') return false;
    return call.privilege === undefined || partition.holds(call.privilege);
  },
  readFastInput: ({ processor }, registers, sizeBytes) =>
    readFastInput(processor, registers, sizeBytes),
};

/**
 * Runs one hypercall of a guest, or the next part of a long rep call.
 * @param blocks takes what was read and written
 */
export function dispatchHypercall(
  caller: HypercallCaller,
  registers: HypercallRegisters,
  blocks?: HypercallBlocks,
): HypercallResult {
  return dispatch(guests, caller, registers, blocks);
}

/** The same for callers of any kind. Output has a place in memory only. */
export function dispatch<Caller>(
  kind: CallerKind<Caller>,
  caller: Caller,
  registers: HypercallRegisters,
  blocks?: HypercallBlocks,
): HypercallResult {
  const control = decodeControlWord(registers.control);
  const call = hypercallByCode.get(control.code);
  if (call === undefined) return failed(Status.invalidHypercallCode);
  if (!kind.mayCall(caller, call)) return failed(Status.accessDenied);
  const handler = kind.handlers.get(call.code);
  if (handler === undefined) return failed(Status.invalidHypercallCode);
  if (!isWellFormed(control, call)) return failed(Status.invalidHypercallInput);

  const sizes = blockSizes(control, call);
  if (control.fast && (sizes.input > fastInputBytes || sizes.output > 0)) {
    return failed(Status.invalidHypercallInput);
  }
  const memory = kind.memoryOf(caller);
  const input = control.fast
    ? (kind.readFastInput(caller, registers, sizes.input) ?? Status.invalidHypercallInput)
    : readInput(memory, registers.input, sizes.input);
  if (typeof input === 'number') return failed(input);
  const outputStatus = checkBlock(memory, registers.output, sizes.output, rightWrite);
  if (outputStatus !== Status.success) return failed(outputStatus);

  const output = sizes.output === 0 ? noBytes : new Uint8Array(sizes.output);
  if (blocks !== undefined) {
    blocks.input = input;
    blocks.output = output;
  }
  const listStart = sizes.header + control.variableHeaderBytes;
  const header = partOf(input, 0, sizes.header);
  const variableHeader = partOf(input, sizes.header, listStart);
  const result = runHandler(
    handler,
    { caller, header, variableHeader, output },
    { control, call, input, listStart },
  );
  writeOutput(memory, registers.output, output, outputWritten(handler, call, control, result));
  return result;
}

function isWellFormed(control: ControlWord, call: Hypercall): boolean {
  if (control.hasReservedBits) return false;
  if (control.variableHeaderBytes > 0 && !call.variableHeader) return false;
  return call.kind === 'rep'
    ? control.repCount > 0 && control.repStart < control.repCount
    : control.repCount === 0 && control.repStart === 0;
}

const fixedSizes = new Map(
  [...hypercallByCode.values()].map((call) => {
    const header = structLayout(call.name, call.input ?? []).sizeBytes;
    const output = structLayout(call.name, call.output ?? []).sizeBytes;
    return [call, { header, output }] as const;
  }),
);

/** Bytes of the fixed parts of a call's input and output. */
function fixedSizesOf(call: Hypercall): Pick<BlockSizes, 'header' | 'output'> {
  return present(fixedSizes.get(call), 'sizes of the call');
}

function blockSizes(control: ControlWord, call: Hypercall): BlockSizes {
  const { header, output: fixedOutput } = fixedSizesOf(call);
  const reps = control.repCount;
  return {
    header,
    input: header + control.variableHeaderBytes + reps * (call.inputElementBytes ?? 0),
    output: fixedOutput + reps * (call.outputElementBytes ?? 0),
  };
}

/** Alignment, page crossing and second-level rights of a parameter block (TLFS 3.10). */
function checkBlock(
  memory: GuestMemory,
  address: bigint,
  sizeBytes: number,
  right: number,
): number {
  if (sizeBytes === 0) return Status.success;
  if ((address & 7n) !== 0n) return Status.invalidAlignment;
  const offset = Number(address & BigInt(pageSizeBytes - 1));
  if (offset + sizeBytes > pageSizeBytes) return Status.invalidAlignment;
  if (address >> 52n !== 0n) return Status.invalidHypercallInput;
  const rights = memory.rightsOf(pageOf(Number(address)));
  return (rights & right) === 0 ? Status.invalidHypercallInput : Status.success;
}

/** The input block, or the status of the check that it fails. */
function readInput(memory: GuestMemory, address: bigint, sizeBytes: number): Uint8Array | number {
  const status = checkBlock(memory, address, sizeBytes, rightRead);
  if (status !== Status.success) return status;
  if (sizeBytes === 0) return noBytes;
  return memory.read(Number(address), sizeBytes) ?? Status.invalidHypercallInput;
}

interface RepList {
  readonly control: ControlWord;
  readonly call: Hypercall;
  readonly input: Uint8Array;
  /** Offset of the rep list in the input block. */
  readonly listStart: number;
}

function runHandler<Caller>(
  handler: HypercallHandler<Caller>,
  call: HypercallCall<Caller>,
  list: RepList,
): HypercallResult {
  if (handler.kind === 'simple') return failed(handler.run(call));
  const status = handler.begin(call);
  if (status !== Status.success) return failed(status, list.control.repStart);
  return runElements(handler, call, list);
}

function runElements<Caller>(
  handler: RepHypercallHandler<Caller>,
  call: HypercallCall<Caller>,
  { control, call: description, input, listStart }: RepList,
): HypercallResult {
  const inputBytes = description.inputElementBytes ?? 0;
  const outputBytes = description.outputElementBytes ?? 0;
  const end = Math.min(control.repCount, control.repStart + elementsPerTurn);
  for (let index = control.repStart; index < end; index++) {
    const from = listStart + index * inputBytes;
    const to = index * outputBytes;
    const status = handler.runElement(call, {
      index,
      input: input.subarray(from, from + inputBytes),
      output: call.output.subarray(to, to + outputBytes),
    });
    if (status !== Status.success) return failed(status, index);
  }
  const continues = end < control.repCount;
  return { status: Status.success, repsCompleted: end, ...(continues ? { continues } : {}) };
}

/** The range of the output block that the call has filled. */
function outputWritten<Caller>(
  handler: HypercallHandler<Caller>,
  call: Hypercall,
  control: ControlWord,
  result: HypercallResult,
): readonly [number, number] {
  if (handler.kind === 'rep') {
    const elementBytes = call.outputElementBytes ?? 0;
    return [control.repStart * elementBytes, result.repsCompleted * elementBytes];
  }
  const size = fixedSizesOf(call).output;
  return [0, result.status === Status.success ? size : 0];
}

function writeOutput(
  memory: GuestMemory,
  address: bigint,
  output: Uint8Array,
  [from, to]: readonly [number, number],
): void {
  if (to <= from) return;
  const written = memory.write(Number(address) + from, output.subarray(from, to));
  present(written ? true : undefined, 'output page that was writable before');
}
