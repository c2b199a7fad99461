// A guest never sees a feature that is not there: for each bit of CPUID a guest executes something that needs it.
import assert from 'node:assert/strict';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import { answerCpuid } from '../../../debug-adapter/hypervisor/cpuid-model';
import { configureSingleGuest } from '../../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { codeImage } from '../../../scripts/benchmark/loop-image';
import { machineCode } from '../../support/machine-code';
import { scriptedPartitionOf } from '../hypervisor/scripted-core';

const memoryBytes = 16 << 20;
const stepsMax = 2000;
const rax = 0;

/** The words of CPUID that have feature bits (SDM vol. 2, CPUID): leaf and register. */
const words = {
  '1.ECX': [1, 'ecx'],
  '1.EDX': [1, 'edx'],
  '7.EBX': [7, 'ebx'],
  '7.ECX': [7, 'ecx'],
  '7.EDX': [7, 'edx'],
  '80000001.ECX': [0x80000001, 'ecx'],
  '80000001.EDX': [0x80000001, 'edx'],
} as const;

type Word = keyof typeof words;

/** RAX once the code has halted or goes round at its end; `fault` where an exception finds no handler, or why it ended. */
type Outcome = bigint | string;

/** OSFXSR and OSXMMEXCPT on; RAX, RCX and RDX are 0. */
const prologue = '0f20e0 0d00060000 0f22e0 31c0 31d2 31c9 90';

