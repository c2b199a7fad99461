// Protected mode: segment types and limits, far transfers, gates, events, tasks (SDM vol. 3, 5 to 7 and 21).
import assert from 'node:assert/strict';
import { littleEndian } from '../../../support/machine-code';
import { descriptor, gate, ModeMachine, outcomeOf, place } from '../../../support/mode-machine';

const selector = {
  code: 0x08,
  data: 0x10,
  userCode: 0x1b,
  userData: 0x23,
  task: 0x28,
  expandDown: 0x30,
  readOnly: 0x38,
  small: 0x40,
  callGate: 0x4b,
  taskGate: 0x50,
  otherTask: 0x58,
  absent: 0x60,
  shortCode: 0x68,
  conforming: 0x70,
  executeOnly: 0x78,
  localTable: 0x80,
  plainGate: 0x88,
} as const;

const handlerCode = 0x5000;
const stackTop = 0x8000;
const innerTop = 0x9000;

const table: readonly bigint[] = [
  descriptor(0, 0xfffff, 0x9b, 0xc),
  descriptor(0, 0xfffff, 0x93, 0xc),
  descriptor(0, 0xfffff, 0xfb, 0xc),
  descriptor(0, 0xfffff, 0xf3, 0xc),
  descriptor(place.task, 0x67, 0x8b, 0),
  descriptor(0x20000, 0x0fff, 0x97, 4),
  descriptor(0, 0xfffff, 0x91, 0xc),
  descriptor(0x20000, 0x00ff, 0x93, 4),
  gate(selector.code, 0x6000, 0xec, 2),
  gate(selector.otherTask, 0, 0x85),
  descriptor(0x3800, 0x67, 0x89, 0),
  descriptor(0, 0xfffff, 0x13, 0xc),
  descriptor(0, 0xffff, 0x9b, 0),
  descriptor(0, 0xfffff, 0x9f, 0xc),
  descriptor(0, 0xfffff, 0x99, 0xc),
  descriptor(0x3900, 0x1f, 0x82, 0),
  gate(selector.code, 0x6000, 0x8c),
];

function prepare(level: 0 | 3 = 0): ModeMachine {
  const machine = new ModeMachine();
  machine.protect(table);
  for (let vector = 0; vector < 256; vector++) {
    const entry = gate(selector.code, handlerCode, vector === 0x80 ? 0xee : 0x8e);
    machine.write(place.interruptTable + vector * 8, littleEndian(entry, 8));
  }
  // SS0 and ESP0 of the task.
  machine.write(place.task + 4, littleEndian(innerTop, 4) + littleEndian(selector.data, 4));
  if (level === 3) {
    machine.segment('CS', selector.userCode, 0n, 0xffffffff, 0xc0fb);
    for (const name of ['ES', 'SS', 'DS'] as const) {
      machine.segment(name, selector.userData, 0n, 0xffffffff, 0xc0f3);
    }
  }
  machine.registers({ 4: stackTop });
  return machine;
}

interface Row {
  readonly title: string;
  readonly code: string;
  readonly level?: 0 | 3;
  readonly registers?: Readonly<Record<number, number | bigint>>;
  readonly memory?: Readonly<Record<number, string>>;
  readonly flags?: number;
  readonly steps?: number;
  readonly outcome?: string;
  readonly ip?: bigint;
  readonly after?: Readonly<Record<number, bigint>>;
  readonly fields?: Readonly<Record<string, bigint>>;
  readonly stored?: readonly [number, number, bigint];
  /** ZF afterwards. */
  readonly zero?: boolean;
}

/** MOV DS,AX and then the access. */
const viaDs = (access: string): string => `8e d8 ${access}`;
const load = '8a 03';
const store = '88 03';
const into = (number: number, offset: number): Record<number, number> => ({ 0: number, 3: offset });

