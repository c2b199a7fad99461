/** Far jumps, calls and returns, through segments and gates (SDM vol. 2: JMP, CALL, RET; vol. 3, 5.8). */
import { innerStack, outerStack, pushOn, type StackTarget } from '../events/outer-stack';
import { isPresent, notPresent, privilegeOf, typeOf, type Descriptor } from '../events/segments';
import { blockOf, wordsOf } from '../events/words';
import { farPointers, pops, pushes, type WordBytes } from '../paging/block-shape';
import { generalProtection, RoutineEnd, vector, type Fault } from '../processor-context';
import { segmentOffsets } from '../vmcs-offsets';
import {
  codeFault,
  directFault,
  entersLongCode,
  instructionPointerFault,
  isCode,
  isConforming,
  loadCode,
  markCode,
  readCode,
  type CodeTarget,
} from './code-segment';
import {
  leaveWith,
  operandBytes,
  type Processor,
  type Routine,
  type RoutineFamily,
  type RoutineRecord,
} from './routine';
import { namesTask, switchTask } from './task-switch';

const codeSegment = segmentOffsets.CS;

/** A far pointer: from the instruction, or from memory. */
interface FarPointer {
  readonly selector: number;
  readonly ip: bigint;
}

/** The pointer of the instruction: its immediate where it has no memory operand. */
function farPointer(
  processor: Processor,
  record: RoutineRecord,
  bytes: WordBytes,
  isImmediate: boolean,
): FarPointer | RoutineEnd {
  if (isImmediate) {
    const { immediate } = record;
    return { selector: Number(immediate >> 32n), ip: immediate & 0xffffffffn };
  }
  const address = record.operandAddress(bytes + 2, 'read');
  if (typeof address === 'object') return processor.context.raise(address);
  const data = processor.access.readAtCurrentPrivilege(address, bytes + 2, farPointers[bytes]);
  if (typeof data === 'string') return leaveWith(processor, data);
  const [ip = 0n] = wordsOf(data.slice(0, bytes), bytes);
  const [selector = 0n] = wordsOf(data.slice(bytes), 2);
  return { selector: Number(selector), ip };
}

/** Leaves with a fault, or because an access already left. */
function endWith(processor: Processor, end: Fault | 'left'): typeof RoutineEnd.leave {
  return end === 'left' ? RoutineEnd.leave : processor.context.raise(end);
}

function go(processor: Processor, ip: bigint): RoutineEnd {
  processor.context.state.rip = ip;
  processor.modeChanged();
  return RoutineEnd.lookup;
}

/** Real and virtual-8086 mode: the selector is the base, the limit stays (SDM vol. 3, 21.1.1). */
function goDirect(
  processor: Processor,
  { selector, ip }: FarPointer,
  pushed: PushedBlock | undefined,
): RoutineEnd {
  const { context, access, segments } = processor;
  const { state } = context;
  if (ip > BigInt(state.readU32(codeSegment.limit))) return context.raise(generalProtection());
  if (pushed !== undefined) {
    const pointer = context.stackPointer - BigInt(pushed.data.length);
    const end = access.writeStack(pointer, pushed.data, pushes[pushed.bytes]);
    if (end !== 'done') return leaveWith(processor, end);
    context.setStackPointer(pointer);
  }
  segments.loadDirect(codeSegment, selector);
  return go(processor, ip);
}

/** What goes to the stack, word by word from its end. */
interface PushedBlock {
  readonly data: Uint8Array;
  readonly bytes: WordBytes;
}

function returnBlock(processor: Processor, record: RoutineRecord, bytes: WordBytes): PushedBlock {
  const { state } = processor.context;
  const words = [state.rip + BigInt(record.length), state.readU64(codeSegment.selector)];
  return { data: blockOf(bytes, words), bytes };
}

