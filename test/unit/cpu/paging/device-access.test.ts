/** Accesses of ordinary instructions to pages that are not RAM: what the device sees, and what becomes of its answers. */
import assert from 'node:assert/strict';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import {
  behindGpa,
  checkDeviceRow,
  DeviceLab,
  deviceGpa,
  deviceLinear,
  fresh,
  ramGpa,
  type DeviceRow,
} from '../../../support/device-lab';

const [rax, rcx, rsi, rdi] = [0, 1, 6, 7];
const storedRax = 0x1122334455667788n;

const gprIs =
  (register: number, value: bigint) =>
  ({ processor: { state } }: DeviceLab): void =>
    assert.equal(state.gpr(register).toString(16), value.toString(16));

/** Bytes of RAM, as an integer. */
const ramIs =
  (gpa: number, bytes: number, value: bigint) =>
  ({ processor: { memory } }: DeviceLab): void => {
    const found = [...(memory.read(gpa, bytes) ?? [])];
    assert.equal(
      found.reduceRight((whole, byte) => (whole << 8n) | BigInt(byte), 0n).toString(16),
      value.toString(16),
    );
  };

const hex = (value: bigint): string => value.toString(16);
const sum = (offset: number, bytes: number, value: bigint): bigint =>
  BigInt.asUintN(bytes * 8, fresh(offset, bytes) + value);

/** What ADD makes of five bytes of the device and three of RAM. */
const mixedSum = BigInt.asUintN(64, ((0xbbbbbbn << 40n) | fresh(0x1ffb, 5)) + storedRax);

