/**
 * Where a virtual processor keeps its state: one table of offsets, shared by TypeScript and generated code.
 *
 * VMCS guest-state fields are not copied on VM entry and exit: their slot in the VMCS block *is* the processor's
 * register. The exceptions are RSP, RIP and RFLAGS, which alias the general registers, `rip` and the flag fields.
 */
import { assert, present } from '../support/assert';
import { vmcsFields, type VmcsField } from '../spec/x86/vmcs-fields';

let cursor = 0;

function reserve(bytes: number, align = 8): number {
  cursor = Math.ceil(cursor / align) * align;
  const at = cursor;
  cursor += bytes;
  return at;
}

/**
 * Accesses to devices that one instruction, or the delivery of one event, makes at most: a far call through a gate with
 * 31 parameters makes about 75, ENTER with 31 levels 63.
 */
export const answersMost = 96;

/** Offsets of architectural state, in bytes from `vpBase`. All of it is saved and hashed. */
export const stateOffsets = {
  /** Sixteen general registers, in encoding order (RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8…R15). */
  gpr: reserve(16 * 8),
  /** Always zero: the base or index "register" of an address that has none. */
  zero: reserve(8),
  rip: reserve(8),
  /** Sign-extended result of the last flag-setting operation; ZF, SF and PF are read from it. */
  flagResult: reserve(8),
  /** Bit 31 carry out, bit 30 carry into the sign, bit 3 auxiliary carry, bit 0 SF delta, bits 15:8 PF delta. */
  flagCarries: reserve(4, 4),
  /** RFLAGS without CF, PF, AF, ZF, SF and OF. */
  flagsSystem: reserve(4, 4),
  cr2: reserve(8),
  cr8: reserve(8),
  dr: reserve(8 * 8),
  /** MSRs that the processor itself reads; indices in {@link msrSlots}. */
  msr: reserve(32 * 8),
  xcr0: reserve(8),
  /** x87 and SSE state in FXSAVE layout, and the upper halves of YMM0-15. */
  fxsave: reserve(512, 16),
  ymmHigh: reserve(16 * 16, 16),
  /** One 8-byte slot for each field of `spec/x86/vmcs-fields.ts`, in its order. */
  vmcs: reserve(vmcsFields.length * 8, 64),
  /** Instructions retired since reset. */
  retired: reserve(8),
  /** TSC value at the time the lane's clock was zero, minus that clock; the clock itself is the lane's. */
  tscOffset: reserve(8),
  /** Set while a VM exit waits for the hypervisor; cleared by VM entry. */
  exitPending: reserve(4, 4),
  /** Answers of devices to accesses of the instruction at RIP, consumed in order when it runs again. */
  answerCount: reserve(4, 4),
  answers: reserve(answersMost * 8),
  /**
   * What the access that exited writes to a device, and its size in bytes: 0 where no device can answer it. Of OUTS
   * what it has read.
   */
  accessValue: reserve(8),
  accessBytes: reserve(4, 4),
  /** Memory-type range registers, in the order of `hypervisor/memory-type-msrs.ts`. */
  memoryTypeRanges: reserve(28 * 8),
  /** State of the generator behind RDRAND and RDSEED. */
  randomState: reserve(8),
  /** Virtual time, in nanoseconds, at which the VMX-preemption timer is zero; counts while `preemptionLoaded` is set. */
  preemptionDeadline: reserve(8),
  /** When PAUSE began a loop at CPL 0, and when it was last executed; known while `pauseSeen` is set. */
  pauseFirst: reserve(8),
  pauseLast: reserve(8),
  preemptionLoaded: reserve(4, 4),
  pauseSeen: reserve(4, 4),
  /** Exit reason of a trap-like VM exit that waits for this instruction boundary: monitor trap flag, TPR; else 0. */
  boundaryExit: reserve(4, 4),
  /** Set to let the instruction at RIP run although a control makes it exit. */
  passedExit: reserve(4, 4),
  /** Window and CR8-load controls that a person has set, and those that the hypervisor's injection needs now. */
  heldControls: reserve(4, 4),
  neededControls: reserve(4, 4),
} as const;

/** Bytes of architectural state. */
export const stateBytes = Math.ceil(cursor / 64) * 64;

/** Index of an MSR in the `msr` area. */
export const msrSlots = {
  IA32_TIME_STAMP_COUNTER: 0,
  IA32_APIC_BASE: 1,
  IA32_STAR: 2,
  IA32_LSTAR: 3,
  IA32_CSTAR: 4,
  IA32_FMASK: 5,
  IA32_KERNEL_GS_BASE: 6,
  IA32_TSC_AUX: 7,
  IA32_MISC_ENABLE: 8,
  IA32_TSC_ADJUST: 10,
  IA32_XSS: 11,
  IA32_SPEC_CTRL: 12,
} as const;

const slotByEncoding = new Map(vmcsFields.map((field, index) => [field.encoding, index]));

