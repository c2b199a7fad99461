/** Exit handlers: what each exit does to the guest's registers, memory and VMCS. */
import assert from 'node:assert/strict';
import { powerOn } from '../../../debug-adapter/hypervisor/processor-reset';
import { setUpVmcsControls } from '../../../debug-adapter/hypervisor/vmcs-setup';
import { Hypervisor } from '../../../debug-adapter/hypervisor/hypervisor';
import type { ChargedWork } from '../../../debug-adapter/hypervisor/services';
import type { InterceptMessage } from '../../../debug-adapter/machine/intercepts';
import { stateOffsets, vmcsEncoding } from '../../../debug-adapter/machine/processor-state';
import type { TraceEventBody } from '../../../debug-adapter/machine/trace';
import { TimerQueue } from '../../../debug-adapter/machine/timer-queue';
import { ExitReasonNumber } from '../../../debug-adapter/spec/x86/exit-reasons';
import { scriptedPartition } from './scripted-core';

const [rax, rcx, rdx, rbx] = [0, 1, 2, 3] as const;

function exitRig(reason: number, vmcs: Readonly<Record<string, bigint>> = {}) {
  const made = scriptedPartition();
  const events: TraceEventBody[] = [];
  const messages: InterceptMessage[] = [];
  const charged: ChargedWork[] = [];
  const hypervisor = new Hypervisor({
    trace: {
      emit(body) {
        events.push(body);
        return { position: 7, ordinal: 0, timeNs: 700, partition: 2, processor: 0 };
      },
      offer: () => {},
      emitConsole: () => {},
    },
    intercepts: { post: (message) => messages.push(message) > 0 },
    timers: new TimerQueue(),
    timeNs: () => 12_345,
    yieldTurn: () => {},
    wake: () => {},
    resume: () => {},
    charge: (work) => charged.push(work),
  });
  hypervisor.addPartition(made.partition);
  const { core, processor } = made;
  core.state.rip = 0x100000n;
  const fields = { VM_EXIT_REASON: BigInt(reason), VM_EXIT_INSTRUCTION_LEN: 2n, ...vmcs };
  for (const [name, value] of Object.entries(fields)) {
    core.state.setVmcs(vmcsEncoding(name), value);
  }
  core.state.writeU32(stateOffsets.exitPending, 1);
  processor.exits = 1;
  processor.exitIdentity = { position: 7, ordinal: 0, timeNs: 700 };
  const handle = () => hypervisor.handleExit(processor);
  const injected = () => Number(core.state.vmcs(vmcsEncoding('VM_ENTRY_INTR_INFO_FIELD')));
  return { ...made, hypervisor, events, messages, charged, handle, injected };
}

const generalProtection = 0x80000b0d;
const undefinedOpcode = 0x80000306;

describe('CPUID exit', () => {
  const leaves: readonly (readonly [number, number | undefined, number | undefined])[] = [
    [0, 0x0d, 0x756e6547],
    [0x40000000, 0x4000000a, 0x7263694d],
    [0x40000001, 0x31237648, 0],
    [0x80000000, 0x80000008, 0],
    [0x99999999, 0, 0],
  ];
  for (const [leaf, eax, ebx] of leaves) {
    it(`leaf 0x${leaf.toString(16)}`, () => {
      const { core, handle } = exitRig(ExitReasonNumber.CPUID);
      core.state.setGpr(rax, 0xffffffff_00000000n | BigInt(leaf));
      assert.deepEqual(handle(), { kind: 'resume' });
      assert.equal(core.state.gpr(rax), BigInt(eax ?? 0));
      assert.equal(core.state.gpr(rbx), BigInt(ebx ?? 0));
      assert.equal(core.state.rip, 0x100002n);
      assert.equal(core.completed, 1);
    });
  }

  it('the hypervisor bit is set and the privileges are shown', () => {
    const { core, handle, partition } = exitRig(ExitReasonNumber.CPUID);
    core.state.setGpr(rax, 0x40000003n);
    handle();
    assert.equal(core.state.gpr(rax) | (core.state.gpr(rbx) << 32n), partition.privileges);
    const again = exitRig(ExitReasonNumber.CPUID);
    again.core.state.setGpr(rax, 1n);
    again.handle();
    assert.equal(again.core.state.gpr(rcx) >> 31n, 1n);
  });
});

