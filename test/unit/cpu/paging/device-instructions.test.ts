/**
 * What routines and the processor itself do with memory that is a device's: stack and system instructions, x87 and
 * FXSAVE images, descriptors, task-state segments, and the delivery of events (SDM vol. 2, the operation of each).
 */
import assert from 'node:assert/strict';
import type { BareProcessor } from '../../../support/bare-processor';
import {
  behindGpa,
  behindLinear,
  checkDeviceRow,
  codeLinear,
  DeviceLab,
  deviceLinear,
  fresh,
  ramGpa,
  ramLinear,
  type DeviceRow,
  type LabPreparation,
} from '../../../support/device-lab';

const [rax, rcx, rdx, rsp, rbp, rsi, rdi] = [0, 1, 2, 4, 5, 6, 7];
const hex = (value: bigint): string => value.toString(16);
/** The log of reads of a width, one behind the other. */
const reads = (from: number, bytes: number, count: number): string =>
  Array.from(
    { length: count },
    (_, index) => `r${bytes}@${(from + index * bytes).toString(16)}`,
  ).join(' ');

const gprIs =
  (register: number, value: bigint) =>
  ({ processor: { state } }: DeviceLab): void =>
    assert.equal(hex(state.gpr(register)), hex(value));

const all =
  (...preparations: readonly LabPreparation[]): LabPreparation =>
  (processor, device) => {
    for (const prepare of preparations) prepare(processor, device);
  };

const gpr =
  (register: number, value: bigint): LabPreparation =>
  ({ state }) =>
    state.setGpr(register, value);

/** The top of the stack, in the device. */
const stackAt = (offset: number): LabPreparation => gpr(rsp, deviceLinear + BigInt(offset));

const put =
  (offset: number, ...words: readonly bigint[]): LabPreparation =>
  (_, device) => {
    words.forEach((word, index) => {
      device.put(offset + index * 8, word, 8);
    });
  };

const putWords =
  (bytes: number, offset: number, ...words: readonly bigint[]): LabPreparation =>
  (_, device) => {
    words.forEach((word, index) => {
      device.put(offset + index * bytes, word, bytes);
    });
  };

const field =
  (name: string, value: bigint): LabPreparation =>
  (processor) => {
    processor.setField(name, value);
  };

/** Where in the code page what is entered begins; HLT stands there. */
const target = codeLinear + 0x800n;
const [codeSelector, dataSelector, taskSelector] = [0x08n, 0x10n, 0x18n];
const longCode = 0x00af9a000000ffffn;
const flatData = 0x00cf92000000ffffn;
const accessed = 0x0000010000000000n;
const gdtOffset = 0x400;
const descriptors = [0n, longCode, flatData, 0x0000890000000067n, 0n];

/** A GDT in the device: code and data that are not accessed, and an available TSS. */
const deviceGdt = all(
  field('GUEST_GDTR_BASE', deviceLinear + BigInt(gdtOffset)),
  field('GUEST_GDTR_LIMIT', 0x27n),
  put(gdtOffset, ...descriptors),
);

/** The same in RAM, with what it has marked as accessed. */
const ramGdt: LabPreparation = (processor) => {
  processor.setField('GUEST_GDTR_BASE', ramLinear + BigInt(gdtOffset));
  processor.setField('GUEST_GDTR_LIMIT', 0x27n);
  [0n, longCode | accessed, flatData | accessed].forEach((descriptor, index) => {
    processor.writeU64(ramGpa + gdtOffset + index * 8, descriptor);
  });
};

/** An IDT whose gate for `number` leads to {@link target}. */
const idtOffset = 0x600;
function gate(number: number, table: number): LabPreparation {
  const low = (target & 0xffffn) | (codeSelector << 16n) | (BigInt(table) << 32n);
  const word = low | (0x8e00n << 32n) | ((target >> 16n) << 48n);
  return all(
    field('GUEST_IDTR_BASE', deviceLinear + BigInt(idtOffset)),
    field('GUEST_IDTR_LIMIT', 0xfffn),
    put(idtOffset + number * 16, word, target >> 32n),
  );
}

