/** Delivers events outside IA-32e mode: by interrupt vectors in real mode, by gates in protected and virtual-8086 mode. */
import { pushes } from '../paging/block-shape';
import type { MemoryAccess, SystemAccess } from '../paging/memory-access';
import { generalProtection, vector, type Fault, type ProcessorContext } from '../processor-context';
import { segmentOffsets, vmcsOffsets } from '../vmcs-offsets';
import { taskFault } from './task-descriptor';
import { causeTaskSwitch, taskSwitchSource } from '../vmx/task-switch-exit';
import { eventType } from '../vmx/vm-exits';
import { isSoftware, savedFlags, type Attempt, type Event } from './event';
import { innerStack, pushOn } from './outer-stack';
import {
  isPresent,
  limitOf,
  notPresent,
  privilegeOf,
  typeOf,
  type Descriptor,
  type SegmentLoader,
} from './segments';
import { blockOf, wordsOf } from './words';

const flagTrap = 0x100;
const flagInterrupt = 0x200;
const flagNestedTask = 0x4000;
const flagResume = 0x10000;
const flagVirtual8086 = 0x20000;
const flagAlignmentCheck = 0x40000;
const blockingByNmi = 8n;

const gateType = {
  task: 5,
  interrupt16: 6,
  trap16: 7,
  interrupt32: 0xe,
  trap32: 0xf,
} as const;

interface Gate {
  readonly selector: number;
  readonly ip: bigint;
  readonly bytes: 2 | 4;
  readonly isInterruptGate: boolean;
}

/** The handler's code segment and the privilege level at which it runs. */
interface Handler {
  readonly descriptor: Descriptor;
  readonly cpl: number;
}

type Step<T> = T | { readonly stop: Attempt };

export class LegacyDelivery {
  constructor(
    private readonly context: ProcessorContext,
    private readonly access: MemoryAccess,
    private readonly segments: SegmentLoader,
    private readonly privilegeChanged: () => void,
  ) {}

  /** Real mode: four bytes of the interrupt vector table, and no error code (SDM vol. 3, 21.1.4). */
  deliverReal(event: Event): Attempt {
    const { context, access } = this;
    const { state } = context;
    const offset = event.vector * 4;
    if (offset + 3 > state.readU32(vmcsOffsets.idtrLimit)) return generalProtection();
    const data = access.readSystem(state.readU64(vmcsOffsets.idtrBase) + BigInt(offset), 4);
    if (typeof data === 'string') return this.endOf(data);
    const [ip = 0n, selector = 0n] = wordsOf(data, 2);
    if (ip > BigInt(state.readU32(segmentOffsets.CS.limit))) return generalProtection();
    const frame = [
      event.returnIp,
      state.readU64(segmentOffsets.CS.selector),
      BigInt(state.rflags & 0xffff),
    ];
    const pushed = this.pushHere(2, frame);
    if (pushed !== 'delivered') return pushed;
    this.segments.loadDirect(segmentOffsets.CS, Number(selector));
    state.rip = ip;
    state.rflags = state.rflags & ~(flagInterrupt | flagTrap | flagResume | flagAlignmentCheck);
    this.finish(event);
    return 'delivered';
  }

  /** Protected and virtual-8086 mode: gates of the IDT (SDM vol. 3, 6.12 and 21.3). */
  deliverProtected(event: Event): Attempt {
    const external = isSoftware(event) ? 0 : 1;
    const gate = this.readGate(event, external);
    if ('stop' in gate) return gate.stop;
    const handler = this.readHandler(gate, external);
    if ('stop' in handler) return handler.stop;
    if (gate.ip > BigInt(limitOf(handler.descriptor))) return generalProtection(external);
    const isInner = handler.cpl < this.context.cpl;
    const end = isInner
      ? this.enterInner(event, gate, handler, external)
      : this.enterSame(event, gate, handler);
    if (end === 'delivered') this.finish(event);
    return end;
  }

  private readGate(event: Event, external: number): Step<Gate> {
    const { context, access } = this;
    const { state } = context;
    const offset = event.vector * 8;
    const errorCode = offset + 2 + external;
    const fault = { stop: generalProtection(errorCode) };
    if (offset + 7 > state.readU32(vmcsOffsets.idtrLimit)) return fault;
    const data = access.readSystem(state.readU64(vmcsOffsets.idtrBase) + BigInt(offset), 8);
    if (typeof data === 'string') return { stop: this.endOf(data) };
    const [low = 0, high = 0] = wordsOf(data, 4).map(Number);
    const type = (high >>> 8) & 0x1f;
    if (!Object.values<number>(gateType).includes(type)) return fault;
    if (isSoftware(event) && ((high >>> 13) & 3) < context.cpl) return fault;
    if ((high & 0x8000) === 0) return { stop: { vector: vector.NP, errorCode } };
    const selector = low >>> 16;
    if (type === gateType.task) {
      const task = taskFault(this.segments, selector, 'available', external);
      if (task !== undefined) return { stop: task };
      const length = event.instructionLength;
      causeTaskSwitch(context, selector, taskSwitchSource.gate, length);
      return { stop: 'exit' };
    }
    const isLong = type === gateType.interrupt32 || type === gateType.trap32;
    const ip = isLong ? ((low & 0xffff) | (high & 0xffff0000)) >>> 0 : low & 0xffff;
    return {
      selector,
      ip: BigInt(ip),
      bytes: isLong ? 4 : 2,
      isInterruptGate: type === gateType.interrupt16 || type === gateType.interrupt32,
    };
  }