describe('MSR exits', () => {
  const reads: readonly (readonly [string, number, bigint | 'GP'])[] = [
    ['TSC', 0x10, 12_345n],
    ['VP_INDEX', 0x40000002, 0n],
    ['TIME_REF_COUNT in 100 ns', 0x40000020, 123n],
    ['TSC_FREQUENCY', 0x40000022, 1_000_000_000n],
    ['IA32_EFER', 0xc0000080, 0x500n],
    ['an MSR that does not exist', 0x12345, 'GP'],
    ['a synthetic MSR without its privilege', 0x40000106, 'GP'],
  ];
  for (const [name, number, expected] of reads) {
    it(`RDMSR ${name}`, () => {
      const { core, handle, injected } = exitRig(ExitReasonNumber.MSR_READ);
      core.state.setGpr(rcx, BigInt(number));
      assert.deepEqual(handle(), { kind: 'resume' });
      if (expected === 'GP') {
        assert.equal(injected(), generalProtection);
        assert.equal(core.state.rip, 0x100000n);
        return;
      }
      assert.equal((core.state.gpr(rdx) << 32n) | core.state.gpr(rax), expected);
      assert.equal(core.completed, 1);
    });
  }

  const writes: readonly (readonly [string, number, bigint, boolean])[] = [
    ['GUEST_OS_ID', 0x40000000, 0x8100_0000_0000_0000n, true],
    ['VP_INDEX, which is read-only', 0x40000002, 0n, false],
    ['IA32_LSTAR', 0xc0000082, 0xffff_8000_0000_0000n, true],
    ['IA32_LSTAR, not canonical', 0xc0000082, 0x8000_0000_0000n, false],
    ['IA32_FMASK above 32 bits', 0xc0000084, 1n << 32n, false],
    ['IA32_EFER with SCE', 0xc0000080, 0x501n, true],
    ['IA32_EFER with a reserved bit', 0xc0000080, 0x502n, false],
    ['IA32_EFER without LME under paging', 0xc0000080, 0x000n, false],
    ['IA32_PAT', 0x277, 0x0007040600070406n, true],
    ['IA32_PAT with memory type 2', 0x277, 2n, false],
  ];
  for (const [name, number, value, accepted] of writes) {
    it(`WRMSR ${name} ${accepted ? 'is done' : 'raises #GP'}`, () => {
      const { core, handle, injected } = exitRig(ExitReasonNumber.MSR_WRITE);
      core.state.setGpr(rcx, BigInt(number));
      core.state.setGpr(rax, value & 0xffffffffn);
      core.state.setGpr(rdx, value >> 32n);
      handle();
      assert.equal(injected(), accepted ? 0 : generalProtection);
      assert.equal(core.completed, accepted ? 1 : 0);
    });
  }

  it('a write to the TSC moves the counter', () => {
    const { core, handle, processor } = exitRig(ExitReasonNumber.MSR_WRITE);
    core.state.setGpr(rcx, 0x10n);
    core.state.setGpr(rax, 5n);
    handle();
    assert.equal(core.state.readU64(stateOffsets.tscOffset), BigInt.asUintN(64, 5n - 12_345n));
    assert(processor.runState === 'active' && processor.pendingExit === undefined);
  });
});

