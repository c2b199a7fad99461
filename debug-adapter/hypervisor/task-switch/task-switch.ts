/** Emulates a hardware task switch: leaves the old task's state in its segment and takes the new one's (SDM vol. 3, 7.3). */
import type { GuestMemory } from '../../machine/guest-memory';
import type { ProcessorCore, SystemAccessFailure } from '../../machine/processor';
import { stateOffsets, vmcsEncoding, type ProcessorState } from '../../machine/processor-state';
import { Cr0, Cr4, Rflags } from '../../spec/x86/control-registers';
import { ExceptionNumber } from '../../spec/x86/exceptions';
import {
  taskState16,
  taskState32,
  TaskDescriptorType,
  TaskSwitchSource,
  type TaskStateLayout,
} from '../../spec/x86/task-state';
import type { InterruptedEvent } from './interrupted-event';
import { TaskSegments, baseOf, typeOf, type SegmentName, type TableEntry } from './task-segments';

const fields = {
  qualification: vmcsEncoding('EXIT_QUALIFICATION'),
  length: vmcsEncoding('VM_EXIT_INSTRUCTION_LEN'),
  cr0: vmcsEncoding('GUEST_CR0'),
  cr3: vmcsEncoding('GUEST_CR3'),
  cr4: vmcsEncoding('GUEST_CR4'),
  dr7: vmcsEncoding('GUEST_DR7'),
  interruptibility: vmcsEncoding('GUEST_INTERRUPTIBILITY_INFO'),
  pendingDebug: vmcsEncoding('GUEST_PENDING_DBG_EXCEPTIONS'),
  pointers: [0, 1, 2, 3].map((index) => vmcsEncoding(`GUEST_PDPTR${index}`)),
} as const;

const segmentNames = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'] as const;
const rsp = 4;
/** Bits that EFLAGS has; bit 1 is always set (SDM vol. 1, figure 3-8). */
const flagsDefined = 0x3f7fd7;
const flagsFixed = 2;
/** L0 to L3 and LE of DR7, which belong to a task. */
const localBreakpoints = 0x155n;
/** BT of DR6. */
const taskTrap = 0x8000n;
const blockingByNmi = 8n;
const nmiType = 2;
const bigStack = 0x4000n;
const expandDown = 4n;

interface Write {
  readonly address: bigint;
  readonly data: Uint8Array;
}

export class TaskSwitch {
  private readonly state: ProcessorState;
  private readonly segments: TaskSegments;
  private readonly selector: number;
  private readonly source: number;

  constructor(
    private readonly core: ProcessorCore,
    private readonly memory: GuestMemory,
    private readonly event: InterruptedEvent | undefined,
  ) {
    this.state = core.state;
    this.segments = new TaskSegments(core, event?.isExternal === true ? 1 : 0);
    const qualification = this.state.vmcs(fields.qualification);
    this.selector = Number(qualification & 0xffffn);
    this.source = Number((qualification >> 30n) & 3n);
  }

  /** @returns why the switch did not happen, or the fault that the new task begins with */
  run(): SystemAccessFailure | undefined {
    const target = this.segments.entryOf(this.selector);
    if ('kind' in target) return target;
    const layout = layoutOf(typeOf(target));
    const image = this.core.readAsSystem(baseOf(target), layout.limitMinimum + 1);
    if (!(image instanceof Uint8Array)) return image;
    const left = this.leave(target);
    if (left !== undefined) return left;
    const failure = this.enter(target, layout, image);
    this.core.stateWasEdited();
    return failure ?? this.trap(layout, image);
  }

  private get isNested(): boolean {
    return this.source === TaskSwitchSource.call || this.source === TaskSwitchSource.gate;
  }

