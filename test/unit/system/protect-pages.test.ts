/** Rights to guest pages: what is refused exits, is told to the parent, stops without effect, and is made good. */
import assert from 'node:assert/strict';
import { describeEvent } from '../../../debug-adapter/debugger/trace-events';
import { nodePorts } from '../../../debug-adapter/host/node-ports';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import type { HostInput } from '../../../debug-adapter/machine/host-input';
import { formatRights, parseRights } from '../../../debug-adapter/machine/page-rights';
import { vmcsEncoding } from '../../../debug-adapter/machine/processor-state';
import type { TraceEvent } from '../../../debug-adapter/machine/trace';
import { UserError } from '../../../debug-adapter/support/user-error';
import { describeInput } from '../../../debug-adapter/system/apply-input';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { defaultCosts } from '../../../debug-adapter/system/virtual-time-costs';
import { Timeline } from '../../../debug-adapter/timeline/timeline';
import {
  code,
  counterOf,
  interruptGuest,
  interruptMachine,
  place,
  variable,
} from '../../support/interrupt-guest';
import { littleEndian } from '../../support/machine-code';

const partition = 2;
/** A page of its own for what is refused. */
const page = 0x30;
const address = page * 0x1000;

function protect(rights: string, range: Partial<{ gpa: number; pages: number }> = {}): HostInput {
  const parsed = parseRights(rights) ?? assert.fail(rights);
  return { kind: 'protect-pages', partition, gpa: address, pages: 1, ...range, rights: parsed };
}

/** An access to the page by its code, and the access type of TLFS 11.9 with its bit of SDM vol. 3, table 28-7. */
const accesses = [
  ['read', code.loadEax(address), 'r', 1n],
  ['write', code.store(address, 7), 'w', 2n],
  // mov eax, address; call rax: the page holds a RET
  ['execute', `b8 ${littleEndian(address, 4)} ff d0`, 'x', 4n],
] as const;

/** Linear address valid, and it was translated: no page walk. */
const translated = 0x180n;

function machineWith(access: string, hotCount = 0): PhysicalMachine {
  const machine = interruptMachine({ boot: access + code.exit(1) }, hotCount);
  machine.accept({ kind: 'edit-memory', partition, gpa: address, data: Uint8Array.of(0xc3) });
  return machine;
}

function messagesOf(machine: PhysicalMachine): readonly TraceEvent[] {
  const events: TraceEvent[] = [];
  machine.trace.forwardTo({ record: (event) => void events.push(event) }, ['intercept-message']);
  return events;
}