describe('hypercall page', () => {
  it('needs a guest OS identity, shows code, hides what was there, and gives it back', () => {
    const { partition } = scriptedPartition();
    partition.memory.write(0x5000, Uint8Array.of(1, 2, 3, 4));
    assert(partition.setHypercallRegister(0x5001n));
    assert.equal(partition.hypercallRegister, 0x5000n);
    partition.setGuestOsId(1n);
    assert(partition.setHypercallRegister(0x5001n));
    assert.deepEqual([...(partition.memory.read(0x5000, 4) ?? [])], [0x0f, 0x01, 0xc1, 0xc3]);
    assert(partition.setHypercallRegister(0x6001n));
    assert.deepEqual([...(partition.memory.read(0x5000, 4) ?? [])], [1, 2, 3, 4]);
    partition.setGuestOsId(0n);
    assert.equal(partition.hypercallsEnabled, false);
    assert.equal(partition.memory.isOverlay(6), false);
  });

  it('can be moved for ever without using up frames', () => {
    const { partition } = scriptedPartition();
    partition.setGuestOsId(1n);
    partition.setHypercallRegister(0x5001n);
    const used = partition.memory.framesInUse;
    for (let round = 0; round < 1000; round++) {
      assert(partition.setHypercallRegister(BigInt(0x1001 + (round % 7) * 0x1000)));
    }
    assert(partition.memory.framesInUse <= used + 1);
  });

  it('refuses a page beyond RAM, and every write once locked', () => {
    const { partition } = scriptedPartition();
    partition.setGuestOsId(1n);
    assert.equal(partition.setHypercallRegister(0x40001n), false);
    assert.equal(partition.setHypercallRegister((1n << 63n) | 1n), false);
    assert(partition.setHypercallRegister(0x5003n));
    assert.equal(partition.setHypercallRegister(0n), false);
  });
});

describe('VMCALL exit', () => {
  function vmcallRig() {
    const rig = exitRig(ExitReasonNumber.VMCALL, { VM_EXIT_INSTRUCTION_LEN: 3n });
    rig.partition.setGuestOsId(1n);
    rig.partition.setHypercallRegister(0x5001n);
    rig.core.state.setGpr(rcx, 0x10008n);
    return rig;
  }

  it('answers in RAX, records the call and charges its cost', () => {
    const { core, handle, events, charged } = vmcallRig();
    core.state.setGpr(rcx, 0x7777n);
    assert.deepEqual(handle(), { kind: 'resume' });
    assert.equal(core.state.gpr(rax), 2n);
    assert.equal(core.state.rip, 0x100003n);
    assert.deepEqual(
      events.map((event) => event.kind === 'hypercall' && [event.code, event.status]),
      [[0x7777, 2]],
    );
    assert.deepEqual(charged, ['hypercall']);
  });

  it('takes control and answer from other registers outside 64-bit mode', () => {
    const { core, handle } = vmcallRig();
    core.state.setVmcs(vmcsEncoding('GUEST_CS_AR_BYTES'), 0xc09bn);
    core.state.setGpr(rax, 0x7777n);
    core.state.setGpr(rdx, 0n);
    handle();
    assert.equal(core.state.gpr(rax), 2n);
  });

  it('a long rep call goes on at the instruction, with a new rep start index', () => {
    const { core, handle, events, charged } = vmcallRig();
    const flushList = 0x3n | (300n << 32n);
    core.state.setGpr(rcx, flushList);
    core.state.setGpr(rdx, 0x6000n);
    handle();
    assert.equal(core.state.rip, 0x100000n);
    assert.equal(core.state.gpr(rcx), flushList | (256n << 48n));
    assert.deepEqual([events.length, charged.length], [0, 1]);
  });

  for (const [name, spoil] of [
    ['at CPL 3', { GUEST_SS_AR_BYTES: 0xc0f3n }],
    ['outside protected mode', { GUEST_CR0: 0n }],
  ] as const) {
    it(`is an undefined opcode ${name}`, () => {
      const { core, handle, injected, events } = vmcallRig();
      for (const [field, value] of Object.entries(spoil)) {
        core.state.setVmcs(vmcsEncoding(field), value);
      }
      handle();
      assert.equal(injected(), undefinedOpcode);
      assert.equal(events.length, 0);
    });
  }

  it('is an undefined opcode without a hypercall page', () => {
    const { partition, handle, injected } = vmcallRig();
    partition.setGuestOsId(0n);
    handle();
    assert.equal(injected(), undefinedOpcode);
  });
});