/** FLD1, FLDPI, then the x87 instruction. */
const twoLoaded = 'd9 e8 d9 eb';
const pi = { significand: 0xc90fdaa22168c235n, exponent: 0x4000n };
const singlePi = 0x40490fdbn;
const doublePi = 0x400921fb54442d18n;

const stackRows: readonly DeviceRow[] = [
  { name: 'POP m64', code: '8f 43 10', accesses: 'w8@10=aaaaaaaaaaaaaaaa' },
  {
    name: 'POP m16',
    code: '66 8f 43 10',
    accesses: 'w2@10=aaaa',
    check: gprIs(rsp, ramLinear + 0x802n),
  },
  {
    name: 'POP m64 from the stack in a device to another place of it',
    code: '8f 43 10',
    prepare: stackAt(0x800),
    accesses: `r8@800 w8@10=${hex(fresh(0x800, 8))}`,
  },
  {
    name: 'POP m64 over the edge from the device into RAM',
    code: '8f 83 fc 1f 00 00',
    accesses: 'w4@1ffc=aaaaaaaa',
    check: ({ processor }) => assert.equal(processor.readU64(behindGpa), 0xbbbbbbbbaaaaaaaan),
  },
  { name: 'PUSH r64', code: '50', prepare: stackAt(0x800), accesses: 'w8@7f8=1122334455667788' },
  {
    name: 'PUSH imm8',
    code: '6a fe',
    prepare: stackAt(0x800),
    accesses: 'w8@7f8=fffffffffffffffe',
  },
  {
    name: 'POP r64',
    code: '58',
    prepare: stackAt(0x800),
    accesses: 'r8@800',
    check: gprIs(rax, fresh(0x800, 8)),
  },
  { name: 'PUSHF', code: '9c', prepare: stackAt(0x800), accesses: 'w8@7f8=46' },
  {
    name: 'POPF',
    code: '9d',
    prepare: all(stackAt(0x800), put(0x800, 0x8d7n)),
    accesses: 'r8@800',
    check: ({ processor: { state } }) => assert.equal(state.rflags & 0x8d5, 0x8d5),
  },
  {
    name: 'ENTER 0x20, 0',
    code: 'c8 20 00 00',
    prepare: all(stackAt(0x800), gpr(rbp, 0x1234n)),
    accesses: 'w8@7f8=1234',
    check: gprIs(rsp, deviceLinear + 0x7d8n),
  },
  {
    name: 'ENTER 0, 3: the frame pointers are read from the highest down, and pushed so',
    code: 'c8 00 00 03',
    prepare: all(stackAt(0x800), gpr(rbp, deviceLinear + 0x900n)),
    accesses:
      `r8@8f8 r8@8f0 w8@7f8=${hex(deviceLinear + 0x900n)} w8@7f0=${hex(fresh(0x8f8, 8))} ` +
      `w8@7e8=${hex(fresh(0x8f0, 8))} w8@7e0=${hex(deviceLinear + 0x7f8n)}`,
    check: gprIs(rbp, deviceLinear + 0x7f8n),
  },
  {
    name: 'ENTER 0, 31 over two pages of the device',
    code: 'c8 00 00 1f',
    prepare: all(stackAt(0x1008), gpr(rbp, deviceLinear + 0x400n)),
    accesses: [
      ...Array.from({ length: 30 }, (_, index) => `r8@${(0x3f8 - index * 8).toString(16)}`),
      `w8@1000=${hex(deviceLinear + 0x400n)}`,
      ...Array.from({ length: 30 }, (_, index) => {
        const value = hex(fresh(0x3f8 - index * 8, 8));
        return `w8@${(0xff8 - index * 8).toString(16)}=${value}`;
      }),
      `w8@f08=${hex(deviceLinear + 0x1000n)}`,
    ].join(' '),
  },
  {
    name: 'LEAVE',
    code: 'c9',
    prepare: gpr(rbp, deviceLinear + 0x900n),
    accesses: 'r8@900',
    check: gprIs(rbp, fresh(0x900, 8)),
  },
  {
    name: 'CALL',
    code: 'e8 ee 07 00 00',
    prepare: stackAt(0x800),
    accesses: `w8@7f8=${hex(codeLinear + 10n)}`,
    check: ({ processor: { state } }) => assert.equal(state.rip, codeLinear + 0x7f8n),
  },
  {
    name: 'CALL m64',
    code: 'ff 53 10',
    prepare: put(0x10, target),
    accesses: 'r8@10',
    check: ({ processor: { state } }) => assert.equal(state.rip, target),
  },
  { name: 'JMP m64', code: 'ff 63 10', prepare: put(0x10, target), accesses: 'r8@10' },
  {
    name: 'RET',
    code: 'c3',
    prepare: all(stackAt(0x800), put(0x800, target)),
    accesses: 'r8@800',
    check: ({ processor: { state } }) => assert.equal(state.rip, target),
  },
  {
    name: 'PUSHA in 32-bit code, from the highest register down',
    code: '60',
    is32Bit: true,
    prepare: all(stackAt(0x800)),
    accesses:
      'w4@7fc=55667788 w4@7f8=3 w4@7f4=ddeeff00 w4@7f0=20001000 w4@7ec=20001800 w4@7e8=0 ' +
      'w4@7e4=20001000 w4@7e0=20000000',
  },
  {
    name: 'POPA in 32-bit code, which skips the stack pointer',
    code: '61',
    is32Bit: true,
    prepare: all(stackAt(0x800)),
    accesses: `${reads(0x800, 4, 3)} ${reads(0x810, 4, 4)}`,
    check: gprIs(rax, fresh(0x81c, 4)),
  },
];