describe('rights to guest pages (TLFS 5.3.2, 11.9; SDM vol. 3, table 28-7)', () => {
  for (const rights of ['---', 'r--', 'rw-', 'r-x', 'rwx']) {
    for (const [accessType, access, letter, bit] of accesses) {
      const isAllowed = rights.includes(letter);
      it(`${rights}: ${accessType} is ${isAllowed ? 'allowed' : 'refused'}`, () => {
        const machine = machineWith(access);
        const heard = messagesOf(machine);
        machine.accept(protect(rights));
        const { stop } = machine.run({ maxSteps: 1_000 });
        if (isAllowed) {
          assert.equal(stop.kind, 'guest-exit');
          return;
        }
        assert(stop.kind === 'access-refused', stop.kind);
        assert.equal(stop.gpaPage, page);
        assert.match(stop.message, new RegExp(`parent has mapped ${rights} \\(EPT violation\\)`));
        const exit = machine.trace.exits.query(0, 1_000).at(-1);
        assert.equal(exit?.reason, 48);
        const allowed = BigInt(parseRights(rights) ?? 0) << 3n;
        assert.equal(exit.qualification, translated | allowed | bit);
        assert.equal(exit.guestPhysicalAddress, BigInt(address));
        assert.deepEqual(
          heard.map((event) => describeEvent(event, () => undefined)),
          [`intercept message: may not ${accessType} at guest-physical 0x30000`],
        );
      });

      if (isAllowed) continue;
      it(`${rights}: ${accessType} has no effect until the right is given, then all of it`, () => {
        const machine = machineWith(access);
        machine.accept(protect(rights));
        const refused = (): readonly unknown[] => {
          assert.equal(machine.run({ maxSteps: 1_000 }).stop.kind, 'access-refused');
          const { retired, state } = machine.guests[0]?.processors[0] ?? assert.fail('processor');
          return [retired, state.rip, state.gpr(4), variable(machine, address)];
        };
        assert.deepEqual(refused(), refused());
        machine.accept(protect('rwx'));
        assert.equal(machine.run({ maxSteps: 1_000 }).stop.kind, 'guest-exit');
        assert.equal(variable(machine, address), accessType === 'write' ? 7 : 0xc3);
      });
    }
  }

  it('a page walk needs the right to read its structures', () => {
    const machine = machineWith(code.loadEax(address));
    const root = machine.guests[0]?.processors[0]?.state.vmcs(vmcsEncoding('GUEST_CR3')) ?? 0n;
    machine.accept(protect('---', { gpa: Number(root) }));
    const { stop } = machine.run({ maxSteps: 1_000 });
    assert(stop.kind === 'access-refused');
    assert.match(stop.message, /read from guest-physical address .* during a page walk/);
    const exit = machine.trace.exits.query(0, 10).at(-1);
    assert.equal(exit?.qualification, 0x81n);
    machine.accept(protect('rwx', { gpa: Number(root) }));
    assert.equal(machine.run({ maxSteps: 1_000 }).stop.kind, 'guest-exit');
  });

  it('an exception whose frame may not be pushed is delivered once it may', () => {
    const machine = machineWith('cc');
    const stack = { gpa: place.stack - 0x1000 };
    machine.accept(protect('r--', stack));
    for (let round = 0; round < 2; round++) {
      assert.equal(machine.run({ maxSteps: 1_000 }).stop.kind, 'access-refused');
      assert.equal(variable(machine, counterOf(3)), 0);
    }
    machine.accept(protect('rwx', stack));
    assert.equal(machine.run({ maxSteps: 1_000 }).stop.kind, 'guest-exit');
    assert.equal(variable(machine, counterOf(3)), 1);
  });

  const refusals: readonly (readonly [id: string, input: HostInput])[] = [
    ...['-w-', '--x', '-wx'].map((rights) => ['rights-not-offered', protect(rights)] as const),
    ['no-page-range', protect('r--', { gpa: address + 8 })],
    ['no-page-range', protect('r--', { gpa: -4096 })],
    ['no-page-range', protect('r--', { pages: 0 })],
    ['no-page-range', protect('r--', { pages: 1.5 })],
    ['memory-not-there', protect('r--', { pages: 0x400 })],
    ['memory-not-there', protect('r--', { gpa: 0xfee00000 })],
    ['page-is-overlay', protect('r--', { gpa: 0x5f000, pages: 2 })],
    ['no-such-partition', { ...protect('r--'), partition: 9 }],
  ];
  for (const [id, input] of refusals) {
    it(`${describeInput(input)} of partition ${input.partition} is refused: ${id}`, () => {
      const machine = interruptMachine({
        boot: code.writeMsr(0x40000000, 1n) + code.writeMsr(0x40000001, 0x60001n) + 'eb fe',
      });
      machine.run({ maxSteps: 100 });
      const before = machine.stateHash();
      assert.throws(
        () => machine.accept(input),
        (problem) => problem instanceof UserError && problem.id === id,
      );
      assert.equal(machine.stateHash(), before);
    });
  }

  /** Counts in the page: `inc dword [address]; jmp` back, which is translated before long. */
  const counting = `${code.increment(address)} eb f7`;

  it('takes hold at once, translated or not, and the state is the same', () => {
    const ends = [0, 1].map((hotCount) => {
      const machine = interruptMachine({ boot: counting }, hotCount);
      while (machine.position < 50_001) machine.run({ maxSteps: 50_001 - machine.position });
      machine.accept(protect('r--'));
      const before = variable(machine, address);
      assert.equal(machine.run({ maxSteps: 1_000 }).stop.kind, 'access-refused');
      assert.equal(variable(machine, address), before);
      machine.accept(protect('rw-'));
      while (machine.position < 90_000) machine.run({ maxSteps: 90_000 - machine.position });
      assert(variable(machine, address) > before + 1_000);
      return machine.stateHash();
    });
    assert.equal(ends[1], ends[0]);
  });

  it('is part of the past, and of a saved machine', () => {
    const machine = new Timeline(interruptMachine({ boot: counting }), { interval: 3_000 });
    const runTo = (position: number): void => {
      while (machine.position < position) {
        machine.run({ maxSteps: position - machine.position });
      }
    };
    runTo(4_000);
    machine.accept(protect('r--'));
    assert.equal(machine.run({ maxSteps: 1_000 }).stop.kind, 'access-refused');
    const refused = { position: machine.position, hash: machine.stateHash() };
    const other = interruptMachine({ boot: counting });
    other.restore(machine.machine.save());
    assert.equal(other.run({ maxSteps: 1_000 }).stop.kind, 'access-refused');
    machine.accept(protect('rwx'));
    runTo(8_000);
    const end = machine.stateHash();
    const goTo = (position: number): void => {
      for (const turn = machine.travelTo(position); turn.next().done !== true;);
    };
    goTo(refused.position);
    assert.equal(machine.stateHash(), refused.hash);
    goTo(8_000);
    assert.equal(machine.stateHash(), end);
  });

  const rightsOf = (machine: PhysicalMachine): string =>
    formatRights(machine.guests[0]?.memory.rightsOf(page) ?? 0);

  it('holds over a reset of the guest, and ends with it where it is deleted and started', () => {
    // mov al, 0xfe; out 0x64, al: the keyboard controller resets the board
    const machine = interruptMachine({ boot: 'b0 fe e6 64 eb fe' });
    machine.accept(protect('r-x'));
    assert.equal(machine.run({ maxSteps: 1_000 }).stop.kind, 'guest-restart');
    assert.equal(rightsOf(machine), 'r-x');
    machine.accept({ kind: 'delete-partition', partition });
    machine.accept({ kind: 'start-partition', partition });
    assert.equal(rightsOf(machine), 'rwx');
  });

  it('moves with a saved partition', () => {
    const make = (): PhysicalMachine =>
      new PhysicalMachine(
        { guests: [interruptGuest({ boot: counting })], costs: defaultCosts },
        { codeHost: webAssemblyCodeHost, hotCount: 0, compressor: nodePorts.compressor },
      );
    const [machine, other] = [make(), make()];
    machine.accept(protect('r--'));
    const file = new Uint8Array(Buffer.concat(machine.saveGuestFile(partition)));
    other.run({ maxSteps: 5_000 });
    other.accept({ kind: 'restore-partition', partition, digest: 'of a test', file });
    assert.equal(rightsOf(other), 'r--');
    assert.equal(other.run({ maxSteps: 1_000 }).stop.kind, 'access-refused');
    other.accept(protect('rwx'));
    assert.notEqual(other.run({ maxSteps: 1_000 }).stop.kind, 'access-refused');
  });

  for (const text of ['rw', 'xwr', 'rwxx', '', 'RWX']) {
    it(`"${text}" names no rights`, () => assert.equal(parseRights(text), undefined));
  }
  it('rights read as they are written', () => {
    for (let rights = 0; rights < 8; rights++) {
      assert.equal(parseRights(formatRights(rights)), rights);
    }
  });
});

it('an IRET that is refused is done again while NMIs are blocked (SDM vol. 3, 28.2.3)', () => {
  // mov esp, address; iret
  const machine = machineWith(`bc ${littleEndian(address, 4)} 48 cf`);
  const encoding = vmcsEncoding('GUEST_INTERRUPTIBILITY_INFO');
  const blockedByNmi = 8n;
  machine.accept({ kind: 'edit-vmcs', partition, processor: 0, encoding, value: blockedByNmi });
  machine.accept(protect('---'));
  for (let round = 0; round < 3; round++) {
    assert.equal(machine.run({ maxSteps: 1_000 }).stop.kind, 'access-refused');
    const exit = machine.trace.exits.query(0, 1_000).at(-1);
    assert.equal(exit?.qualification, translated | 0x1000n | 1n);
    assert.equal(machine.guests[0]?.processors[0]?.state.vmcs(encoding), blockedByNmi);
  }
});
