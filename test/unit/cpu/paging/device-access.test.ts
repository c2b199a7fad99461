/** Accesses to pages that are not RAM: what exits, in which order, and what the instruction makes of the answers. */
import assert from 'node:assert/strict';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { ExitReasonNumber } from '../../../../debug-adapter/spec/x86/exit-reasons';
import { BareProcessor } from '../../../support/bare-processor';
import { machineCode } from '../../../support/machine-code';

const codeLinear = 0x1000_0000n;
const codeGpa = 0x100_000;
/** A page of RAM, then two pages of a device, then RAM. */
const ramLinear = 0x2000_0000n;
const deviceLinear = ramLinear + 0x1000n;
const behindLinear = ramLinear + 0x3000n;
const ramGpa = 0x110_000;
const behindGpa = 0x120_000;
const deviceGpa = 0xfec0_0000;

const [rax, rcx, rdx, rbx, rsp, , rsi, rdi] = [0, 1, 2, 3, 4, 5, 6, 7];

/** A device whose bytes are those of `contents`; it notes every access. */
class Device {
  readonly contents = new Uint8Array(0x2000);
  readonly log: string[] = [];

  constructor() {
    this.contents.forEach((_, index) => {
      this.contents[index] = (index * 7 + 1) & 0xff;
    });
  }

  access(offset: number, bytes: number, value: bigint | undefined): bigint {
    const view = new DataView(this.contents.buffer);
    let result = 0n;
    for (let index = bytes - 1; index >= 0; index--) {
      if (value !== undefined) {
        view.setUint8(offset + index, Number((value >> BigInt(index * 8)) & 0xffn));
      }
      result = (result << 8n) | BigInt(view.getUint8(offset + index));
    }
    const kind = value === undefined ? 'r' : 'w';
    this.log.push(`${kind}${bytes}@${offset.toString(16)}`);
    return value === undefined ? result : 0n;
  }
}

function prepare(code: string, hotCount = 0): { processor: BareProcessor; device: Device } {
  const processor = new BareProcessor({ hotCount });
  processor.map(codeLinear, codeGpa);
  processor.map(ramLinear, ramGpa);
  processor.map(deviceLinear, deviceGpa);
  processor.map(deviceLinear + 0x1000n, deviceGpa + 0x1000);
  processor.map(behindLinear, behindGpa);
  processor.memory.write(codeGpa, machineCode(code));
  processor.memory.write(ramGpa, new Uint8Array(4096).fill(0xaa));
  processor.memory.write(behindGpa, new Uint8Array(4096).fill(0xbb));
  const { state } = processor;
  state.rip = codeLinear;
  state.setGpr(rbx, deviceLinear);
  state.setGpr(rsi, deviceLinear);
  state.setGpr(rdi, ramLinear);
  state.setGpr(rsp, ramLinear + 0x800n);
  state.setGpr(rax, 0x1122334455667788n);
  state.setGpr(rcx, 3n);
  state.setGpr(rdx, 0x99aabbccddeeff00n);
  return { processor, device: new Device() };
}

/** Takes steps until RIP is behind the code, answering exits from the device. */
function run(processor: BareProcessor, device: Device, length: number): number {
  const { state, core } = processor;
  let steps = 0;
  while (state.rip < codeLinear + BigInt(length)) {
    assert(steps < 200, `stuck at ${state.rip.toString(16)}: ${device.log.join(' ')}`);
    const { stop, steps: taken } = core.run(1, 0);
    steps += taken;
    if (stop.kind === 'budget') continue;
    assert.equal(stop.kind, 'vm-exit');
    assert.equal(processor.field('VM_EXIT_REASON'), BigInt(ExitReasonNumber.EPT_VIOLATION));
    state.writeU32(stateOffsets.exitPending, 0);
    const qualification = processor.field('EXIT_QUALIFICATION');
    assert.equal(qualification & ~3n, 0x180n, 'a translated linear address');
    const offset = Number(processor.field('GUEST_PHYSICAL_ADDRESS')) - deviceGpa;
    const linear = processor.field('GUEST_LINEAR_ADDRESS');
    assert.equal(linear, deviceLinear + BigInt(offset));
    const bytes = state.readU32(stateOffsets.accessBytes);
    const value = state.readU64(stateOffsets.accessValue);
    core.answerAccess(device.access(offset, bytes, qualification === 0x182n ? value : undefined));
  }
  return steps;
}

