/** The x87 part of an FXSAVE image (SDM vol. 1, table 10-2): registers in stack order, abridged tags. */
import type { ProcessorContext } from '../processor-context';
import { registerStride, X87Unit, x87Offsets } from './x87-unit';

/** Bytes 0 to 23 of an image: control, status, tags, opcode and pointers, in the state's own layout. */
const headBytes = 24;
const registersAt = 32;
const registerBytes = 10;

/** Fills bytes 0 to 23 and 32 to 159 of an FXSAVE image. */
export function storeImage(context: ProcessorContext, image: Uint8Array): void {
  const unit = new X87Unit(context);
  const { bytes, vpBase } = context;
  const head = vpBase + x87Offsets.control;
  image.set(bytes.subarray(head, head + headBytes), 0);
  image.fill(0, registersAt, registersAt + 8 * registerStride);
  for (let index = 0; index < 8; index++) {
    const from = vpBase + x87Offsets.registers + ((unit.top + index) & 7) * registerStride;
    image.set(bytes.subarray(from, from + registerBytes), registersAt + index * registerStride);
  }
}

/** Loads bytes 0 to 23 and 32 to 159 of an FXSAVE image. */
export function loadImage(context: ProcessorContext, image: Uint8Array): void {
  const unit = new X87Unit(context);
  const { bytes, vpBase } = context;
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  bytes.set(image.subarray(0, headBytes), vpBase + x87Offsets.control);
  bytes[vpBase + x87Offsets.tags + 1] = 0;
  unit.control = view.getUint16(0, true);
  for (let index = 0; index < 8; index++) {
    const to = vpBase + x87Offsets.registers + ((unit.top + index) & 7) * registerStride;
    const from = registersAt + index * registerStride;
    bytes.set(image.subarray(from, from + registerBytes), to);
  }
}