/** The bit, what the code shows, its outcome, and the code: at 100012 (hexadecimal), in 64-bit mode at CPL 0. */
const rows: readonly (readonly [Word, number, string, Outcome, string])[] = [
  ['1.EDX', 0, 'FPU: 1 + 1', 0x2n, 'dbe3d9e8 d8c06a00 df3c2458 f4'],
  ['1.EDX', 2, 'DE: with CR4.DE, DR4 is undefined', 'fault', '0f20e083 c8080f22 e00f21e0 f4'],
  ['1.EDX', 2, 'DE: without CR4.DE, it is DR6', 0xffff0ff0n, '0f21e0f4'],
  [
    '1.EDX',
    3,
    'PSE: a 4 MiB page of 32-bit paging',
    0x12345678n,
    [
      '660f1f44 00000f01 14254800 10006a08 68520010 0048cb0f 1f800000 00000000 00000000',
      '0000ffff 0000009b cf00ffff 00000093 cf001700 30001000 00000000 b8100000 008ed88e',
      'd00f20c0 25ffffff 7f0f22c0 b9800000 c00f3225 fffeffff 0f30b810 0000000f 22e0c705',
      '00000100 83000000 c7050400 01008300 0000c705 00003000 78563412 b8000001 000f22d8',
      '0f20c00d 00000080 0f22c0a1 00007000 f4',
    ].join(''),
  ],
  [
    '1.EDX',
    17,
    'PSE-36: a 4 MiB page above 4 GiB, where no memory is',
    'unhandled-exit',
    [
      '660f1f44 00000f01 14254800 10006a08 68520010 0048cb0f 1f800000 00000000 00000000',
      '0000ffff 0000009b cf00ffff 00000093 cf001700 30001000 00000000 b8100000 008ed88e',
      'd00f20c0 25ffffff 7f0f22c0 b9800000 c00f3225 fffeffff 0f30b810 0000000f 22e0c705',
      '00000100 83000000 c7050400 01008320 0000c705 00003000 78563412 b8000001 000f22d8',
      '0f20c00d 00000080 0f22c0a1 00007000 f4',
    ].join(''),
  ],
  ['1.EDX', 4, 'TSC: it goes on', 0x1n, '0f3189c3 0f3129d8 0f95c00f b6c0f4'],
  ['1.EDX', 5, 'MSR: IA32_EFER has LMA and LME', 0x500n, 'b9800000 c00f3225 00050000 f4'],
  ['1.EDX', 6, 'PAE: long mode is on it', 0x20n, '0f20e083 e020f4'],
  ['1.EDX', 8, 'CMPXCHG8B', 0x7n, '6a05b805 00000031 d231c9bb 07000000 0fc70c24 58f4'],
  [
    '1.EDX',
    9,
    'APIC: its version, by its page',
    0x10n,
    [
      'b88300e0 fe890425 b80f0100 c70425bc 0f010000 000000c7 04251820 00000300 0100b830',
      '00e0fe8b 0025f000 0000f4',
    ].join(''),
  ],
  [
    '1.EDX',
    11,
    'SYSENTER',
    0x9n,
    [
      'b9740100 00b80800 000031d2 0f30b976 010000b8 3d001000 0f30b975 010000b8 00000800',
      '0f300f34 31c0f4b8 09000000 f4',
    ].join(''),
  ],
  [
    '1.EDX',
    12,
    'MTRR: a variable range keeps what is written',
    0x80000006n,
    'b9000200 00b80600 008031d2 0f3031c0 0f32f4',
  ],
  [
    '1.EDX',
    13,
    'PGE: CR4 takes it, and a page is global',
    0x80n,
    ['810c2500 30000000 0100000f 20e00d80 0000000f 22e00f20 d80f22d8 0f20e025 80000000', 'f4'].join(
      '',
    ),
  ],
  ['1.EDX', 15, 'CMOV', 0x3n, 'bb030000 0031c00f 44c3f4'],
  ['1.EDX', 16, 'PAT: as after a reset', 0x70406n, 'b9770200 000f32f4'],
  [
    '1.EDX',
    19,
    'CLFLUSH: of the line that CPUID tells',
    0x8n,
    '0fae3c24 b8010000 000fa2c1 eb080fb6 c3f4',
  ],
  ['1.EDX', 23, 'MMX: PADDD', 0x28n, 'b8140000 000f6ec0 0ffec00f 7ec0f4'],
  ['1.EDX', 24, 'FXSAVE: the control word', 0x37fn, 'dbe30fae 842400fc ffff0fb7 842400fc fffff4'],
  ['1.EDX', 25, 'SSE: ADDSS', 0x6n, 'b8030000 00f30f2a c0f30f58 c0f30f2d c0f4'],
  ['1.EDX', 26, 'SSE2: ADDSD', 0x8n, 'b8040000 00f20f2a c0f20f58 c0f20f2d c0f4'],
  [
    '1.EDX',
    28,
    'HTT: more than one processor, as EBX counts',
    0x2n,
    'b8010000 000fa2c1 eb100fb6 c3f4',
  ],
  ['1.ECX', 13, 'CMPXCHG16B', 0x6n, '6a006a05 b8050000 0031d231 c9bb0600 0000480f c70c2458 f4'],
  [
    '1.ECX',
    17,
    'PCID: CR3 takes one, and to keep translations',
    0x5n,
    '0f20e00d 00000200 0f22e00f 20d883c8 05480fba e83f0f22 d80f20d8 25ff0f00 00f4',
  ],
  [
    '1.ECX',
    21,
    'x2APIC: its version, by MSR',
    0x10n,
    'b91b0000 000f320d 000c0000 0f30b903 0800000f 3225f000 0000f4',
  ],
  [
    '1.ECX',
    24,
    'TSC deadline: it is armed',
    0x7000n,
    [
      'b91b0000 000f320d 000c0000 0f30b932 080000b8 f0000400 31d20f30 b9e00600 00ba0070',
      '0000b801 0000000f 300f3289 d0f4',
    ].join(''),
  ],
  ['1.ECX', 30, 'RDRAND', 0x1n, '480fc7f0 0f92c00f b6c0f4'],
  ['1.ECX', 31, 'hypervisor: its leaves', 0x7263694dn, 'b8000000 400fa289 d8f4'],
  [
    '7.EBX',
    0,
    'FSGSBASE',
    0x1234n,
    '0f20e00d 00000100 0f22e0b8 34120000 f3480fae d831c0f3 480faec8 f4',
  ],
  [
    '7.EBX',
    1,
    'TSC_ADJUST: the counter follows',
    0x100n,
    'b93b0000 0031c0ba 00010000 0f300f31 89d0f4',
  ],
  [
    '7.EBX',
    7,
    'SMEP: no code of a user page',
    'fault',
    [
      '0f20e00d 00001000 0f22e0c7 04250000 01008700 2000c704 25040001 00000000 00c70425',
      '08200000 07000100 830c2500 10000004 c6042500 002000c3 b8000000 40ffd0b8 01000000',
      'f4',
    ].join(''),
  ],
  [
    '7.EBX',
    7,
    'SMEP: where it is off',
    0x1n,
    [
      'c7042500 00010087 002000c7 04250400 01000000 0000c704 25082000 00070001 00830c25',
      '00100000 04c60425 00002000 c3b80000 0040ffd0 b8010000 00f4',
    ].join(''),
  ],
  [
    '7.EBX',
    9,
    'ERMS: REP MOVSB',
    0x1122334455667788n,
    'be290010 00488d7c 24c0b908 000000f3 a4488b44 24c0f488 77665544 332211f4',
  ],
  [
    '7.EBX',
    10,
    'INVPCID: of all contexts',
    0x1n,
    '6a006a00 b8020000 00660f38 820424b8 01000000 f4',
  ],
  ['7.EBX', 18, 'RDSEED', 0x1n, '480fc7f8 0f92c00f b6c0f4'],
  [
    '7.EBX',
    20,
    'SMAP: a user page behind STAC',
    0x7n,
    [
      '0f20e00d 00002000 0f22e0c7 04250000 01008700 2000c704 25040001 00000000 00c70425',
      '08200000 07000100 830c2500 10000004 0f01cbc7 04250000 00400700 00008b04 25000000',
      '400f01ca f4',
    ].join(''),
  ],
  [
    '7.EBX',
    20,
    'SMAP: not without',
    'fault',
    [
      '0f20e00d 00002000 0f22e0c7 04250000 01008700 2000c704 25040001 00000000 00c70425',
      '08200000 07000100 830c2500 10000004 8b042500 000040f4',
    ].join(''),
  ],
  [
    '7.ECX',
    2,
    'UMIP: SGDT of user code',
    'fault',
    [
      '660f1f44 00000f01 14257000 10000f20 e00d0008 00000f22 e0830c25 00100000 04830c25',
      '00200000 04830c25 00300000 046a1b54 9c6a1368 7a001000 48cf0000 00000000 0000ffff',
      '0000009b af00ffff 000000fb af00ffff 000000f3 cf001f00 50001000 00000000 31c00f01',
      '4424c00f b74424c0 ebfef4',
    ].join(''),
  ],
  [
    '7.ECX',
    2,
    'UMIP: SGDT of user code, where it is off',
    0x1fn,
    [
      '660f1f44 00000f01 14257000 10000f20 e083c800 0f22e083 0c250010 00000483 0c250020',
      '00000483 0c250030 0000046a 1b549c6a 13687a00 100048cf 66900000 00000000 0000ffff',
      '0000009b af00ffff 000000fb af00ffff 000000f3 cf001f00 50001000 00000000 31c00f01',
      '4424c00f b74424c0 ebfef4',
    ].join(''),
  ],
  [
    '7.EDX',
    4,
    'FSRM: REP MOVSB of one byte',
    0x88n,
    ['be2e0010 00488d7c 24c0c707 00000000 b9010000 00f3a48b 4424c0f4 88776655 44332211', 'f4'].join(
      '',
    ),
  ],
  [
    '7.EDX',
    14,
    'SERIALIZE, behind which code is as it was written',
    0x5n,
    'c6050400 0000050f 01e8b800 000000f4',
  ],
  [
    '7.EDX',
    26,
    'IBRS and IBPB',
    0x1n,
    'b9490000 00b80100 000031d2 0f30b948 000000b8 01000000 31d20f30 31c00f32 f4',
  ],
  ['7.EDX', 27, 'STIBP', 0x2n, 'b9480000 00b80200 000031d2 0f3031c0 0f32f4'],
  ['7.EDX', 29, 'ARCH_CAPABILITIES: RDCL_NO', 0x1n, 'b90a0100 000f3283 e001f4'],
  ['7.EDX', 31, 'SSBD', 0x4n, 'b9480000 00b80400 000031d2 0f3031c0 0f32f4'],
  [
    '80000001.EDX',
    11,
    'SYSCALL',
    0x4n,
    [
      'b9800000 c00f3283 c8010f30 b9810000 c031c0ba 08000000 0f30b982 0000c0b8 3f001000',
      '31d20f30 0f0531c0 f4b80400 0000f4',
    ].join(''),
  ],
  [
    '80000001.EDX',
    20,
    'NX: no code of such a page',
    'fault',
    [
      'b9800000 c00f320d 00080000 0f30c604 25000020 00c3810c 250c3000 00000000 800f20d8',
      '0f22d8b8 00002000 ffd0b801 000000f4',
    ].join(''),
  ],
  [
    '80000001.EDX',
    20,
    'NX: any other page',
    0x1n,
    'c6042500 002000c3 b8000020 00ffd0b8 01000000 f4',
  ],
  [
    '80000001.EDX',
    26,
    'a page of 1 GiB',
    0x77n,
    'c7042508 20000083 000000c7 04257856 34007700 00008b04 25785634 40f4',
  ],
  [
    '80000001.EDX',
    27,
    'RDTSCP: the processor of IA32_TSC_AUX',
    0x4dn,
    'b9030100 c0b84d00 000031d2 0f3031c9 0f01f989 c8f4',
  ],
  ['80000001.EDX', 29, 'LM: 64-bit registers', 0x123456789abcdef0n, '48b8f0de bc9a7856 3412f4'],
];