const rows: readonly DeviceRow[] = [
  {
    name: 'MOV r8, m8',
    code: '8a 43 05',
    accesses: 'r1@5',
    check: gprIs(rax, 0x1122334455667700n | fresh(5, 1)),
  },
  { name: 'MOV r16, m16', code: '66 8b 43 10', accesses: 'r2@10' },
  { name: 'MOV r32, m32', code: '8b 43 10', accesses: 'r4@10', check: gprIs(rax, fresh(0x10, 4)) },
  {
    name: 'MOV r64, m64',
    code: '48 8b 43 10',
    accesses: 'r8@10',
    check: gprIs(rax, fresh(0x10, 8)),
  },
  { name: 'MOVZX', code: '0f b6 43 07', accesses: 'r1@7', check: gprIs(rax, fresh(7, 1)) },
  { name: 'MOV m8, r8', code: '88 43 05', accesses: 'w1@5=88' },
  { name: 'MOV m16, r16', code: '66 89 43 10', accesses: 'w2@10=7788' },
  { name: 'MOV m32, r32', code: '89 43 10', accesses: 'w4@10=55667788' },
  { name: 'MOV m64, r64', code: '48 89 43 10', accesses: 'w8@10=1122334455667788' },
  {
    name: 'MOV m64, imm32',
    code: '48 c7 43 10 fe ff ff ff',
    accesses: 'w8@10=fffffffffffffffe',
  },
  { name: 'MOVNTI m32, r32', code: '0f c3 43 10', accesses: 'w4@10=55667788' },
  { name: 'MOVNTI m64, r64', code: '48 0f c3 43 10', accesses: 'w8@10=1122334455667788' },
  { name: 'MOVUPS load', code: '0f 10 43 20', accesses: 'r8@20 r8@28' },
  { name: 'MOVAPS load', code: '0f 28 43 20', accesses: 'r8@20 r8@28' },
  { name: 'MOVSS load', code: 'f3 0f 10 43 20', accesses: 'r4@20' },
  { name: 'MOVSD load', code: 'f2 0f 10 43 20', accesses: 'r8@20' },
  { name: 'MOVHPS load', code: '0f 16 43 20', accesses: 'r8@20' },
  { name: 'ADDPS', code: '0f 58 43 20', accesses: 'r8@20 r8@28' },
  { name: 'PXOR', code: '66 0f ef 43 20', accesses: 'r8@20 r8@28' },
  { name: 'MOVQ to MMX', code: '0f 6f 43 20', accesses: 'r8@20' },
  {
    name: 'MOVUPS load and store',
    code: '0f 10 43 20 0f 11 43 40',
    retires: 2,
    accesses: `r8@20 r8@28 w8@40=${hex(fresh(0x20, 8))} w8@48=${hex(fresh(0x28, 8))}`,
  },
  {
    name: 'MOVNTDQ store',
    code: '0f 10 43 20 66 0f e7 43 40',
    retires: 2,
    accesses: `r8@20 r8@28 w8@40=${hex(fresh(0x20, 8))} w8@48=${hex(fresh(0x28, 8))}`,
  },
  {
    name: 'ADD m32, r32',
    code: '01 43 10',
    accesses: `r4@10 w4@10=${hex(sum(0x10, 4, 0x55667788n))}`,
  },
  {
    name: 'LOCK XADD m64, r64',
    code: 'f0 48 0f c1 43 10',
    accesses: `r8@10 w8@10=${hex(sum(0x10, 8, storedRax))}`,
    check: gprIs(rax, fresh(0x10, 8)),
  },
  {
    name: 'XCHG',
    code: '48 87 43 10',
    accesses: 'r8@10 w8@10=1122334455667788',
    check: gprIs(rax, fresh(0x10, 8)),
  },
  {
    name: 'CMPXCHG that fails',
    code: '48 0f b1 53 10',
    accesses: `r8@10 w8@10=${hex(fresh(0x10, 8))}`,
    check: gprIs(rax, fresh(0x10, 8)),
  },
  {
    name: 'CMPXCHG that succeeds',
    code: '48 0f b1 53 10',
    prepare: ({ state }) => state.setGpr(rax, fresh(0x10, 8)),
    accesses: 'r8@10 w8@10=99aabbccddeeff00',
  },
  {
    name: 'CMPXCHG8B',
    code: 'f0 0f c7 4b 10',
    accesses: `r8@10 w8@10=${hex(fresh(0x10, 8))}`,
    check: gprIs(rax, fresh(0x10, 4)),
  },
  {
    name: 'CMPXCHG8B that succeeds',
    code: 'f0 0f c7 4b 10',
    prepare: ({ state }) => {
      state.setGpr(rax, fresh(0x10, 4));
      state.setGpr(2, fresh(0x14, 4));
    },
    accesses: 'r8@10 w8@10=320001000',
  },
  {
    name: 'CMPXCHG16B',
    code: 'f0 48 0f c7 4b 10',
    accesses: `r8@10 r8@18 w8@10=${hex(fresh(0x10, 8))} w8@18=${hex(fresh(0x18, 8))}`,
  },
  { name: 'TEST m8, imm8', code: 'f6 43 03 80', accesses: 'r1@3' },
  { name: 'NOT m8', code: 'f6 53 03', accesses: `r1@3 w1@3=${hex(fresh(3, 1) ^ 0xffn)}` },
  {
    name: 'BTS m32, imm8',
    code: '0f ba 6b 10 03',
    accesses: `r4@10 w4@10=${hex(fresh(0x10, 4) | 8n)}`,
  },
  {
    name: 'BT m64, r64 with a bit far behind the operand',
    code: '48 0f a3 43 10',
    prepare: ({ state }) => state.setGpr(rax, 0x205n),
    accesses: 'r8@50',
  },
  {
    name: 'XLAT',
    code: 'd7',
    accesses: 'r1@88',
    check: gprIs(rax, (storedRax & ~0xffn) | fresh(0x88, 1)),
  },
  {
    name: 'PUSH m64',
    code: 'ff 73 10',
    accesses: 'r8@10',
    check: ramIs(ramGpa + 0x7f8, 8, fresh(0x10, 8)),
  },
  {
    name: 'CLFLUSH and PREFETCHT0 read nothing',
    code: '0f ae 7b 10 0f 18 4b 10',
    retires: 2,
    accesses: '',
  },
  {
    name: 'REP MOVSB from a device to RAM',
    code: 'f3 a4',
    retires: 3,
    accesses: 'r1@0 r1@1 r1@2',
    check: ramIs(ramGpa, 3, fresh(0, 3)),
  },
  {
    name: 'REP MOVSD from RAM to a device, downwards',
    code: 'fd f3 a5',
    retires: 4,
    prepare: ({ state }) => {
      state.setGpr(rsi, 0x2000_0100n);
      state.setGpr(rdi, deviceLinear + 0x20n);
    },
    accesses: 'w4@20=aaaaaaaa w4@1c=aaaaaaaa w4@18=aaaaaaaa',
    check: gprIs(rdi, deviceLinear + 0x14n),
  },
  {
    name: 'REP MOVSW from RAM over the edge into a device',
    code: '66 f3 a5',
    retires: 3,
    prepare: ({ state }) => {
      state.setGpr(rsi, 0x2000_0100n);
      state.setGpr(rdi, deviceLinear - 3n);
    },
    accesses: 'w1@0=aa w2@1=aaaa',
  },
  {
    name: 'REP STOSD to a device',
    code: '48 89 df f3 ab',
    retires: 4,
    accesses: 'w4@0=55667788 w4@4=55667788 w4@8=55667788',
    check: gprIs(rcx, 0n),
  },
  {
    name: 'REP LODSB',
    code: 'f3 ac',
    retires: 3,
    accesses: 'r1@0 r1@1 r1@2',
    check: gprIs(rax, (storedRax & ~0xffn) | fresh(2, 1)),
  },
  {
    name: 'REPE CMPSB, where the second element differs',
    code: 'f3 a6',
    retires: 2,
    prepare: ({ memory }) => memory.write(ramGpa, Uint8Array.of(1)),
    accesses: 'r1@0 r1@1',
    check: gprIs(rcx, 1n),
  },
  {
    name: 'REPNE SCASB',
    code: 'f2 ae',
    retires: 2,
    prepare: ({ state }) => {
      state.setGpr(rdi, deviceLinear);
      state.setGpr(rax, fresh(1, 1));
    },
    accesses: 'r1@0 r1@1',
    check: gprIs(rcx, 1n),
  },
  {
    name: 'MOVSQ from a device to itself',
    code: '48 8d 7b 40 48 a5',
    retires: 2,
    accesses: `r8@0 w8@40=${hex(fresh(0, 8))}`,
  },
  {
    name: 'CMPSQ in a device reads the second operand first',
    code: '48 8d 7b 40 48 a7',
    retires: 2,
    accesses: 'r8@40 r8@0',
  },
  {
    name: 'MOV r64 over the edge from RAM into the device',
    code: '48 8b 43 fd',
    accesses: 'r5@0',
    check: gprIs(rax, (fresh(0, 5) << 24n) | 0xaaaaaan),
  },
  {
    name: 'MOV r64 over the edge from the device into RAM',
    code: '48 8b 83 fb 1f 00 00',
    accesses: 'r5@1ffb',
    check: gprIs(rax, (0xbbbbbbn << 40n) | fresh(0x1ffb, 5)),
  },
  {
    name: 'MOV r64 over two device pages',
    code: '48 8b 83 fd 0f 00 00',
    accesses: 'r3@ffd r5@1000',
    check: gprIs(rax, fresh(0xffd, 8)),
  },
  {
    name: 'MOV m64 over the edge from RAM into the device',
    code: '48 89 43 fd',
    accesses: 'w5@0=1122334455',
    check: ramIs(ramGpa + 0xffd, 3, 0x667788n),
  },
  {
    name: 'ADD m64 over two device pages',
    code: '48 01 83 fd 0f 00 00',
    accesses:
      `r3@ffd r5@1000 w3@ffd=${hex(sum(0xffd, 8, storedRax) & 0xffffffn)} ` +
      `w5@1000=${hex(sum(0xffd, 8, storedRax) >> 24n)}`,
  },
  {
    name: 'ADD m64 over the edge from the device into RAM',
    code: '48 01 83 fb 1f 00 00',
    accesses: `r5@1ffb w5@1ffb=${hex(mixedSum & 0xffffffffffn)}`,
    check: ramIs(behindGpa, 3, mixedSum >> 40n),
  },
  {
    name: 'MOVUPS over two device pages',
    code: '0f 10 83 f7 0f 00 00',
    accesses: 'r8@ff7 r1@fff r7@1000',
  },
  {
    name: 'CMPXCHG8B over the edge from the device into RAM',
    code: 'f0 0f c7 8b fb 1f 00 00',
    accesses: `r5@1ffb w5@1ffb=${hex(fresh(0x1ffb, 5))}`,
    check: ramIs(behindGpa, 3, 0xbbbbbbn),
  },
];