/** Bytes of the device from `offset` on, as an integer. */
function fresh(offset: number, bytes: number): bigint {
  return new Device().access(offset, bytes, undefined);
}

interface Case {
  readonly name: string;
  readonly code: string;
  readonly accesses: string;
  readonly check?: (processor: BareProcessor, device: Device) => void;
}

const gprIs =
  (register: number, value: bigint) =>
  ({ state }: BareProcessor): void =>
    assert.equal(state.gpr(register).toString(16), value.toString(16));

const cases: readonly Case[] = [
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
  { name: 'MOVUPS load', code: '0f 10 43 20', accesses: 'r8@20 r8@28' },
  {
    name: 'MOV m32, r32',
    code: '89 43 10',
    accesses: 'w4@10',
    check: (_, device) => assert.equal(device.access(0x10, 4, undefined), 0x55667788n),
  },
  {
    name: 'MOV m64, imm32',
    code: '48 c7 43 10 fe ff ff ff',
    accesses: 'w8@10',
    check: (_, device) => assert.equal(device.access(0x10, 8, undefined), (1n << 64n) - 2n),
  },
  {
    name: 'MOVUPS load and store',
    code: '0f 10 43 20 0f 11 43 40',
    accesses: 'r8@20 r8@28 w8@40 w8@48',
    check: (_, device) => assert.equal(device.access(0x48, 8, undefined), fresh(0x28, 8)),
  },
  {
    name: 'ADD m32, r32',
    code: '01 43 10',
    accesses: 'r4@10 w4@10',
    check: (_, device) =>
      assert.equal(
        device.access(0x10, 4, undefined),
        BigInt.asUintN(32, fresh(0x10, 4) + 0x55667788n),
      ),
  },
  {
    name: 'LOCK XADD m64, r64',
    code: 'f0 48 0f c1 43 10',
    accesses: 'r8@10 w8@10',
    check: gprIs(rax, fresh(0x10, 8)),
  },
  { name: 'XCHG', code: '48 87 43 10', accesses: 'r8@10 w8@10', check: gprIs(rax, fresh(0x10, 8)) },
  {
    name: 'CMPXCHG that fails',
    code: '48 0f b1 53 10',
    accesses: 'r8@10 w8@10',
    check: gprIs(rax, fresh(0x10, 8)),
  },
  { name: 'CMPXCHG8B', code: '0f c7 4b 10', accesses: 'r4@10 r4@14 w4@10 w4@14' },
  { name: 'CMPXCHG16B', code: '48 0f c7 4b 10', accesses: 'r8@10 r8@18 w8@10 w8@18' },
  { name: 'TEST m8, imm8', code: 'f6 43 03 80', accesses: 'r1@3' },
  { name: 'NOT m8', code: 'f6 53 03', accesses: 'r1@3 w1@3' },
  { name: 'BTS m32, imm8', code: '0f ba 6b 10 03', accesses: 'r4@10 w4@10' },
  {
    name: 'PUSH m64',
    code: 'ff 73 10',
    accesses: 'r8@10',
    check: ({ memory }) =>
      assert.deepEqual(memory.read(ramGpa + 0x7f8, 8), new Device().contents.subarray(0x10, 0x18)),
  },
  {
    name: 'REP MOVSB from a device to RAM',
    code: 'f3 a4',
    accesses: 'r1@0 r1@1 r1@2',
    check: ({ memory }) =>
      assert.deepEqual(memory.read(ramGpa, 3), new Device().contents.subarray(0, 3)),
  },
  {
    name: 'REP STOSD to a device',
    code: '48 89 df f3 ab',
    accesses: 'w4@0 w4@4 w4@8',
    check: gprIs(rcx, 0n),
  },
  {
    name: 'MOVSQ from a device to itself',
    code: '48 8d 7b 40 48 a5',
    accesses: 'r8@0 w8@40',
    check: (_, device) => assert.equal(device.access(0x40, 8, undefined), fresh(0, 8)),
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
    accesses: 'w5@0',
    check: ({ memory }, device) => {
      assert.deepEqual([...(memory.read(ramGpa + 0xffd, 3) ?? [])], [0x88, 0x77, 0x66]);
      assert.equal(device.access(0, 5, undefined), 0x1122334455n);
    },
  },
  {
    name: 'ADD m64 over two device pages',
    code: '48 01 83 fd 0f 00 00',
    accesses: 'r3@ffd r5@1000 w3@ffd w5@1000',
    check: (_, device) =>
      assert.equal(
        device.access(0xffd, 8, undefined),
        BigInt.asUintN(64, fresh(0xffd, 8) + 0x1122334455667788n),
      ),
  },
  {
    name: 'ADD m64 over the edge from the device into RAM',
    code: '48 01 83 fb 1f 00 00',
    accesses: 'r5@1ffb w5@1ffb',
    check: ({ memory }, device) => {
      const sum = BigInt.asUintN(64, ((0xbbbbbbn << 40n) | fresh(0x1ffb, 5)) + 0x1122334455667788n);
      assert.equal(device.access(0x1ffb, 5, undefined), sum & 0xffffffffffn);
      assert.deepEqual(
        [...(memory.read(behindGpa, 3) ?? [])],
        [40n, 48n, 56n].map((shift) => Number((sum >> shift) & 0xffn)),
      );
    },
  },
  {
    name: 'MOVUPS over two device pages',
    code: '0f 10 83 f7 0f 00 00',
    accesses: 'r8@ff7 r1@fff r7@1000',
  },
];

