/** Exit 30: IN, OUT, INS and OUTS. Intercepted ports go to the parent; the others read all ones. */
import { pageOffsetOf, pageSizeBytes } from '../../machine/addresses';
import { stateOffsets } from '../../machine/processor-state';
import { ioQualification as layout } from '../../spec/x86/exit-reasons';
import { extractBits32 } from '../../support/bit-field';
import type { VirtualProcessor } from '../virtual-processor';
import { resume, type ExitContext, type ExitHandler, type HandledExit } from './exit-handler';

const rax = stateOffsets.gpr;

const directionBit = 1 << layout.direction.low;
const stringBit = 1 << layout.string.low;

function sizeOf(qualification: number): 1 | 2 | 4 {
  const size = extractBits32(qualification, layout.size);
  return size === 0 ? 1 : size === 1 ? 2 : 4;
}

/** The bits of AL, AX or EAX. */
function maskOf(sizeBytes: number): number {
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
function outValue(context: ExitContext, isString: boolean, sizeBytes: number): number {
  const { processor, partition, exit } = context;
  if (!isString) return (processor.state.readU32(rax) & maskOf(sizeBytes)) >>> 0;
  const bytes = readLinear(processor, partition.memory, exit.guestLinearAddress, sizeBytes);
  // The processor has read a device's element: it is not to be read twice.
  return bytes === undefined
    ? processor.state.readU32(stateOffsets.accessValue)
    : littleEndian(bytes);
}

/**
 * Ends the port access that the VMCS describes. A string instruction runs its iteration again and takes the answer from
 * there; IN writes AL, AX or EAX, the latter zero-extended as every 32-bit write is.
 */
export function completePortAccess(processor: VirtualProcessor, value: number): void {
  const { state, core } = processor;
  const qualification = processor.exitInformation.qualificationWord;
  const sizeBytes = sizeOf(qualification);
  const mask = maskOf(sizeBytes);
  const isIn = (qualification & directionBit) !== 0;
  if ((qualification & stringBit) !== 0) {
    core.answerAccess(BigInt(isIn ? (value & mask) >>> 0 : 0));
    return;
  }
  if (isIn) {
    const isWhole = sizeBytes === 4;
    const low = isWhole ? value : (state.readLow(rax) & ~mask) | (value & mask);
    state.writeHalves(rax, low, isWhole ? 0 : state.readHigh(rax));
  }
  core.completeInstruction();
}

const awaitsAnswer: HandledExit = { kind: 'awaits-parent', answer: 'port' };

export const handleIoInstruction: ExitHandler = (context) => {
  const { partition, processor, exit, services } = context;
  const qualification = exit.qualificationWord;
  const port = qualification >>> layout.port.low;
  if (!partition.interceptsPort(port)) {
    completePortAccess(processor, 0xffffffff);
    return resume;
  }
  const sizeBytes = sizeOf(qualification);
  const isIn = (qualification & directionBit) !== 0;
  const isString = (qualification & stringBit) !== 0;
  services.charge('intercept');
  services.intercepts.post({
    kind: 'io-port',
    partition: partition.id,
    processor: processor.index,
    port,
    sizeBytes,
    direction: isIn ? 'in' : 'out',
    value: isIn ? 0 : outValue(context, isString, sizeBytes),
  });
  return awaitsAnswer;
};
