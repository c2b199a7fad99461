// Guest images made of a few instructions: the loops that are measured, and whatever else fits one segment.
import { sampleGuest } from '../../debug-adapter/spec/sample-guest';

/** One measured loop; RSI counts down from 2^64, RDI points to writable memory. */
export interface MeasuredLoop {
  readonly name: string;
  /** Machine code of the body, without the closing `dec rsi; jnz`. */
  readonly body: readonly number[];
}

export const measuredLoops: readonly MeasuredLoop[] = [
  {
    name: 'registers (add, xor, lea, dec, jnz)',
    body: [
      ...[0x48, 0x01, 0xd8], // add rax, rbx
      ...[0x48, 0x31, 0xc1], // xor rcx, rax
      ...[0x48, 0x8d, 0x54, 0x4a, 0x01], // lea rdx, [rdx + rcx*2 + 1]
    ],
  },
  {
    name: 'memory (load, add, store, load, add, dec, jnz)',
    body: [
      ...[0x48, 0x8b, 0x07], // mov rax, [rdi]
      ...[0x48, 0x83, 0xc0, 0x01], // add rax, 1
      ...[0x48, 0x89, 0x07], // mov [rdi], rax
      ...[0x48, 0x8b, 0x57, 0x40], // mov rdx, [rdi + 64]
      ...[0x48, 0x01, 0xd1], // add rcx, rdx
    ],
  },
];

const headerBytes = 64;
const programHeaderBytes = 56;

/** A static ELF64 executable whose only segment is the loop. */
export function loopImage({ body }: MeasuredLoop): Uint8Array {
  const decrement = [0x48, 0xff, 0xce];
  const back = -(body.length + decrement.length + 2);
  return codeImage(Uint8Array.of(...body, ...decrement, 0x75, back & 0xff));
}

/** A static ELF64 executable whose only segment is the code, entered at its first byte. */
export function codeImage(code: Uint8Array): Uint8Array {
  const image = new Uint8Array(headerBytes + programHeaderBytes + code.length);
  const view = new DataView(image.buffer);
  const codeAt = headerBytes + programHeaderBytes;
  image.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); // e_type: ET_EXEC
  view.setUint16(18, 62, true); // e_machine: EM_X86_64
  view.setUint32(20, 1, true); // e_version
  view.setBigUint64(24, BigInt(sampleGuest.loadGpa), true); // e_entry
  view.setBigUint64(32, BigInt(headerBytes), true); // e_phoff
  view.setUint16(52, headerBytes, true); // e_ehsize
  view.setUint16(54, programHeaderBytes, true); // e_phentsize
  view.setUint16(56, 1, true); // e_phnum
  view.setUint32(headerBytes, 1, true); // p_type: PT_LOAD
  view.setUint32(headerBytes + 4, 5, true); // p_flags: readable, executable
  view.setBigUint64(headerBytes + 8, BigInt(codeAt), true); // p_offset
  view.setBigUint64(headerBytes + 16, BigInt(sampleGuest.loadGpa), true); // p_vaddr
  view.setBigUint64(headerBytes + 24, BigInt(sampleGuest.loadGpa), true); // p_paddr
  view.setBigUint64(headerBytes + 32, BigInt(code.length), true); // p_filesz
  view.setBigUint64(headerBytes + 40, BigInt(code.length), true); // p_memsz
  view.setBigUint64(headerBytes + 48, 1n, true); // p_align
  image.set(code, codeAt);
  return image;
}