function run(code: string): Outcome {
  const image = { path: 'feature', bytes: codeImage(machineCode(`${prologue} ${code}`)) };
  const guest = { name: 'feature', memoryBytes, image, commandLine: '', processorCount: 2 };
  const machine = new PhysicalMachine(configureSingleGuest(guest), {
    codeHost: webAssemblyCodeHost,
  });
  const { stop } = machine.run({ maxSteps: stepsMax });
  if (stop.kind === 'triple-fault') return 'fault';
  if (stop.kind !== 'halted' && stop.kind !== 'budget') return stop.kind;
  return machine.guests[0]?.processors[0]?.state.gpr(rax) ?? 'no processor';
}

/** MSRs of features that are not offered (SDM vol. 4, chapter 2): reading one is #GP. */
const absentMsrs: readonly (readonly [string, number])[] = [
  ['IA32_MCG_CAP: MCA', 0x179],
  ['IA32_MC0_CTL: MCA', 0x400],
  ['IA32_PMC0: performance counters', 0xc1],
  ['IA32_PERF_GLOBAL_CTRL: performance counters', 0x38f],
  ['IA32_DEBUGCTL: last branches', 0x1d9],
  ['IA32_FEATURE_CONTROL: VMX, SGX', 0x3a],
  ['IA32_VMX_BASIC: VMX', 0x480],
  ['IA32_SMRR_PHYSBASE: SMRR', 0x1f2],
  ['IA32_FLUSH_CMD: L1D_FLUSH', 0x10b],
  ['IA32_CORE_CAPABILITIES', 0xcf],
  ['IA32_TSX_CTRL: RTM', 0x122],
  ['IA32_UMWAIT_CONTROL: WAITPKG', 0xe1],
  ['IA32_XFD: XFD', 0x1c4],
  ['IA32_XSS: XSAVES', 0xda0],
  ['IA32_BNDCFGS: MPX', 0xd90],
  ['IA32_PASID: ENQCMD', 0xd93],
  ['IA32_U_CET: CET', 0x6a0],
  ['IA32_PKRS: PKS', 0x6e1],
  ['IA32_UINTR_HANDLER: UINTR', 0x98a],
  ['IA32_RTIT_CTL: Processor Trace', 0x570],
  ['IA32_PM_ENABLE: HWP', 0x770],
  ['IA32_THERM_STATUS: thermal monitor', 0x19c],
  ['IA32_PERF_CTL: EIST', 0x199],
  ['IA32_FRED_CONFIG: FRED', 0x1d4],
  ['VM_CR: SVM', 0xc0010114],
];

