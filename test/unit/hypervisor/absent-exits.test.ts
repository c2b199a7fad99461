// Exit reasons that this machine does not have: each has a reason, and its instruction is undefined (SDM vol. 3, appendix C).
import assert from 'node:assert/strict';
import { answeredExits } from '../../../debug-adapter/hypervisor/exit-dispatch';
import { absentExits } from '../../../debug-adapter/hypervisor/vmx-capabilities';
import { exitReasons } from '../../../debug-adapter/spec/x86/exit-reasons';
import { GuestKernel, layout, selector } from '../../support/guest-kernel';
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
      const kernel = withEveryControl(code);
      assert.equal(kernel.outcome(), 'vector 6');
    });
  }
});

/** A kernel at an instruction, RBX at its data, with every control that has to do with instructions. */
function withEveryControl(code: string): GuestKernel {
  const kernel = GuestKernel.again();
  kernel.enter(0, machineCode(code));
  kernel.state.setGpr(3, BigInt(layout.kernelData));
  const windowsAndTrapFlag = (1n << 2n) | (1n << 22n) | (1n << 27n);
  kernel.setField('CPU_BASED_VM_EXEC_CONTROL', 0xffffffffn & ~windowsAndTrapFlag);
  kernel.setField('SECONDARY_VM_EXEC_CONTROL', 0xffffffffn);
  return kernel;
}

/** By name: the instruction, and what it needs besides. */
const neverExiting: readonly (readonly [string, string, ((kernel: GuestKernel) => void)?])[] = [
  ['SMSW AX', '66 0f 01 e0'],
  ['SMSW [RBX]', '0f 01 23'],
  ['MOV RAX, CR0', '0f 20 c0'],
  ['MOV RAX, CR2', '0f 20 d0'],
  ['MOV CR2, RAX', '0f 22 d0'],
  ['MOV RAX, CR4', '0f 20 e0'],
  ['SWAPGS', '0f 01 f8'],
  ['CLFLUSH [RBX]', '0f ae 3b'],
  ['FXSAVE [RBX]', '0f ae 03'],
  ['RDFSBASE RAX', 'f3 48 0f ae c0', (kernel) => setBit(kernel, 'GUEST_CR4', 1n << 16n)],
  ['SYSCALL', '0f 05', (kernel) => setBit(kernel, 'GUEST_IA32_EFER', 1n)],
  [
    'SYSENTER',
    '0f 34',
    (kernel) => kernel.setField('GUEST_SYSENTER_CS', BigInt(selector.kernelCode)),
  ],
  [
    'IRETQ',
    '48 cf',
    ({ state, memory }) => {
      const [to, top] = [layout.kernelCode + 0x100, layout.kernelStack - 40];
      state.setGpr(4, BigInt(top));
      const frame = [to, selector.kernelCode, 2, layout.kernelStack, selector.kernelData];
      memory.write(top, new Uint8Array(BigUint64Array.from(frame, BigInt).buffer));
    },
  ],
];

function setBit(kernel: GuestKernel, field: string, bit: bigint): void {
  kernel.setField(field, kernel.field(field) | bit);
  kernel.core.stateWasEdited();
}

describe('instructions that no control makes exit (SDM vol. 3, 26.1.3)', () => {
  for (const [name, code, prepare] of neverExiting) {
    it(`${name} runs with every control set that there is`, () => {
      const kernel = withEveryControl(code);
      for (const register of ['CR0', 'CR4']) {
        kernel.setField(`${register}_READ_SHADOW`, kernel.field(`GUEST_${register}`));
        kernel.setField(`${register}_GUEST_HOST_MASK`, 2n ** 64n - 1n);
      }
      prepare?.(kernel);
      assert.equal(kernel.outcome(), 'budget');
    });
  }
});