function transfer(kind: 'jump' | 'call', isImmediate: boolean): Routine {
  return (processor, record) => {
    const { context } = processor;
    const bytes = operandBytes(processor);
    const pointer = farPointer(processor, record, bytes, isImmediate);
    if (typeof pointer === 'number') return pointer;
    const isCall = kind === 'call';
    if (!context.isProtected) {
      const returned = returnBlock(processor, record, bytes);
      return goDirect(processor, pointer, isCall ? returned : undefined);
    }
    const target = readCode(processor, pointer.selector);
    if (target === 'left' || 'vector' in target) return endWith(processor, target);
    if (isCode(target.descriptor)) {
      const fault =
        directFault(processor, target) ??
        instructionPointerFault(processor, target.descriptor, pointer.ip) ??
        markCode(processor, target);
      if (fault !== undefined) return endWith(processor, fault);
      const returned = returnBlock(processor, record, bytes);
      return enterSame(processor, target, pointer.ip, isCall ? returned : undefined);
    }
    const type = typeOf(target.descriptor);
    if (!context.isLongMode && namesTask(type)) {
      return switchTask(processor, record, pointer.selector, kind);
    }
    return throughGate(processor, record, target, isCall);
  };
}

/** Enters code at the present privilege level, with the return address pushed first. */
function enterSame(
  processor: Processor,
  target: CodeTarget,
  ip: bigint,
  pushed: PushedBlock | undefined,
): RoutineEnd {
  const { context, access } = processor;
  if (pushed !== undefined) {
    const pointer = BigInt.asUintN(64, context.stackPointer - BigInt(pushed.data.length));
    const end = access.writeStack(pointer, pushed.data, pushes[pushed.bytes]);
    if (end !== 'done') return leaveWith(processor, end);
    context.setStackPointer(pointer);
  }
  loadCode(processor, target, context.cpl);
  return go(processor, ip);
}

/** A call gate (SDM vol. 3, 5.8.3): of 286, 386 or 64-bit format. */
interface CallGate {
  readonly selector: number;
  readonly ip: bigint;
  readonly bytes: 2 | 4 | 8;
  readonly parameters: number;
}

function readGate(processor: Processor, gate: CodeTarget): CallGate | Fault | 'left' {
  const { context, segments } = processor;
  const { descriptor, selector } = gate;
  const errorCode = selector & 0xfffc;
  const type = typeOf(descriptor);
  const isLong = context.isLongMode;
  if (type !== 0xc && (type !== 4 || isLong)) return generalProtection(errorCode);
  const privilege = privilegeOf(descriptor);
  if (privilege < context.cpl || privilege < (selector & 3)) return generalProtection(errorCode);
  if (!isPresent(descriptor)) return notPresent(selector);
  const target = descriptor.low >>> 16;
  const low = descriptor.low & 0xffff;
  const whole = BigInt((low | (descriptor.high & 0xffff0000)) >>> 0);
  if (!isLong) {
    const parameters = descriptor.high & 31;
    return type === 4
      ? { selector: target, ip: BigInt(low), bytes: 2, parameters }
      : { selector: target, ip: whole, bytes: 4, parameters };
  }
  const load = segments.readDescriptor(selector, 16);
  if (load.kind === 'fault') return load.fault;
  if (load.kind === 'left') return 'left';
  const ip = (BigInt(load.descriptor.baseHigh >>> 0) << 32n) | whole;
  return { selector: target, ip, bytes: 8, parameters: 0 };
}

function throughGate(
  processor: Processor,
  record: RoutineRecord,
  gateTarget: CodeTarget,
  isCall: boolean,
): RoutineEnd {
  const { context } = processor;
  const gate = readGate(processor, gateTarget);
  if (gate === 'left' || 'vector' in gate) return endWith(processor, gate);
  const target = readCode(processor, gate.selector);
  if (target === 'left' || 'vector' in target) return endWith(processor, target);
  const { descriptor } = target;
  const errorCode = gate.selector & 0xfffc;
  const privilege = privilegeOf(descriptor);
  const isInner = isCall && !isConforming(descriptor) && privilege < context.cpl;
  const isAllowed =
    isCall || isConforming(descriptor) ? privilege <= context.cpl : privilege === context.cpl;
  const isLongTarget = !context.isLongMode || entersLongCode(processor, descriptor);
  if (!isCode(descriptor) || !isAllowed || !isLongTarget) {
    return context.raise(generalProtection(errorCode));
  }
  const fault =
    codeFault(processor, target) ?? instructionPointerFault(processor, descriptor, gate.ip);
  if (fault !== undefined) return context.raise(fault);
  const marked = markCode(processor, target);
  if (marked !== undefined) return endWith(processor, marked);
  const returned = returnBlock(processor, record, gate.bytes);
  if (!isInner) return enterSame(processor, target, gate.ip, isCall ? returned : undefined);
  return context.isLongMode
    ? callInwardLong(processor, target, gate, returned.data)
    : callInward(processor, target, gate, returned.data);
}

