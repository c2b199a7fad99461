/** Delivers exceptions and interrupts through the IDT in IA-32e mode (SDM vol. 3, 6.14), with double and triple faults. */
import { stateOffsets } from '../../machine/processor-state';
import { pushes } from '../paging/block-shape';
import type { MemoryAccess, SystemAccess } from '../paging/memory-access';
import { generalProtection, vector, type Fault, type ProcessorContext } from '../processor-context';
import { segmentOffsets, vmcsOffsets } from '../vmcs-offsets';
import {
  causeExit,
  eventInformation,
  eventType,
  exceptionExits,
  exitReason,
  tellNmisLetIn,
} from '../vmx/vm-exits';
import { isSoftware, savedFlags, type Attempt, type Event } from './event';
import { LegacyDelivery } from './legacy-delivery';
import {
  isPresent,
  notPresent,
  privilegeOf,
  typeOf,
  type Descriptor,
  type SegmentLoader,
} from './segments';
import { UsualDelivery } from './usual-delivery';

/** How a delivery ended. */
export type DeliveryEnd =
  | { readonly kind: 'delivered'; readonly event: Event }
  /** A VM exit took its place. */
  | { readonly kind: 'exit' }
  | { readonly kind: 'exhausted' };

/** A fault that a step of delivery met, or the end of the access that met it. */
type Step<T> = T | { readonly stop: Attempt };

const flagTrap = 0x100;
const flagInterrupt = 0x200;
const flagNestedTask = 0x4000;
const flagResume = 0x10000;
const flagVirtual8086 = 0x20000;
const blockingByNmi = 8n;
const debugStatusOffset = stateOffsets.dr + 6 * 8;
/** DR7.GD, which a debug exception clears so that its handler can use the registers (SDM vol. 3, 17.2.4). */
const generalDetect = 0x2000n;

interface Gate {
  readonly selector: number;
  readonly offset: bigint;
  readonly stackTable: number;
  readonly isInterruptGate: boolean;
}

export class EventDelivery {
  private readonly legacy: LegacyDelivery;
  private readonly usual: UsualDelivery;

  constructor(
    private readonly context: ProcessorContext,
    private readonly access: MemoryAccess,
    private readonly segments: SegmentLoader,
    private readonly privilegeChanged: () => void,
  ) {
    this.legacy = new LegacyDelivery(context, access, segments, privilegeChanged);
    this.usual = new UsualDelivery(context, access, segments, privilegeChanged);
  }

  /** Delivers a fault of an instruction; the exception bitmap may turn it into a VM exit. */
  deliverFault(fault: Fault, returnIp: bigint): DeliveryEnd {
    // Real mode has no error codes, neither on the stack nor in VM exits (SDM vol. 3, 21.1.4 and 25.8.3).
    const hasErrorCode = (this.context.state.readU32(vmcsOffsets.cr0) & 1) !== 0;
    return this.deliverChain(
      {
        vector: fault.vector,
        errorCode: hasErrorCode ? fault.errorCode : undefined,
        type: eventType.hardwareException,
        returnIp,
        address: fault.address,
        debugStatus: fault.debugStatus,
        instructionLength: 0,
      },
      true,
    );
  }

  /** Delivers a software interrupt, a trap, or what VM entry injects (which the exception bitmap does not see). */
  deliver(event: Event, mayExit: boolean): DeliveryEnd {
    return this.deliverChain(event, mayExit);
  }

  private deliverChain(first: Event, mayExit: boolean): DeliveryEnd {
    let event = first;
    let isFirst = true;
    // An exit during delivery has vectoring information, which leaves the bit about NMIs undefined (SDM vol. 3, 28.2.3).
    const hasLetNmisIn = this.context.takeNmisLetIn();
    const { answers } = this.access;
    // What VM entry injects may be delivered once more, with what devices have answered to it.
    if (mayExit) answers.forget();
    else answers.begin();
    for (;;) {
      if ((mayExit || !isFirst) && isException(event) && exceptionExits(this.context, event)) {
        this.exceptionExit(event, isFirst ? undefined : first);
        if (isFirst && hasLetNmisIn) tellNmisLetIn(this.context);
        return { kind: 'exit' };
      }
      const attempt = this.attempt(event);
      if (attempt === 'delivered' || typeof attempt === 'object') answers.forget();
      if (attempt === 'delivered') return { kind: 'delivered', event };
      if (attempt === 'exit') {
        this.recordVectoring(event);
        this.recordLength(event);
        return { kind: 'exit' };
      }
      if (attempt === 'exhausted') return { kind: 'exhausted' };
      const next = combine(event, attempt);
      if (next === undefined) {
        causeExit(this.context, exitReason.TRIPLE_FAULT);
        return { kind: 'exit' };
      }
      // RIP is still that of the instruction, also where a trap would have returned behind it.
      event = {
        vector: next.vector,
        errorCode: next.errorCode,
        type: eventType.hardwareException,
        returnIp: this.context.state.rip,
        address: next.address,
        debugStatus: next.debugStatus,
        instructionLength: 0,
      };
      isFirst = false;
    }
  }

