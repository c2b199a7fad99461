/** What CPUID answers: a small processor that advertises only what is built, and the hypervisor leaves. */
import {
  linearAddressBits,
  physicalAddressBits,
  type LinearAddressBits,
} from '../spec/x86/address-widths';
import { HypervisorLeaf } from '../spec/tlfs/cpuid-leaves';
import { zeroLeaf as zero, type CpuidResult } from './cpuid-result';
import {
  answerCacheLeaf,
  answerTopologyLeaf,
  cacheDescriptors,
  secondLevelCache,
} from './cpuid-topology';
import { answerHypervisorLeaf } from './hypervisor-leaves';
import type { Partition } from './partition';
import { processorSignature } from './processor-signature';

/** CLFLUSH line size in units of eight bytes. */
const flushLineQuadwords = 8;

/**
 * FPU is offered although the eight transcendental instructions are not built: every 64-bit processor has an FPU, no
 * kernel starts without it, and those eight stop the debugger with their name.
 */
const basicEdx = bitsOf({
  FPU: 0,
  DE: 2,
  PSE: 3,
  TSC: 4,
  MSR: 5,
  PAE: 6,
  CX8: 8,
  SEP: 11,
  MTRR: 12,
  PGE: 13,
  CMOV: 15,
  PAT: 16,
  'PSE-36': 17,
  CLFSH: 19,
  MMX: 23,
  FXSR: 24,
  SSE: 25,
  SSE2: 26,
});
const basicEcx = bitsOf({
  CMPXCHG16B: 13,
  PCID: 17,
  x2APIC: 21,
  'TSC-Deadline': 24,
  RDRAND: 30,
  hypervisor: 31,
});
/** EDX shows it while the local APIC is enabled in IA32_APIC_BASE. */
const localApic = bitsOf({ APIC: 9 });
const structuredEbx = bitsOf({
  FSGSBASE: 0,
  TSC_ADJUST: 1,
  SMEP: 7,
  ERMS: 9,
  INVPCID: 10,
  RDSEED: 18,
  SMAP: 20,
});
const structuredEcx = bitsOf({ UMIP: 2 });
/** Where the processors have linear addresses of so many bits. */
const fiveLevelPaging = bitsOf({ LA57: 16 });
/**
 * The controls of speculation are there to say that there is nothing to control. Without SERIALIZE, Linux serializes a
 * processor by an IRET whenever it has written code: a hundred thousand times in a boot.
 */
const structuredEdx = bitsOf({
  FSRM: 4,
  SERIALIZE: 14,
  IBRS: 26,
  STIBP: 27,
  ARCH_CAPABILITIES: 29,
  SSBD: 31,
});
const extendedEdx = bitsOf({ SYSCALL: 11, NX: 20, Page1GB: 26, RDTSCP: 27, LM: 29 });

const brand = 'Hyperscope virtual processor';

function bitsOf(features: Readonly<Record<string, number>>): number {
  return Object.values(features).reduce((mask, position) => (mask | (1 << position)) >>> 0, 0);
}

function fourCharacters(text: string, at: number): number {
  let word = 0;
  for (let index = 0; index < 4; index++) {
    word |= (text.charCodeAt(at + index) || 0) << (8 * index);
  }
  return word >>> 0;
}

function brandLeaf(index: number): CpuidResult {
  const at = index * 16;
  return {
    eax: fourCharacters(brand, at),
    ebx: fourCharacters(brand, at + 4),
    ecx: fourCharacters(brand, at + 8),
    edx: fourCharacters(brand, at + 12),
  };
}

const vendor = 'GenuineIntel';

const highestBasicLeaf = 0x0d;
const firstExtendedLeaf = 0x80000000;
const highestExtendedLeaf = 0x80000008;
/** Behind the last leaf that is set aside for hypervisors (SDM vol. 2, CPUID). */
const hypervisorLeavesEnd = 0x50000000;

type LeafAnswer = (
  processor: number,
  processors: number,
  subleaf: number,
  partition: Partition,
) => CpuidResult;

/** More than one processor in the package: EBX 23:16 counts them. */
const hyperThreading = 1 << 28;
/** Leaf 6: the APIC timer never stops. */
const alwaysRunningTimer: CpuidResult = { ...zero, eax: 1 << 2 };
const invariantTimeStamp = 1 << 8;

