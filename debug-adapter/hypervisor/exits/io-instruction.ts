/** Exit 30: IN, OUT, INS and OUTS. Intercepted ports go to the parent; the others read all ones. */
import { pageOffsetOf, pageSizeBytes } from '../../machine/addresses';
import { stateOffsets } from '../../machine/processor-state';
import { ioQualification as layout } from '../../spec/x86/exit-reasons';
import { extractBits32 } from '../../support/bit-field';
import type { VirtualProcessor } from '../virtual-processor';
import { resume, type ExitContext, type ExitHandler } from './exit-handler';

const rax = stateOffsets.gpr;

/** One port access, decoded from the exit qualification. */
interface PortAccess {
  readonly port: number;
  readonly sizeBytes: 1 | 2 | 4;
  readonly isIn: boolean;
  readonly isString: boolean;
}

function decodeAccess(qualification: bigint): PortAccess {
  const word = Number(BigInt.asUintN(32, qualification));
  const size = extractBits32(word, layout.size);
  return {
    port: extractBits32(word, layout.port),
    sizeBytes: size === 0 ? 1 : size === 1 ? 2 : 4,
    isIn: extractBits32(word, layout.direction) === 1,
    isString: extractBits32(word, layout.string) === 1,
  };
}

/** The bits of AL, AX or EAX. */
function maskOf({ sizeBytes }: PortAccess): number {
  return 0xffffffff >>> (32 - sizeBytes * 8);
}

function littleEndian(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}

/** Bytes at a linear address that may cross a page; undefined where one of the pages is not RAM. */
function readLinear(
  processor: VirtualProcessor,
  memory: ExitContext['partition']['memory'],
  address: bigint,
  length: number,
): Uint8Array | undefined {
  const result = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const at = processor.core.translate(BigInt.asUintN(64, address + BigInt(done)), 'read');
    if (at.kind !== 'mapped') return undefined;
    const count = Math.min(length - done, pageSizeBytes - pageOffsetOf(at.gpa));
    const bytes = memory.read(at.gpa, count);
    if (bytes === undefined) return undefined;
    result.set(bytes, done);
    done += count;
  }
  return result;
}

/** The value that an OUT or OUTS writes. */
function outValue(context: ExitContext, access: PortAccess): number {
  const { processor, partition, exit } = context;
  if (!access.isString) {
    return (processor.state.readU32(rax) & maskOf(access)) >>> 0;
  }
  const bytes = readLinear(processor, partition.memory, exit.guestLinearAddress, access.sizeBytes);
  // The processor has read a device's element: it is not to be read twice.
  return bytes === undefined
    ? processor.state.readU32(stateOffsets.accessValue)
    : littleEndian(bytes);
}

/**
 * Ends the port access that the VMCS describes. A string instruction runs its iteration again and takes the answer from
 * there; IN writes AL, AX or EAX, the latter zero-extended as every 32-bit write is.
 */
export function completePortAccess(
  processor: VirtualProcessor,
  qualification: bigint,
  value: number,
): void {
  const { state, core } = processor;
  const access = decodeAccess(qualification);
  const mask = maskOf(access);
  const answer = access.isIn ? (value & mask) >>> 0 : 0;
  if (access.isString) {
    core.answerAccess(BigInt(answer));
    return;
  }
  if (access.isIn && access.sizeBytes === 4) state.writeZeroExtended(rax, answer);
  else if (access.isIn) state.writeU32(rax, (state.readU32(rax) & ~mask) | answer);
  core.completeInstruction();
}

export const handleIoInstruction: ExitHandler = (context) => {
  const { partition, processor, exit, services } = context;
  const access = decodeAccess(exit.qualification);
  if (!partition.interceptsPort(access.port)) {
    completePortAccess(processor, exit.qualification, 0xffffffff);
    return resume;
  }
  const value = access.isIn ? 0 : outValue(context, access);
  services.charge('intercept');
  services.intercepts.post({
    kind: 'io-port',
    partition: partition.id,
    processor: processor.index,
    port: access.port,
    sizeBytes: access.sizeBytes,
    direction: access.isIn ? 'in' : 'out',
    value,
  });
  return { kind: 'awaits-parent', answer: 'port' };
};
