// A stock Debian kernel boots to its first process: what it says on the way, and which MSRs and CPUID leaves it asks for.
import assert from 'node:assert/strict';
import type { TraceEvent, TraceSink } from '../../debug-adapter/machine/trace';
import { ExitReasonNumber } from '../../debug-adapter/spec/x86/exit-reasons';
import { bootMachine, GuestConsole, runUntilShown, userspaceMarker } from './debian-guest';

const rcx = 1;

/** What the guest asked of CPUID and MSRs, in order: "cpuid", "rd" or "wr", and the number in hexadecimal. */
class RegisterUse implements TraceSink {
  readonly uses: string[] = [];

  record(event: TraceEvent): void {
    if (event.kind !== 'vm-exit') return;
    const number = (register: number): string =>
      ((event.registers[register] ?? 0n) & 0xffffffffn).toString(16);
    if (event.reason === ExitReasonNumber.CPUID) this.uses.push(`cpuid ${number(0)}`);
    if (event.reason === ExitReasonNumber.MSR_READ) this.uses.push(`rd ${number(rcx)}`);
    if (event.reason === ExitReasonNumber.MSR_WRITE) this.uses.push(`wr ${number(rcx)}`);
  }
}

/** The console of every kernel, by the number of its processors. */
const said: readonly RegExp[] = [
  /Linux version 6\.\d+\.\d+-\S*cloud-amd64/,
  /Hypervisor detected: Microsoft Hyper-V/,
  /Hyper-V: privilege flags low 0x[0-9a-f]+, high 0x[0-9a-f]+, hints 0x[0-9a-f]+, misc 0x[0-9a-f]+/,
  /clocksource: hyperv_clocksource_tsc_page: /,
  /tsc: Detected 1000\.000 MHz processor/,
  /Booting paravirtualized kernel on Hyper-V/,
  /Switched to clocksource (tsc|hyperv_clocksource_tsc_page)\n/,
  /ACPI: 1 ACPI AML tables successfully acquired and loaded/,
  /ttyS0 at I\/O 0x3f8 \(irq = 4, base_baud = 115200\) is a 16550A/,
  /rtc_cmos 00:02: setting system clock to 2026-01-01T00:00:0\d UTC/,
  /x86\/mm: Checked W\+X mappings: passed/,
  /Run \/init as init process/,
];

/** What a kernel says about a machine that is not right. */
const complaints =
  /.*(unchecked MSR access|ACPI (BIOS )?(Error|Warning)|ACPI Exception|\[Firmware Bug\]|\bBUG\b|WARNING:|\bOops\b|Call Trace|soft lockup|rcu_\w+ (self-)?detected stall|spurious|unstable|Kernel panic).*/g;

const byProcessors: readonly (readonly [processors: number, brought: RegExp])[] = [
  [1, /smp: Brought up 1 node, 1 CPU\r?\n/],
  [4, /smp: Brought up 1 node, 4 CPUs\r?\n/],
];

/**
 * What Linux does first with the interface of the TLFS, measured with the same kernel on another hypervisor: MSRs of
 * clocks in setup_arch, then those of hyperv_init.
 */
const enlightenment: readonly string[] = [
  'cpuid 40000000', // hypervisor vendor
  'cpuid 40000003', // features
  'cpuid 40000004', // recommendations
  'rd 40000023', // HV_X64_MSR_APIC_FREQUENCY
  'wr 40000118', // HV_X64_MSR_TSC_INVARIANT_CONTROL
  'rd 40000021', // HV_X64_MSR_REFERENCE_TSC
  'wr 40000021',
  'rd 40000022', // HV_X64_MSR_TSC_FREQUENCY
  'rd 40000002', // HV_X64_MSR_VP_INDEX
  'wr 40000073', // HV_X64_MSR_VP_ASSIST_PAGE
  'wr 40000000', // HV_X64_MSR_GUEST_OS_ID
  'rd 40000001', // HV_X64_MSR_HYPERCALL
  'wr 40000001',
];

/** Xen and KVM, the others that this kernel knows, are looked for at every multiple of 0x100 up to 0x40010000. */
const vendorScans = 2;

describe('a Debian kernel', function () {
  this.timeout(240_000);

  for (const [processors, brought] of byProcessors) {
    describe(`on ${processors} of its processors`, () => {
      const use = new RegisterUse();
      let text = '';
      let uses: readonly string[] = [];

      before(() => {
        const machine = bootMachine({ processors });
        machine.trace.forwardTo(use, ['vm-exit']);
        const console = new GuestConsole(machine);
        const stop = runUntilShown(machine, console, userspaceMarker);
        assert.equal(stop, undefined, `${stop?.kind} at ${machine.position}:\n${console.end}`);
        ({ text } = console);
        ({ uses } = use);
      });

      for (const row of [...said, brought]) {
        it(`says ${row.source}`, () => assert.match(text.replaceAll('\r\n', '\n'), row));
      }

      it('complains about nothing', () => assert.deepEqual(text.match(complaints) ?? [], []));

      it('finds the interface of the TLFS in the measured order', () => {
        let at = -1;
        for (const step of enlightenment) {
          const next = uses.indexOf(step);
          assert.ok(next > at, `${step} comes at ${next}, the one before at ${at}`);
          at = next;
        }
      });

      it('looks for other hypervisors where none is', () => {
        for (let leaf = 0x40000100; leaf < 0x40010000; leaf += 0x100) {
          const count = uses.filter((text) => text === `cpuid ${leaf.toString(16)}`).length;
          assert.equal(count, vendorScans, leaf.toString(16));
        }
      });

      it('sets up every processor for hypercalls', () => {
        const count = (text: string): number => uses.filter((other) => other === text).length;
        assert.equal(count('rd 40000002'), processors);
        assert.equal(count('wr 40000073'), processors);
        assert.equal(count('wr 40000001'), 1);
      });
    });
  }
});
