// Faults during delivery: served in turn, double fault or shutdown, and what the exception bitmap makes of them.
import assert from 'node:assert/strict';
import { GuestKernel, selector } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

const missing = 0x5000_0000n;
const undefinedOpcode = '0f 0b';
const readThroughRbx = '48 8b 03';

/** Makes the first delivery meet a fault of this kind. */
const obstacles: Readonly<Record<string, (kernel: GuestKernel, vector: number) => void>> = {
  '#GP': (kernel, vector) => kernel.setGate(vector, { selector: 0 }),
  '#NP': (kernel, vector) => kernel.setGate(vector, { present: false }),
  '#TS': (kernel, vector) => {
    kernel.setGate(vector, { stackTable: 7 });
    kernel.setField('GUEST_TR_LIMIT', 0x40n);
  },
  '#SS': (kernel, vector) => {
    kernel.setGate(vector, { stackTable: 2 });
    kernel.writeU64(0x23_000 + 0x2c, 0x8000_0000_0000n);
  },
  '#PF': (kernel, vector) => {
    kernel.setGate(vector, { stackTable: 2 });
    kernel.writeU64(0x23_000 + 0x2c, missing);
  },
};

interface Instruction {
  readonly name: string;
  readonly code: string;
  readonly vector: number;
}

const benign: Instruction = { name: '#UD', code: undefinedOpcode, vector: 6 };
const contributory: Instruction = { name: '#GP', code: '0f 22 c0', vector: 13 };
const pageFault: Instruction = { name: '#PF', code: readThroughRbx, vector: 14 };
const interrupt: Instruction = { name: 'INT n', code: 'cd 80', vector: 128 };

const rows: readonly (readonly [Instruction, string, string])[] = [
  [benign, '#GP', 'vector 13 (0x1)'],
  [benign, '#NP', 'vector 11 (0x33)'],
  [benign, '#TS', 'vector 10 (0x29)'],
  [benign, '#SS', 'vector 12 (0x1)'],
  [benign, '#PF', 'vector 14 (0x2)'],
  [interrupt, '#GP', 'vector 13 (0x0)'],
  [interrupt, '#NP', 'vector 11 (0x402)'],
  [interrupt, '#PF', 'vector 14 (0x2)'],
  [contributory, '#GP', 'vector 8 (0x0)'],
  [contributory, '#NP', 'vector 8 (0x0)'],
  [contributory, '#TS', 'vector 8 (0x0)'],
  [contributory, '#SS', 'vector 8 (0x0)'],
  [contributory, '#PF', 'vector 14 (0x2)'],
  [pageFault, '#GP', 'vector 8 (0x0)'],
  [pageFault, '#NP', 'vector 8 (0x0)'],
  [pageFault, '#TS', 'vector 8 (0x0)'],
  [pageFault, '#SS', 'vector 8 (0x0)'],
  [pageFault, '#PF', 'vector 8 (0x0)'],
];

function kernelAt({ code }: Instruction): GuestKernel {
  const kernel = GuestKernel.again();
  kernel.enter(0, machineCode(code));
  // MOV CR0 of paging without protection is the #GP; RBX points to a page that is missing.
  kernel.state.setGpr(0, 0x8000_0000n);
  kernel.state.setGpr(3, missing);
  return kernel;
}

describe('a fault during delivery (SDM vol. 3, table 6-5)', () => {
  for (const [first, second, outcome] of rows) {
    it(`${first.name}, then ${second}: ${outcome}`, () => {
      const kernel = kernelAt(first);
      const start = kernel.state.rip;
      obstacles[second]?.(kernel, first.vector);
      assert.equal(kernel.outcome(), outcome);
      assert.equal(kernel.stack(2)[1], start, 'the saved RIP is the instruction');
    });
  }

  it('a double fault that cannot be delivered shuts down: exit 2', () => {
    const kernel = kernelAt(contributory);
    const before = kernel.state.rip;
    kernel.setGate(13, { present: false });
    kernel.setGate(8, { present: false });
    assert.equal(kernel.outcome(), 'exit 2');
    assert.equal(kernel.state.rip, before);
    assert.equal(kernel.field('EXIT_QUALIFICATION'), 0n);
  });

  it('without any interrupt table everything shuts down', () => {
    const kernel = kernelAt(benign);
    kernel.setField('GUEST_IDTR_LIMIT', 0n);
    assert.equal(kernel.outcome(), 'exit 2');
  });
});

const valid = 0x8000_0000;
const hasErrorCode = 0x800;
const hardware = 3 << 8;