const accesses: readonly Row[] = [
  {
    title: 'the last byte of a segment',
    code: viaDs(load),
    registers: into(selector.small, 0xff),
    steps: 2,
  },
  {
    title: 'a byte behind the limit',
    code: viaDs(load),
    registers: into(selector.small, 0x100),
    steps: 2,
    outcome: 'event 13 (0x0)',
  },
  {
    title: 'a doubleword across the limit',
    code: viaDs('8b 03'),
    registers: into(selector.small, 0xfd),
    steps: 2,
    outcome: 'event 13 (0x0)',
  },
  {
    title: 'expand-down: the limit itself is outside',
    code: viaDs(load),
    registers: into(selector.expandDown, 0xfff),
    steps: 2,
    outcome: 'event 13 (0x0)',
  },
  {
    title: 'expand-down: above the limit',
    code: viaDs(load),
    registers: into(selector.expandDown, 0x1000),
    memory: { 0x21000: '5a' },
    steps: 2,
    after: { 0: BigInt((selector.expandDown & 0xff00) | 0x5a) },
  },
  {
    title: 'a read-only segment can be read',
    code: viaDs(load),
    registers: into(selector.readOnly, 0x9000),
    steps: 2,
  },
  {
    title: 'a read-only segment cannot be written',
    code: viaDs(store),
    registers: into(selector.readOnly, 0x9000),
    steps: 2,
    outcome: 'event 13 (0x0)',
  },
  { title: 'a null segment can be loaded', code: '8e d8', registers: into(0, 0) },
  {
    title: 'a null segment cannot be used',
    code: viaDs(load),
    registers: into(0, 0x9000),
    steps: 2,
    outcome: 'event 13 (0x0)',
  },
  {
    title: 'code cannot be written',
    code: '2e 88 03',
    registers: into(0, 0x9000),
    outcome: 'event 13 (0x0)',
  },
  {
    title: 'code can be read',
    code: '2e 8a 03',
    registers: into(0, 0x9000),
    memory: { 0x9000: '5a' },
    after: { 0: 0x5an },
  },
  {
    title: 'the stack segment: #SS',
    code: '8e d0 8b 45 00',
    registers: { 0: selector.small, 4: 0x80, 5: 0x100 },
    steps: 2,
    outcome: 'event 12 (0x0)',
  },
];

const loads: readonly Row[] = [
  {
    title: 'MOV SS with null: #GP(0)',
    code: '8e d0',
    registers: { 0: 0 },
    outcome: 'event 13 (0x0)',
  },
  {
    title: 'MOV SS with read-only data',
    code: '8e d0',
    registers: { 0: selector.readOnly },
    outcome: 'event 13 (0x38)',
  },
  {
    title: 'MOV DS with an absent segment: #NP',
    code: '8e d8',
    registers: { 0: selector.absent },
    outcome: 'event 11 (0x60)',
  },
  {
    title: 'MOV DS with execute-only code',
    code: '8e d8',
    registers: { 0: selector.executeOnly },
    outcome: 'event 13 (0x78)',
  },
  {
    title: 'MOV DS with more privilege',
    code: '8e d8',
    level: 3,
    registers: { 0: selector.data },
    outcome: 'event 13 (0x10)',
  },
  {
    title: 'MOV DS beyond the table',
    code: '8e d8',
    registers: { 0: 0x100 },
    outcome: 'event 13 (0x100)',
  },
  {
    title: 'LES loads ES',
    code: 'c4 33',
    registers: { 3: 0x9000 },
    memory: { 0x9000: '78 56 34 12 40 00' },
    after: { 6: 0x12345678n },
    fields: { GUEST_ES_BASE: 0x20000n, GUEST_ES_LIMIT: 0xffn },
  },
  {
    title: 'LSS loads the stack',
    code: '0f b2 23',
    registers: { 3: 0x9000 },
    memory: { 0x9000: '00 10 00 00 30 00' },
    after: { 4: 0x1000n },
    fields: { GUEST_SS_SELECTOR: 0x30n },
  },
  {
    title: 'POP DS',
    code: '1f',
    memory: { [stackTop]: '40 00 00 00' },
    after: { 4: BigInt(stackTop + 4) },
    fields: { GUEST_DS_SELECTOR: 0x40n },
  },
  {
    title: 'LLDT reads eight bytes',
    code: '0f 00 d0',
    registers: { 0: selector.localTable },
    fields: { GUEST_LDTR_BASE: 0x3900n, GUEST_LDTR_LIMIT: 0x1fn },
  },
  {
    title: 'LTR marks the task busy',
    code: '0f 00 d8',
    registers: { 0: selector.otherTask },
    fields: { GUEST_TR_BASE: 0x3800n, GUEST_TR_AR_BYTES: 0x8bn },
    stored: [place.globalTable + selector.otherTask + 5, 1, 0x8bn],
  },
];

