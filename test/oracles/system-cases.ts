// `npx tsx test/oracles/system-cases.ts [CASES] [SEED]`: random system instructions on our processor and on QEMU's, outcome by outcome.
// One image runs on both: loads of segments, far transfers, gates, returns, task registers, with random descriptors.
// Needs qemu-system-x86_64, as and ld (Debian and Ubuntu: apt-get install qemu-system-x86 binutils).
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { webAssemblyCodeHost } from '../../debug-adapter/host/web-assembly-code-space';
import type { TraceEvent } from '../../debug-adapter/machine/trace';
import { configureSingleGuest } from '../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../debug-adapter/system/physical-machine';
import { littleEndian, machineCode } from '../support/machine-code';
import { SeededRandom } from '../support/seeded-random';

/** Where things lie in the image of `system-cases.S`. */
const place = { cases: 0x110_000, landing: 0x103_000, task: 0x103_100 } as const;
const landings = [0, 0, 0, 0x10, 0x20, 0x30].map((offset) => place.landing + offset);
const recordBytes = 1024;
const memoryBytes = 32 << 20;
/** Quadwords of an outcome, in order; the table of descriptors follows them. */
const names = [
  ...['vector', 'error code', 'RIP', 'CS', 'RFLAGS', 'RSP', 'SS'],
  ...['RAX', 'RBX', 'RCX', 'RDX', 'RSI', 'RDI', 'RBP'],
  ...['DS', 'ES', 'FS', 'GS', 'LDTR', 'TR', 'CR2', 'FS base', 'GS base'],
] as const;
const tableBytes = 512;
const outcomeBytes = names.length * 8 + tableBytes;
/** Fields of a record. */
const at = { table: 64, level: 576, flags: 584, rbx: 592, rax: 600, gates: 648, stack: 776 };

const bit = (value: number, position: number): bigint => BigInt(value) << BigInt(position);

/** A code or data descriptor, flat more often than not. */
function segment(random: SeededRandom): bigint {
  const type = 0x10 | random.below(16);
  const isCode = (type & 8) !== 0;
  const present = random.chance(85) ? 1 : 0;
  const level = random.pick([0, 0, 3, 3, 1, 2]);
  const size = isCode ? random.pick([2, 2, 4, 0, 6]) : random.pick([4, 4, 0]);
  const access = bit(type | (level << 5) | (present << 7), 40);
  return 0xffffn | access | bit(0xf | ((8 | size) << 4), 48);
}

/** A 16-byte system descriptor: call gate, task state, table, or any other type. */
function system(random: SeededRandom): [bigint, bigint] {
  const type = random.pick([0xc, 0xc, 0xc, 9, 2, 0xb, random.below(16)]);
  const access = type | (random.pick([0, 3, 3, 1]) << 5) | (random.chance(85) ? 0x80 : 0);
  const high = random.chance(88) ? 0n : random.chance(50) ? bit(random.below(256), 8) : 0x8000n;
  if (type !== 0xc) {
    const base = BigInt(place.task);
    const low = 0x67n | ((base & 0xffffffn) << 16n) | bit(access, 40) | ((base >> 24n) << 56n);
    return [low, high];
  }
  const target = random.pick(landings);
  const words = random.chance(80) ? 0 : random.below(32);
  return [
    BigInt(target & 0xffff) |
      bit(selectorOf(random), 16) |
      bit(words | (access << 8), 32) |
      bit(target >>> 16, 48),
    high,
  ];
}

/** Entries from the eighth on are random; those of eight bytes come first. */
const segmentsFrom = 8;
const systemFrom = 32;
const entries = 64;

function selectorOf(random: SeededRandom): number {
  const level = random.pick([0, 3, 0, 3, 1, 2]);
  const kind = random.below(20);
  if (kind < 1) return level;
  if (kind < 6) return random.pick([8, 0x10, 0x18, 0x20, 0x28]) | level;
  if (kind < 14) return ((segmentsFrom + random.below(systemFrom - segmentsFrom)) << 3) | level;
  if (kind < 19) return ((systemFrom + random.below(16) * 2) << 3) | level;
  return random.pick([0x200, 0x1fc, 0xfff8, 0x44]) | level;
}

function writeTable(view: DataView, random: SeededRandom): void {
  const task = BigInt(place.task);
  const fixed = [
    0n,
    0x00af9b000000ffffn,
    0x00cf93000000ffffn,
    0x00cff3000000ffffn,
    0x00affb000000ffffn,
    0x67n | ((task & 0xffffffn) << 16n) | bit(0x89, 40) | ((task >> 24n) << 56n),
  ];
  fixed.forEach((entry, index) => view.setBigUint64(at.table + index * 8, entry, true));
  for (let index = segmentsFrom; index < systemFrom; index++) {
    view.setBigUint64(at.table + index * 8, segment(random), true);
  }
  for (let index = systemFrom; index < entries; index += 2) {
    const [low, high] = system(random);
    view.setBigUint64(at.table + index * 8, low, true);
    view.setBigUint64(at.table + index * 8 + 8, high, true);
  }
}