  /** Exit reason 0 (SDM vol. 3, 28.2.2); CR2 keeps its value, the qualification has the address. */
  private exceptionExit(event: Event, vectoring: Event | undefined): void {
    const hasErrorCode = event.errorCode !== undefined;
    causeExit(this.context, exitReason.EXCEPTION_NMI, {
      qualification: event.address ?? event.debugStatus ?? 0n,
      instructionLength: event.instructionLength || (vectoring?.instructionLength ?? 0),
      interruptionInformation: eventInformation(event.type, event.vector, hasErrorCode),
      errorCode: event.errorCode ?? 0,
    });
    // An exit by a double fault does not count as one during delivery (SDM vol. 3, 28.2.4).
    if (vectoring !== undefined && event.vector !== vector.DF) this.recordVectoring(vectoring);
  }

  /** The event that was being delivered when the exit happened (SDM vol. 3, 28.2.4). */
  private recordVectoring(event: Event): void {
    const { state } = this.context;
    const information = eventInformation(event.type, event.vector, event.errorCode !== undefined);
    state.writeU64(vmcsOffsets.idtVectoringInformation, BigInt(information));
    state.writeU64(vmcsOffsets.idtVectoringErrorCode, BigInt(event.errorCode ?? 0));
  }

  /** Exits during the delivery of software interrupts tell the instruction's length (SDM vol. 3, 28.2.5). */
  private recordLength(event: Event): void {
    const { state } = this.context;
    state.writeU64(vmcsOffsets.exitInstructionLength, BigInt(event.instructionLength));
  }

  private attempt(event: Event): Attempt {
    if (this.usual.deliver(event)) return 'delivered';
    const { state } = this.context;
    if (event.address !== undefined) state.writeU64(stateOffsets.cr2, event.address);
    if (event.debugStatus !== undefined) {
      state.writeU64(debugStatusOffset, state.readU64(debugStatusOffset) | event.debugStatus);
      const control = state.readU64(vmcsOffsets.dr7);
      state.writeU64(vmcsOffsets.dr7, control & ~generalDetect);
    }
    if ((state.readU32(vmcsOffsets.cr0) & 1) === 0) return this.legacy.deliverReal(event);
    if (!this.context.isLongMode) return this.legacy.deliverProtected(event);
    const gate = this.readGate(event);
    if ('stop' in gate) return gate.stop;
    const external = isSoftware(event) ? 0 : 1;
    const code = this.readCode(gate, external);
    if ('stop' in code) return code.stop;
    const stack = this.stackPointer(gate, code.cpl, external);
    if (typeof stack === 'object') return stack.stop;
    if (!this.context.isCanonical(gate.offset)) return generalProtection(external);
    const pushed = this.push(event, stack, code.cpl);
    if (pushed !== 'delivered') return pushed;
    if (code.cpl !== this.context.cpl) this.segments.loadNullStack(code.cpl);
    this.segments.load(segmentOffsets.CS, (gate.selector & 0xfffc) | code.cpl, code.descriptor);
    state.rip = gate.offset;
    const cleared = flagTrap | flagNestedTask | flagResume | flagVirtual8086;
    const alsoCleared = gate.isInterruptGate ? flagInterrupt : 0;
    state.rflags = state.rflags & ~(cleared | alsoCleared);
    if (event.type === eventType.nmi) {
      const blocking = state.readU64(vmcsOffsets.interruptibility);
      state.writeU64(vmcsOffsets.interruptibility, blocking | blockingByNmi);
    }
    this.privilegeChanged();
    return 'delivered';
  }

  private readGate(event: Event): Step<Gate> {
    const { state } = this.context;
    const offset = event.vector * 16;
    const external = isSoftware(event) ? 0 : 1;
    const fault = generalProtection(event.vector * 8 + 2 + external);
    if (offset + 15 > state.readU32(vmcsOffsets.idtrLimit)) return { stop: fault };
    const data = this.access.readSystem(state.readU64(vmcsOffsets.idtrBase) + BigInt(offset), 16);
    if (typeof data === 'string') return { stop: this.endOf(data) };
    const view = new DataView(data.buffer);
    const high = view.getUint32(4, true);
    const type = (high >>> 8) & 0x1f;
    if (type !== 0x0e && type !== 0x0f) return { stop: fault };
    if (isSoftware(event) && ((high >>> 13) & 3) < this.context.cpl) return { stop: fault };
    if ((high & 0x8000) === 0) {
      return { stop: { vector: vector.NP, errorCode: event.vector * 8 + 2 + external } };
    }
    const low = view.getUint32(0, true);
    const middle = (low & 0xffff) | (high & 0xffff0000);
    return {
      selector: low >>> 16,
      offset: (BigInt(view.getUint32(8, true)) << 32n) | BigInt(middle >>> 0),
      stackTable: high & 7,
      isInterruptGate: type === 0x0e,
    };
  }