const far: readonly Row[] = [
  {
    title: 'far JMP to 16-bit code',
    code: 'ea 00 70 00 00 68 00',
    ip: 0x7000n,
    fields: { GUEST_CS_SELECTOR: 0x68n, GUEST_CS_AR_BYTES: 0x9bn },
  },
  { title: 'far JMP beyond the limit', code: 'ea 00 00 01 00 68 00', outcome: 'event 13 (0x0)' },
  { title: 'far JMP to null', code: 'ea 00 70 00 00 00 00', outcome: 'event 13 (0x0)' },
  { title: 'far JMP to data', code: 'ea 00 70 00 00 10 00', outcome: 'event 13 (0x10)' },
  { title: 'far JMP to other privilege', code: 'ea 00 70 00 00 1b 00', outcome: 'event 13 (0x18)' },
  {
    title: 'far JMP to conforming code keeps the level',
    code: 'ea 00 70 00 00 73 00',
    level: 3,
    ip: 0x7000n,
    fields: { GUEST_CS_SELECTOR: 0x73n },
  },
  {
    title: 'far CALL pushes eight bytes',
    code: '9a 00 70 00 00 08 00',
    ip: 0x7000n,
    after: { 4: BigInt(stackTop - 8) },
    stored: [stackTop - 8, 8, 0x0000_0008_0000_4007n],
  },
  {
    title: 'far CALL in memory',
    code: 'ff 1b',
    registers: { 3: 0x9100 },
    memory: { 0x9100: '00 70 00 00 08 00' },
    ip: 0x7000n,
  },
  {
    title: 'far RET to user code takes the stack and drops data segments',
    code: 'cb',
    memory: { [stackTop]: '00 70 00 00 1b 00 00 00 00 90 00 00 23 00 00 00' },
    ip: 0x7000n,
    after: { 4: 0x9000n },
    fields: { GUEST_CS_SELECTOR: 0x1bn, GUEST_SS_SELECTOR: 0x23n, GUEST_DS_SELECTOR: 0n },
  },
  {
    title: 'far RET to more privilege',
    code: 'cb',
    level: 3,
    memory: { [stackTop]: '00 70 00 00 08 00 00 00' },
    outcome: 'event 13 (0x8)',
  },
  {
    title: 'a call gate at the same level',
    code: '9a 00 00 00 00 88 00',
    ip: 0x6000n,
    after: { 4: BigInt(stackTop - 8) },
  },
  {
    title: 'a call gate that the level may not use',
    code: '9a 00 00 00 00 88 00',
    level: 3,
    outcome: 'event 13 (0x88)',
  },
  {
    title: 'a call gate inward copies its parameters',
    code: '9a 00 00 00 00 4b 00',
    level: 3,
    memory: { [stackTop]: '11 11 11 11 22 22 22 22' },
    ip: 0x6000n,
    after: { 4: BigInt(innerTop - 24) },
    fields: { GUEST_CS_SELECTOR: 8n, GUEST_SS_SELECTOR: 0x10n },
    stored: [innerTop - 24, 16, 0x22222222_11111111_0000001b_00004007n],
  },
  {
    title: 'a far JMP to a task exits',
    code: 'ea 00 00 00 00 58 00',
    outcome: 'exit 9',
    fields: { EXIT_QUALIFICATION: 0x8000_0058n, VM_EXIT_INSTRUCTION_LEN: 7n },
  },
  {
    title: 'a far CALL through a task gate exits',
    code: '9a 00 00 00 00 50 00',
    outcome: 'exit 9',
    fields: { EXIT_QUALIFICATION: 0x58n },
  },
  { title: 'a far JMP to a busy task', code: 'ea 00 00 00 00 28 00', outcome: 'event 13 (0x28)' },
  {
    title: 'IRET from a nested task exits',
    code: 'cf',
    flags: 0x4002,
    // The descriptor of the other task is busy.
    memory: { [place.task]: '58 00', [place.globalTable + selector.otherTask + 5]: '8b' },
    outcome: 'exit 9',
    fields: { EXIT_QUALIFICATION: 0x4000_0058n },
  },
];