describe('accesses to devices in guest-physical memory', () => {
  for (const { name, code, accesses, check } of cases) {
    for (const hotCount of [0, 1]) {
      it(`${name}${hotCount === 1 ? ', translated' : ''}`, () => {
        const { processor, device } = prepare(code, hotCount);
        run(processor, device, machineCode(code).length);
        const seen = device.log.join(' ');
        assert.equal(seen, accesses);
        check?.(processor, device);
      });
    }
  }

  it('a fault on the second page comes before the device on the first is asked', () => {
    const { processor } = prepare('48 8b 83 fd 0f 00 00');
    processor.map(deviceLinear + 0x1000n, deviceGpa + 0x1000, { user: false });
    processor.setPrivilege(3);
    processor.setField('EXCEPTION_BITMAP', 0xffffffffn);
    assert.equal(processor.core.run(1, 0).stop.kind, 'vm-exit');
    assert.equal(processor.field('VM_EXIT_REASON'), 0n);
  });

  it('accesses of routines are none that a device could answer', () => {
    const { processor } = prepare('8f 43 10');
    processor.state.writeU32(stateOffsets.accessBytes, 4);
    processor.core.run(1, 0);
    assert.equal(processor.field('VM_EXIT_REASON'), 48n);
    assert.equal(processor.state.readU32(stateOffsets.accessBytes), 0);
  });

  it("accesses of the processor's own and fetches are none that a device could answer", () => {
    const fetching = prepare('ff e3').processor;
    fetching.core.run(2, 0);
    assert.equal(fetching.field('VM_EXIT_REASON'), 48n);
    assert.equal(fetching.state.readU32(stateOffsets.accessBytes), 0);
    const delivering = prepare('0f 0b').processor;
    delivering.setField('GUEST_IDTR_BASE', deviceLinear);
    delivering.setField('GUEST_IDTR_LIMIT', 0xfffn);
    delivering.state.writeU32(stateOffsets.accessBytes, 4);
    delivering.core.run(1, 0);
    assert.equal(delivering.field('VM_EXIT_REASON'), 48n);
    assert.equal(delivering.state.readU32(stateOffsets.accessBytes), 0);
    assert.equal(delivering.field('IDT_VECTORING_INFO_FIELD'), 0x80000306n);
  });
});