const systemRows: readonly DeviceRow[] = [
  { name: 'SGDT', code: '0f 01 43 10', prepare: ramGdt, accesses: 'w2@10=27 w8@12=20000400' },
  { name: 'SIDT', code: '0f 01 4b 10', prepare: gate(3, 0), accesses: 'w2@10=fff w8@12=20001600' },
  {
    name: 'LGDT',
    code: '0f 01 53 10',
    prepare: putWords(2, 0x10, 0x37n, 0x5678n, 0x1234n, 0n, 0n),
    accesses: 'r2@10 r8@12',
    check: ({ processor }) => {
      assert.equal(processor.field('GUEST_GDTR_LIMIT'), 0x37n);
      assert.equal(processor.field('GUEST_GDTR_BASE'), 0x12345678n);
    },
  },
  {
    name: 'LIDT in 32-bit code',
    code: '0f 01 5b 10',
    is32Bit: true,
    prepare: all(putWords(2, 0x10, 0x37n, 0x5678n, 0x1234n)),
    accesses: 'r2@10 r4@12',
  },
  { name: 'SLDT m16', code: '0f 00 43 10', accesses: 'w2@10=0' },
  { name: 'STR m16', code: '0f 00 4b 10', accesses: 'w2@10=0' },
  { name: 'SMSW m16', code: '0f 01 63 10', accesses: 'w2@10=31' },
  { name: 'LMSW m16', code: '0f 01 73 10', prepare: put(0x10, 0x31n), accesses: 'r2@10' },
  {
    name: 'VERR m16',
    code: '0f 00 63 10',
    prepare: all(ramGdt, put(0x10, codeSelector)),
    accesses: 'r2@10',
  },
  {
    name: 'LAR of a descriptor in the device',
    code: '0f 02 c2',
    prepare: all(deviceGdt, gpr(rdx, codeSelector)),
    accesses: 'r8@408',
    check: gprIs(rax, 0xa09a00n),
  },
  {
    name: 'MOV DS, AX marks the descriptor as accessed',
    code: '8e d8',
    prepare: all(deviceGdt, gpr(rax, dataSelector)),
    accesses: 'r8@410 w1@415=93',
  },
  {
    name: 'MOV DS, m16',
    code: '8e 5b 10',
    prepare: all(ramGdt, put(0x10, dataSelector)),
    accesses: 'r2@10',
  },
  {
    name: 'POP FS',
    code: '0f a1',
    prepare: all(deviceGdt, stackAt(0x800), put(0x800, dataSelector)),
    accesses: 'r8@800 r8@410 w1@415=93',
    check: gprIs(rsp, deviceLinear + 0x808n),
  },
  {
    name: 'LSS',
    code: '48 0f b2 43 10',
    prepare: all(ramGdt, put(0x10, 0x1234n, dataSelector)),
    accesses: 'r8@10 r2@18',
    check: gprIs(rax, 0x1234n),
  },
  {
    name: 'LDS in 32-bit code',
    code: 'c5 43 10',
    is32Bit: true,
    prepare: all(ramGdt, putWords(2, 0x10, 0x5678n, 0x1234n, dataSelector)),
    accesses: 'r4@10 r2@14',
    check: gprIs(rax, 0x12345678n),
  },
  {
    name: 'LTR reads 16 bytes and marks the task busy',
    code: '0f 00 d8',
    prepare: all(deviceGdt, gpr(rax, taskSelector)),
    accesses: 'r8@418 r8@420 w1@41d=8b',
  },
  {
    name: 'LLDT m16',
    code: '0f 00 53 10',
    prepare: all(
      deviceGdt,
      put(0x10, taskSelector),
      put(gdtOffset + 0x18, 0x000082000000ffffn, 0n),
    ),
    accesses: 'r2@10 r8@418 r8@420',
  },
  {
    name: 'BOUND in 32-bit code',
    code: '62 43 10',
    is32Bit: true,
    prepare: all(gpr(rax, 5n), putWords(4, 0x10, 1n, 9n)),
    accesses: 'r4@10 r4@14',
  },
  {
    name: 'ARPL in 32-bit code',
    code: '63 43 10',
    is32Bit: true,
    prepare: all(gpr(rax, 3n), putWords(2, 0x10, 8n)),
    accesses: 'r2@10 w2@10=b',
  },
  {
    name: 'INVPCID',
    code: '66 0f 38 82 43 10',
    prepare: all(gpr(rax, 2n), put(0x10, 0n, 0n), field('SECONDARY_VM_EXEC_CONTROL', 0x1000n)),
    accesses: 'r8@10 r8@18',
  },
];