describe('I/O exit', () => {
  const out = (port: number, size: number, string = 0): bigint =>
    BigInt((port << 16) | (string << 4) | (size - 1));
  const into = (port: number, size: number, string = 0): bigint => out(port, size, string) | 8n;

  const unknown: readonly (readonly [number, bigint])[] = [
    [1, 0xffff_ffff_ffff_00ffn],
    [2, 0xffff_ffff_ffff_ffffn],
    [4, 0xffff_ffffn],
  ];
  for (const [size, expected] of unknown) {
    it(`IN of ${size} bytes from a port that nobody has reads all ones`, () => {
      const { core, handle } = exitRig(ExitReasonNumber.IO_INSTRUCTION, {
        EXIT_QUALIFICATION: into(0x80, size),
      });
      core.state.setGpr(rax, size === 1 ? 0xffff_ffff_ffff_0000n : 0xffff_ffff_ffff_0000n);
      assert.deepEqual(handle(), { kind: 'resume' });
      assert.equal(core.state.gpr(rax), expected);
    });
  }

  it('OUT to an intercepted port goes to the parent and waits for its answer', () => {
    const rig = exitRig(ExitReasonNumber.IO_INSTRUCTION, { EXIT_QUALIFICATION: out(0xe9, 2) });
    rig.partition.installPortIntercept(0xe9, 1);
    rig.core.state.setGpr(rax, 0x12345n);
    assert.deepEqual(rig.handle(), { kind: 'awaits-parent', answer: 'port' });
    assert.equal(rig.processor.runState, 'suspended');
    assert.deepEqual(rig.messages, [
      {
        kind: 'io-port',
        partition: 2,
        processor: 0,
        port: 0xe9,
        sizeBytes: 2,
        direction: 'out',
        value: 0x2345,
      },
    ]);
    rig.hypervisor.completePortIntercept(2, 0, 0);
    assert.equal(rig.processor.runState, 'active');
    assert.equal(rig.core.state.rip, 0x100002n);
    assert.equal(rig.core.state.gpr(rax), 0x12345n);
  });

  it('OUTS reads its operand through the linear address, over a page boundary', () => {
    const rig = exitRig(ExitReasonNumber.IO_INSTRUCTION, {
      EXIT_QUALIFICATION: out(0xe9, 4, 1),
      GUEST_LINEAR_ADDRESS: 0x1ffen,
    });
    rig.partition.installPortIntercept(0xe9, 1);
    rig.partition.memory.write(0x1ffe, Uint8Array.of(1, 2, 3, 0x84));
    rig.handle();
    const [message] = rig.messages;
    assert(message?.kind === 'io-port');
    assert.equal(message.value, 0x84030201);
    rig.hypervisor.completePortIntercept(2, 0, 0);
    assert.deepEqual([rig.core.answers, rig.core.completed], [[0n], 0]);
  });

  it('INS takes the answer when its iteration runs again', () => {
    const rig = exitRig(ExitReasonNumber.IO_INSTRUCTION, { EXIT_QUALIFICATION: into(0x80, 2, 1) });
    rig.handle();
    assert.deepEqual([rig.core.answers, rig.core.completed], [[0xffffn], 0]);
  });
});