const questions: readonly Row[] = [
  {
    title: 'LAR of data',
    code: '0f 02 c3',
    registers: { 3: selector.data },
    after: { 0: 0xc09300n },
    zero: true,
  },
  { title: 'LAR of a gate', code: '0f 02 c3', registers: { 3: selector.callGate }, zero: true },
  {
    title: 'LAR of what the level may not see',
    code: '0f 02 c3',
    level: 3,
    registers: { 0: 7, 3: selector.data },
    after: { 0: 7n },
    zero: false,
  },
  {
    title: 'LAR of null',
    code: '0f 02 c3',
    registers: { 0: 7, 3: 0 },
    after: { 0: 7n },
    zero: false,
  },
  {
    title: 'LSL scales by pages',
    code: '0f 03 c3',
    registers: { 3: selector.data },
    after: { 0: 0xffffffffn },
    zero: true,
  },
  {
    title: 'LSL of a gate',
    code: '0f 03 c3',
    registers: { 0: 7, 3: selector.callGate },
    after: { 0: 7n },
    zero: false,
  },
  { title: 'VERR of data', code: '0f 00 e3', registers: { 3: selector.data }, zero: true },
  {
    title: 'VERR of execute-only code',
    code: '0f 00 e3',
    registers: { 3: selector.executeOnly },
    zero: false,
  },
  {
    title: 'VERW of read-only data',
    code: '0f 00 eb',
    registers: { 3: selector.readOnly },
    zero: false,
  },
  { title: 'VERW of data', code: '0f 00 eb', registers: { 3: selector.data }, zero: true },
  {
    title: 'ARPL raises',
    code: '63 cb',
    registers: { 1: 3, 3: 0x10 },
    after: { 3: 0x13n },
    zero: true,
  },
  {
    title: 'ARPL leaves what is not lower',
    code: '63 cb',
    registers: { 1: 1, 3: 0x12 },
    after: { 3: 0x12n },
    zero: false,
  },
];

