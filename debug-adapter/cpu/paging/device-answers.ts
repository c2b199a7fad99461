/**
 * What devices have answered to the accesses of the instruction at RIP, or of the event whose delivery begins again: an
 * access without an answer is a VM exit that asks for it (decision 12).
 */
import { answersMost, stateOffsets } from '../../machine/processor-state';
import { assert } from '../../support/assert';
import type { ProcessorContext } from '../processor-context';
import { causeExit, exitReason } from '../vmx/vm-exits';
import { everyElement, type BlockShape } from './block-shape';

/** Part of an access, or of a block, that lies in a page which is not RAM. */
export interface DevicePart {
  readonly gpa: number;
  readonly linear: bigint;
  /** Offset in the whole. */
  readonly from: number;
  readonly length: number;
}

/** A device answers at most eight bytes at once. */
const widest = 8;

/** Read or write, and a valid linear address that was translated (SDM vol. 3, table 28-7). */
const deviceRead = 0x181n;
const deviceWrite = 0x182n;

const wordView = new DataView(new ArrayBuffer(8));

export class DeviceAnswers {
  private used = 0;

  constructor(private readonly context: ProcessorContext) {}

  /** They are taken from the first one on. */
  begin(): void {
    this.used = 0;
  }

  /** The instruction is over, and the delivery of its fault or trap has asked nobody yet. */
  forget(): void {
    this.used = 0;
    this.context.state.forgetAnswers();
  }

  /** One more answer, for the access that has exited. */
  add(value: bigint): void {
    const { state } = this.context;
    const count = state.readU32(stateOffsets.answerCount);
    assert(count < answersMost, 'an instruction makes no more accesses to devices');
    state.writeU64(stateOffsets.answers + count * 8, value);
    state.writeU32(stateOffsets.answerCount, count + 1);
  }

  next(): bigint | undefined {
    const { state } = this.context;
    if (this.used >= state.readU32(stateOffsets.answerCount)) return undefined;
    return state.readU64(stateOffsets.answers + 8 * this.used++);
  }

  /** Reads a part into `target` from `to` on; false where the instruction leaves to ask the device. */
  read(part: DevicePart, target: Uint8Array, to: number): boolean {
    for (let at = 0; at < part.length; at += widest) {
      const answer = this.next();
      if (answer === undefined) return this.ask(part, at, 0n, deviceRead);
      wordView.setBigUint64(0, answer, true);
      const count = Math.min(part.length - at, widest);
      for (let index = 0; index < count; index++)
        target[to + at + index] = wordView.getUint8(index);
    }
    return true;
  }

  /** The device's acknowledgement is its answer; without one the instruction leaves with the value to write. */
  write(part: DevicePart, source: Uint8Array, from: number): boolean {
    for (let at = 0; at < part.length; at += widest) {
      if (this.next() !== undefined) continue;
      wordView.setBigUint64(0, 0n, true);
      const count = Math.min(part.length - at, widest);
      for (let index = 0; index < count; index++) {
        wordView.setUint8(index, source[from + at + index] ?? 0);
      }
      return this.ask(part, at, wordView.getBigUint64(0, true), deviceWrite);
    }
    return true;
  }

  /** The parts of a block that devices have, in the block's order. */
  readBlock(parts: readonly DevicePart[], data: Uint8Array, shape: BlockShape): boolean {
    return everyPart(parts, data.length, shape, (part) => this.read(part, data, part.from));
  }

  writeBlock(parts: readonly DevicePart[], data: Uint8Array, shape: BlockShape): boolean {
    return everyPart(parts, data.length, shape, (part) => this.write(part, data, part.from));
  }

  /** The VM exit that asks a device, with what the access is about. */
  private ask(part: DevicePart, at: number, value: bigint, qualification: bigint): false {
    const { context } = this;
    const { state } = context;
    state.writeU64(stateOffsets.accessValue, value);
    state.writeU32(stateOffsets.accessBytes, Math.min(part.length - at, widest));
    causeExit(context, exitReason.EPT_VIOLATION, {
      qualification,
      guestPhysicalAddress: BigInt(part.gpa + at),
      guestLinearAddress: part.linear + BigInt(at),
    });
    return false;
  }
}

/** An element that crosses from one part into another is an access to each, the lower one first. */
function everyPart(
  parts: readonly DevicePart[],
  length: number,
  shape: BlockShape,
  access: (part: DevicePart) => boolean,
): boolean {
  return everyElement(shape, length, (from, bytes) =>
    parts.every((part) => {
      const first = Math.max(from, part.from);
      const end = Math.min(from + bytes, part.from + part.length);
      if (first >= end) return true;
      const skipped = first - part.from;
      return access({
        gpa: part.gpa + skipped,
        linear: part.linear + BigInt(skipped),
        from: first,
        length: end - first,
      });
    }),
  );
}
