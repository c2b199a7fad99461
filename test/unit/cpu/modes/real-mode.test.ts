// Real mode: bases, limits, wrapping pointers, vectors without error codes (SDM vol. 3, 21.1).
import assert from 'node:assert/strict';
import { ModeMachine } from '../../../support/mode-machine';

interface Row {
  readonly title: string;
  readonly code: string;
  readonly registers?: Readonly<Record<number, number | bigint>>;
  readonly memory?: Readonly<Record<number, string>>;
  readonly steps?: number;
  readonly outcome?: string;
  /** Registers afterwards. */
  readonly after?: Readonly<Record<number, bigint>>;
  readonly ip?: bigint;
  /** Memory afterwards: address, bytes, value. */
  readonly stored?: readonly [number, number, bigint];
  readonly fields?: Readonly<Record<string, bigint>>;
}

const high = 0xaaaa0000n;

/** DS is 2000, SS 3000, ES 4000, CS 1000; code runs at CS:0100. */
const rows: readonly Row[] = [
  {
    title: 'MOV AX,[BX+SI] adds the base of DS',
    code: '8b 00',
    registers: { 3: 0x1000, 6: 0x234 },
    memory: { 0x21234: '78 56' },
    after: { 0: 0x5678n },
  },
  {
    title: 'a 16-bit address wraps within 64 KiB',
    code: '8b 00',
    registers: { 3: 0xfff0, 6: 0x20 },
    memory: { 0x20010: '78 56' },
    after: { 0: 0x5678n },
  },
  {
    title: '[BP] means the stack segment',
    code: '8b 46 02',
    registers: { 5: 0x10 },
    memory: { 0x30012: '78 56' },
    after: { 0: 0x5678n },
  },
  {
    title: 'an override takes another segment',
    code: '26 8b 46 02',
    registers: { 5: 0x10 },
    memory: { 0x40012: '78 56' },
    after: { 0: 0x5678n },
  },
  {
    title: 'code may be written through CS',
    code: '2e 89 07',
    registers: { 0: 0x1234, 3: 0x800 },
    stored: [0x10800, 2, 0x1234n],
  },
  { title: 'a word at FFFF: #GP', code: '8b 07', registers: { 3: 0xffff }, outcome: 'event 13' },
  {
    title: 'a word at SS:FFFF: #SS',
    code: '8b 46 00',
    registers: { 5: 0xffff },
    outcome: 'event 12',
  },
  {
    title: 'a 32-bit address beyond the limit: #GP',
    code: '67 8a 00',
    registers: { 0: 0x10000 },
    outcome: 'event 13',
  },
  {
    title: 'PUSH wraps SP and leaves the upper half of ESP',
    code: '50',
    registers: { 0: 0x1234, 4: high },
    after: { 4: high | 0xfffen },
    stored: [0x3fffe, 2, 0x1234n],
  },
  {
    title: 'PUSH with SP 1 shuts down: #SS has no stack either',
    code: '50',
    registers: { 4: 1 },
    outcome: 'exit 2',
  },
  {
    title: 'POP with 66 takes four bytes',
    code: '66 58',
    registers: { 4: 0x10 },
    memory: { 0x30010: '78 56 34 12' },
    after: { 0: 0x12345678n, 4: 0x14n },
  },
  {
    title: 'PUSHA wraps within the segment',
    code: '60',
    registers: { 0: 0x1111, 4: 4, 7: 0x7777 },
    after: { 4: 0xfff4n },
    stored: [0x3fff4, 2, 0x7777n],
  },
  { title: 'JMP rel16 wraps IP', code: 'e9 00 80', ip: 0x8103n },
  {
    title: 'CALL rel16 pushes two bytes',
    code: 'e8 00 01',
    registers: { 4: 0x100 },
    ip: 0x203n,
    after: { 4: 0xfen },
    stored: [0x300fe, 2, 0x103n],
  },
  {
    title: 'JMP r32 beyond the limit: #GP',
    code: '66 ff e0',
    registers: { 0: 0x10000 },
    outcome: 'event 13',
  },
  {
    title: 'LOOP counts CX only',
    code: 'e2 10',
    registers: { 1: high },
    ip: 0x112n,
    after: { 1: high | 0xffffn },
  },
  {
    title: 'REP MOVSB uses CX, SI, DI and leaves the upper halves',
    code: 'f3 a4',
    registers: { 1: high | 2n, 6: high | 0xffffn, 7: high | 0x10n },
    memory: { 0x2ffff: '5a', 0x20000: 'a5' },
    steps: 2,
    after: { 1: high, 6: high | 1n, 7: high | 0x12n },
    stored: [0x40010, 2, 0xa55an],
  },
  {
    title: 'LDS takes offset and selector',
    code: 'c5 37',
    registers: { 3: 0x20 },
    memory: { 0x20020: '34 12 78 56' },
    after: { 6: 0x1234n },
    fields: { GUEST_DS_SELECTOR: 0x5678n, GUEST_DS_BASE: 0x56780n },
  },
  {
    title: 'MOV DS keeps limit and rights',
    code: '8e d8',
    registers: { 0: 0xffff },
    fields: { GUEST_DS_BASE: 0xffff0n, GUEST_DS_LIMIT: 0xffffn, GUEST_DS_AR_BYTES: 0x93n },
  },
  { title: 'MOV CS: #UD', code: '8e c8', outcome: 'event 6' },
  {
    title: 'far JMP sets the base',
    code: 'ea 34 12 00 50',
    ip: 0x1234n,
    fields: { GUEST_CS_SELECTOR: 0x5000n, GUEST_CS_BASE: 0x50000n },
  },
  {
    title: 'far CALL pushes CS and IP',
    code: '9a 34 12 00 50',
    registers: { 4: 0x100 },
    ip: 0x1234n,
    after: { 4: 0xfcn },
    stored: [0x300fc, 4, 0x10000105n],
  },
  {
    title: 'far RET n takes them back',
    code: 'ca 04 00',
    registers: { 4: 0x100 },
    memory: { 0x30100: '34 12 00 50' },
    ip: 0x1234n,
    after: { 4: 0x108n },
    fields: { GUEST_CS_BASE: 0x50000n },
  },
  {
    title: 'IRET takes FLAGS as well',
    code: 'cf',
    registers: { 4: 0x100 },
    memory: { 0x30100: '34 12 00 50 03 02' },
    ip: 0x1234n,
    after: { 4: 0x106n },
    fields: { GUEST_RFLAGS: 0x203n },
  },
  {
    title: 'LGDT with a 16-bit operand takes 24 bits of base',
    code: '0f 01 17',
    registers: { 3: 0x20 },
    memory: { 0x20020: 'ff 00 78 56 34 12' },
    fields: { GUEST_GDTR_BASE: 0x345678n, GUEST_GDTR_LIMIT: 0xffn },
  },
  {
    title: 'LGDT with a 32-bit operand takes 32 bits',
    code: '66 0f 01 17',
    registers: { 3: 0x20 },
    memory: { 0x20020: 'ff 00 78 56 34 12' },
    fields: { GUEST_GDTR_BASE: 0x12345678n },
  },
  {
    title: 'INSB writes through ES',
    code: '6c',
    registers: { 2: 0x60, 7: 0x10 },
    outcome: 'exit 30',
    fields: { GUEST_LINEAR_ADDRESS: 0x40010n, EXIT_QUALIFICATION: 0x600018n },
  },
  {
    title: 'OUTSW reads through DS or what a prefix names',
    code: '26 6f',
    registers: { 2: 0x60, 6: 0x10 },
    outcome: 'exit 30',
    fields: { GUEST_LINEAR_ADDRESS: 0x40010n, EXIT_QUALIFICATION: 0x600011n },
  },
  {
    title: 'OUTSW across the limit: #GP',
    code: '6f',
    registers: { 2: 0x60, 6: 0xffff },
    outcome: 'event 13',
  },
  { title: 'LLDT: #UD', code: '0f 00 d0', outcome: 'event 6' },
  { title: 'STR: #UD', code: '0f 00 c8', outcome: 'event 6' },
  { title: 'LAR: #UD', code: '0f 02 c0', outcome: 'event 6' },
  { title: 'VERR: #UD', code: '0f 00 e0', outcome: 'event 6' },
  { title: 'ARPL: #UD', code: '63 c0', outcome: 'event 6' },
  { title: 'SYSENTER: #GP', code: '0f 34', outcome: 'event 13' },
  { title: 'INTO with OF', code: 'ce', outcome: 'event 4' },
  {
    title: 'BOUND outside the bounds: #BR',
    code: '62 07',
    registers: { 0: 0xffff, 3: 0x20 },
    memory: { 0x20020: '00 00 10 00' },
    outcome: 'event 5',
  },
  { title: 'DIV by zero: #DE', code: 'f7 f1', registers: { 1: 0 }, outcome: 'event 0' },
];

