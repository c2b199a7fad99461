// Exit reasons that this machine does not have: each has a reason, and its instruction is undefined (SDM vol. 3, appendix C).
import assert from 'node:assert/strict';
import { answeredExits } from '../../../debug-adapter/hypervisor/exit-dispatch';
import { absentExits } from '../../../debug-adapter/hypervisor/vmx-capabilities';
import { exitReasons } from '../../../debug-adapter/spec/x86/exit-reasons';
import { GuestKernel, layout } from '../../support/guest-kernel';
import { machineCode } from '../../support/machine-code';

/** Instructions by the exit reason that they would have. */
const undefinedInstructions: readonly (readonly [number, string, string])[] = [
  [11, 'GETSEC', '0f 37'],
  [17, 'RSM', '0f aa'],
  [19, 'VMCLEAR', '66 0f c7 33'],
  [20, 'VMLAUNCH', '0f 01 c2'],
  [21, 'VMPTRLD', '0f c7 33'],
  [22, 'VMPTRST', '0f c7 3b'],
  [23, 'VMREAD', '0f 78 c1'],
  [24, 'VMRESUME', '0f 01 c3'],
  [25, 'VMWRITE', '0f 79 c1'],
  [26, 'VMXOFF', '0f 01 c4'],
  [27, 'VMXON', 'f3 0f c7 33'],
  [50, 'INVEPT', '66 0f 38 80 03'],
  [53, 'INVVPID', '66 0f 38 81 03'],
  [55, 'XSETBV', '0f 01 d1'],
  [59, 'VMFUNC', '0f 01 d4'],
  [60, 'ENCLS', '0f 01 cf'],
  [63, 'XSAVES', '0f c7 2b'],
  [64, 'XRSTORS', '0f c7 1b'],
  [65, 'PCONFIG', '0f 01 c5'],
  [67, 'UMWAIT', 'f2 0f ae f3'],
  [68, 'TPAUSE', '66 0f ae f3'],
  [69, 'LOADIWKEY', 'f3 0f 38 dc c1'],
  [70, 'ENCLV', '0f 01 c0'],
  [72, 'ENQCMD', 'f2 0f 38 f8 03'],
  [73, 'ENQCMDS', 'f3 0f 38 f8 03'],
  [76, 'SEAMCALL', '66 0f 01 cf'],
  [77, 'TDCALL', '66 0f 01 cc'],
  [78, 'RDMSRLIST', 'f2 0f 01 c6'],
  [79, 'WRMSRLIST', 'f3 0f 01 c6'],
];

describe('exit reasons', () => {
  const absent = absentExits.flatMap(([, numbers]) => numbers);

  for (const { number, name } of exitReasons) {
    it(`${name} is answered, or absent for a reason`, () => {
      assert.notEqual(answeredExits.has(number), absent.includes(number));
    });
  }

  for (const [reason, name, code] of undefinedInstructions) {
    it(`${name} is undefined, with every control set that there is`, () => {
      assert.ok(absent.includes(reason));
      const kernel = GuestKernel.again();
      kernel.enter(0, machineCode(code));
      kernel.state.setGpr(3, BigInt(layout.kernelData));
      kernel.setField(
        'CPU_BASED_VM_EXEC_CONTROL',
        0xffffffffn & ~((1n << 2n) | (1n << 22n) | (1n << 27n)),
      );
      kernel.setField('SECONDARY_VM_EXEC_CONTROL', 0xffffffffn);
      assert.equal(kernel.outcome(), 'vector 6');
    });
  }
});