  /** The segment must be code that is not outward; from virtual-8086 mode it must run at level 0. */
  private readHandler({ selector }: Gate, external: number): Step<Handler> {
    const { context } = this;
    const errorCode = (selector & 0xfffc) | external;
    if ((selector & 0xfffc) === 0) return { stop: generalProtection(external) };
    const load = this.segments.readDescriptor(selector, 8, external);
    if (load.kind === 'fault') return { stop: load.fault };
    if (load.kind === 'left') return { stop: load.end };
    const { descriptor } = load;
    const type = typeOf(descriptor);
    const privilege = privilegeOf(descriptor);
    if ((type & 0x18) !== 0x18 || privilege > context.cpl) {
      return { stop: generalProtection(errorCode) };
    }
    if (!isPresent(descriptor)) return { stop: notPresent(selector, external) };
    const cpl = (type & 4) !== 0 ? context.cpl : privilege;
    if (context.isVirtual8086 && cpl !== 0) return { stop: generalProtection(errorCode) };
    return { descriptor, cpl };
  }

  private enterSame(event: Event, gate: Gate, handler: Handler): Attempt {
    const pushed = this.pushHere(gate.bytes, this.frame(event));
    return pushed === 'delivered' ? this.enter(gate, handler) : pushed;
  }

  /** A more privileged handler runs on the stack that the TSS names. */
  private enterInner(event: Event, gate: Gate, handler: Handler, external: number): Attempt {
    const { context, segments } = this;
    const { state } = context;
    const stack = innerStack(this.parts(), handler.cpl, external);
    if (stack === 'exit' || stack === 'exhausted' || 'vector' in stack) return stack;
    const { descriptor, selector } = stack;
    if (descriptor === undefined) return { vector: vector.TS, errorCode: external };
    const isVirtual = context.isVirtual8086;
    const saved = isVirtual ? (['ES', 'DS', 'FS', 'GS'] as const) : [];
    const frame = [
      ...this.frame(event),
      state.gpr(4),
      state.readU64(segmentOffsets.SS.selector),
      ...saved.map((name) => state.readU64(segmentOffsets[name].selector)),
    ];
    const data = blockOf(gate.bytes, frame);
    const pointer = pushOn(
      this.parts(),
      { ...stack, descriptor },
      data,
      gate.bytes,
      handler.cpl,
      external,
    );
    if (typeof pointer !== 'bigint') return pointer;
    segments.load(segmentOffsets.SS, selector, { ...descriptor, high: descriptor.high | 0x100 });
    for (const name of saved) segments.loadNull(segmentOffsets[name], 0);
    const end = this.enter(gate, handler);
    this.privilegeChanged();
    context.setStackPointer(pointer);
    return end;
  }

  private enter(gate: Gate, { descriptor, cpl }: Handler): Attempt {
    const { state } = this.context;
    const selector = (gate.selector & 0xfffc) | cpl;
    this.segments.load(segmentOffsets.CS, selector, {
      ...descriptor,
      high: descriptor.high | 0x100,
    });
    state.rip = gate.ip;
    const cleared = flagTrap | flagNestedTask | flagResume | flagVirtual8086;
    state.rflags = state.rflags & ~(cleared | (gate.isInterruptGate ? flagInterrupt : 0));
    return 'delivered';
  }

  /** What every handler finds, lowest address first. */
  private frame(event: Event): bigint[] {
    const { state } = this.context;
    const frame = [
      event.returnIp,
      state.readU64(segmentOffsets.CS.selector),
      BigInt(savedFlags(event, state.rflags) >>> 0),
    ];
    return event.errorCode === undefined ? frame : [BigInt(event.errorCode), ...frame];
  }

  private pushHere(bytes: 2 | 4, frame: readonly bigint[]): Attempt {
    const { context, access } = this;
    const data = blockOf(bytes, frame);
    const pointer = BigInt.asUintN(64, context.stackPointer - BigInt(data.length));
    const end = access.writeStack(pointer, data, pushes[bytes]);
    if (end !== 'done') return this.endOf(end);
    context.setStackPointer(pointer);
    return 'delivered';
  }

  private finish(event: Event): void {
    const { state } = this.context;
    if (event.type === eventType.nmi) {
      const blocking = state.readU64(vmcsOffsets.interruptibility);
      state.writeU64(vmcsOffsets.interruptibility, blocking | blockingByNmi);
    }
    this.privilegeChanged();
  }

  private parts(): { context: ProcessorContext; access: MemoryAccess; segments: SegmentLoader } {
    return { context: this.context, access: this.access, segments: this.segments };
  }

  private endOf(end: Exclude<SystemAccess, 'done'>): Exclude<Attempt, 'delivered'> | Fault {
    return end === 'fault' ? this.access.fault : end;
  }
}
