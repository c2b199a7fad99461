/**
 * Where accesses go that cannot use a frame directly: those that cross a page or ask a device, and writes to frames
 * from which something was derived.
 */
import { present } from '../../support/assert';
import { runOffsets } from '../memory-map';
import { RoutineEnd, type ProcessorContext } from '../processor-context';
import type { DeviceAnswers, DevicePart } from './device-answers';

const slots = 4;
const slotBytes = 16;

/** Part of an access that lies in a frame. */
export interface FramePart {
  readonly frame: number;
  /** Its address in the space. */
  readonly target: number;
  /** Offset in the whole. */
  readonly from: number;
  readonly length: number;
}

/** The parts of an access: one, or two where it crosses a page. */
export type AccessParts = readonly (FramePart | DevicePart)[];

/** What a slot's write is about: bytes of one frame, as mostly, or parts. */
class StagedWrite {
  frame = 0;
  target = 0;
  length = 0;
  parts: AccessParts | undefined;
}

export class ScratchBuffers {
  private readonly staged = Array.from({ length: slots }, () => new StagedWrite());
  private nextSlot = 0;

  constructor(
    private readonly context: ProcessorContext,
    private readonly answers: DeviceAnswers,
  ) {}

  /** Address of the first slot, which is no address in a frame. */
  get address(): number {
    return this.slotAddress(0);
  }

  /** Address of a copy of bytes that lie in a frame. */
  copy(from: number, bytes: number): number {
    const scratch = this.context.vpBase + runOffsets.readScratch;
    copyShort(this.context.bytes, scratch, from, bytes);
    return scratch;
  }

  /** Address of what is read in parts, or 0 where the instruction leaves. A probe does not ask devices. */
  read(parts: AccessParts, isProbe: boolean): number {
    const scratch = this.context.vpBase + runOffsets.readScratch;
    return this.gather(parts, scratch, !isProbe) ? scratch : 0;
  }

  /** A slot with the present bytes of a frame; {@link commit} carries what is written there to its place. */
  stageInFrame(frame: number, target: number, length: number): number {
    const index = this.takeSlot();
    const write = this.stagedAt(index);
    write.frame = frame;
    write.target = target;
    write.length = length;
    write.parts = undefined;
    const slot = this.slotAddress(index);
    copyShort(this.context.bytes, slot, target, length);
    return slot;
  }

  /** The same of a write in parts; 0 where the instruction leaves, since it also reads. */
  stage(parts: AccessParts, isModify: boolean): number {
    const index = this.takeSlot();
    this.stagedAt(index).parts = parts;
    const slot = this.slotAddress(index);
    return this.gather(parts, slot, isModify) ? slot : 0;
  }

  /** Makes a staged write happen, once every device has acknowledged its part. @returns how generated code goes on */
  commit(host: number): number {
    const { frame, target, length, parts } = this.stagedAt((host - this.address) / slotBytes);
    if (parts !== undefined) return this.commitParts(host, parts);
    this.context.memory.markWritten(frame, target & 0xfff, length);
    copyShort(this.context.bytes, target, host, length);
    return 0;
  }

  private commitParts(host: number, parts: AccessParts): number {
    const { memory, bytes } = this.context;
    for (const part of parts) {
      if (!('gpa' in part)) continue;
      if (!this.answers.write(part, bytes, host + part.from)) return RoutineEnd.leave;
    }
    for (const part of parts) {
      if ('gpa' in part) continue;
      memory.markWritten(part.frame, part.target & 0xfff, part.length);
      copyShort(bytes, part.target, host + part.from, part.length);
    }
    return 0;
  }

  private takeSlot(): number {
    const index = this.nextSlot;
    this.nextSlot = (index + 1) % slots;
    return index;
  }

  private stagedAt(index: number): StagedWrite {
    return present(this.staged[index], 'staged write');
  }

  private slotAddress(index: number): number {
    return this.context.vpBase + runOffsets.writeScratch + index * slotBytes;
  }

  /** Puts the present bytes of an access together; false where the instruction leaves to ask a device. */
  private gather(parts: AccessParts, to: number, asksDevices: boolean): boolean {
    for (const part of parts) {
      if (!('gpa' in part)) {
        copyShort(this.context.bytes, to + part.from, part.target, part.length);
      } else if (asksDevices && !this.answers.read(part, this.context.bytes, to + part.from)) {
        return false;
      }
    }
    return true;
  }
}

/** Copies up to 16 bytes, for which the engine's own way takes longer than the copy. */
function copyShort(bytes: Uint8Array, to: number, from: number, length: number): void {
  for (let at = 0; at < length; at++) bytes[to + at] = bytes[from + at] ?? 0;
}
