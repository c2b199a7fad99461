// PUSHA and POPA of 32-bit code, whose stack is at hand in the TLBs or not.
import assert from 'node:assert/strict';
import { descriptor, ModeMachine } from '../../../support/mode-machine';

const stackTop = 0x8000;

describe('PUSHA and POPA (SDM vol. 2)', () => {
  const values = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77].map((value) => value * 0x01010101);

  /** Executes code behind as many POP and PUSH as it takes to have the stack in the TLBs, or none. */
  function withStackAt(top: number, isAtHand: boolean, code: string, steps: number): ModeMachine {
    const machine = new ModeMachine();
    machine.protect([descriptor(0, 0xfffff, 0x9b, 0xc), descriptor(0, 0xfffff, 0x93, 0xc)]);
    const [eax = 0, ecx = 0, edx = 0, ebx = 0, ebp = 0, esi = 0, edi = 0] = values;
    machine.registers({ 0: eax, 1: ecx, 2: edx, 3: ebx, 4: top, 5: ebp, 6: esi, 7: edi });
    const before = isAtHand ? '50 58 ' : '';
    const count = steps + (isAtHand ? 2 : 0);
    assert.equal(machine.execute(0x100, before + code, count), 'budget');
    return machine;
  }

  for (const [title, top] of [
    ['in one page', stackTop],
    ['across two pages', stackTop + 0x10],
  ] as const) {
    for (const isAtHand of [false, true]) {
      it(`${title}, ${isAtHand ? 'used before' : 'for the first time'}`, () => {
        const pushed = withStackAt(top, isAtHand, '60', 1);
        assert.equal(pushed.gpr(4), BigInt(top - 32));
        const [eax, ecx, edx, ebx, ebp, esi, edi] = values;
        [edi, esi, ebp, top, ebx, edx, ecx, eax].forEach((value, index) => {
          assert.equal(pushed.read(top - 32 + index * 4, 4), BigInt(value ?? 0), `word ${index}`);
        });
        // MOV of 0 to EAX and to what ESP was pushed as, which POPA skips.
        const popped = withStackAt(top, isAtHand, '60 31 c0 89 44 24 0c 61', 4);
        [eax, ecx, edx, ebx, top, ebp, esi, edi].forEach((value, number) => {
          assert.equal(popped.gpr(number), BigInt(value ?? 0), `register ${number}`);
        });
      });
    }
  }
});