/** The outer stack and the parameters come before the return address on the inner stack. */
function callInward(
  processor: Processor,
  target: CodeTarget,
  gate: CallGate,
  returned: Uint8Array,
): RoutineEnd {
  const { context, access, segments } = processor;
  const { state } = context;
  const cpl = privilegeOf(target.descriptor);
  const stack = innerStack(processor, cpl);
  if (stack === 'exit' || stack === 'exhausted') return RoutineEnd.leave;
  if ('vector' in stack) return context.raise(stack);
  const { descriptor } = stack;
  if (descriptor === undefined) return context.raise({ vector: vector.TS, errorCode: 0 });
  const outer = blockOf(gate.bytes, [state.gpr(4), state.readU64(segmentOffsets.SS.selector)]);
  const length = gate.parameters * gate.bytes;
  const parameters = access.readStack(context.stackPointer, length, pushes[gate.bytes]);
  if (typeof parameters === 'string') return leaveWith(processor, parameters);
  const data = Uint8Array.from([...returned, ...parameters, ...outer]);
  const pointer = pushOn(processor, { ...stack, descriptor }, data, gate.bytes, cpl);
  if (pointer === 'exit' || pointer === 'exhausted') return RoutineEnd.leave;
  if (typeof pointer === 'object') return context.raise(pointer);
  segments.load(segmentOffsets.SS, stack.selector, {
    ...descriptor,
    high: descriptor.high | 0x100,
  });
  loadCode(processor, target, cpl);
  const end = go(processor, gate.ip);
  context.setStackPointer(pointer);
  return end;
}

/** In IA-32e mode the inner stack pointer comes from the TSS and SS becomes null. */
function callInwardLong(
  processor: Processor,
  target: CodeTarget,
  gate: CallGate,
  returned: Uint8Array,
): RoutineEnd {
  const { context, access, segments } = processor;
  const { state } = context;
  const cpl = privilegeOf(target.descriptor);
  const at = 4 + cpl * 8;
  if (at + 7 > state.readU32(segmentOffsets.TR.limit)) {
    const errorCode = state.readU32(segmentOffsets.TR.selector) & 0xfffc;
    return context.raise({ vector: vector.TS, errorCode });
  }
  const slot = access.readSystem(state.readU64(segmentOffsets.TR.base) + BigInt(at), 8);
  if (typeof slot === 'string') return leaveWith(processor, slot);
  const [top = 0n] = wordsOf(slot, 8);
  const outer = blockOf(8, [state.gpr(4), state.readU64(segmentOffsets.SS.selector)]);
  const data = Uint8Array.from([...returned, ...outer]);
  const pointer = BigInt.asUintN(64, top - BigInt(data.length));
  if (!context.isCanonical(pointer)) {
    return context.raise({ vector: vector.SS, errorCode: 0 });
  }
  const end = access.writeSystem(pointer, data, pushes[8], cpl === 3);
  if (end !== 'done') return leaveWith(processor, end);
  segments.loadNullStack(cpl);
  loadCode(processor, target, cpl);
  state.setGpr(4, pointer);
  return go(processor, gate.ip);
}

/** The code segment of a return (SDM vol. 2, RET): never to an inner level. */
export function returnFault(processor: Processor, target: CodeTarget): Fault | undefined {
  const { descriptor, selector } = target;
  const level = selector & 3;
  const privilege = privilegeOf(descriptor);
  const fits = isConforming(descriptor) ? privilege <= level : privilege === level;
  if (!isCode(descriptor) || level < processor.context.cpl || !fits) {
    return generalProtection(selector & 0xfffc);
  }
  return codeFault(processor, target);
}