/** Leaf 7: its only subleaf is 0, which EAX says. */
function structured(partition: Partition): CpuidResult {
  const hasFiveLevels = addressBitsOf(partition) === linearAddressBits.fiveLevels;
  return {
    eax: 0,
    ebx: structuredEbx,
    ecx: structuredEcx | (hasFiveLevels ? fiveLevelPaging : 0),
    edx: structuredEdx,
  };
}

/** All processors of a partition are made alike. */
function addressBitsOf({ processors }: Partition): LinearAddressBits {
  return processors[0]?.core.linearAddressBits ?? linearAddressBits.fourLevels;
}

/** Made once: a guest may ask for it millions of times. */
function always(answer: CpuidResult): LeafAnswer {
  return () => answer;
}

/** SDM vol. 2, CPUID, table 3-17. Leaves that are absent here and below the highest one answer zeros. */
const architecturalLeaves = new Map<number, LeafAnswer>([
  [
    0,
    always({
      eax: highestBasicLeaf,
      ebx: fourCharacters(vendor, 0),
      ecx: fourCharacters(vendor, 8),
      edx: fourCharacters(vendor, 4),
    }),
  ],
  [
    1,
    (processor, processors, _subleaf, partition) => ({
      eax: processorSignature,
      ebx: ((processor << 24) | (processors << 16) | (flushLineQuadwords << 8)) >>> 0,
      ecx: basicEcx,
      edx:
        basicEdx |
        (processors > 1 ? hyperThreading : 0) |
        (partition.interrupts.hasEnabledApic(processor) ? localApic : 0),
    }),
  ],
  [2, always(cacheDescriptors)],
  [4, (_processor, processors, subleaf) => answerCacheLeaf(processors, subleaf)],
  [6, always(alwaysRunningTimer)],
  [
    7,
    (_processor, _processors, subleaf, partition) => (subleaf === 0 ? structured(partition) : zero),
  ],
  [0xb, answerTopologyLeaf],
  [0x80000000, always({ ...zero, eax: highestExtendedLeaf })],
  [0x80000001, always({ ...zero, edx: extendedEdx })],
  [0x80000002, always(brandLeaf(0))],
  [0x80000003, always(brandLeaf(1))],
  [0x80000004, always(brandLeaf(2))],
  [0x80000006, always(secondLevelCache)],
  [
    0x80000007,
    (_processor, _processors, _subleaf, partition) => ({
      ...zero,
      edx: partition.showsInvariantTimeStamp ? invariantTimeStamp : 0,
    }),
  ],
  [
    0x80000008,
    (_processor, _processors, _subleaf, partition) => ({
      ...zero,
      eax: physicalAddressBits | (addressBitsOf(partition) << 8),
    }),
  ],
]);

/** The same by the distance from the first leaf of a range: some guests ask for millions. */
const basicLeaves = leavesFrom(0, highestBasicLeaf);
const extendedLeaves = leavesFrom(firstExtendedLeaf, highestExtendedLeaf);

function leavesFrom(first: number, last: number): readonly (LeafAnswer | undefined)[] {
  return Array.from({ length: last - first + 1 }, (_, at) => architecturalLeaves.get(first + at));
}

/**
 * Answers CPUID. A basic leaf above the highest one answers as the highest basic leaf does (SDM vol. 2, CPUID).
 * @param leaf EAX, unsigned
 * @param subleaf ECX, unsigned
 */
export function answerCpuid(
  partition: Partition,
  processor: number,
  leaf: number,
  subleaf = 0,
): CpuidResult {
  if (leaf >= HypervisorLeaf.vendor && leaf < hypervisorLeavesEnd) {
    return answerHypervisorLeaf(leaf, partition);
  }
  const isExtended = leaf >= firstExtendedLeaf && leaf <= highestExtendedLeaf;
  const answer = isExtended
    ? extendedLeaves[leaf - firstExtendedLeaf]
    : basicLeaves[Math.min(leaf, highestBasicLeaf)];
  return answer === undefined
    ? zero
    : answer(processor, partition.processors.length, subleaf, partition);
}