/** Gates of vectors 48 to 55. */
function writeGates(view: DataView, random: SeededRandom): void {
  for (let index = 0; index < 8; index++) {
    const type = random.pick([0xe, 0xe, 0xf, 0xf, 0xc, 6, 5, random.below(16)]);
    const access = type | (random.pick([0, 3, 3]) << 5) | (random.chance(85) ? 0x80 : 0);
    const target = random.pick(landings);
    const gate =
      BigInt(target & 0xffff) |
      bit(random.chance(60) ? 8 : selectorOf(random), 16) |
      bit(random.pick([0, 0, 2]) | (access << 8), 32) |
      bit(target >>> 16, 48);
    view.setBigUint64(at.gates + index * 16, gate, true);
    view.setBigUint64(at.gates + index * 16 + 8, random.chance(90) ? 0n : 0x8000n, true);
  }
}

/** LSS with 32 bits: TCG reads no longer pointers. */
const loads = ['8e d8', '8e c0', '8e e0', '8e e8', '8e d0', '0f a1', '0f a9', '0f b2 23'];
const transfers = ['48 ff 1b', 'ff 1b', '66 ff 1b', '48 ff 2b', 'ff 2b', '66 ff 2b'];
const returns = ['48 cb', 'cb', '66 cb', '48 ca 10 00', '48 cf', 'cf', '66 cf'];
/** With the flags in RDX: LAR, LSL, VERR, VERW. */
const examinations = ['0f 02 c8', '0f 03 c8', '48 0f 02 c8', '48 0f 03 c8', '0f 00 e0', '0f 00 e8'];
const registers = ['0f 00 d8', '0f 00 d0', '0f 00 c8', '66 0f 00 c0', '0f 01 e0'];

/** The instruction of a case, and the operand size of the frame that it wants on the stack. */
function instruction(random: SeededRandom): { readonly code: string; readonly bytes: 2 | 4 | 8 } {
  const kind = random.below(100);
  const sized = (code: string) => {
    const bytes = code.startsWith('48') ? 8 : code.startsWith('66') ? 2 : 4;
    return { code, bytes } as const;
  };
  if (kind < 25) {
    const code = random.pick(loads);
    return { code, bytes: code === '0f b2 23' ? 4 : 8 };
  }
  if (kind < 45) return sized(random.pick(transfers));
  if (kind < 70) return sized(random.pick(returns));
  if (kind < 80) return { code: `cd ${littleEndian(48 + random.below(8), 1)}`, bytes: 8 };
  if (kind < 90) return { code: `${random.pick(examinations)} 9c 5a`, bytes: 8 };
  return { code: random.pick(registers), bytes: 8 };
}

function record(random: SeededRandom): Uint8Array {
  const bytes = new Uint8Array(recordBytes);
  const view = new DataView(bytes.buffer);
  const { code, bytes: size } = instruction(random);
  bytes.set(machineCode(`${code} cd 80`));
  writeTable(view, random);
  writeGates(view, random);
  view.setBigUint64(at.level, random.chance(60) ? 0n : 3n, true);
  view.setBigUint64(at.flags, BigInt(random.pick([2, 2, 0x3002, 0x4002, 0xcd7])), true);
  const base = place.cases;
  const put = (offset: number, value: number): void => {
    if (size === 8) view.setBigUint64(offset, BigInt(value), true);
    else if (size === 4) view.setUint32(offset, value, true);
    else view.setUint16(offset, value & 0xffff, true);
  };
  const frame = [
    random.pick(landings),
    selectorOf(random),
    random.pick([2, 0x202, 0x3002, 0xcd7]),
    0x1005000,
    selectorOf(random),
  ];
  const isFar = /^(cb|48 cb|66 cb|48 ca)/.test(code);
  const words = isFar ? [frame[0], frame[1], frame[3], frame[4]] : frame;
  if (/^0f a/.test(code)) words.unshift(selectorOf(random));
  words.forEach((value, index) => put(at.stack + index * size, value ?? 0));
  // What far pointers in memory and LSS read lies at the end of the stack's part.
  const pointer = at.stack + 200;
  put(pointer, random.pick(landings));
  view.setUint16(pointer + size, selectorOf(random), true);
  view.setBigUint64(at.rbx, BigInt(pointer) | bit(1, 63), true);
  // TCG takes a null selector for the task register, and stops at the next change of privilege.
  const selector = selectorOf(random);
  const isTask = code === '0f 00 d8';
  view.setBigUint64(at.rax, BigInt(isTask && selector < 4 ? 0x28 : selector), true);
  for (let index = 1; index < 5; index++) {
    view.setBigUint64(at.rax + index * 8, BigInt(base + random.below(0x1000)), true);
  }
  return bytes;
}

/** RBX points into its own record. */
function relocate(bytes: Uint8Array, address: number): void {
  const view = new DataView(bytes.buffer);
  const offset = view.getBigUint64(at.rbx, true) & 0xffffn;
  view.setBigUint64(at.rbx, BigInt(address) + offset, true);
}