const events: readonly Row[] = [
  {
    title: 'INT n of user code through a gate of level 0',
    code: 'cd 40',
    level: 3,
    outcome: 'event 13 (0x202)',
  },
  {
    title: 'an interrupt inward takes the stack of the task',
    code: 'cd 80',
    level: 3,
    outcome: 'event 128',
    ip: BigInt(handlerCode),
    after: { 4: BigInt(innerTop - 20) },
    fields: { GUEST_CS_SELECTOR: 8n, GUEST_SS_SELECTOR: 0x10n },
    stored: [innerTop - 20, 8, 0x0000001b_00004002n],
  },
  {
    title: 'an interrupt at the same level pushes three words',
    code: 'cd 40',
    outcome: 'event 64',
    after: { 4: BigInt(stackTop - 12) },
    stored: [stackTop - 12, 8, 0x00000008_00004002n],
  },
  {
    title: 'an error code lies lowest',
    code: '8e d8',
    registers: { 0: 0x100 },
    outcome: 'event 13 (0x100)',
    after: { 4: BigInt(stackTop - 16) },
    stored: [stackTop - 16, 4, 0x100n],
  },
  { title: 'INTO', code: 'ce', level: 0, flags: 0x802, outcome: 'event 4' },
  { title: 'INTO without OF goes on', code: 'ce', ip: 0x4001n },
  {
    title: 'BOUND inside the bounds goes on',
    code: '62 03',
    registers: { 0: 5, 3: 0x9000 },
    memory: { 0x9000: '00 00 00 00 05 00 00 00' },
    ip: 0x4002n,
  },
  {
    title: 'BOUND outside',
    code: '62 03',
    registers: { 0: 6, 3: 0x9000 },
    memory: { 0x9000: '00 00 00 00 05 00 00 00' },
    outcome: 'event 5',
  },
  {
    title: 'IRET to user code',
    code: 'cf',
    memory: { [stackTop]: '00 70 00 00 1b 00 00 00 02 02 00 00 00 90 00 00 23 00 00 00' },
    ip: 0x7000n,
    after: { 4: 0x9000n },
    fields: { GUEST_RFLAGS: 0x202n, GUEST_CS_SELECTOR: 0x1bn },
  },
  {
    title: 'IRET at the same level takes no stack',
    code: 'cf',
    memory: { [stackTop]: '00 70 00 00 08 00 00 00 02 02 00 00' },
    ip: 0x7000n,
    after: { 4: BigInt(stackTop + 12) },
  },
  {
    title: 'IRET to virtual-8086 mode',
    code: 'cf',
    memory: {
      [stackTop]:
        '34 12 00 00 00 50 00 00 02 32 02 00 00 01 00 00 00 60 00 00 01 00 00 00 02 00 00 00 03 00 00 00 04 00 00 00',
    },
    ip: 0x1234n,
    after: { 4: 0x100n },
    fields: {
      GUEST_CS_BASE: 0x50000n,
      GUEST_SS_BASE: 0x60000n,
      GUEST_ES_BASE: 0x10n,
      GUEST_DS_BASE: 0x20n,
      GUEST_GS_BASE: 0x40n,
      GUEST_SS_AR_BYTES: 0xf3n,
      GUEST_RFLAGS: 0x23202n,
    },
  },
];

function check(row: Row): void {
  const machine = prepare(row.level);
  machine.registers(row.registers ?? {});
  machine.state.rflags = row.flags ?? 2;
  for (const [address, hex] of Object.entries(row.memory ?? {}))
    machine.write(Number(address), hex);
  const outcome = machine.execute(0x4000, row.code, row.steps ?? 1);
  assert.equal(outcome, row.outcome ?? 'budget');
  if (row.ip !== undefined) assert.equal(machine.state.rip, row.ip);
  for (const [index, value] of Object.entries(row.after ?? {})) {
    assert.equal(machine.gpr(Number(index)), value, `register ${index}`);
  }
  for (const [name, value] of Object.entries(row.fields ?? {})) {
    assert.equal(machine.field(name), value, name);
  }
  if (row.zero !== undefined) assert.equal((machine.state.rflags & 0x40) !== 0, row.zero, 'ZF');
  if (row.stored !== undefined) {
    assert.equal(machine.read(row.stored[0], row.stored[1]), row.stored[2]);
  }
}

const groups: Readonly<Record<string, readonly Row[]>> = {
  'segment limits and types (SDM vol. 3, 5.3 to 5.5)': accesses,
  'loads of segment registers (SDM vol. 2, MOV, LDS, LLDT, LTR)': loads,
  'far transfers (SDM vol. 3, 5.8 and 7.3)': far,
  'questions about selectors (SDM vol. 2, LAR, LSL, VERR, ARPL)': questions,
  'events and returns (SDM vol. 3, 6.12)': events,
};

for (const [title, rows] of Object.entries(groups)) {
  describe(title, () => {
    for (const row of rows) it(row.title, () => check(row));
  });
}