describe('the exception bitmap (SDM vol. 3, 25.6.3, 26.2)', () => {
  const exits: readonly (readonly [string, Instruction, number, number])[] = [
    ['#UD', benign, valid | hardware | 6, 0],
    ['#GP', contributory, valid | hardware | hasErrorCode | 13, 0],
    ['#BP', { name: '#BP', code: 'cc', vector: 3 }, valid | (6 << 8) | 3, 1],
    ['#DB of INT1', { name: '#DB', code: 'f1', vector: 1 }, valid | (5 << 8) | 1, 1],
  ];
  for (const [title, instruction, information, length] of exits) {
    it(`${title} exits where its bit is set`, () => {
      const kernel = kernelAt(instruction);
      const before = kernel.state.rip;
      kernel.setField('EXCEPTION_BITMAP', BigInt(1 << instruction.vector));
      assert.equal(kernel.outcome(), 'exit 0');
      assert.equal(kernel.field('VM_EXIT_INTR_INFO'), BigInt(information >>> 0));
      assert.equal(kernel.field('VM_EXIT_INSTRUCTION_LEN'), BigInt(length));
      assert.equal(kernel.field('IDT_VECTORING_INFO_FIELD'), 0n);
      assert.equal(kernel.state.rip, before);
    });
    it(`${title} does not exit for the other bits`, () => {
      const kernel = kernelAt(instruction);
      kernel.setField('EXCEPTION_BITMAP', BigInt(~(1 << instruction.vector) >>> 0));
      assert.match(kernel.outcome(), new RegExp(`^vector ${instruction.vector}`));
    });
  }

  it('INT n is not an exception: no bit stops it', () => {
    const kernel = GuestKernel.again();
    kernel.enter(0, machineCode('cd 06'));
    kernel.setField('EXCEPTION_BITMAP', 0xffffffffn);
    assert.equal(kernel.outcome(), 'vector 6');
  });

  for (const [bit, mask, match, isExit] of [
    [1, 0, 0, true],
    [0, 0, 0, false],
    [1, 0, 1, false],
    [0, 0, 1, true],
    [1, 2, 0, true],
    [1, 2, 2, false],
    [0, 2, 2, true],
    [1, 1, 0, true],
    [1, 1, 1, false],
  ] as const) {
    it(`#PF with error code 0, bit ${bit}, mask ${mask}, match ${match}: ${isExit ? 'exit' : 'vector'}`, () => {
      const kernel = kernelAt(pageFault);
      kernel.setField('EXCEPTION_BITMAP', BigInt(bit << 14));
      kernel.setField('PAGE_FAULT_ERROR_CODE_MASK', BigInt(mask));
      kernel.setField('PAGE_FAULT_ERROR_CODE_MATCH', BigInt(match));
      assert.equal(kernel.outcome(), isExit ? 'exit 0' : 'vector 14 (0x0)');
      if (!isExit) return;
      assert.equal(kernel.field('EXIT_QUALIFICATION'), missing, 'the address');
      assert.equal(kernel.field('VM_EXIT_INTR_ERROR_CODE'), 0n);
      kernel.enter(0, machineCode('0f 20 d0'));
      kernel.outcome();
      assert.equal(kernel.state.gpr(0), 0n, 'CR2 keeps its value');
    });
  }

  it('an exit during delivery says what was being delivered', () => {
    const kernel = kernelAt(interrupt);
    obstacles['#PF']?.(kernel, 128);
    kernel.setField('EXCEPTION_BITMAP', 1n << 14n);
    assert.equal(kernel.outcome(), 'exit 0');
    assert.equal(kernel.field('IDT_VECTORING_INFO_FIELD'), BigInt(valid + (4 << 8) + 128));
    assert.equal(kernel.field('VM_EXIT_INTR_INFO'), BigInt(valid + hardware + hasErrorCode + 14));
    assert.equal(kernel.field('VM_EXIT_INSTRUCTION_LEN'), 2n);
  });

  it('an exit by a double fault does not count as one during delivery', () => {
    const kernel = kernelAt(contributory);
    kernel.setGate(13, { present: false });
    kernel.setField('EXCEPTION_BITMAP', 1n << 8n);
    assert.equal(kernel.outcome(), 'exit 0');
    assert.equal(kernel.field('VM_EXIT_INTR_INFO'), BigInt(valid + hardware + hasErrorCode + 8));
    assert.equal(kernel.field('IDT_VECTORING_INFO_FIELD'), 0n);
  });

  it('a stack page that the second-level map refuses exits 48 with vectoring information', () => {
    const kernel = kernelAt(interrupt);
    kernel.memory.unmap(0x40, 1);
    assert.equal(kernel.outcome(), 'exit 48');
    assert.equal(kernel.field('IDT_VECTORING_INFO_FIELD'), BigInt(valid + (4 << 8) + 128));
    assert.equal(kernel.field('VM_EXIT_INSTRUCTION_LEN'), 2n);
    assert.equal(kernel.field('GUEST_CS_SELECTOR'), BigInt(selector.kernelCode));
  });
});