function buildImage(folder: string, records: readonly Uint8Array[]): string {
  const [object, binary, image] = ['cases.o', 'cases.bin', 'image.bin'].map((n) => join(folder, n));
  if (object === undefined || binary === undefined || image === undefined) throw new Error('path');
  execFileSync('as', ['--64', 'test/oracles/system-cases.S', '-o', object]);
  execFileSync('ld', [
    '-Ttext=0x100000',
    '-e',
    '0x100000',
    '--oformat',
    'binary',
    object,
    '-o',
    binary,
  ]);
  const bytes = new Uint8Array(0x10_000 + (records.length + 1) * recordBytes);
  bytes.set(readFileSync(binary));
  records.forEach((each, index) => {
    const offset = 0x10_000 + index * recordBytes;
    relocate(each, 0x100_000 + offset);
    bytes.set(each, offset);
  });
  writeFileSync(image, bytes);
  return image;
}

function runOurs(image: string, hotCount: number): Uint8Array {
  const file = { path: image, bytes: new Uint8Array(readFileSync(image)) };
  const machine = new PhysicalMachine(
    configureSingleGuest({
      name: 'cases',
      memoryBytes,
      image: file,
      commandLine: '',
      format: 'multiboot',
    }),
    { codeHost: webAssemblyCodeHost, hotCount, tlbEntries: 64 },
  );
  const parts: Uint8Array[] = [];
  machine.trace.forwardTo(
    {
      record(event: TraceEvent) {
        if (event.kind === 'console') parts.push(event.data.slice());
      },
    },
    ['console'],
  );
  const { stop } = machine.run({ maxSteps: 2_000_000_000 });
  if (stop.kind !== 'guest-exit') console.log('ours ended with', stop);
  return new Uint8Array(Buffer.concat(parts));
}

function runQemu(folder: string, image: string): Uint8Array {
  const output = join(folder, 'qemu.out');
  const args = ['-kernel', image, '-m', '32', '-cpu', 'max,vendor=GenuineIntel', '-accel', 'tcg'];
  const devices = ['-display', 'none', '-debugcon', `file:${output}`, '-no-reboot', '-net', 'none'];
  const exit = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=4'];
  const { stderr } = spawnSync('qemu-system-x86_64', [...args, ...devices, ...exit], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (stderr !== '') console.log(stderr);
  return new Uint8Array(readFileSync(output));
}

function different(ours: Uint8Array, other: Uint8Array): string[] {
  const [a, b] = [ours, other].map(
    (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  );
  if (a === undefined || b === undefined) return [];
  const found: string[] = [];
  // The index of a gate is its vector (SDM vol. 3, 6.13), also where entries have 16 bytes.
  const isGateCode = (b.getUint32(8, true) & 7) === 2;
  names.forEach((name, index) => {
    if (name === 'error code' && isGateCode) return;
    // TCG does not set RF for faults.
    const mask = name === 'RFLAGS' ? ~0x10000n : ~0n;
    const [one, two] = [a.getBigUint64(index * 8, true), b.getBigUint64(index * 8, true)];
    if (((one ^ two) & mask) !== 0n)
      found.push(`${name} ${one.toString(16)} (QEMU ${two.toString(16)})`);
  });
  for (let index = 0; index < entries; index++) {
    const offset = names.length * 8 + index * 8;
    const [one, two] = [a.getBigUint64(offset, true), b.getBigUint64(offset, true)];
    if (one !== two) {
      found.push(
        `descriptor ${(index * 8).toString(16)} ${one.toString(16)} (${two.toString(16)})`,
      );
    }
  }
  return found;
}

const [count = 2000, seed = 1] = process.argv.slice(2).map(Number);
const random = new SeededRandom(seed);
const records = Array.from({ length: count }, () => record(random));
const folder = mkdtempSync(join(tmpdir(), 'system-cases-'));
const image = buildImage(folder, records);
const qemu = runQemu(folder, image);
for (const hotCount of [0]) {
  const ours = runOurs(image, hotCount);
  console.log(
    `seed ${seed}: ${ours.length / outcomeBytes} and ${qemu.length / outcomeBytes} outcomes`,
  );
  let differences = 0;
  records.forEach((each, index) => {
    const range = [index * outcomeBytes, (index + 1) * outcomeBytes] as const;
    if (range[1] > Math.min(ours.length, qemu.length)) return;
    const found = different(ours.subarray(...range), qemu.subarray(...range));
    if (found.length === 0) return;
    differences++;
    const code = Buffer.from(each.subarray(0, 8)).toString('hex');
    const level = each[at.level];
    if (differences <= 40)
      console.log(`case ${index}, ${code} at CPL ${level}: ${found.join(', ')}`);
  });
  console.log(
    `${differences} of ${count} differ, ${hotCount === 0 ? 'interpreted' : 'translated'}`,
  );
}