describe('features that CPUID offers, and those that it does not', () => {
  const { partition } = scriptedPartitionOf({ processorCount: 2 });
  const answerOf = (word: Word): number => {
    const [leaf, register] = words[word];
    return answerCpuid(partition, 0, leaf)[register];
  };

  it('each bit has a row, and each row a bit', () => {
    for (const word of Object.keys(words) as Word[]) {
      for (let bit = 0; bit < 32; bit++) {
        const isOffered = ((answerOf(word) >>> bit) & 1) === 1;
        const isShown = rows.some(([at, number]) => at === word && number === bit);
        assert.equal(isShown, isOffered, `${word} bit ${bit}`);
      }
    }
  });

  for (const [word, bit, title, outcome, code] of rows) {
    it(`${word} bit ${bit}, ${title}`, () => {
      assert.equal(run(code), outcome);
    });
  }

  for (const [title, number] of absentMsrs) {
    it(`no ${title}`, () => {
      const hex = number.toString(16).padStart(8, '0');
      const bytes = hex.match(/../g)?.reverse().join('') ?? '';
      assert.equal(run(`b9${bytes} 0f32 b801000000 f4`), 'fault');
    });
  }

  for (const [title, code] of [
    ['MONITOR', '0f01c8'],
    ['MWAIT', '0f01c9'],
  ] as const) {
    it(`no ${title}`, () => {
      assert.equal(run(`${code} b801000000 f4`), 'fault');
    });
  }
});
