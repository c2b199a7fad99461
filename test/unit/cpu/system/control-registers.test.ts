// MOV to and from control and debug registers: masks, shadows, reserved bits, and what takes effect.
import assert from 'node:assert/strict';
import { GuestKernel } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

const gp = 'vector 13 (0x0)';
const cr0 = 0x8001_0031n;
const cr4 = 0x620n;

interface Write {
  readonly title: string;
  /** Number of the control register; RAX is the source. */
  readonly register: 0 | 3 | 4 | 8;
  readonly value: bigint;
  readonly fields?: Readonly<Record<string, bigint>>;
  readonly outcome: string;
  /** The register afterwards, as it really is. */
  readonly after?: bigint;
}

const codeOf: Readonly<Record<Write['register'], string>> = {
  0: '0f 22 c0',
  3: '0f 22 d8',
  4: '0f 22 e0',
  8: '44 0f 22 c0',
};

const writes: readonly Write[] = [
  {
    title: 'CR0 with all that is allowed',
    register: 0,
    value: cr0 | 0x4000en,
    outcome: 'budget',
    after: cr0 | 0x4000en,
  },
  { title: 'CR0.ET stays 1', register: 0, value: cr0 & ~0x10n, outcome: 'budget', after: cr0 },
  {
    title: 'CR0 reserved bits are ignored',
    register: 0,
    value: cr0 | 0x40n,
    outcome: 'budget',
    after: cr0,
  },
  { title: 'CR0 upper half', register: 0, value: cr0 | (1n << 32n), outcome: gp },
  { title: 'CR0.PG without PE', register: 0, value: cr0 & ~1n, outcome: gp },
  { title: 'CR0.NW without CD', register: 0, value: cr0 | (1n << 29n), outcome: gp },
  {
    title: 'CR0.CD and NW',
    register: 0,
    value: cr0 | (3n << 29n),
    outcome: 'budget',
    after: cr0 | (3n << 29n),
  },
  { title: 'CR0.PG cleared in 64-bit mode', register: 0, value: cr0 & ~(1n << 31n), outcome: gp },
  {
    title: 'CR0 bit of the host that differs from the shadow',
    register: 0,
    value: cr0 | 8n,
    fields: { CR0_GUEST_HOST_MASK: 8n },
    outcome: 'exit 28',
    after: cr0,
  },
  {
    title: 'CR0 bit of the host as in the shadow: the real one stays',
    register: 0,
    value: cr0 | 8n,
    fields: { CR0_GUEST_HOST_MASK: 8n, CR0_READ_SHADOW: 8n },
    outcome: 'budget',
    after: cr0,
  },
  {
    title: 'CR0 interception comes before reserved bits',
    register: 0,
    value: cr0 | 8n | (1n << 40n),
    fields: { CR0_GUEST_HOST_MASK: 8n },
    outcome: 'exit 28',
  },
  { title: 'CR3 with cache bits', register: 3, value: 0x1018n, outcome: 'budget', after: 0x1018n },
  { title: 'CR3 beyond the physical width', register: 3, value: 1n << 45n, outcome: gp },
  { title: 'CR3 bit 63 without PCIDs', register: 3, value: (1n << 63n) | 0x1000n, outcome: gp },
  {
    title: 'CR4.PGE and TSD',
    register: 4,
    value: cr4 | 0x84n,
    outcome: 'budget',
    after: cr4 | 0x84n,
  },
  { title: 'CR4.PAE cleared in IA-32e mode', register: 4, value: cr4 & ~0x20n, outcome: gp },
  {
    title: 'CR4 bits of features that are not there',
    register: 4,
    value: cr4 | (1n << 22n),
    outcome: gp,
  },
  { title: 'CR4 upper half', register: 4, value: cr4 | (1n << 40n), outcome: gp },
  {
    title: 'CR4 bit of the host that differs from the shadow',
    register: 4,
    value: cr4 | 0x2000n,
    fields: { CR4_GUEST_HOST_MASK: 0x2000n },
    outcome: 'exit 28',
    after: cr4,
  },
  { title: 'CR8', register: 8, value: 15n, outcome: 'budget' },
  { title: 'CR8 reserved bits', register: 8, value: 16n, outcome: gp },
];

function prepare(code: string, rax = 0n, level: 0 | 3 = 0): GuestKernel {
  const kernel = GuestKernel.again();
  kernel.enter(level, machineCode(code));
  kernel.state.setGpr(0, rax);
  return kernel;
}

describe('MOV to control registers (SDM vol. 3, 2.5; 26.3)', () => {
  for (const { title, register, value, fields = {}, outcome, after } of writes) {
    it(`${title}: ${outcome}`, () => {
      const kernel = prepare(codeOf[register], value);
      for (const [name, field] of Object.entries(fields)) kernel.setField(name, field);
      assert.equal(kernel.outcome(), outcome);
      if (after !== undefined) assert.equal(kernel.field(`GUEST_CR${register}`), after);
      if (outcome === 'exit 28') assert.equal(kernel.field('EXIT_QUALIFICATION'), BigInt(register));
    });
  }

  for (const register of [0, 3, 4, 8] as const) {
    it(`CR${register} at CPL 3: ${gp}`, () => {
      assert.equal(prepare(codeOf[register], 0n, 3).outcome(), gp);
    });
  }

  it('a new CR3 takes effect with the next instruction', () => {
    const kernel = prepare(`${codeOf[3]} 90`, 0x90_000n);
    assert.deepEqual([kernel.outcome(), kernel.outcome()], ['budget', 'exit 2']);
  });

  it('CR0.WP takes effect with the next instruction', () => {
    // mov cr0,rax; mov [rbx],rax
    const kernel = prepare('0f 22 c0 48 89 03', cr0 & ~0x10000n);
    kernel.map(0x5000_0000n, 0x44_000, { writable: false });
    kernel.state.setGpr(3, 0x5000_0000n);
    assert.deepEqual([kernel.outcome(), kernel.outcome()], ['budget', 'budget']);
  });
});