describe('accesses to devices in guest-physical memory', () => {
  for (const row of rows) it(row.name, () => checkDeviceRow(row));

  it('a fault on the second page comes before the device on the first is asked', () => {
    const { processor } = new DeviceLab('48 8b 83 fd 0f 00 00');
    processor.map(deviceLinear + 0x1000n, deviceGpa + 0x1000, { user: false });
    processor.setPrivilege(3);
    processor.setField('EXCEPTION_BITMAP', 0xffffffffn);
    assert.equal(processor.core.run(1, 0).stop.kind, 'vm-exit');
    assert.equal(processor.field('VM_EXIT_REASON'), 0n);
  });

  it('a fetch is no access that a device could answer', () => {
    const { processor } = new DeviceLab('ff e3');
    processor.state.writeU32(stateOffsets.accessBytes, 4);
    processor.core.run(2, 0);
    assert.equal(processor.field('VM_EXIT_REASON'), 48n);
    assert.equal(processor.state.readU32(stateOffsets.accessBytes), 0);
  });

  it("the page walk's own accesses are none that a device could answer", () => {
    const { processor } = new DeviceLab('8b 43 10');
    processor.state.writeU32(stateOffsets.accessBytes, 4);
    processor.setField('GUEST_CR3', BigInt(deviceGpa));
    processor.core.stateWasEdited();
    processor.core.run(1, 0);
    assert.equal(processor.field('VM_EXIT_REASON'), 48n);
    assert.equal(processor.state.readU32(stateOffsets.accessBytes), 0);
  });

  it('what the hypervisor reads and writes itself asks no device, and is refused', () => {
    const { processor } = new DeviceLab('90');
    const { core, state } = processor;
    core.answerAccess(0x1234n);
    assert.deepEqual(core.readAsSystem(deviceLinear, 8), { kind: 'refused' });
    assert.deepEqual(core.writeAsSystem(deviceLinear, new Uint8Array(8)), { kind: 'refused' });
    assert.equal(state.readU32(stateOffsets.answerCount), 1);
    assert.equal(state.readU32(stateOffsets.accessBytes), 0);
  });

  it('a fault behind an answer forgets it, so that the handler asks anew', () => {
    const lab = new DeviceLab('f7 73 10', {
      prepare: (processor, device) => {
        device.put(0x10, 0n, 4);
        processor.setField('EXCEPTION_BITMAP', 1n);
      },
    });
    const { core, state } = lab.processor;
    core.run(1, 0);
    state.writeU32(stateOffsets.exitPending, 0);
    core.answerAccess(0n);
    core.run(1, 0);
    assert.equal(lab.processor.field('VM_EXIT_INTR_INFO'), 0x80000300n, 'a divide error exits');
    assert.equal(state.readU32(stateOffsets.answerCount), 0);
  });
});