/** Offset of a VMCS field's slot from `vpBase`. */
export function vmcsSlotOffset(encoding: number): number {
  const index = slotByEncoding.get(encoding);
  assert(index !== undefined, `no VMCS field 0x${encoding.toString(16)}`);
  return stateOffsets.vmcs + index * 8;
}

const encodingByName = new Map(vmcsFields.map((field) => [field.name, field.encoding]));

/** Encoding of a VMCS field by its SDM name. */
export function vmcsEncoding(name: string): number {
  return present(encodingByName.get(name), `VMCS field ${name}`);
}

/** Why generated code returned to its caller. */
export const StopCode = {
  /** The budget is used up. */
  budget: 0,
  /** A fault or trap is to be delivered; `runOffsets.fault…` describe it. */
  fault: 1,
  /** The instruction needs a TypeScript routine, named in `runOffsets.routine`. */
  routine: 2,
  /** A breakpoint record was reached. */
  breakpoint: 3,
  /** The decoder knows the instruction but no definition exists. */
  unimplemented: 4,
  /** The next instruction has no decoded record yet. */
  lookup: 5,
  /** An access left RAM or the second-level rights; VMCS exit information is filled. */
  vmExit: 6,
  /** No frame is left for a first touch. */
  framesExhausted: 7,
  /** The instruction at RIP has been jumped to often enough to be translated. */
  hot: 8,
} as const;

const arithmeticFlags = 0x8d5;
const u32 = 0xffffffffn;

/** Typed access to one processor's state. Cheap to make; holds no state of its own. */
export class ProcessorState {
  private readonly view: DataView;
  /** The same, to copy slots; whoever needs a value goes through the view, whatever the host's order of bytes. */
  private readonly words: Int32Array;
  /** The same, to clear slots in one store each: all bits of the number 0 are 0. */
  private readonly quads: Float64Array;