describe('virtual-8086 mode (SDM vol. 3, 21.2 and 21.3)', () => {
  function virtual(ioPrivilege: number): ModeMachine {
    const machine = prepare();
    machine.state.rflags = 0x20202 | (ioPrivilege << 12);
    for (const name of ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'] as const) {
      machine.segment(name, 0x400, 0x4000n, 0xffff, 0xf3);
    }
    machine.registers({ 4: 0x1000 });
    return machine;
  }

  for (const [title, code, ioPrivilege, outcome] of [
    ['CLI with IOPL 0', 'fa', 0, 'event 13 (0x0)'],
    ['CLI with IOPL 3', 'fa', 3, 'budget'],
    ['PUSHF with IOPL 0', '9c', 0, 'event 13 (0x0)'],
    ['PUSHF with IOPL 3', '9c', 3, 'budget'],
    ['POPF with IOPL 0', '9d', 0, 'event 13 (0x0)'],
    ['INT n with IOPL 0', 'cd 80', 0, 'event 13 (0x0)'],
    ['INT n with IOPL 3', 'cd 80', 3, 'event 128'],
    ['INT3 with IOPL 0 and a gate of level 0', 'cc', 0, 'event 13 (0x1a)'],
    ['IRET with IOPL 0', 'cf', 0, 'event 13 (0x0)'],
    ['HLT', 'f4', 3, 'event 13 (0x0)'],
    ['LLDT', '0f 00 d0', 3, 'event 6'],
    ['LAR', '0f 02 c0', 3, 'event 6'],
  ] as const) {
    it(`${title}: ${outcome}`, () => {
      assert.equal(virtual(ioPrivilege).execute(0x100, code), outcome);
    });
  }

  it('an interrupt pushes the data segments too, and leaves the mode', () => {
    const machine = virtual(3);
    assert.equal(machine.execute(0x100, 'cd 80'), 'event 128');
    assert.equal(machine.gpr(4), BigInt(innerTop - 36));
    assert.equal(machine.read(innerTop - 36, 4), 0x102n, 'EIP');
    assert.equal(machine.read(innerTop - 32, 4), 0x400n, 'CS');
    assert.equal(machine.read(innerTop - 24, 4), 0x1000n, 'ESP');
    assert.equal(machine.read(innerTop - 4, 4), 0x400n, 'GS');
    assert.equal(machine.state.rflags & 0x20000, 0);
    assert.equal(machine.field('GUEST_DS_SELECTOR'), 0n);
    assert.equal(machine.field('GUEST_CS_SELECTOR'), 8n);
    // And the handler's IRET goes back.
    machine.write(handlerCode, 'cf');
    assert.equal(machine.run(1), 'budget');
    assert.equal(machine.state.rip, 0x102n);
    assert.equal(machine.field('GUEST_DS_BASE'), 0x4000n);
    assert.equal(machine.gpr(4), 0x1000n);
  });
});

describe('SYSENTER and SYSEXIT (SDM vol. 2)', () => {
  function withEntry(level: 0 | 3): ModeMachine {
    const machine = prepare(level);
    machine.set('GUEST_SYSENTER_CS', 8n);
    machine.set('GUEST_SYSENTER_ESP', 0x9000n);
    machine.set('GUEST_SYSENTER_EIP', 0x6000n);
    return machine;
  }

  it('SYSENTER goes to level 0 with interrupts off', () => {
    const machine = withEntry(3);
    machine.state.rflags = 0x202;
    assert.equal(machine.execute(0x4000, '0f 34'), 'budget');
    assert.equal(machine.state.rip, 0x6000n);
    assert.equal(machine.gpr(4), 0x9000n);
    assert.equal(machine.state.rflags, 2);
    assert.equal(machine.field('GUEST_CS_AR_BYTES'), 0xc09bn);
    assert.equal(machine.field('GUEST_SS_SELECTOR'), 0x10n);
  });

  it('SYSEXIT goes to level 3', () => {
    const machine = withEntry(0);
    machine.registers({ 1: 0x7000, 2: 0x4500 });
    assert.equal(machine.execute(0x4000, '0f 35'), 'budget');
    assert.equal(machine.state.rip, 0x4500n);
    assert.equal(machine.gpr(4), 0x7000n);
    assert.equal(machine.field('GUEST_CS_SELECTOR'), 0x1bn);
    assert.equal(machine.field('GUEST_SS_AR_BYTES'), 0xc0f3n);
  });

  it('SYSEXIT at level 3: #GP(0)', () => {
    assert.equal(withEntry(3).execute(0x4000, '0f 35'), 'event 13 (0x0)');
  });

  it('SYSENTER without a code segment: #GP(0)', () => {
    const machine = withEntry(3);
    machine.set('GUEST_SYSENTER_CS', 0n);
    assert.equal(machine.execute(0x4000, '0f 34'), 'event 13 (0x0)');
  });
});