function prepare(): ModeMachine {
  const machine = new ModeMachine();
  for (let number = 0; number < 64; number++) machine.write(number * 4, '00 07 00 60');
  machine.direct('CS', 0x1000);
  machine.direct('DS', 0x2000);
  machine.direct('SS', 0x3000);
  machine.direct('ES', 0x4000);
  machine.registers({ 4: 0x1000 });
  return machine;
}

describe('real mode (SDM vol. 3, 21.1)', () => {
  for (const row of rows) {
    it(row.title, () => {
      const machine = prepare();
      machine.registers(row.registers ?? {});
      machine.state.rflags = row.code === 'ce' ? 0x802 : 2;
      for (const [address, hex] of Object.entries(row.memory ?? {})) {
        machine.write(Number(address), hex);
      }
      const outcome = machine.execute(0x100, row.code, row.steps ?? 1);
      assert.equal(outcome, row.outcome ?? 'budget');
      if (row.ip !== undefined) assert.equal(machine.state.rip, row.ip);
      for (const [index, value] of Object.entries(row.after ?? {})) {
        assert.equal(machine.gpr(Number(index)), value, `register ${index}`);
      }
      for (const [name, value] of Object.entries(row.fields ?? {})) {
        assert.equal(machine.field(name), value, name);
      }
      if (row.stored !== undefined) {
        assert.equal(machine.read(row.stored[0], row.stored[1]), row.stored[2]);
      }
    });
  }

  it('INT pushes FLAGS, CS and IP, and clears IF and TF', () => {
    const machine = prepare();
    machine.state.rflags = 0x202;
    assert.equal(machine.execute(0x100, 'cd 20'), 'event 32');
    assert.equal(machine.read(0x30ffa, 6), 0x0202_1000_0102n);
    assert.equal(machine.state.rip, 0x700n);
    assert.equal(machine.field('GUEST_CS_BASE'), 0x60000n);
    assert.equal(machine.state.rflags & 0x300, 0);
  });

  it('a fault pushes no error code', () => {
    const machine = prepare();
    machine.registers({ 3: 0xffff });
    assert.equal(machine.execute(0x100, '8b 07'), 'event 13');
    assert.equal(machine.gpr(4), 0xffan);
    assert.equal(machine.read(0x30ffa, 2), 0x100n);
  });

  it('a vector beyond the table ends in shutdown', () => {
    const machine = prepare();
    machine.set('GUEST_IDTR_LIMIT', 3n);
    assert.equal(machine.execute(0x100, 'cd 20'), 'exit 2');
  });

  it('code that runs off FFFF: #GP at offset 10000', () => {
    const machine = prepare();
    assert.equal(machine.execute(0xfffe, '90 90', 3), 'event 13');
    assert.equal(machine.state.rip, 0x700n);
  });

  it('an instruction that straddles the limit: #GP', () => {
    const machine = prepare();
    assert.equal(machine.execute(0xffff, 'b0 12'), 'event 13');
    assert.equal(machine.read(0x30ffa, 2), 0xffffn);
  });

  it('the last bytes of a segment whose end is not that of a page run one by one', () => {
    const machine = prepare();
    machine.direct('CS', 0x1001);
    assert.equal(machine.execute(0xfff8, '40 40 40 40 40', 5), 'budget');
    assert.equal(machine.gpr(0), 5n);
    assert.equal(machine.state.rip, 0xfffdn);
  });

  it('the same bytes mean other things at another size of code', () => {
    const machine = prepare();
    // 16-bit code: MOV AX,1234; 32-bit code: MOV EAX,90901234.
    assert.equal(machine.execute(0x100, 'b8 34 12 90 90'), 'budget');
    assert.equal(machine.gpr(0), 0x1234n);
    machine.set('GUEST_CS_AR_BYTES', 0x409bn);
    machine.edited();
    assert.equal(machine.execute(0x100, 'b8 34 12 90 90'), 'budget');
    assert.equal(machine.gpr(0), 0x90901234n);
    machine.set('GUEST_CS_AR_BYTES', 0x9bn);
    machine.edited();
    machine.registers({ 0: 0 });
    assert.equal(machine.execute(0x100, 'b8 34 12 90 90'), 'budget');
    assert.equal(machine.gpr(0), 0x1234n);
  });
});