describe('other exits', () => {
  it('HLT completes the instruction and waits', () => {
    const { processor, core, handle } = exitRig(ExitReasonNumber.HLT);
    assert.deepEqual(handle(), { kind: 'resume' });
    assert.deepEqual([processor.runState, core.completed], ['halted', 1]);
  });

  it('a triple fault shuts the processor down', () => {
    const { processor, handle } = exitRig(ExitReasonNumber.TRIPLE_FAULT);
    assert.deepEqual(handle(), { kind: 'triple-fault' });
    assert.equal(processor.runState, 'shutdown');
  });

  it('an EPT violation outside RAM names access, address and RIP', () => {
    const { handle, core } = exitRig(ExitReasonNumber.EPT_VIOLATION, {
      EXIT_QUALIFICATION: 0x184n,
      GUEST_PHYSICAL_ADDRESS: 0x5000_0000n,
      GUEST_LINEAR_ADDRESS: 0x5000_0000n,
    });
    const outcome = handle();
    assert(outcome.kind === 'unhandled');
    assert.match(
      outcome.message,
      /fetched an instruction from guest-physical address 0x50000000.*RIP is 0x100000/,
    );
    assert.equal(core.completed, 0);
  });

  it('a write to the hypercall page raises #GP', () => {
    const { partition, handle, injected } = exitRig(ExitReasonNumber.EPT_VIOLATION, {
      EXIT_QUALIFICATION: 0x182n,
      GUEST_PHYSICAL_ADDRESS: 0x5010n,
    });
    partition.setGuestOsId(1n);
    partition.setHypercallRegister(0x5001n);
    assert.deepEqual(handle(), { kind: 'resume' });
    assert.equal(injected(), generalProtection);
  });

  it('INVD has nothing to lose', () => {
    const { core, handle } = exitRig(ExitReasonNumber.INVD);
    assert.deepEqual(handle(), { kind: 'resume' });
    assert.equal(core.completed, 1);
  });

  for (const reason of ['MONITOR', 'MWAIT'] as const) {
    it(`${reason} is undefined, as CPUID says`, () => {
      const { handle, injected, core } = exitRig(ExitReasonNumber[reason]);
      assert.deepEqual(handle(), { kind: 'resume' });
      assert.deepEqual([injected(), core.completed], [undefinedOpcode, 0]);
    });
  }

  it('an exit without a handler says its name', () => {
    const outcome = exitRig(ExitReasonNumber.XSETBV).handle();
    assert(outcome.kind === 'unhandled');
    assert.match(outcome.message, /"XSETBV"/);
  });
});

describe('VM-entry checks', () => {
  function entryRig() {
    const rig = exitRig(ExitReasonNumber.HLT);
    powerOn(rig.processor);
    setUpVmcsControls(rig.core.state, 0);
    rig.processor.entryChecksDue = true;
    const set = (name: string, value: bigint) => {
      rig.core.state.setVmcs(vmcsEncoding(name), value);
    };
    return { ...rig, set, field: (name: string) => rig.core.state.vmcs(vmcsEncoding(name)) };
  }

  it('guest state that is not valid is a VM exit, only while it lasts', () => {
    const { processor, hypervisor, set, field } = entryRig();
    set('VMCS_LINK_POINTER', 0n);
    assert.equal(hypervisor.failedEntry(processor)?.ends, 'exit');
    assert(processor.isExitPending);
    assert.deepEqual([field('VM_EXIT_REASON'), field('EXIT_QUALIFICATION')], [0x80000021n, 4n]);
    set('VMCS_LINK_POINTER', (1n << 64n) - 1n);
    processor.clearPendingExit();
    assert.equal(hypervisor.failedEntry(processor), undefined);
    assert.equal(processor.entryChecksDue, false);
  });

  it('a control that is not valid is error 7, and no exit', () => {
    const { processor, hypervisor, set, field } = entryRig();
    set('SECONDARY_VM_EXEC_CONTROL', 0n);
    assert.equal(hypervisor.failedEntry(processor)?.ends, 'vm-fail');
    assert.equal(processor.isExitPending, false);
    assert.equal(field('VM_INSTRUCTION_ERROR'), 7n);
    assert(processor.entryChecksDue);
  });
});