  constructor(
    readonly bytes: Uint8Array,
    readonly vpBase: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset + vpBase, stateBytes);
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset + vpBase, stateBytes / 4);
    this.quads = new Float64Array(bytes.buffer, bytes.byteOffset + vpBase, stateBytes / 8);
  }

  readU64(offset: number): bigint {
    return this.view.getBigUint64(offset, true);
  }

  writeU64(offset: number, value: bigint): void {
    this.view.setBigUint64(offset, BigInt.asUintN(64, value), true);
  }

  readU32(offset: number): number {
    return this.view.getUint32(offset, true);
  }

  writeU32(offset: number, value: number): void {
    this.view.setUint32(offset, value, true);
  }

  /** Writes a 64-bit slot whose upper half is 0. */
  writeZeroExtended(offset: number, value: number): void {
    this.view.setUint32(offset, value, true);
    this.view.setUint32(offset + 4, 0, true);
  }

  /** Makes a 64-bit slot 0. */
  clearSlot(offset: number): void {
    this.quads[offset >>> 3] = 0;
  }

  /** Adds to a 64-bit slot, modulo 2^64; `count` is below 2^32. */
  addToSlot(offset: number, count: number): void {
    const low = this.readU32(offset) + count;
    this.writeU32(offset, low);
    if (low > 0xffffffff) this.writeU32(offset + 4, this.readU32(offset + 4) + 1);
  }

  /** Copies one 64-bit slot to another. */
  copySlot(from: number, to: number): void {
    this.view.setInt32(to, this.view.getInt32(from, true), true);
    this.view.setInt32(to + 4, this.view.getInt32(from + 4, true), true);
  }

  /** Writes a 64-bit slot by its halves. */
  writeHalves(offset: number, low: number, high: number): void {
    this.view.setInt32(offset, low, true);
    this.view.setInt32(offset + 4, high, true);
  }

  /** Lower half of a 64-bit slot, as a signed integer, which bits are taken from without a floating-point number. */
  readLow(offset: number): number {
    return this.view.getInt32(offset, true);
  }

  /** Upper half of a 64-bit slot, as a signed integer. */
  readHigh(offset: number): number {
    return this.view.getInt32(offset + 4, true);
  }

  /** Low half of a general register by encoding. */
  gpr32(index: number): number {
    return this.readU32(stateOffsets.gpr + index * 8);
  }

  /** Writes a general register as a 32-bit instruction does: the upper half becomes 0. */
  setGpr32(index: number, value: number): void {
    this.writeZeroExtended(stateOffsets.gpr + index * 8, value);
  }

  /** Writes a general register as a 16-bit instruction does: the rest stays. */
  setGpr16(index: number, value: number): void {
    this.view.setUint16(stateOffsets.gpr + index * 8, value, true);
  }

  /** Copies single words: `moves` has the offset of each here, and then behind `base` in `target`, in bytes. */
  copyWords(moves: Int32Array, target: Int32Array, base: number): void {
    const { words } = this;
    for (let at = 0; at < moves.length; at += 2) {
      const from = moves[at] ?? 0;
      const to = moves[at + 1] ?? 0;
      target[(base + to) >>> 2] = words[from >>> 2] ?? 0;
    }
  }

  /** Copies 64-bit slots from `offset` on, as they stand, into the bytes of `target` from `to` on. */
  copySlots(offset: number, slots: number, target: Int32Array, to: number): void {
    const from = offset >>> 2;
    const start = to >>> 2;
    const { words } = this;
    for (let at = 0; at < slots * 2; at++) target[start + at] = words[from + at] ?? 0;
  }

  /** General register by encoding, 0 to 15. */
  gpr(index: number): bigint {
    return this.readU64(stateOffsets.gpr + index * 8);
  }

  setGpr(index: number, value: bigint): void {
    this.writeU64(stateOffsets.gpr + index * 8, value);
  }

  get rip(): bigint {
    return this.readU64(stateOffsets.rip);
  }

  set rip(value: bigint) {
    this.writeU64(stateOffsets.rip, value);
  }

  /** Another instruction is next, or an event: what devices have answered to the one at RIP is not for it. */
  forgetAnswers(): void {
    this.writeU32(stateOffsets.answerCount, 0);
  }

  /** RFLAGS composed from the lazy fields (SDM vol. 1, 3.4.3). */
  get rflags(): number {
    const low = this.view.getInt32(stateOffsets.flagResult, true);
    const high = this.view.getInt32(stateOffsets.flagResult + 4, true);
    const carries = this.readU32(stateOffsets.flagCarries);
    let parity = (low ^ (carries >>> 8)) & 0xff;
    parity ^= parity >>> 4;
    parity ^= parity >>> 2;
    parity ^= parity >>> 1;
    const carry = carries >>> 31;
    const auxiliary = (carries >>> 3) & 1;
    const sign = (high >>> 31) ^ (carries & 1);
    const overflow = (carry ^ (carries >>> 30)) & 1;
    return (
      this.readU32(stateOffsets.flagsSystem) |
      carry |
      ((~parity & 1) << 2) |
      (auxiliary << 4) |
      (((low | high) === 0 ? 1 : 0) << 6) |
      (sign << 7) |
      (overflow << 11)
    );
  }

  set rflags(value: number) {
    const carry = value & 1;
    const zero = (value >>> 6) & 1;
    const sign = (value >>> 7) & 1;
    // Result is 0 (ZF=1) or 1 (ZF=0); the deltas make up for SF and PF. Parity of 0 is even, of 1 odd.
    const parityOfResult = zero;
    const parityDelta = ((value >>> 2) & 1) ^ parityOfResult;
    const carryIntoSign = carry ^ ((value >>> 11) & 1);
    this.writeZeroExtended(stateOffsets.flagResult, 1 - zero);
    this.writeU32(
      stateOffsets.flagCarries,
      ((carry << 31) |
        (carryIntoSign << 30) |
        (((value >>> 4) & 1) << 3) |
        (parityDelta << 8) |
        sign) >>>
        0,
    );
    this.writeU32(stateOffsets.flagsSystem, ((value & ~arithmeticFlags) | 2) >>> 0);
  }

  /** Value of a VMCS field by encoding, zero-extended. */
  vmcs(encoding: number): bigint {
    switch (encoding) {
      case 0x681c:
        return this.gpr(4);
      case 0x681e:
        return this.rip;
      case 0x6820:
        return BigInt(this.rflags >>> 0);
      default:
        return this.readU64(vmcsSlotOffset(encoding));
    }
  }

  /** Writes a VMCS field by encoding, truncated to the field's width. */
  setVmcs(encoding: number, value: bigint): void {
    switch (encoding) {
      case 0x681c:
        return this.setGpr(4, value);
      case 0x681e:
        this.rip = value;
        return;
      case 0x6820:
        this.rflags = Number(value & u32);
        return;
      default:
        this.writeU64(vmcsSlotOffset(encoding), BigInt.asUintN(vmcsWidthBits(encoding), value));
    }
  }

  /** An MSR that the processor keeps itself. */
  msr(slot: keyof typeof msrSlots): bigint {
    return this.readU64(stateOffsets.msr + msrSlots[slot] * 8);
  }

  setMsr(slot: keyof typeof msrSlots, value: bigint): void {
    this.writeU64(stateOffsets.msr + msrSlots[slot] * 8, value);
  }

  /** The architectural bytes, for saving and hashing; a view, not a copy. */
  get architecturalBytes(): Uint8Array {
    return this.bytes.subarray(this.vpBase, this.vpBase + stateBytes);
  }
}

/** Width of a VMCS field in bits, from its encoding (SDM vol. 3, 25.11.2). */
export function vmcsWidthBits(encoding: number): 16 | 32 | 64 {
  switch ((encoding >>> 13) & 3) {
    case 0:
      return 16;
    case 2:
      return 32;
    default:
      return 64;
  }
}

/** The table row of a VMCS field. */
export function vmcsField(encoding: number): VmcsField {
  return present(vmcsFields[slotByEncoding.get(encoding) ?? -1], `VMCS field ${encoding}`);
}