const farReturn: Routine = (processor, record) => {
  const { context, access, segments } = processor;
  const bytes = operandBytes(processor);
  const released = record.immediate & 0xffffn;
  const top = context.stackPointer;
  const data = access.readStack(top, bytes * 2, pops[bytes]);
  if (typeof data === 'string') return leaveWith(processor, data);
  const [ip = 0n, word = 0n] = wordsOf(data, bytes);
  const selector = Number(word & 0xffffn);
  const behind = BigInt.asUintN(64, top + BigInt(bytes * 2) + released);
  if (!context.isProtected) {
    const limit = BigInt(context.state.readU32(codeSegment.limit));
    if (ip > limit) return context.raise(generalProtection());
    context.setStackPointer(behind);
    segments.loadDirect(codeSegment, selector);
    return go(processor, ip);
  }
  const target = readCode(processor, selector);
  if (target === 'left' || 'vector' in target) return endWith(processor, target);
  const fault =
    returnFault(processor, target) ?? instructionPointerFault(processor, target.descriptor, ip);
  if (fault !== undefined) return context.raise(fault);
  if ((selector & 3) !== context.cpl) {
    const outer = access.readStack(behind, bytes * 2, pops[bytes]);
    if (typeof outer === 'string') return leaveWith(processor, outer);
    const [pointer = 0n, stackSelector = 0n] = wordsOf(outer, bytes);
    return returnOutward(processor, target, ip, {
      selector: Number(stackSelector & 0xffffn),
      pointer: BigInt.asUintN(64, pointer + released),
    });
  }
  const marked = markCode(processor, target);
  if (marked !== undefined) return endWith(processor, marked);
  context.setStackPointer(behind);
  loadCode(processor, target, context.cpl);
  return go(processor, ip);
};

/** A return to an outer level also changes the stack and drops what the level may not keep. */
export function returnOutward(
  processor: Processor,
  target: CodeTarget,
  ip: bigint,
  stack: Pick<StackTarget, 'selector' | 'pointer'>,
): RoutineEnd {
  const { context } = processor;
  const level = target.selector & 3;
  const isLong = entersLongCode(processor, target.descriptor);
  const descriptor = outerStack(processor, stack.selector, level, isLong);
  if (descriptor === 'left') return RoutineEnd.leave;
  if (descriptor !== undefined && 'vector' in descriptor) return context.raise(descriptor);
  const marked = markCode(processor, target);
  if (marked !== undefined) return endWith(processor, marked);
  loadCode(processor, target, level);
  loadOuterStack(processor, stack.selector, descriptor, level);
  dropPrivilegedSegments(processor, level);
  const end = go(processor, ip);
  context.setStackPointer(stack.pointer);
  return end;
}

export function loadOuterStack(
  processor: Processor,
  selector: number,
  descriptor: Descriptor | undefined,
  level: number,
): void {
  const { context, segments } = processor;
  if (descriptor !== undefined) {
    return segments.load(segmentOffsets.SS, selector, {
      ...descriptor,
      high: descriptor.high | 0x100,
    });
  }
  segments.loadNullStack(level);
  context.state.writeU64(segmentOffsets.SS.selector, BigInt(selector));
}

const unusable = 0x10000;
const { ES, DS, FS, GS } = segmentOffsets;
const dataSegments = [ES, DS, FS, GS] as const;

/** Data segments that the new privilege level may not keep become null (SDM vol. 2, IRET and RET). */
export function dropPrivilegedSegments(processor: Processor, level: number): void {
  const { state } = processor.context;
  for (const offsets of dataSegments) {
    const rights = state.readU32(offsets.accessRights);
    const isConformingCode = (rights & 0x1c) === 0x1c;
    const privilege = (rights >>> 5) & 3;
    const isUsable = (rights & unusable) === 0;
    if (isUsable && !isConformingCode && privilege < level) {
      processor.segments.loadNull(offsets, 0);
    }
  }
}

export const farTransferRoutines: RoutineFamily = {
  reason: 'they read descriptors and change privilege',
  routines: {
    farReturn,
    farJump: transfer('jump', false),
    farCall: transfer('call', false),
    farJumpImmediate: transfer('jump', true),
    farCallImmediate: transfer('call', true),
  },
};
