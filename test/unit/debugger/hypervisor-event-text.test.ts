// What the hypervisor does besides exits is offered to the trace, reads well, and is made only for those who listen.
import assert from 'node:assert/strict';
import { describeEvent } from '../../../debug-adapter/debugger/trace-events';
import type { TraceEvent } from '../../../debug-adapter/machine/trace';
import { code, interruptMachine } from '../../support/interrupt-guest';

const kinds = ['msr-access', 'intercept-message', 'timer-expiration', 'overlay-change'] as const;

/** Lays the hypercall page, is refused an MSR that is not there… and waits for a synthetic timer. */
const guestCode =
  code.prologue +
  code.writeMsr(0x40000000, 1n) +
  code.writeMsr(0x40000001, 0x60001n) +
  code.writeMsr(0x40000001, 0n) +
  code.readMsr(0x40000002) +
  // out 0x61, al; in al, 0x61
  'e6 61 e4 61' +
  code.writeMsr(0x400000b1, 10_000n) +
  code.writeMsr(0x400000b0, 0x1401n) +
  code.count(2_000_000) +
  code.hlt;

function heardOf(listens: boolean): { texts: readonly string[]; hash: string; kept: number } {
  const machine = interruptMachine({ boot: guestCode });
  const texts: string[] = [];
  const record = (event: TraceEvent): void => {
    texts.push(describeEvent(event, () => undefined));
  };
  if (listens) machine.trace.forwardTo({ record }, kinds);
  while (machine.position < 3_000_000) {
    if (machine.run({ maxSteps: 3_000_000 - machine.position }).stop.kind !== 'budget') break;
  }
  const { msrAccesses, interceptMessages, timerExpirations, overlayChanges } = machine.trace;
  const kept = [msrAccesses, interceptMessages, timerExpirations, overlayChanges];
  return {
    texts,
    hash: machine.stateHash(),
    kept: kept.reduce((sum, { recorded }) => sum + recorded, 0),
  };
}

describe('what the hypervisor does, in words', () => {
  it('MSR accesses, intercept messages, overlays and timers', () => {
    const { texts, kept } = heardOf(true);
    const expected = [
      'WRMSR HV_X64_MSR_GUEST_OS_ID (0x40000000) = 0x1',
      'hypercall page is laid over guest page 0x60',
      'hypercall page goes from guest page 0x60',
      'RDMSR HV_X64_MSR_VP_INDEX (0x40000002) → 0x0',
      'intercept message: writes 0x0, 1 bytes at port 0x61',
      'intercept message: reads, 1 bytes at port 0x61',
      'synthetic timer 0 of processor 0 expires, due at ',
    ];
    let from = 0;
    for (const text of expected) {
      const at = texts.findIndex((row, index) => index >= from && row.startsWith(text));
      assert.ok(at >= 0, `${text} behind row ${from} of\n${texts.join('\n')}`);
      from = at;
    }
    assert.equal(kept, texts.length);
  });

  it('costs nobody anything who does not listen, and changes nothing', () => {
    const [heard, quiet] = [heardOf(true), heardOf(false)];
    assert.equal(quiet.hash, heard.hash);
    assert.equal(quiet.kept, 0);
  });
});