describe('MOV from control registers (SDM vol. 3, 25.6.6)', () => {
  for (const [title, code, fields, expected] of [
    ['CR0', '0f 20 c0', {}, cr0],
    [
      'CR0, bits of the host from the shadow',
      '0f 20 c0',
      { CR0_GUEST_HOST_MASK: 0x28n, CR0_READ_SHADOW: 8n },
      (cr0 & ~0x28n) | 8n,
    ],
    ['CR3', '0f 20 d8', {}, 0x1000n],
    ['CR4', '0f 20 e0', {}, cr4],
    [
      'CR4, bits of the host from the shadow',
      '0f 20 e0',
      { CR4_GUEST_HOST_MASK: 0x2020n, CR4_READ_SHADOW: 0x2000n },
      0x2600n,
    ],
    ['CR8', '44 0f 20 c0', {}, 0n],
    ['any ModR/M.mod is a register', '0f 20 00', {}, cr0],
  ] as const) {
    it(`${title}: ${expected.toString(16)}`, () => {
      const kernel = prepare(code, 0xffffn);
      for (const [name, value] of Object.entries(fields)) kernel.setField(name, value);
      assert.equal(kernel.outcome(), 'budget');
      assert.equal(kernel.state.gpr(0), expected);
    });
  }

  for (const [level, fields, outcome, expected] of [
    [0, {}, 'budget', 0x80010031n],
    [3, {}, 'budget', 0x80010031n],
    [3, { GUEST_CR4: cr4 | 0x800n }, gp, 0xffffn],
    [0, { CR0_GUEST_HOST_MASK: 0x39n, CR0_READ_SHADOW: 0x18n }, 'budget', 0x80010018n],
  ] as const) {
    it(`SMSW at CPL ${level} with ${JSON.stringify(Object.keys(fields))}: ${outcome}`, () => {
      const kernel = prepare('0f 01 e0', 0xffffn, level);
      for (const [name, value] of Object.entries(fields)) kernel.setField(name, value);
      assert.equal(kernel.outcome(), outcome);
      assert.equal(kernel.state.gpr(0), expected);
    });
  }
});

describe('CLTS (SDM vol. 2, CLTS; vol. 3, 26.1.3)', () => {
  for (const [mask, shadow, outcome, after] of [
    [0n, 0n, 'budget', cr0],
    [8n, 0n, 'budget', cr0 | 8n],
    [8n, 8n, 'exit 28', cr0 | 8n],
  ] as const) {
    it(`mask ${mask}, shadow ${shadow}: ${outcome}`, () => {
      const kernel = prepare('0f 06');
      kernel.setField('GUEST_CR0', cr0 | 8n);
      kernel.setField('CR0_GUEST_HOST_MASK', mask);
      kernel.setField('CR0_READ_SHADOW', shadow);
      assert.equal(kernel.outcome(), outcome);
      assert.equal(kernel.field('GUEST_CR0'), after);
      if (outcome === 'exit 28') assert.equal(kernel.field('EXIT_QUALIFICATION'), 0x20n);
    });
  }
  it('is privileged', () => assert.equal(prepare('0f 06', 0n, 3).outcome(), gp));
});

describe('debug registers (SDM vol. 3, 17.2)', () => {
  for (const [title, write, read, value, expected] of [
    ['DR0', '0f 23 c0', '0f 21 c1', 0x1234_5678_9abc_def0n, 0x1234_5678_9abc_def0n],
    ['DR3', '0f 23 d8', '0f 21 d9', 5n, 5n],
    ['DR6 has fixed bits', '0f 23 f0', '0f 21 f1', 0x1001n, 0xffff_0ff1n],
    ['DR7 has fixed bits', '0f 23 f8', '0f 21 f9', 0xd000n, 0x400n],
    ['DR4 stands for DR6', '0f 23 e0', '0f 21 f1', 2n, 0xffff_0ff2n],
    ['DR5 stands for DR7', '0f 23 e8', '0f 21 f9', 0n, 0x400n],
  ] as const) {
    it(`${title}: ${expected.toString(16)}`, () => {
      const kernel = prepare(`${write} ${read}`, value);
      assert.deepEqual([kernel.outcome(), kernel.outcome()], ['budget', 'budget']);
      assert.equal(kernel.state.gpr(1), expected);
    });
  }

  for (const [title, code, value, fields, level, outcome] of [
    ['DR6 upper half', '0f 23 f0', 1n << 32n, {}, 0, gp],
    ['DR7 upper half', '0f 23 f8', 1n << 32n, {}, 0, gp],
    ['DR4 with CR4.DE', '0f 23 e0', 0n, { GUEST_CR4: cr4 | 8n }, 0, 'vector 6'],
    ['DR0 at CPL 3', '0f 21 c0', 0n, {}, 3, gp],
    ['an instruction breakpoint', '0f 23 f8', 1n, {}, 0, 'budget'],
    ['a breakpoint on port accesses', '0f 23 f8', 0x20001n, {}, 0, 'budget'],
    ['general detection', '0f 23 f8', 0x2000n, {}, 0, 'budget'],
    ['access under general detection', '0f 23 f8', 0n, { GUEST_DR7: 0x2400n }, 0, 'vector 1'],
  ] as const) {
    it(`${title}: ${outcome}`, () => {
      const kernel = prepare(code, value, level);
      for (const [name, field] of Object.entries(fields)) kernel.setField(name, field);
      assert.equal(kernel.outcome(), outcome);
    });
  }
});