  /** Saves the old task, and marks both as the kind of switch demands; all of it or nothing. */
  private leave(target: TableEntry): SystemAccessFailure | undefined {
    const writes = [this.oldState()];
    const { busy } = TaskDescriptorType;
    if (this.isNested) {
      const link = new Uint8Array(2);
      new DataView(link.buffer).setUint16(0, Number(this.segments.read('TR', 'selector')), true);
      writes.push({ address: baseOf(target), data: link });
    } else {
      const old = this.segments.entryOf(Number(this.segments.read('TR', 'selector')));
      if ('kind' in old) return old;
      writes.push(typeByte(old, old.high & ~(busy << 8)));
    }
    // A task that JMPs to itself is refused before: it is busy.
    if (this.source !== TaskSwitchSource.interruptReturn) {
      writes.push(typeByte(target, target.high | (busy << 8)));
    }
    for (const { address, data } of writes) {
      const before = this.core.readAsSystem(address, data.length);
      if (!(before instanceof Uint8Array)) return before;
      const failure = this.core.writeAsSystem(address, before);
      if (failure !== undefined) return failure;
    }
    for (const { address, data } of writes) this.core.writeAsSystem(address, data);
    return undefined;
  }

  /** Instruction pointer, flags, registers and selectors; LDTR and CR3 are not saved. */
  private oldState(): Write {
    const { state, segments } = this;
    const layout = layoutOf(Number(segments.read('TR', 'rights')));
    const { wordBytes, ip, segmentCount } = layout;
    const clearsNesting = this.source === TaskSwitchSource.interruptReturn;
    const words = [
      state.rip + state.vmcs(fields.length),
      BigInt((clearsNesting ? state.rflags & ~Rflags.NT : state.rflags) >>> 0),
      ...Array.from({ length: 8 }, (_, index) => state.gpr(index)),
      ...segmentNames.slice(0, segmentCount).map((name) => segments.read(name, 'selector')),
    ];
    const data = new Uint8Array(words.length * wordBytes);
    const view = new DataView(data.buffer);
    words.forEach((word, index) => {
      if (wordBytes === 4) view.setUint32(index * 4, Number(BigInt.asUintN(32, word)), true);
      else view.setUint16(index * 2, Number(BigInt.asUintN(16, word)), true);
    });
    return { address: segments.read('TR', 'base') + BigInt(ip), data };
  }

  private enter(
    target: TableEntry,
    layout: TaskStateLayout,
    image: Uint8Array,
  ): SystemAccessFailure | undefined {
    const { state, segments } = this;
    const word = (offset: number, index = 0): number =>
      wordAt(image, layout.wordBytes, offset, index);
    this.endOld();
    const busy = target.high | (TaskDescriptorType.busy << 8);
    segments.load('TR', this.selector, { ...target, high: busy });
    if (layout.cr3 !== undefined) this.loadTables(word(layout.cr3));
    state.rip = BigInt(word(layout.ip));
    const nesting = this.isNested ? Rflags.NT : 0;
    const flags = (word(layout.flags) & flagsDefined) | flagsFixed | nesting;
    state.rflags = flags;
    for (let index = 0; index < 8; index++)
      state.setGpr(index, BigInt(word(layout.registers, index)));
    const selectors = new Map(
      segmentNames.map((name, index) => {
        const isThere = index < layout.segmentCount;
        return [name, isThere ? word(layout.segments, index) & 0xffff : 0] as const;
      }),
    );
    const isVirtual = (flags & Rflags.VM) !== 0;
    const failure = this.loadSegments(word(layout.ldt) & 0xffff, selectors, isVirtual);
    return failure ?? this.pushErrorCode(layout.wordBytes);
  }

  /** What ends with the old task: its instruction, interrupt shadows, the task-switched flag's absence. */
  private endOld(): void {
    const { state, core } = this;
    if (state.vmcs(fields.length) !== 0n) core.completeInstruction();
    // A gate that a device has told of belongs to the event that is now delivered.
    else state.forgetAnswers();
    state.setVmcs(fields.pendingDebug, 0n);
    const kept = state.vmcs(fields.interruptibility) & blockingByNmi;
    const isReturn = this.source === TaskSwitchSource.interruptReturn;
    const nmi = this.event?.type === nmiType ? blockingByNmi : 0n;
    state.setVmcs(fields.interruptibility, isReturn ? 0n : kept | nmi);
    state.setVmcs(fields.cr0, state.vmcs(fields.cr0) | BigInt(Cr0.TS));
    state.setVmcs(fields.dr7, state.vmcs(fields.dr7) & ~localBreakpoints);
  }

