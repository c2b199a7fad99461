/** The FPU environment in memory: four layouts, by operand size and mode (SDM vol. 1, figures 8-9 to 8-12). */

/** What FNSTENV stores; pointers are offsets, or linear addresses in real and virtual-8086 mode. */
export interface Environment {
  readonly control: number;
  readonly status: number;
  /** Two bits for each physical register. */
  readonly tags: number;
  /** 32 bits each. */
  readonly instructionPointer: number;
  readonly dataPointer: number;
  /** 11 bits. */
  readonly opcode: number;
}

/** Bytes of a field: 2 or 4, as the operand size. */
export type FieldBytes = 2 | 4;

const fields = 7;
/** Reserved halves of doublewords are stored as ones. */
const reserved = 0xffff0000;
const opcodeMask = 0x7ff;

export function environmentBytes(size: FieldBytes): number {
  return fields * size;
}

export function packEnvironment(
  environment: Environment,
  size: FieldBytes,
  isProtected: boolean,
): Uint8Array {
  const { control, status, tags } = environment;
  const bytes = new Uint8Array(environmentBytes(size));
  const view = new DataView(bytes.buffer);
  const pointers = isProtected
    ? protectedPointers(environment, size)
    : realPointers(environment, size);
  [control, status, tags, ...pointers].forEach((value, index) => {
    if (size === 2) view.setUint16(index * 2, value & 0xffff, true);
    else view.setUint32(index * 4, index < 3 ? value | reserved : value, true);
  });
  return bytes;
}

/** Selectors are stored as 0: the processor keeps none. */
function protectedPointers(environment: Environment, size: FieldBytes): readonly number[] {
  const { instructionPointer, dataPointer, opcode } = environment;
  if (size === 2) return [instructionPointer, 0, dataPointer, 0];
  return [instructionPointer, opcode << 16, dataPointer, reserved];
}

/** The upper part of a linear address begins at bit 12 of its field. */
function realPointers(environment: Environment, size: FieldBytes): readonly number[] {
  const { instructionPointer, dataPointer, opcode } = environment;
  const low = (pointer: number): number => (pointer & 0xffff) | (size === 4 ? reserved : 0);
  const high = (pointer: number): number => (pointer >>> 16) << 12;
  return [
    low(instructionPointer),
    high(instructionPointer) | opcode,
    low(dataPointer),
    high(dataPointer),
  ];
}

export function unpackEnvironment(
  bytes: Uint8Array,
  size: FieldBytes,
  isProtected: boolean,
): Environment {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (index: number): number => view.getUint16(index * size, true);
  const field = (index: number): number =>
    size === 2 ? word(index) : view.getUint32(index * 4, true);
  const pointer = (index: number): number =>
    isProtected ? field(index) : (word(index) | ((field(index + 1) >>> 12) << 16)) >>> 0;
  const protectedOpcode = size === 4 ? field(4) >>> 16 : 0;
  return {
    control: word(0),
    status: word(1),
    tags: word(2),
    instructionPointer: pointer(3),
    dataPointer: pointer(5),
    opcode: (isProtected ? protectedOpcode : word(4)) & opcodeMask,
  };
}
