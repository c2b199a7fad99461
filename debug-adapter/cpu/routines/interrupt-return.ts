/** IRET (SDM vol. 2, IRET; vol. 3, 6.14.3 and 21.2.5). */
import { taskFault } from '../events/task-descriptor';
import { wordsOf } from '../events/words';
import { pops, type WordBytes } from '../paging/block-shape';
import { generalProtection, RoutineEnd, type ProcessorContext } from '../processor-context';
import { segmentOffsets, vmcsOffsets } from '../vmcs-offsets';
import { causeTaskSwitch, taskSwitchSource } from '../vmx/task-switch-exit';
import { instructionPointerFault, loadCode, markCode, readCode } from './code-segment';
import { returnFault, returnOutward } from './far-transfer';
import { continueWithFlags, flag, mergedFlags, returnedFlags } from './interrupts';
import { returnUsually } from './usual-return';
import {
  leaveWith,
  operandBytes,
  type Processor,
  type Routine,
  type RoutineFamily,
  type RoutineRecord,
} from './routine';

const nmiBlocking = 8;

/** What IRET takes from the stack first. */
interface ReturnFrame {
  readonly ip: bigint;
  readonly selector: number;
  readonly flags: number;
  /** Offset in the stack behind these three. */
  readonly behind: bigint;
}

function readFrame(processor: Processor, bytes: WordBytes): ReturnFrame | RoutineEnd {
  const { context, access } = processor;
  const top = context.stackPointer;
  const data = access.readStack(top, bytes * 3, pops[bytes]);
  if (typeof data === 'string') return leaveWith(processor, data);
  const [ip = 0n, selector = 0n, flags = 0n] = wordsOf(data, bytes);
  return {
    ip,
    selector: Number(selector & 0xffffn),
    flags: Number(flags & 0xffffffffn),
    behind: BigInt.asUintN(64, top + BigInt(bytes * 3)),
  };
}

/**
 * NMIs are let in again by an IRET that begins, also where it ends in a fault or a VM exit, which may tell (SDM vol. 3,
 * 28.2.3). So a hypervisor that has it done again blocks them before.
 */
function letNmisIn(context: ProcessorContext): void {
  const { state } = context;
  const blocking = state.readU32(vmcsOffsets.interruptibility);
  context.hasLetNmisIn = (blocking & nmiBlocking) !== 0;
  if (!context.hasLetNmisIn) return;
  state.writeZeroExtended(vmcsOffsets.interruptibility, blocking & ~nmiBlocking);
}

/** The end of every return but a task switch, once all is done: what comes now is no part of it. */
function goOn(processor: Processor): RoutineEnd {
  const { context } = processor;
  context.hasLetNmisIn = false;
  processor.putResumeFlagAside();
  return continueWithFlags(context);
}

function finish(processor: Processor, flags: number): RoutineEnd {
  processor.context.state.rflags = flags;
  processor.modeChanged();
  return goOn(processor);
}

/** Real mode, and virtual-8086 mode with IOPL 3. */
function returnDirect(processor: Processor, bytes: WordBytes): RoutineEnd {
  const { context, segments } = processor;
  const frame = readFrame(processor, bytes);
  if (typeof frame === 'number') return frame;
  if (frame.ip > BigInt(context.state.readU32(segmentOffsets.CS.limit))) {
    return context.raise(generalProtection());
  }
  const flags = mergedFlags(processor, frame.flags, bytes);
  segments.loadDirect(segmentOffsets.CS, frame.selector);
  context.setStackPointer(frame.behind);
  context.state.rip = frame.ip;
  return finish(processor, flags);
}

/** A nested task returns by a task switch to the one that its TSS names. */
function returnFromTask(processor: Processor, record: RoutineRecord): RoutineEnd {
  const { context, access } = processor;
  if (context.isLongMode) return context.raise(generalProtection());
  const link = access.readSystem(context.state.readU64(segmentOffsets.TR.base), 2);
  if (typeof link === 'string') return leaveWith(processor, link);
  const [selector = 0n] = wordsOf(link, 2);
  const fault = taskFault(processor.segments, Number(selector), 'busy');
  if (typeof fault === 'string') return RoutineEnd.leave;
  if (fault !== undefined) return context.raise(fault);
  const source = taskSwitchSource.interruptReturn;
  return causeTaskSwitch(context, Number(selector), source, record.length);
}

/** Privilege level 0 returns to virtual-8086 mode: the frame goes on with the stack and four data segments. */
function returnToVirtual8086(processor: Processor, frame: ReturnFrame): RoutineEnd {
  const { context, access, segments } = processor;
  const { state } = context;
  const data = access.readStack(frame.behind, 6 * 4, pops[4]);
  if (typeof data === 'string') return leaveWith(processor, data);
  if (frame.ip > 0xffffn) return context.raise(generalProtection());
  const [pointer = 0n, ...selectors] = wordsOf(data, 4);
  state.rflags = frame.flags | flag.fixed;
  const { CS, SS, ES, DS, FS, GS } = segmentOffsets;
  segments.loadDirect(CS, frame.selector);
  [SS, ES, DS, FS, GS].forEach((segment, index) => {
    segments.loadDirect(segment, Number((selectors[index] ?? 0n) & 0xffffn));
  });
  state.setGpr(4, pointer);
  state.rip = frame.ip;
  return finish(processor, frame.flags | flag.fixed);
}

const interruptReturn: Routine = (processor, record) => {
  const { context, access } = processor;
  const bytes = operandBytes(processor);
  letNmisIn(context);
  if (returnUsually(processor, bytes)) return goOn(processor);
  if (!context.isProtected) {
    const needsPrivilege = context.isVirtual8086 && ((context.state.rflags >>> 12) & 3) < 3;
    return needsPrivilege ? context.raise(generalProtection()) : returnDirect(processor, bytes);
  }
  if ((context.state.rflags & flag.NT) !== 0) return returnFromTask(processor, record);
  const frame = readFrame(processor, bytes);
  if (typeof frame === 'number') return frame;
  const isVirtual = (frame.flags & flag.VM) !== 0 && context.cpl === 0 && bytes === 4;
  if (isVirtual && !context.isLongMode) return returnToVirtual8086(processor, frame);
  const target = readCode(processor, frame.selector);
  if (target === 'left') return RoutineEnd.leave;
  if ('vector' in target) return context.raise(target);
  const fault =
    returnFault(processor, target) ??
    instructionPointerFault(processor, target.descriptor, frame.ip);
  if (fault !== undefined) return context.raise(fault);
  const level = frame.selector & 3;
  const flags = returnedFlags(processor, frame.flags, bytes);
  // 64-bit mode always pops the stack pointer (SDM vol. 3, 6.14.3).
  if (context.is64Bit || level > context.cpl) {
    const outer = access.readStack(frame.behind, bytes * 2, pops[bytes]);
    if (typeof outer === 'string') return leaveWith(processor, outer);
    const [pointer = 0n, selector = 0n] = wordsOf(outer, bytes);
    const stack = { selector: Number(selector & 0xffffn), pointer };
    const end = returnOutward(processor, target, frame.ip, stack);
    return end === RoutineEnd.leave ? end : finish(processor, flags);
  }
  const marked = markCode(processor, target);
  if (marked === 'left') return RoutineEnd.leave;
  if (marked !== undefined) return context.raise(marked);
  context.setStackPointer(frame.behind);
  loadCode(processor, target, level);
  context.state.rip = frame.ip;
  return finish(processor, flags);
};

export const interruptReturnRoutines: RoutineFamily = {
  reason: 'it reads descriptors, and changes privilege and mode',
  routines: { interruptReturn },
};
