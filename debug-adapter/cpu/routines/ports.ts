/** Port I/O (SDM vol. 1, chapter 19; exits vol. 3, table 28-5). */
import { stateOffsets, type ProcessorState } from '../../machine/processor-state';
import { blockOf } from '../events/words';
import { quadwords } from '../paging/block-shape';
import { generalProtection, RoutineEnd, type Fault } from '../processor-context';
import { runOffsets, segmentCheckOffset } from '../memory-map';
import { addPendingTrap, enabledBreakpoint } from '../pending-traps';
import { checkedAddress } from '../segment-access';
import { immediatePort } from '../port-operand';
import { segmentOffsets, vmcsOffsets } from '../vmcs-offsets';
import { portAccessExits } from '../vmx/access-bitmaps';
import { causeInstructionExit, exitReason } from '../vmx/vm-exits';
import {
  leaveWith,
  type Processor,
  type Routine,
  type RoutineFamily,
  type RoutineRecord,
} from './routine';

const rax = 0;

const qualification = { in: 8, string: 0x10, rep: 0x20, immediate: 0x40 } as const;

/** Above IOPL, and in virtual-8086 mode, the I/O permission bitmap of the TSS decides (SDM vol. 1, 19.5.2). */
function permissionFault(
  processor: Processor,
  port: number,
  bytes: number,
): Fault | 'left' | undefined {
  const { context, access } = processor;
  const { state } = context;
  const isPrivileged = context.cpl <= ((state.readU32(stateOffsets.flagsSystem) >>> 12) & 3);
  if (isPrivileged && !context.isVirtual8086) return undefined;
  const limit = state.readU32(segmentOffsets.TR.limit);
  const base = state.readU64(segmentOffsets.TR.base);
  if (limit < 0x67) return generalProtection();
  const pointer = access.readSystem(base + 0x66n, 2);
  if (pointer === 'fault') return access.fault;
  if (typeof pointer === 'string') return 'left';
  const at = new DataView(pointer.buffer).getUint16(0, true) + (port >>> 3);
  if (at + 1 > limit) return generalProtection();
  const bits = access.readSystem(base + BigInt(at), 2);
  if (bits === 'fault') return access.fault;
  if (typeof bits === 'string') return 'left';
  const mask = ((1 << bytes) - 1) << (port & 7);
  return (new DataView(bits.buffer).getUint16(0, true) & mask) === 0
    ? undefined
    : generalProtection();
}

/** The exit of an access to a port, without a bigint: consoles are written byte by byte. */
function portExit(
  { context }: Processor,
  record: RoutineRecord,
  port: number,
  bits: number,
): typeof RoutineEnd.leave {
  causeInstructionExit(context, exitReason.IO_INSTRUCTION, record.length);
  context.state.writeZeroExtended(vmcsOffsets.exitQualification, bits | (port << 16));
  return RoutineEnd.leave;
}

/** What an access reads that reaches the physical machine's ports: it has none, and the bus floats. */
const floatingBus = 0xffffffff;

function access(bytes: 1 | 2 | 4, direction: 'in' | 'out'): Routine {
  return (processor, record) => {
    const { context } = processor;
    const operand = context.run32(runOffsets.operand);
    const port = operand & 0xffff;
    const fault = permissionFault(processor, port, bytes);
    if (fault === 'left') return RoutineEnd.leave;
    if (fault !== undefined) return context.raise(fault);
    if (!portAccessExits(context, port, bytes)) {
      const end = passAccess(context.state, bytes, direction);
      return trapBehind(processor, record, port, bytes, end);
    }
    const bits =
      (bytes - 1) |
      (direction === 'in' ? qualification.in : 0) |
      ((operand & immediatePort) !== 0 ? qualification.immediate : 0);
    return portExit(processor, record, port, bits);
  };
}

/** IN writes AL, AX or EAX, the latter zero-extended as every 32-bit write is. */
function passAccess(state: ProcessorState, bytes: number, direction: 'in' | 'out'): RoutineEnd {
  if (direction === 'out') return RoutineEnd.next;
  if (bytes === 4) state.setGpr32(rax, floatingBus);
  else state.setGpr(rax, state.gpr(rax) | ((1n << BigInt(bytes * 8)) - 1n));
  return RoutineEnd.next;
}

