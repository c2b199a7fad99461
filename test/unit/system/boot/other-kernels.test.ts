/** PVH, multiboot and flat guests: recognized by content, entered as their protocols say, refused with a reason. */
import assert from 'node:assert/strict';
import { webAssemblyCodeHost } from '../../../../debug-adapter/host/web-assembly-code-space';
import {
  Multiboot,
  Multiboot2,
  multibootInfo,
  multibootMemoryMapEntry,
  multibootModule,
} from '../../../../debug-adapter/spec/multiboot';
import {
  hvmMemmapTableEntry,
  hvmModlistEntry,
  hvmStartInfo,
} from '../../../../debug-adapter/spec/pvh';
import { readField } from '../../../../debug-adapter/support/struct-layout';
import { UserError } from '../../../../debug-adapter/support/user-error';
import type { BootPlan } from '../../../../debug-adapter/system/boot/boot-plan';
import { formatOf } from '../../../../debug-adapter/system/boot/guest-format';
import { planGuest } from '../../../../debug-adapter/system/boot/load-guest';
import {
  configureSingleGuest,
  type GuestConfiguration,
} from '../../../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../../../debug-adapter/system/physical-machine';
import { bzImage, elfImage } from '../../../support/boot-images';

const mebibyte = 1024 * 1024;
const loadAt = 0x400000;
const code = Uint8Array.of(0x90, 0xf4);

const words = (...values: readonly number[]): Uint8Array =>
  new Uint8Array(Uint32Array.from(values).buffer);
const joined = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

function guest(bytes: Uint8Array, more: Partial<GuestConfiguration> = {}): GuestConfiguration {
  const image = { path: 'guest.img', bytes };
  return { name: 'g', memoryBytes: 64 * mebibyte, image, commandLine: 'a=1', ...more };
}

const planOf = (configuration: GuestConfiguration): BootPlan =>
  planGuest(configuration, formatOf(configuration), undefined);

function bytesAt(plan: BootPlan, gpa: number): Uint8Array {
  const piece = plan.pieces.find((each) => gpa >= each.gpa && gpa < each.gpa + each.bytes.length);
  assert(piece !== undefined, `something lies at 0x${gpa.toString(16)}`);
  return piece.bytes.subarray(gpa - piece.gpa);
}

const textAt = (plan: BootPlan, gpa: number): string => {
  const bytes = bytesAt(plan, gpa);
  return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString('latin1');
};

const pvhNote = { name: 'Xen', type: 18, descriptor: words(loadAt, 0) };
const linuxNote = { name: 'Linux', type: 256, descriptor: words(0) };
const pvhKernel = elfImage(64, 0x1000, [{ gpa: loadAt, bytes: code }], [pvhNote]);

const header1 = words(Multiboot.headerMagic, 3, -(Multiboot.headerMagic + 3));
const multiboot1 = elfImage(32, loadAt + 12, [{ gpa: loadAt, bytes: joined(header1, code) }]);

function header2(...tags: readonly Uint8Array[]): Uint8Array {
  const all = joined(...tags, words(0, 8));
  const length = 16 + all.length;
  const sum = Multiboot2.headerMagic + length;
  return joined(words(Multiboot2.headerMagic, 0, length, -sum), all);
}
const multiboot2 = elfImage(64, loadAt + 24, [{ gpa: loadAt, bytes: joined(header2(), code) }]);
/** Address tag and entry address tag: the file needs no ELF header. */
const rawMultiboot2 = joined(
  header2(words(2, 24, loadAt, loadAt, 0, loadAt + 0x2000), words(3, 12, loadAt + 64, 0)),
  new Uint8Array(64),
  code,
);

const formats: readonly (readonly [string, Uint8Array])[] = [
  ['linux', bzImage({})],
  ['linux', elfImage(64, loadAt, [{ gpa: loadAt, bytes: code }], [linuxNote, pvhNote])],
  ['pvh', pvhKernel],
  ['multiboot', multiboot1],
  ['multiboot', multiboot2],
  ['multiboot', rawMultiboot2],
  ['sample-guest', elfImage(64, loadAt, [{ gpa: loadAt, bytes: code }])],
  ['sample-guest', code],
];

const refused: readonly (readonly [string, GuestConfiguration])[] = [
  ['image-no-pvh-entry', guest(multiboot2, { format: 'pvh' })],
  ['image-no-multiboot-header', guest(pvhKernel, { format: 'multiboot' })],
  ['image-not-executable', guest(patched(pvhKernel, 16, 3), {})],
  ['image-segment-outside', guest(pvhKernel, { memoryBytes: 2 * mebibyte })],
  [
    'image-multiboot-demand',
    guest(
      elfImage(32, loadAt, [
        { gpa: loadAt, bytes: words(Multiboot.headerMagic, 8, -(Multiboot.headerMagic + 8), 0) },
      ]),
    ),
  ],
  ['image-multiboot-demand', guest(joined(header2(words(5, 20, 0, 0, 0, 0)), code))],
  ['image-bad-multiboot', guest(joined(header2(words(2, 24, loadAt, loadAt, 0, 0)), code))],
  ['image-bad-multiboot', guest(joined(header2(words(5, 2)), code))],
  ['image-empty', guest(new Uint8Array(0), { format: 'flat' })],
  ['flat-address', flat(0xa0000, 'real')],
  ['flat-address', flat(0x200000, 'real')],
  ['flat-address', flat(0x1000, 'protected')],
  ['flat-address', flat(0x4000, 'long')],
  ['flat-address', flat(64 * mebibyte, 'long')],
];