const transferRows: readonly DeviceRow[] = [
  {
    name: 'far JMP m16:64',
    code: '48 ff 6b 10',
    prepare: all(ramGdt, put(0x10, target, codeSelector)),
    accesses: 'r8@10 r2@18',
    check: ({ processor: { state } }) => assert.equal(state.rip, target),
  },
  {
    name: 'far JMP m16:32',
    code: 'ff 6b 10',
    prepare: all(ramGdt, putWords(4, 0x10, target, codeSelector)),
    accesses: 'r4@10 r2@14',
  },
  {
    name: 'far CALL m16:64 with descriptor and stack in the device',
    code: '48 ff 5b 10',
    prepare: all(deviceGdt, put(0x10, target, codeSelector), stackAt(0x800)),
    accesses: `r8@10 r2@18 r8@408 w1@40d=9b w8@7f8=8 w8@7f0=${hex(codeLinear + 9n)}`,
  },
  {
    name: 'far RET',
    code: '48 cb',
    prepare: all(ramGdt, stackAt(0x800), put(0x800, target, codeSelector)),
    accesses: 'r8@800 r8@808',
    check: gprIs(rsp, deviceLinear + 0x810n),
  },
  {
    name: 'IRETQ',
    code: '48 cf',
    prepare: all(
      ramGdt,
      stackAt(0x800),
      put(0x800, target, codeSelector, 0x2n, ramLinear, dataSelector),
    ),
    accesses: reads(0x800, 8, 5),
    check: gprIs(rsp, ramLinear),
  },
  {
    name: 'IRETQ over the edge from the device into RAM',
    code: '48 cf',
    prepare: all(
      ramGdt,
      stackAt(0x1fec),
      put(0x1fec, target, codeSelector),
      (processor: BareProcessor, device) => {
        device.put(0x1ffc, 0x2n, 4);
        [0n, ramLinear, dataSelector].forEach((word, index) => {
          processor.writeU64(behindGpa + (index === 0 ? 0 : index * 8 - 4), word);
        });
      },
    ),
    accesses: 'r8@1fec r8@1ff4 r4@1ffc',
    check: gprIs(rsp, ramLinear),
  },
];

