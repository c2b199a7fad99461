// A guest goes the way of every kernel: real mode, protected mode, compatibility mode, 64-bit mode (SDM vol. 3, 10.8.5).
import assert from 'node:assert/strict';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { ModeMachine } from '../../../support/mode-machine';

/**
 * At 0000:7C00: a real-mode INT 40, LGDT, CR0.PE and a far jump to 32-bit code; page tables at 10000, CR4.PAE,
 * EFER.LME, CR0.PG; a store in compatibility mode; 64-bit code; a far return to compatibility mode, a far jump back,
 * HLT.
 */
const program = `
fa31c08ed88ec08ed0bc007cc70600063412cd40660f0116187d0f20c00c010f
22c066ea2a7c0000080066b810008ed88ec08ed0bc007c000068443322118f05
04060000bf000001000f22df31c0b9000c0000fcf3abc7050000010003100100
c7050010010003200100c70500200100830000000f20e083c8200f22e0b98000
00c031d2b8000100000f300f20c00d000000800f22c0c7050806000088776655
eaa77c0000180048b888776655443322114889042510060000488d1d00000000
6a08488d05030000005048cbc705180600000100000046eade7c00001800ff04
2518060000c704251c06000002000000f40f1f80000000000000000000000000
ffff0000009bcf00ffff00000093cf00ffff0000009baf001f00f87c0000`;

const longModeEnable = 0x100n;
const writeMsr = 'exit 32';
const halt = 'exit 12';

interface Ending {
  readonly machine: ModeMachine;
  readonly exits: readonly string[];
}

/** Runs the program; each MSR write is that of EFER and is done as a hypervisor would. */
function boot(budget: number): Ending {
  const machine = new ModeMachine();
  machine.write(0x7c00, program);
  // INT 40: INC WORD [600], IRET.
  machine.write(0x40 * 4, '00 05 00 00');
  machine.write(0x500, 'ff 06 00 06 cf');
  machine.state.rip = 0x7c00n;
  const exits: string[] = [];
  for (let turn = 0; turn < 20_000 && exits.at(-1) !== halt; turn++) {
    const outcome = machine.run(budget);
    if (outcome === 'budget') continue;
    exits.push(outcome);
    if (!outcome.startsWith('exit')) continue;
    machine.state.writeU32(stateOffsets.exitPending, 0);
    if (outcome === writeMsr) {
      machine.set('GUEST_IA32_EFER', longModeEnable);
      machine.processor.core.completeInstruction();
      machine.edited();
    } else if (outcome !== halt) {
      assert.fail(outcome);
    }
  }
  return { machine, exits };
}

describe('from real mode to 64-bit mode', () => {
  for (const budget of [1, 3, 1000, 1_000_000]) {
    it(`with a budget of ${budget}`, () => {
      const { machine, exits } = boot(budget);
      assert.deepEqual(exits, ['event 64', writeMsr, halt]);
      assert.equal(machine.read(0x600, 2), 0x1235n, 'the real-mode handler ran');
      assert.equal(machine.read(0x604, 4), 0x11223344n, 'the 32-bit stack works');
      assert.equal(machine.read(0x608, 4), 0x55667788n, 'compatibility mode stores');
      assert.equal(machine.read(0x610, 8), 0x1122334455667788n, '64-bit code ran');
      assert.equal(machine.read(0x618, 4), 2n, 'compatibility mode and back');
      assert.equal(machine.read(0x61c, 4), 2n);
      assert.equal(machine.field('GUEST_IA32_EFER'), 0x500n, 'LMA follows CR0.PG');
      assert.equal(machine.field('GUEST_CS_AR_BYTES'), 0xa09bn);
      // The page directory's entry of the first 2 MiB was read and written through.
      assert.equal(machine.read(0x12000, 4), 0xe3n);
    });
  }
});