function patched(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

function flat(address: number, mode: 'real' | 'protected' | 'long'): GuestConfiguration {
  return guest(code, { format: 'flat', flat: { address, mode } });
}

/** Runs a guest until it halts; its registers then. */
function runToHalt(configuration: GuestConfiguration): {
  readonly rip: bigint;
  readonly cr0: bigint;
} {
  const machine = new PhysicalMachine(configureSingleGuest(configuration), {
    codeHost: webAssemblyCodeHost,
  });
  machine.run({ maxSteps: 8 });
  const state = machine.guests[0]?.processors[0]?.core.state;
  assert(state !== undefined);
  return { rip: state.rip, cr0: state.vmcs(0x6800) };
}

describe('guest formats', () => {
  formats.forEach(([format, bytes], index) => {
    it(`are recognized: ${format} (${index})`, () => {
      assert.equal(formatOf(guest(bytes)), format);
    });
  });

  refused.forEach(([id, configuration], index) => {
    it(`are refused with ${id} (${index})`, () => {
      assert.throws(
        () => planOf(configuration),
        (problem) => problem instanceof UserError && problem.id === id,
      );
    });
  });
});

describe('PVH kernel', () => {
  it('finds memory map, command line, module and RSDP from EBX on', () => {
    const initrd = { path: 'initrd', bytes: new Uint8Array(100).fill(7) };
    const plan = planOf(guest(pvhKernel, { initrd }));
    const info = plan.entry.registers.rbx ?? 0;
    const field = (name: string): number =>
      Number(readField(hvmStartInfo, bytesAt(plan, info), name));
    assert.equal(plan.entry.rip, loadAt);
    assert.equal(field('magic'), 0x336ec578);
    assert.equal(field('version'), 1);
    assert.equal(textAt(plan, field('cmdline_paddr')), 'a=1');
    assert.equal(
      Buffer.from(bytesAt(plan, field('rsdp_paddr')).subarray(0, 8)).toString(),
      'RSD PTR ',
    );
    assert.equal(field('memmap_entries'), 3);
    const last = field('memmap_paddr') + 2 * hvmMemmapTableEntry.sizeBytes;
    assert.equal(
      Number(readField(hvmMemmapTableEntry, bytesAt(plan, last), 'size')),
      63 * mebibyte,
    );
    const module = bytesAt(plan, field('modlist_paddr'));
    const paddr = Number(readField(hvmModlistEntry, module, 'paddr'));
    assert.deepEqual(bytesAt(plan, paddr), initrd.bytes);
  });
});

describe('multiboot kernel', () => {
  it('of version 1 finds its information from EBX on', () => {
    const initrd = { path: 'module', bytes: Uint8Array.of(1, 2, 3) };
    const plan = planOf(guest(multiboot1, { initrd }));
    assert.equal(plan.entry.registers.rax, 0x2badb002);
    assert.equal(plan.entry.rip, loadAt + 12);
    const info = plan.entry.registers.rbx ?? 0;
    const field = (name: string): number =>
      Number(readField(multibootInfo, bytesAt(plan, info), name));
    assert.equal(field('mem_lower'), 640);
    assert.equal(field('mem_upper'), 63 * 1024);
    assert.equal(textAt(plan, field('cmdline')), 'a=1');
    assert.equal(textAt(plan, field('boot_loader_name')), 'Hyperscope');
    assert.equal(field('mmap_length'), 3 * multibootMemoryMapEntry.sizeBytes);
    assert.equal(field('mods_count'), 1);
    const module = bytesAt(plan, field('mods_addr'));
    const start = Number(readField(multibootModule, module, 'mod_start'));
    assert.deepEqual(bytesAt(plan, start), initrd.bytes);
    assert.equal(Number(readField(multibootModule, module, 'mod_end')), start + 3);
  });

  it('of version 2 finds tags from EBX on', () => {
    const plan = planOf(guest(multiboot2));
    assert.equal(plan.entry.registers.rax, 0x36d76289);
    const bytes = bytesAt(plan, plan.entry.registers.rbx ?? 0);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const types: number[] = [];
    for (let at = 8; at < view.getUint32(0, true);) {
      types.push(view.getUint32(at, true));
      at += Math.ceil(view.getUint32(at + 4, true) / 8) * 8;
    }
    assert.deepEqual(types, [1, 2, 4, 6, 15, 0]);
  });

  it('may say by itself where it goes', () => {
    const plan = planOf(guest(rawMultiboot2));
    assert.equal(plan.entry.rip, loadAt + 64);
    assert.deepEqual(bytesAt(plan, loadAt).subarray(0, 8), rawMultiboot2.subarray(0, 8));
  });
});

describe('a guest in the machine', () => {
  const entries: readonly (readonly [string, GuestConfiguration, bigint, bigint])[] = [
    ['PVH', guest(pvhKernel), 0x400002n, 0x11n],
    ['multiboot', guest(multiboot1), 0x40000en, 0x11n],
    ['a boot sector', guest(code, { format: 'flat' }), 0x7c02n, 0x10n],
    ['flat, real mode, far up', flat(0x12340, 'real'), 2n, 0x10n],
    ['flat, protected mode', flat(0x10000, 'protected'), 0x10002n, 0x11n],
    ['flat, 64-bit mode', flat(0x100000, 'long'), 0x100002n, 0x80010031n],
  ];
  for (const [title, configuration, rip, cr0] of entries) {
    it(`is entered and halts: ${title}`, () => {
      const halted = runToHalt(configuration);
      assert.equal(halted.rip, rip);
      assert.equal(halted.cr0, cr0);
    });
  }
});
