/** Linux kernels by the 64-bit boot protocol: what is where at entry, and what is refused (boot.rst). */
import assert from 'node:assert/strict';
import { nodeDecompressor } from '../../../../debug-adapter/host/node-decompressor';
import { GuestMemory } from '../../../../debug-adapter/machine/guest-memory';
import { bootParams, e820Entry, LinuxBoot } from '../../../../debug-adapter/spec/linux-boot';
import { readField } from '../../../../debug-adapter/support/struct-layout';
import { UserError } from '../../../../debug-adapter/support/user-error';
import { placePieces, type BootPlan } from '../../../../debug-adapter/system/boot/boot-plan';
import { planLinuxKernel } from '../../../../debug-adapter/system/boot/linux-kernel';
import type { GuestConfiguration } from '../../../../debug-adapter/system/machine-configuration';
import { cpioArchive, file as cpioFile } from '../../../../scripts/guest-debian/cpio.mjs';
import { bzImage, elfImage } from '../../../support/boot-images';

const services = {
  decompressor: undefined,
  acpiRootPointer: { gpa: 0xe0000, bytes: new Uint8Array(36) },
};
const page = 4096;
const mebibyte = 1024 * 1024;
const kernelAt = 0x1000000;
const startInfo = 0x2000;

const vmlinux = elfImage(64, kernelAt + 2, [
  { gpa: kernelAt, bytes: Uint8Array.of(0x90, 0x90, 0xf4), memoryBytes: 0x300000 },
]);

function guest(bytes: Uint8Array, more: Partial<GuestConfiguration> = {}): GuestConfiguration {
  const image = { path: 'vmlinuz', bytes };
  return { name: 'k', memoryBytes: 64 * mebibyte, image, commandLine: '', ...more };
}

const file = (bytes: Uint8Array): { readonly path: string; readonly bytes: Uint8Array } => ({
  path: 'initrd.img',
  bytes,
});

const word = (value: number): readonly number[] =>
  [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);

/** A legacy frame of LZ4 whose blocks have literals only. */
function storedLz4(bytes: Uint8Array, blockBytes: number): readonly number[] {
  const file: number[] = [...word(0x184c2102)];
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const literals = bytes.subarray(at, at + blockBytes);
    const more = literals.length - 15;
    const lengths = [...Array<number>(Math.floor(more / 255)).fill(255), more % 255];
    const block = [0xf0, ...lengths, ...literals];
    file.push(...word(block.length), ...block);
  }
  return file;
}

/** The piece that covers an address. */
function bytesAt(plan: BootPlan, gpa: number): Uint8Array {
  const piece = plan.pieces.find((each) => gpa >= each.gpa && gpa < each.gpa + each.bytes.length);
  assert(piece !== undefined, `something lies at 0x${gpa.toString(16)}`);
  return piece.bytes.subarray(gpa - piece.gpa);
}

const parameter = (plan: BootPlan, name: string): number =>
  Number(readField(bootParams, bytesAt(plan, startInfo), name));

const refused: readonly (readonly [string, GuestConfiguration])[] = [
  ['image-truncated', guest(bzImage({}).subarray(0, 0x300))],
  ['image-truncated', guest(bzImage({}).subarray(0, -1))],
  ['image-no-64-bit-entry', guest(bzImage({ header: { version: 0x20b } }))],
  ['image-no-64-bit-entry', guest(bzImage({ header: { xloadflags: 0 } }))],
  ['image-no-64-bit-entry', guest(bzImage({ header: { loadflags: 0 } }))],
  ['image-damaged', guest(bzImage({ header: { payload_offset: 0xffffff } }))],
  ['image-compression', guest(bzImage({ payload: Uint8Array.of(0x42, 0x5a, 0x68, 0x39) }))],
  ['image-compression', guest(bzImage({ payload: Uint8Array.of(0, 1, 2, 3) }))],
  ['image-segment-outside', guest(vmlinux, { memoryBytes: 16 * mebibyte })],
  ['image-segment-outside', guest(bzImage({}), { memoryBytes: 16 * mebibyte, unpack: 'guest' })],
  ['command-line-too-long', guest(vmlinux, { commandLine: 'x'.repeat(2048) })],
  ['initrd-empty', guest(vmlinux, { initrd: file(new Uint8Array(0)) })],
  ['initrd-too-large', guest(vmlinux, { initrd: file(new Uint8Array(46 * mebibyte)) })],
];

