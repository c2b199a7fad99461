/** Requests about memory, disassembly and sources. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { ListingRow } from '../../debugger/inspection/disassembly';
import type { Program } from '../../debugger/program';
import { localPlaceAt } from '../../debugger/stack-frames';
import { formatBytes, hex } from '../../debugger/value-format';
import { decodeBase64, encodeBase64 } from '../../support/base64';
import { UserError } from '../../support/user-error';
import type { RequestArguments } from '../request-arguments';
import type { HandlerTable, SessionState } from '../session-state';

const mostInstructions = 20_000;
const farthestInstructions = 100_000;
const mostBytes = 4 * 1024 * 1024;

function rowBody(
  session: SessionState,
  program: Program,
  row: ListingRow,
): DebugProtocol.DisassembledInstruction {
  // VS Code hides rows whose address is -1: they are padding beyond the address space.
  if (row.address === undefined) {
    return { address: '-1', instruction: row.text, presentationHint: 'invalid' };
  }
  const place = localPlaceAt(program, row.address);
  const bytes = formatBytes(row.bytes);
  return {
    address: hex(row.address),
    instruction: row.text,
    ...(bytes === '' ? {} : { instructionBytes: bytes }),
    ...(row.symbol === undefined ? {} : { symbol: row.symbol }),
    ...(row.valid ? {} : { presentationHint: 'invalid' as const }),
    ...(place?.exists === true
      ? {
          location: { name: place.name, path: place.path },
          line: session.lineToClient(place.line),
        }
      : {}),
  };
}

function disassemble(session: SessionState, args: RequestArguments): object {
  const reference = args.string('memoryReference');
  const count = args.integerBetween('instructionCount', 0, mostInstructions);
  const offset = args.has('instructionOffset')
    ? args.integerBetween('instructionOffset', -farthestInstructions, farthestInstructions)
    : 0;
  const { thread, address } = session.memory(reference, args.optionalInteger('offset') ?? 0);
  const rows = session.control.disassemble(thread, address, offset, count);
  const program = session.control.programOf(thread.partition.id);
  return { instructions: rows.map((row) => rowBody(session, program, row)) };
}

function readMemory(session: SessionState, args: RequestArguments): object {
  const reference = args.string('memoryReference');
  const count = args.integerBetween('count', 0, mostBytes);
  const { thread, address } = session.memory(reference, args.optionalInteger('offset') ?? 0);
  const bytes = session.control.readMemory(thread, address, count);
  return {
    address: hex(address),
    unreadableBytes: count - bytes.length,
    data: encodeBase64(bytes),
  };
}

function writeMemory(session: SessionState, args: RequestArguments): object {
  const reference = args.string('memoryReference');
  const data = decodeBase64(args.string('data'));
  if (data === undefined) {
    throw new UserError('bad-arguments', '"data" of "writeMemory" is no base64 text.');
  }
  const { thread, address } = session.memory(reference, args.optionalInteger('offset') ?? 0);
  const partial = args.boolean('allowPartial');
  const bytesWritten = session.control.writeMemory(thread, address, data, partial);
  session.after(() => session.invalidate());
  return partial ? { bytesWritten } : {};
}

function loadedSources(session: SessionState): object {
  const paths = session.control.programs.flatMap(({ symbols, sources }) =>
    symbols.files.map((file) => sources.localOf(file)).filter((path) => sources.exists(path)),
  );
  const list = [...new Set(paths)].map((path) => ({
    name: path.split(/[\\/]/).at(-1) ?? path,
    path,
  }));
  return { sources: list };
}

/** Handlers of this group. */
export const memoryHandlers: HandlerTable = {
  disassemble,
  readMemory,
  writeMemory,
  loadedSources,
};