  /** Checks the handler's code segment and says at which privilege level it runs. */
  private readCode(
    gate: Gate,
    external: number,
  ): Step<{ readonly cpl: number; readonly descriptor: Descriptor }> {
    if ((gate.selector & 0xfffc) === 0) return { stop: generalProtection(external) };
    const load = this.segments.readDescriptor(gate.selector, 8, external);
    if (load.kind === 'fault') return { stop: load.fault };
    if (load.kind === 'left') return { stop: load.end };
    const { descriptor } = load;
    const type = typeOf(descriptor);
    const isCode = (type & 0x18) === 0x18;
    const isConforming = (type & 4) !== 0;
    const privilege = privilegeOf(descriptor);
    const isLong = (descriptor.high & 0x600000) === 0x200000;
    if (!isCode || privilege > this.context.cpl || !isLong) {
      return { stop: generalProtection((gate.selector & 0xfffc) | external) };
    }
    if (!isPresent(descriptor)) return { stop: notPresent(gate.selector, external) };
    return { cpl: isConforming ? this.context.cpl : privilege, descriptor };
  }

  /** The stack of the handler: IST, RSP of the new privilege level, or the present one; aligned to 16. */
  private stackPointer(gate: Gate, cpl: number, external: number): Step<bigint> {
    const { state } = this.context;
    const isInward = cpl < this.context.cpl;
    if (gate.stackTable === 0 && !isInward) return state.gpr(4) & ~15n;
    const offset = gate.stackTable === 0 ? 4 + cpl * 8 : 0x24 + (gate.stackTable - 1) * 8;
    if (offset + 7 > state.readU32(segmentOffsets.TR.limit)) {
      const selector = state.readU32(segmentOffsets.TR.selector) & 0xfffc;
      return { stop: { vector: vector.TS, errorCode: selector | external } };
    }
    const base = state.readU64(segmentOffsets.TR.base);
    const data = this.access.readSystem(base + BigInt(offset), 8);
    if (typeof data === 'string') return { stop: this.endOf(data) };
    const pointer = new DataView(data.buffer).getBigUint64(0, true);
    if (!this.context.isCanonical(pointer)) {
      return { stop: { vector: vector.SS, errorCode: external } };
    }
    return pointer & ~15n;
  }

  private push(event: Event, top: bigint, cpl: number): Attempt {
    const { state } = this.context;
    const frame = [
      state.readU64(segmentOffsets.SS.selector),
      state.gpr(4),
      BigInt(savedFlags(event, state.rflags) >>> 0),
      state.readU64(segmentOffsets.CS.selector),
      event.returnIp,
    ];
    if (event.errorCode !== undefined) frame.push(BigInt(event.errorCode));
    const data = new Uint8Array(frame.length * 8);
    const view = new DataView(data.buffer);
    frame.forEach((value, index) => {
      view.setBigUint64((frame.length - 1 - index) * 8, BigInt.asUintN(64, value), true);
    });
    const bottom = BigInt.asUintN(64, top - BigInt(data.length));
    const end = this.access.writeSystem(bottom, data, pushes[8], cpl === 3);
    if (end !== 'done') return this.stackEndOf(end);
    state.setGpr(4, bottom);
    return 'delivered';
  }

  private endOf(end: Exclude<SystemAccess, 'done'>): Attempt {
    return end === 'fault' ? this.access.fault : end;
  }

  /** A stack that is not canonical faults with #SS (SDM vol. 3, 6.14.2). */
  private stackEndOf(end: Exclude<SystemAccess, 'done'>): Attempt {
    const attempt = this.endOf(end);
    if (typeof attempt === 'object' && attempt.vector === vector.GP) {
      return { vector: vector.SS, errorCode: 0 };
    }
    return attempt;
  }
}

function isException(event: Event): boolean {
  return (
    event.type === eventType.hardwareException ||
    event.type === eventType.softwareException ||
    event.type === eventType.privilegedSoftwareException
  );
}

const contributory: ReadonlySet<number> = new Set([
  vector.DE,
  vector.TS,
  vector.NP,
  vector.SS,
  vector.GP,
]);

/** What a fault during delivery becomes (SDM vol. 3, table 6-5); undefined means shutdown. */
function combine(first: Event, second: Fault): Fault | undefined {
  if (first.vector === vector.DF && isException(first)) return undefined;
  const isBenign = !isException(first);
  const firstIsFault = first.vector === vector.PF;
  const secondCounts = contributory.has(second.vector);
  const doubles =
    !isBenign &&
    ((contributory.has(first.vector) && secondCounts) ||
      (firstIsFault && (secondCounts || second.vector === vector.PF)));
  return doubles ? { vector: vector.DF, errorCode: 0 } : second;
}