describe('Linux kernel', () => {
  it('is entered in 64-bit mode with RSI at boot_params', () => {
    const plan = planLinuxKernel(guest(vmlinux, { commandLine: 'console=ttyS0' }), services);
    assert.equal(plan.entry.rip, kernelAt + 2);
    assert.deepEqual(plan.entry.registers, { rsi: startInfo });
    assert.equal(plan.entry.fields.GUEST_CS_SELECTOR, 0x10n);
    assert.equal(plan.entry.fields.GUEST_SS_SELECTOR, 0x18n);
    assert.deepEqual([...bytesAt(plan, kernelAt)], [0x90, 0x90, 0xf4]);
    assert.equal(parameter(plan, 'header'), LinuxBoot.headerMagic);
    assert.equal(parameter(plan, 'type_of_loader'), 0xff);
    assert.equal(parameter(plan, 'sentinel'), 0);
    const text = bytesAt(plan, parameter(plan, 'cmd_line_ptr'));
    assert.equal(Buffer.from(text).toString('latin1'), 'console=ttyS0\0');
  });

  it('finds RAM up to video memory and from 1 MiB on', () => {
    const plan = planLinuxKernel(guest(vmlinux), services);
    const entries = Array.from({ length: parameter(plan, 'e820_entries') }, (_, index) => {
      const at = startInfo + LinuxBoot.e820TableOffset + index * e820Entry.sizeBytes;
      return ['addr', 'size', 'type'].map((name) =>
        Number(readField(e820Entry, bytesAt(plan, at), name)),
      );
    });
    assert.deepEqual(entries, [
      [0, 0xa0000, 1],
      [0xc0000, 0x40000, 2],
      [0x100000, 63 * mebibyte, 1],
    ]);
  });

  it('gets its initial RAM disk at the end of RAM, on a page', () => {
    const initrd = file(new Uint8Array(cpioArchive([cpioFile('init', 'x'.repeat(4760))])));
    const plan = planLinuxKernel(guest(vmlinux, { initrd }), services);
    const gpa = parameter(plan, 'ramdisk_image');
    assert.equal(gpa, 64 * mebibyte - 8192);
    assert.equal(parameter(plan, 'ramdisk_size'), initrd.bytes.length);
    assert.deepEqual(bytesAt(plan, gpa), initrd.bytes);
  });

  it('keeps the initial RAM disk below initrd_addr_max', () => {
    const initrd = file(new Uint8Array(cpioArchive([])));
    const image = bzImage({ header: { initrd_addr_max: 0x2ffffff } });
    const plan = planLinuxKernel(guest(image, { initrd, unpack: 'guest' }), services);
    assert.equal(parameter(plan, 'ramdisk_image'), 0x2fff000);
  });

  it('that is to unpack itself stands at its 64-bit entry, with its own header', () => {
    const image = bzImage({ code: Uint8Array.of(0xf4), header: { init_size: 0x200000 } });
    const plan = planLinuxKernel(guest(image, { unpack: 'guest' }), services);
    assert.equal(plan.entry.rip, kernelAt + 0x200);
    assert.equal(bytesAt(plan, kernelAt + 0x200)[0], 0xf4);
    assert.equal(parameter(plan, 'init_size'), 0x200000);
    assert.equal(parameter(plan, 'e820_entries'), 3);
  });

  it('that is packed as LZ4 is placed block by block', () => {
    const contents = Uint8Array.from({ length: 5000 }, (_, index) => (index * 7) & 0xff);
    const kernel = elfImage(64, kernelAt, [
      { gpa: kernelAt, bytes: contents, memoryBytes: 0x300000 },
      { gpa: kernelAt + 0x300000, bytes: contents.subarray(9), memoryBytes: 0x10000 },
    ]);
    const payload = Uint8Array.from([...storedLz4(kernel, 1700), ...word(kernel.length)]);
    const memory = new GuestMemory(new Uint8Array(64 * page), 0, 64);
    memory.mapRam(0, 0x10000);
    const packed = guest(bzImage({ payload }));
    const plan = planLinuxKernel(packed, { ...services, decompressor: nodeDecompressor });
    placePieces(plan, memory);
    assert.equal(plan.entry.rip, kernelAt);
    assert.deepEqual(memory.read(kernelAt, contents.length), contents);
    assert.deepEqual(memory.read(kernelAt + 0x300000, 4991), contents.subarray(9));
    const damaged = guest(bzImage({ payload: payload.with(payload.length - 3, 0xff) }));
    const late = planLinuxKernel(damaged, { ...services, decompressor: nodeDecompressor });
    assert.throws(() => placePieces(late, memory), UserError, 'its size is known at its end');
  });

  it('that is not compressed within its bzImage is loaded as it is', () => {
    const plan = planLinuxKernel(guest(bzImage({ payload: vmlinux })), services);
    assert.equal(plan.entry.rip, kernelAt + 2);
    assert.equal(parameter(plan, 'cmdline_size'), 2047);
  });

  it('is told where the ACPI tables are', () => {
    const plan = planLinuxKernel(guest(vmlinux), services);
    assert.equal(parameter(plan, 'acpi_rsdp_addr'), 0xe0000);
  });

  refused.forEach(([id, configuration], index) => {
    it(`is refused with ${id} (${index})`, () => {
      assert.throws(
        () => planLinuxKernel(configuration, services),
        (problem) => problem instanceof UserError && problem.id === id,
      );
    });
  });

  it('no single damaged byte of the header makes it throw anything but a message', () => {
    const sound = bzImage({ payload: vmlinux });
    for (let at = LinuxBoot.setupHeaderStart; at < 0x270; at++) {
      for (const value of [0, 0x7f, 0xff]) {
        const bytes = sound.slice();
        bytes[at] = value;
        for (const unpack of ['host', 'guest'] as const) {
          try {
            planLinuxKernel(guest(bytes, { unpack }), services);
          } catch (problem) {
            assert(problem instanceof UserError, `byte 0x${at.toString(16)}: ${String(problem)}`);
          }
        }
      }
    }
  });
});