const eventRows: readonly DeviceRow[] = [
  {
    name: 'INT 3 through a gate in the device, onto a stack there',
    code: 'cc',
    retires: 0,
    prepare: all(ramGdt, gate(3, 0), stackAt(0x800)),
    accesses:
      `r8@630 r8@638 w8@7f8=10 w8@7f0=${hex(deviceLinear + 0x800n)} w8@7e8=46 w8@7e0=8 ` +
      `w8@7d8=${hex(codeLinear + 6n)}`,
  },
  {
    name: 'INT n with gate, descriptor and task-state segment in the device',
    code: 'cd 30',
    retires: 0,
    prepare: all(
      deviceGdt,
      put(gdtOffset + 8, longCode | accessed),
      gate(0x30, 1),
      field('GUEST_TR_BASE', deviceLinear + 0x200n),
      field('GUEST_TR_LIMIT', 0x67n),
      field('GUEST_TR_AR_BYTES', 0x8bn),
      put(0x224, ramLinear + 0x900n),
    ),
    accesses: 'r8@900 r8@908 r8@408 r8@224',
    check: gprIs(rsp, ramLinear + 0x8d8n),
  },
  {
    name: 'a divide error behind a read: the delivery asks for its own',
    code: 'f7 73 10',
    retires: 0,
    prepare: all(ramGdt, gate(0, 0), putWords(4, 0x10, 0n)),
    accesses: 'r4@10 r8@600 r8@608',
  },
  {
    name: 'a fault behind a read of the same instruction: it is read again when the instruction is repeated',
    code: '8f 00',
    retires: 0,
    prepare: all(ramGdt, gate(14, 0), stackAt(0x800), gpr(rax, 0x7000_0000n)),
    accesses:
      `r8@800 r8@6e0 r8@6e8 w8@7f8=10 w8@7f0=${hex(deviceLinear + 0x800n)} w8@7e8=10046 w8@7e0=8 ` +
      `w8@7d8=${hex(codeLinear + 5n)} w8@7d0=2`,
  },
];

/** Sixteen bytes at RAX, with a mask behind them. */
const maskedStore: LabPreparation = (processor) => {
  const words = [0x0807060504030201n, 0x100f0e0d0c0b0a09n, 0x8000008000000000n, 0x80n];
  words.forEach((word, index) => {
    processor.writeU64(ramGpa + index * 8, word);
  });
  processor.state.setGpr(rax, ramLinear);
  processor.state.setGpr(rdi, deviceLinear);
};

