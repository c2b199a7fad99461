// What a stock kernel uses of the hypervisor's interface, in the order in which the same kernel used that of another one.
import assert from 'node:assert/strict';
import type { TraceEvent } from '../../debug-adapter/machine/trace';
import { hypercallByCode } from '../../debug-adapter/spec/tlfs/hypercalls';
import { syntheticMsrByNumber } from '../../debug-adapter/spec/tlfs/synthetic-msrs';
import { Status } from '../../debug-adapter/spec/tlfs/status-codes';
import { ExitReasonNumber } from '../../debug-adapter/spec/x86/exit-reasons';
import { bootMachine, guestCommandLine, GuestConsole, runUntilShown } from './debian-guest';

const processors = 8;
const commandLine = `${guestCommandLine} hyperscope.modules=hyperv`;
/**
 * A process goes from processor to processor and ends: those that it has left must forget all of it. Then pages of
 * processes that run at this moment are moved: their processors must forget single translations.
 */
const busyLine =
  "for i in 1 2 3; do sh -c 'for m in 2 4 8 10 20 40; do busybox taskset -p $m $$; done' >/dev/null; done;" +
  'for i in 1 2 3 4 5 6; do (while :; do :; done &); done; (ls -lR /sys/bus >/dev/null &);' +
  'echo 1 >/proc/sys/vm/compact_memory; echo do""ne\n';

/** First accesses of the boot processor to each synthetic MSR, as Linux 6.1 made them on a host that offered VMBus. */
const measuredMsrs = [
  ...['read APIC_FREQUENCY', 'write TSC_INVARIANT_CONTROL', 'read REFERENCE_TSC'],
  ...['write REFERENCE_TSC', 'read TSC_FREQUENCY', 'read VP_INDEX', 'write VP_ASSIST_PAGE'],
  ...['write GUEST_OS_ID', 'read HYPERCALL', 'write HYPERCALL'],
  ...['read SIMP', 'write SIMP', 'read SIEFP', 'write SIEFP', 'read SINT2', 'write SINT2'],
  ...['read SCONTROL', 'write SCONTROL', 'write EOM'],
];

/** First reads of each leaf, on the same host. */
const measuredLeaves = [0x40000000, 0x40000003, 0x40000004, 0x40000005, 0x40000002];

type ExitEvent = Extract<TraceEvent, { kind: 'vm-exit' }>;

function msrAccess({ reason, registers }: ExitEvent): readonly string[] {
  if (reason !== ExitReasonNumber.MSR_READ && reason !== ExitReasonNumber.MSR_WRITE) return [];
  const name = syntheticMsrByNumber.get(Number(registers[1]))?.name;
  if (name === undefined) return [];
  const verb = reason === ExitReasonNumber.MSR_READ ? 'read' : 'write';
  return [`${verb} ${name.replace('HV_X64_MSR_', '')}`];
}

const leafOf = ({ reason, registers }: ExitEvent): readonly number[] =>
  reason === ExitReasonNumber.CPUID ? [Number(registers[0])] : [];

const first = <T>(all: readonly T[], wanted: readonly T[]): readonly T[] =>
  [...new Set(all)].filter((each) => wanted.includes(each));

describe(`a Debian kernel on ${processors} processors`, function () {
  this.timeout(240_000);
  const exits: ExitEvent[] = [];
  const calls = new Map<string, Set<number>>();
  let log = '';

  before(() => {
    const machine = bootMachine({ processors, commandLine });
    const console = new GuestConsole(machine);
    machine.trace.forwardTo(
      {
        record(event) {
          if (event.kind === 'vm-exit') {
            if (event.processor === 0) exits.push(event);
          } else if (event.kind === 'hypercall') {
            const name = hypercallByCode.get(event.code)?.name ?? event.code.toString(16);
            calls.set(name, (calls.get(name) ?? new Set()).add(event.status));
          }
        },
      },
      ['vm-exit', 'hypercall'],
    );
    const booted = runUntilShown(machine, console, '# ');
    assert.equal(booted, undefined, `${booted?.kind}:\n${console.end}`);
    const [{ id: partition } = { id: 0 }] = machine.guests;
    machine.accept({
      kind: 'console-input',
      partition,
      data: new TextEncoder().encode(busyLine),
    });
    const done = runUntilShown(machine, console, 'done');
    assert.equal(done, undefined, `${done?.kind}:\n${console.end}`);
    machine.run({ maxSteps: 300_000_000 });
    log = console.text;
  });

  it('finds the hypervisor and what it recommends', () => {
    for (const line of [
      'Hypervisor detected: Microsoft Hyper-V',
      'Hyper-V: Using hypercall for remote TLB flush',
      'Hyper-V: Using IPI hypercalls',
      'Hyper-V: Using enlightened APIC',
    ]) {
      assert(log.includes(line), `${line}\n${log.slice(0, 5000)}`);
    }
  });

  it('reads the leaves in the measured order', () => {
    assert.deepEqual(first(exits.flatMap(leafOf), measuredLeaves), measuredLeaves);
  });

  it('accesses the synthetic MSRs in the measured order', () => {
    assert.deepEqual(first(exits.flatMap(msrAccess), measuredMsrs), measuredMsrs);
  });

  it('sets synthetic timers, and ends hardly an interrupt by a write to EOI', () => {
    const accesses = exits.flatMap(msrAccess);
    const count = (name: string): number => accesses.filter((each) => each === name).length;
    const timers = count('write STIMER0_COUNT');
    assert(timers > 50, `${timers}`);
    assert(count('write EOI') < timers, `${count('write EOI')} of ${timers}`);
  });

  it('flushes translations, sends interrupts and posts messages by hypercalls, all of which succeed', () => {
    const names = [
      ...['HvCallFlushVirtualAddressSpace', 'HvCallFlushVirtualAddressList'],
      ...['HvCallSendSyntheticClusterIpi', 'HvCallPostMessage'],
    ];
    for (const name of names) {
      assert.deepEqual(
        [...(calls.get(name) ?? [])],
        [Status.success],
        `${name} of ${[...calls.keys()].join()}`,
      );
    }
  });
});