describe('control transfers in segments that end early', () => {
  for (const [title, code, registers] of [
    ['JMP rel', 'e9 fb 0f 00 00', {}],
    ['JMP r32', 'ff e0', { 0: 0x5000 }],
    ['CALL rel', 'e8 fb 0f 00 00', {}],
    ['Jcc', '0f 85 fa 0f 00 00', {}],
    ['LOOP is not taken beyond', 'e2 7f', { 1: 2 }],
  ] as const) {
    it(`${title}: #GP at the branch, without effect`, () => {
      const machine = prepare();
      machine.segment('CS', 8, 0n, 0x403f, 0xc09b & ~0x8000);
      machine.registers(registers);
      assert.equal(machine.execute(0x4000, code), 'event 13 (0x0)');
      assert.equal(machine.read(stackTop - 12, 4), 0x4000n, 'EIP of the branch');
      assert.equal(machine.gpr(4), BigInt(stackTop - 16));
      if ('1' in registers) assert.equal(machine.gpr(1), 2n);
    });
  }
});

describe('task gates of the interrupt table (SDM vol. 3, 7.3; 26.1.2)', () => {
  it('exit 9 with the vectoring information', () => {
    const machine = prepare();
    machine.write(
      place.interruptTable + 0x40 * 8,
      littleEndian(gate(selector.otherTask, 0, 0x85), 8),
    );
    assert.equal(machine.execute(0x4000, 'cd 40'), 'exit 9');
    assert.equal(machine.field('EXIT_QUALIFICATION'), 0xc000_0058n);
    assert.equal(machine.field('IDT_VECTORING_INFO_FIELD'), 0x8000_0440n);
    assert.equal(machine.field('VM_EXIT_INSTRUCTION_LEN'), 2n);
    assert.equal(machine.state.rip, 0x4000n);
  });
});

describe('flat and segmented code', () => {
  it('a load of DS takes effect with the next instruction', () => {
    const machine = prepare();
    machine.write(0x20010, '77');
    machine.write(0x10, '55');
    machine.registers({ 0: selector.small, 3: 0x10 });
    // MOV CL,[EBX]; MOV DS,AX; MOV DL,[EBX].
    assert.equal(machine.execute(0x4000, '8a 0b 8e d8 8a 13', 3), 'budget');
    assert.equal(machine.gpr(1), 0x55n);
    assert.equal(machine.gpr(2), 0x77n);
  });

  it('an override of FS has its base in flat code', () => {
    const machine = prepare();
    machine.segment('FS', selector.small, 0x20000n, 0xff, 0x4093);
    machine.write(0x20010, '77');
    machine.registers({ 3: 0x10 });
    assert.equal(machine.execute(0x4000, '64 8a 0b'), 'budget');
    assert.equal(machine.gpr(1), 0x77n);
    machine.registers({ 3: 0x100 });
    const { stop, steps } = machine.processor.core.run(1, 0);
    assert.equal(outcomeOf(machine, { stop, steps }), 'budget');
    assert.equal(machine.execute(0x4000, '64 8a 0b'), 'event 13 (0x0)');
  });
});