const floatRows: readonly DeviceRow[] = [
  { name: 'FLD m32', code: 'd9 43 10', accesses: 'r4@10' },
  { name: 'FLD m64', code: 'dd 43 10', accesses: 'r8@10' },
  { name: 'FLD m80', code: 'db 6b 10', accesses: 'r8@10 r2@18' },
  { name: 'FILD m16', code: 'df 43 10', accesses: 'r2@10' },
  { name: 'FILD m32', code: 'db 43 10', accesses: 'r4@10' },
  { name: 'FILD m64', code: 'df 6b 10', accesses: 'r8@10' },
  { name: 'FBLD m80', code: 'df 63 10', accesses: 'r8@10 r2@18' },
  { name: 'FADD m32', code: `${twoLoaded} d8 43 10`, retires: 3, accesses: 'r4@10' },
  { name: 'FMUL m64', code: `${twoLoaded} dc 4b 10`, retires: 3, accesses: 'r8@10' },
  { name: 'FICOM m16', code: `${twoLoaded} de 53 10`, retires: 3, accesses: 'r2@10' },
  {
    name: 'FST m32',
    code: `${twoLoaded} d9 53 10`,
    retires: 3,
    accesses: `w4@10=${hex(singlePi)}`,
  },
  {
    name: 'FSTP m64',
    code: `${twoLoaded} dd 5b 10`,
    retires: 3,
    accesses: `w8@10=${hex(doublePi)}`,
  },
  {
    name: 'FSTP m80',
    code: `${twoLoaded} db 7b 10`,
    retires: 3,
    accesses: `w8@10=${hex(pi.significand)} w2@18=${hex(pi.exponent)}`,
  },
  {
    name: 'FSTP m80 over the edge from RAM into the device',
    code: `${twoLoaded} db 7b fb`,
    retires: 3,
    accesses: `w3@0=c90fda w2@3=${hex(pi.exponent)}`,
  },
  { name: 'FISTP m16', code: `${twoLoaded} df 5b 10`, retires: 3, accesses: 'w2@10=3' },
  { name: 'FIST m32', code: `${twoLoaded} db 53 10`, retires: 3, accesses: 'w4@10=3' },
  { name: 'FISTP m64', code: `${twoLoaded} df 7b 10`, retires: 3, accesses: 'w8@10=3' },
  { name: 'FBSTP m80', code: `${twoLoaded} df 73 10`, retires: 3, accesses: 'w8@10=3 w2@18=0' },
  { name: 'FNSTCW', code: 'd9 7b 10', accesses: 'w2@10=37f' },
  { name: 'FLDCW', code: 'd9 6b 10', prepare: put(0x10, 0x37fn), accesses: 'r2@10' },
  { name: 'FNSTSW', code: 'dd 7b 10', accesses: 'w2@10=0' },
  { name: 'STMXCSR', code: '0f ae 5b 10', accesses: 'w4@10=1f80' },
  { name: 'LDMXCSR', code: '0f ae 53 10', prepare: put(0x10, 0x1f80n), accesses: 'r4@10' },
  {
    name: 'FNSTENV',
    code: 'd9 73 10',
    accesses: 'w4@10=ffff037f w4@14=ffff0000 w4@18=ffffffff w4@1c=0 w4@20=0 w4@24=0 w4@28=ffff0000',
  },
  {
    name: 'FLDENV with 16-bit fields',
    code: '66 d9 63 10',
    prepare: putWords(2, 0x10, 0x37fn, 0n, 0xffffn),
    accesses: reads(0x10, 2, 7),
  },
  {
    name: 'FRSTOR',
    code: 'dd 63 10',
    prepare: putWords(4, 0x10, 0x37fn, 0n, 0n),
    accesses: [
      reads(0x10, 4, 7),
      ...Array.from({ length: 8 }, (_, index) => {
        const at = 0x2c + index * 10;
        return `r8@${at.toString(16)} r2@${(at + 8).toString(16)}`;
      }),
    ].join(' '),
  },
  {
    name: 'MASKMOVDQU writes the bytes of its mask alone',
    code: '66 0f 6f 00 66 0f 6f 48 10 66 0f f7 c1',
    retires: 3,
    prepare: maskedStore,
    accesses: 'w1@4=5 w1@7=8 w1@8=9',
  },
  {
    name: 'MASKMOVQ writes the bytes of its mask alone',
    code: '0f 6f 00 0f 6f 48 10 0f f7 c1',
    retires: 3,
    prepare: maskedStore,
    accesses: 'w1@4=5 w1@7=8',
  },
  {
    name: 'MASKMOVDQU over the edge from RAM into the device',
    code: '66 0f 6f 00 66 0f 6f 48 10 66 0f f7 c1',
    retires: 3,
    prepare: all(maskedStore, gpr(rdi, deviceLinear - 6n)),
    accesses: 'w1@1=8 w1@2=9',
    check: ({ processor }) => assert.equal(processor.readU64(ramGpa + 0xff8), 0xaa05aaaaaaaaaaaan),
  },
];

/** Quadwords of an image from +0x40 on, in the order of the SDM's layout (vol. 1, table 10-2). */
const imageOffset = 0x40;