/** One iteration of INS or OUTS: the element is checked or read, then the port exits; the answer ends the iteration. */
function string(bytes: 1 | 2 | 4, direction: 'in' | 'out', isRepeated: boolean): Routine {
  return (processor, record) => {
    const { context } = processor;
    const { state } = context;
    const mask = record.addressMask;
    if (isRepeated && (state.gpr(1) & mask) === 0n) return RoutineEnd.next;
    const port = Number(state.gpr(2) & 0xffffn);
    const fault = permissionFault(processor, port, bytes);
    if (fault === 'left') return RoutineEnd.leave;
    if (fault !== undefined) return context.raise(fault);
    const pointer = direction === 'in' ? 7 : 6;
    const linear = elementAddress(processor, record, state.gpr(pointer) & mask, bytes, direction);
    if (typeof linear === 'object') return context.raise(linear);
    const element = reachElement(processor, linear, bytes, direction);
    if (typeof element === 'number') return element;
    const answer = portAccessExits(context, port, bytes)
      ? processor.access.answers.next()
      : BigInt(floatingBus);
    if (answer === undefined) {
      const bits =
        (bytes - 1) |
        qualification.string |
        (direction === 'in' ? qualification.in : 0) |
        (isRepeated ? qualification.rep : 0);
      const addressSize = mask === 0xffffn ? 0 : mask === 0xffffffffn ? 1 : 2;
      const segment = direction === 'in' ? 0 : record.segmentNumber;
      state.writeU64(stateOffsets.accessValue, element);
      state.writeU32(stateOffsets.accessBytes, bytes);
      portExit(processor, record, port, bits);
      state.writeU64(vmcsOffsets.guestLinearAddress, linear);
      const information = (addressSize << 7) | (segment << 15);
      state.writeZeroExtended(vmcsOffsets.exitInstructionInformation, information);
      return RoutineEnd.leave;
    }
    if (direction === 'in') {
      const data = blockOf(8, [answer]).subarray(0, bytes);
      const end = processor.access.writeAtCurrentPrivilege(linear, data, quadwords);
      if (end !== 'done') return leaveWith(processor, end);
    }
    const step = (state.rflags & 0x400) === 0 ? BigInt(bytes) : -BigInt(bytes);
    setCounter(processor, pointer, state.gpr(pointer) + step, mask);
    const count = isRepeated ? (state.gpr(1) - 1n) & mask : 0n;
    if (isRepeated) setCounter(processor, 1, count, mask);
    const end = count === 0n ? RoutineEnd.next : RoutineEnd.lookup;
    return trapBehind(processor, record, port, bytes, end);
  };
}

/** A breakpoint on the port traps behind the access, and behind each one of a repeated instruction (SDM vol. 3, 17.3.1.2). */
function trapBehind(
  processor: Processor,
  record: RoutineRecord,
  port: number,
  bytes: number,
  end: RoutineEnd,
): RoutineEnd {
  const { context } = processor;
  const hits = processor.debugRegisters.portHits(port, bytes);
  if (hits === 0) return end;
  addPendingTrap(context.state, BigInt(hits) | enabledBreakpoint);
  const length = end === RoutineEnd.next ? record.length : 0;
  return context.finish(context.state.rip + BigInt(length));
}

/** Where the element lies: INS writes through ES, OUTS reads through a segment that a prefix can name. */
function elementAddress(
  { context }: Processor,
  record: RoutineRecord,
  offset: bigint,
  bytes: number,
  direction: 'in' | 'out',
): bigint | Fault {
  if (direction === 'out') return record.segmentAddress(offset, bytes, 'read');
  if (context.mode.codeSize === 64) return offset;
  return checkedAddress(context, segmentCheckOffset(0), offset, bytes, 'write');
}

/** 16-bit addresses leave the upper part of a register alone. */
function setCounter({ context }: Processor, register: number, value: bigint, mask: bigint): void {
  const kept = mask === 0xffffn ? context.state.gpr(register) & ~0xffffn : 0n;
  context.state.setGpr(register, kept | (value & mask));
}

/**
 * Faults of the memory operand come before the exit (SDM vol. 3, 26.1.1).
 * @returns what OUTS writes to the port, 0 for INS; or how the instruction ends
 */
function reachElement(
  processor: Processor,
  linear: bigint,
  bytes: number,
  direction: 'in' | 'out',
): bigint | RoutineEnd {
  const { access } = processor;
  if (direction === 'in') {
    const end = access.probe(linear, bytes, 'write');
    return end === 'done' ? 0n : leaveWith(processor, end);
  }
  const data = access.readAtCurrentPrivilege(linear, bytes, quadwords);
  return typeof data === 'string' ? leaveWith(processor, data) : littleEndian(data);
}

function littleEndian(data: Uint8Array): bigint {
  return data.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

const sizes = [1, 2, 4] as const;

export const portRoutines: RoutineFamily = {
  reason: 'accesses are VM exits, and user access asks the bitmap of the TSS',
  routines: Object.fromEntries(
    sizes.flatMap((bytes): [string, Routine][] => [
      [`input${bytes * 8}`, access(bytes, 'in')],
      [`output${bytes * 8}`, access(bytes, 'out')],
      [`inputString${bytes * 8}`, string(bytes, 'in', false)],
      [`inputString${bytes * 8}Repeated`, string(bytes, 'in', true)],
      [`outputString${bytes * 8}`, string(bytes, 'out', false)],
      [`outputString${bytes * 8}Repeated`, string(bytes, 'out', true)],
    ]),
  ),
};
