/** Questions about selectors, and far pointers into segment registers (SDM vol. 2: LAR, LSL, VERR, VERW, LDS). */
import { limitOf, privilegeOf, typeOf, type Descriptor } from '../events/segments';
import { wordsOf } from '../events/words';
import { runOffsets } from '../memory-map';
import { farPointers } from '../paging/block-shape';
import { RoutineEnd } from '../processor-context';
import { loadSegment } from './descriptor-tables';
import {
  leaveWith,
  type Processor,
  type Routine,
  type RoutineFamily,
  type RoutineRecord,
} from './routine';

const zeroFlag = 0x40;
const stackSegment = 2;
/** System descriptors that LAR and LSL accept (SDM vol. 2, tables of LAR and LSL). */
const rightsTypes = { long: [2, 9, 0xb, 0xc], legacy: [1, 2, 3, 4, 5, 9, 0xb, 0xc] } as const;
const limitTypes = { long: [2, 9, 0xb], legacy: [1, 2, 3, 9, 0xb] } as const;

interface Question {
  readonly selector: number;
  /** Operand size in bytes. */
  readonly bytes: number;
}

function question(processor: Processor): Question {
  const operand = Number(processor.context.runU64(runOffsets.operand));
  return { selector: operand & 0xffff, bytes: operand >>> 16 };
}

/** A descriptor that may be seen: DPL is at least CPL and RPL, unless it is conforming code. */
function visible(processor: Processor, selector: number): Descriptor | 'hidden' | 'left' {
  if ((selector & 0xfffc) === 0) return 'hidden';
  const load = processor.segments.readDescriptor(selector, 8);
  if (load.kind === 'left') return 'left';
  if (load.kind === 'fault') {
    if (load.fault.address === undefined) return 'hidden';
    processor.context.raise(load.fault);
    return 'left';
  }
  const { descriptor } = load;
  if ((typeOf(descriptor) & 0x1c) === 0x1c) return descriptor;
  const privilege = privilegeOf(descriptor);
  const isSeen = privilege >= processor.context.cpl && privilege >= (selector & 3);
  return isSeen ? descriptor : 'hidden';
}

function setZero(processor: Processor, isZero: boolean): void {
  const { state } = processor.context;
  state.rflags = isZero ? state.rflags | zeroFlag : state.rflags & ~zeroFlag;
}

function isSegment(descriptor: Descriptor): boolean {
  return (typeOf(descriptor) & 0x10) !== 0;
}

/** LAR and LSL: the value goes to the destination register where the type has one. */
function describe(
  types: typeof rightsTypes | typeof limitTypes,
  value: (descriptor: Descriptor) => number,
): Routine {
  return (processor, record) => {
    const { context } = processor;
    const { selector, bytes } = question(processor);
    const descriptor = visible(processor, selector);
    if (descriptor === 'left') return RoutineEnd.leave;
    const allowed: readonly number[] = context.isLongMode ? types.long : types.legacy;
    const isKnown =
      descriptor !== 'hidden' && (isSegment(descriptor) || allowed.includes(typeOf(descriptor)));
    setZero(processor, isKnown);
    if (isKnown) writeResult(processor, record, value(descriptor), bytes);
    return RoutineEnd.next;
  };
}

function writeResult(
  processor: Processor,
  record: RoutineRecord,
  value: number,
  bytes: number,
): void {
  const { state } = processor.context;
  const register = record.dst / 8;
  const kept = bytes === 2 ? state.gpr(register) & ~0xffffn : 0n;
  state.setGpr(register, kept | BigInt.asUintN(bytes === 2 ? 16 : 32, BigInt(value)));
}

function verify(isAllowed: (type: number) => boolean): Routine {
  return (processor) => {
    const descriptor = visible(processor, question(processor).selector);
    if (descriptor === 'left') return RoutineEnd.leave;
    const isSeen = descriptor !== 'hidden' && isSegment(descriptor);
    setZero(processor, isSeen && isAllowed(typeOf(descriptor)));
    return RoutineEnd.next;
  };
}

const isCode = (type: number): boolean => (type & 8) !== 0;
const hasAccess = (type: number): boolean => (type & 2) !== 0;

/** LDS and its siblings: the operand says how many bytes the offset has, and which segment is meant. */
const loadFarPointer: Routine = (processor, record) => {
  const { context, access } = processor;
  const { state } = context;
  const operand = Number(context.runU64(runOffsets.operand));
  const bytes = (operand & 0xff) === 8 ? 8 : (operand & 0xff) === 4 ? 4 : 2;
  const segment = operand >>> 8;
  const address = record.operandAddress(bytes + 2, 'read');
  if (typeof address === 'object') return context.raise(address);
  const data = access.readAtCurrentPrivilege(address, bytes + 2, farPointers[bytes]);
  if (typeof data === 'string') return leaveWith(processor, data);
  const [offset = 0n] = wordsOf(data.slice(0, bytes), bytes);
  const [selector = 0n] = wordsOf(data.slice(bytes), 2);
  const end = loadSegment(processor, segment, Number(selector));
  if (end === 'left') return RoutineEnd.leave;
  if (end !== 'done') return context.raise(end);
  const register = record.dst / 8;
  const kept = bytes === 2 ? state.gpr(register) & ~0xffffn : 0n;
  state.setGpr(register, kept | offset);
  return segment === stackSegment
    ? processor.blockInterrupts(record, 'mov-ss')
    : processor.segmentChanged(record);
};

export const selectorRoutines: RoutineFamily = {
  reason: 'they read descriptors in guest memory',
  routines: {
    loadAccessRights: describe(rightsTypes, (descriptor) => descriptor.high & 0xf0ff00),
    loadSegmentLimit: describe(limitTypes, limitOf),
    verifyRead: verify((type) => !isCode(type) || hasAccess(type)),
    verifyWrite: verify((type) => !isCode(type) && hasAccess(type)),
    loadFarPointer,
  },
};