  /** CR3 counts under paging only; PAE paging keeps four pointers in registers (SDM vol. 3, 4.4.1). */
  private loadTables(cr3: number): void {
    const { state } = this;
    if ((state.vmcs(fields.cr0) & BigInt(Cr0.PG)) === 0n) return;
    state.setVmcs(fields.cr3, BigInt(cr3));
    this.core.stateWasEdited();
    if ((state.vmcs(fields.cr4) & BigInt(Cr4.PAE)) === 0n) return;
    const pointers = this.memory.read((cr3 & ~31) >>> 0, 32) ?? new Uint8Array(32);
    const view = new DataView(pointers.buffer);
    fields.pointers.forEach((field, index) => {
      state.setVmcs(field, view.getBigUint64(index * 8, true));
    });
  }

  /** Selectors come first, so that a fault finds them; descriptors follow in the new task's own tables. */
  private loadSegments(
    localTable: number,
    selectors: ReadonlyMap<SegmentName, number>,
    isVirtual: boolean,
  ): SystemAccessFailure | undefined {
    const { segments } = this;
    const code = selectors.get('CS') ?? 0;
    const cpl = isVirtual ? 3 : code & 3;
    segments.loadUnusable('LDTR', localTable);
    for (const [name, selector] of selectors) {
      if (isVirtual) segments.loadVirtual8086(name, selector);
      else segments.loadUnusable(name, selector, cpl);
    }
    this.core.stateWasEdited();
    const failure = segments.loadLocalTable(localTable);
    if (failure !== undefined || isVirtual) return failure;
    return (
      segments.loadCode(code) ??
      segments.loadStack(selectors.get('SS') ?? 0, cpl) ??
      this.loadDataSegments(selectors, cpl)
    );
  }

  private loadDataSegments(
    selectors: ReadonlyMap<SegmentName, number>,
    cpl: number,
  ): SystemAccessFailure | undefined {
    for (const name of ['ES', 'DS', 'FS', 'GS'] as const) {
      const failure = this.segments.loadData(name, selectors.get(name) ?? 0, cpl);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  /** An exception's error code goes onto the new task's stack (SDM vol. 3, 6.13). */
  private pushErrorCode(wordBytes: 2 | 4): SystemAccessFailure | undefined {
    const { state, segments, event } = this;
    if (event?.errorCode === undefined) return undefined;
    const rights = segments.read('SS', 'rights');
    const bits = (rights & bigStack) !== 0n ? 32 : 16;
    const offset = BigInt.asUintN(bits, state.gpr(rsp) - BigInt(wordBytes));
    const last = offset + BigInt(wordBytes - 1);
    const limit = segments.read('SS', 'limit');
    const top = (1n << BigInt(bits)) - 1n;
    const isInside = (rights & expandDown) !== 0n ? offset > limit && last <= top : last <= limit;
    if (!isInside) return segments.fault(ExceptionNumber.SS, 0);
    const data = new Uint8Array(4);
    new DataView(data.buffer).setUint32(0, event.errorCode, true);
    const address = BigInt.asUintN(32, segments.read('SS', 'base') + offset);
    const failure = this.core.writeAsSystem(address, data.subarray(0, wordBytes));
    if (failure !== undefined) return failure;
    const kept = bits === 32 ? 0n : state.gpr(rsp) & 0xffff0000n;
    state.setGpr(rsp, kept | offset);
    return undefined;
  }

  /** T of the new task: a debug exception before its first instruction (SDM vol. 3, 17.3.1.5). */
  private trap(layout: TaskStateLayout, image: Uint8Array): SystemAccessFailure | undefined {
    const { state } = this;
    if (layout.trap === undefined || (wordAt(image, 4, layout.trap) & 1) === 0) return undefined;
    const status = stateOffsets.dr + 6 * 8;
    state.writeU64(status, state.readU64(status) | taskTrap);
    return { kind: 'fault', vector: ExceptionNumber.DB, errorCode: 0, address: undefined };
  }
}

/** From a type field, or access rights of TR. */
function layoutOf(type: number): TaskStateLayout {
  return (type & TaskDescriptorType.is32Bit) !== 0 ? taskState32 : taskState16;
}

function typeByte({ address }: TableEntry, high: number): Write {
  return { address: address + 5n, data: Uint8Array.of((high >>> 8) & 0xff) };
}

function wordAt(image: Uint8Array, wordBytes: 2 | 4, offset: number, index = 0): number {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const at = offset + index * wordBytes;
  return wordBytes === 4 ? view.getUint32(at, true) : view.getUint16(at, true);
}