const blockRows: readonly DeviceRow[] = [
  {
    name: 'FXRSTOR64',
    code: '48 0f ae 4b 40',
    prepare: putWords(4, imageOffset + 24, 0x1f80n),
    accesses: reads(imageOffset, 8, 52),
  },
  {
    name: 'FXRSTOR in 32-bit code, without XMM8 to XMM15',
    code: '0f ae 4b 40',
    is32Bit: true,
    prepare: all(putWords(4, imageOffset + 24, 0x1f80n)),
    accesses: reads(imageOffset, 8, 36),
  },
  {
    name: 'FXRSTOR over the edge from RAM into the device',
    code: '48 0f ae 0b',
    prepare: all(gpr(3, deviceLinear - 0x100n), ({ memory }) => {
      memory.write(ramGpa + 0xf00, new Uint8Array(0x100));
      memory.write(ramGpa + 0xf18, Uint8Array.of(0x80, 0x1f));
    }),
    accesses: reads(0, 8, 20),
  },
];

/** Strings between ports and the device; the ports answer with 0x52, 0x53, … */
const portRows: readonly (DeviceRow & { readonly ports: string })[] = [
  {
    name: 'INSB',
    code: '6c',
    prepare: gpr(rdi, deviceLinear + 0x10n),
    accesses: 'w1@10=52',
    ports: 'in',
  },
  {
    name: 'REP INSD over the edge into RAM',
    code: 'f3 6d',
    retires: 2,
    prepare: all(gpr(rcx, 2n), gpr(rdi, behindLinear - 6n)),
    accesses: 'w4@1ffa=52 w2@1ffe=53',
    ports: 'in in',
  },
  {
    name: 'REP OUTSB',
    code: 'f3 6e',
    retires: 3,
    accesses: 'r1@0 r1@1 r1@2',
    ports: 'out=1 out=8 out=f',
  },
  {
    name: 'OUTSD over the edge from RAM',
    code: '6f',
    prepare: gpr(rsi, deviceLinear - 2n),
    accesses: 'r2@0',
    ports: `out=${hex((fresh(0, 2) << 16n) | 0xaaaan)}`,
  },
];

const families: readonly (readonly [string, readonly DeviceRow[]])[] = [
  ['the stack', stackRows],
  ['system instructions', systemRows],
  ['far transfers', transferRows],
  ['events', eventRows],
  ['x87 and SIMD', floatRows],
  ['images', blockRows],
];

describe('instructions of routines on devices in guest-physical memory', () => {
  for (const [family, rows] of families) {
    describe(family, () => {
      for (const row of rows) it(row.name, () => checkDeviceRow(row));
    });
  }

  describe('ports', () => {
    for (const { ports, ...row } of portRows) {
      it(row.name, () =>
        checkDeviceRow({
          ...row,
          prepare: all(
            field('CPU_BASED_VM_EXEC_CONTROL', 0x81000080n),
            gpr(rdx, 0x1f0n),
            row.prepare ?? (() => undefined),
          ),
          check: (lab) => assert.equal(lab.ports.join(' '), ports),
        }),
      );
    }
  });

  it('FXSAVE writes 52 quadwords from the lowest up, and FNSAVE fields and registers', () => {
    for (const [code, widths, start] of [
      ['48 0f ae 43 40', new Array<number>(52).fill(8), 0x40],
      ['dd 73 40', [...new Array<number>(7).fill(4), ...new Array(8).fill([8, 2]).flat()], 0x40],
      ['66 dd 73 40', [...new Array<number>(7).fill(2), ...new Array(8).fill([8, 2]).flat()], 0x40],
    ] as const) {
      const lab = new DeviceLab(`${twoLoaded} ${code}`).run(1000);
      const inRam = new DeviceLab(`${twoLoaded} ${code}`, {
        prepare: gpr(3, ramLinear),
      }).run(1000);
      let at: number = start;
      const expected = widths.map((bytes: number) => {
        const value = inRam.processor.memory.read(ramGpa + at, bytes) ?? [];
        const entry = `w${bytes}@${at.toString(16)}=${hex(
          [...value].reduceRight((whole, byte) => (whole << 8n) | BigInt(byte), 0n),
        )}`;
        at += bytes;
        return entry;
      });
      assert.deepEqual(lab.device.log, expected);
    }
  });
});
