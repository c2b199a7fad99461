/**
 * CPUID leaves about the package: caches and processors (SDM vol. 2, CPUID, leaves 2, 4, 0BH, 80000006H). A partition
 * is one package; each processor is a core with one thread, and its APIC id is its index.
 */
import { zeroLeaf, type CpuidResult } from './cpuid-result';

const lineBytes = 64;

/** A cache as leaf 4 tells it; a model, since nothing here caches. */
interface CacheDescription {
  readonly type: 'data' | 'instruction' | 'unified';
  readonly level: number;
  readonly ways: number;
  readonly sets: number;
  /** All processors share it; otherwise each has its own. */
  readonly isShared: boolean;
}

const secondLevel = { type: 'unified', level: 2, ways: 8, sets: 1024, isShared: false } as const;

const caches: readonly CacheDescription[] = [
  { type: 'data', level: 1, ways: 8, sets: 64, isShared: false },
  { type: 'instruction', level: 1, ways: 8, sets: 64, isShared: false },
  secondLevel,
  { type: 'unified', level: 3, ways: 16, sets: 8192, isShared: true },
];

const cacheType = { data: 1, instruction: 2, unified: 3 } as const;
const selfInitializing = 1 << 8;

/** Leaf 2: descriptors FFH and FEH, which refer to leaf 4 and leave the TLBs unsaid. */
export const cacheDescriptors: CpuidResult = { ...zeroLeaf, eax: 0x00feff01 };

/** Bits of an APIC id that tell apart so many processors. */
function idBits(processors: number): number {
  return 32 - Math.clz32(processors - 1);
}

/** Leaf 4: one cache for each subleaf. */
export function answerCacheLeaf(processors: number, subleaf: number): CpuidResult {
  const cache = caches[subleaf];
  if (cache === undefined) return zeroLeaf;
  const ids = 2 ** idBits(processors);
  const sharing = cache.isShared ? ids - 1 : 0;
  return {
    eax:
      (cacheType[cache.type] |
        (cache.level << 5) |
        selfInitializing |
        (sharing << 14) |
        ((ids - 1) << 26)) >>>
      0,
    ebx: (((cache.ways - 1) << 22) | (lineBytes - 1)) >>> 0,
    ecx: cache.sets - 1,
    edx: 0,
  };
}

const levelType = { thread: 1, core: 2 } as const;

/** Leaf 0BH: threads of a core, then cores of the package; the subleaf after the last has level type 0. */
export function answerTopologyLeaf(
  processor: number,
  processors: number,
  subleaf: number,
): CpuidResult {
  const level = subleaf & 0xff;
  switch (subleaf) {
    case 0:
      return { eax: 0, ebx: 1, ecx: (levelType.thread << 8) | level, edx: processor };
    case 1:
      return {
        eax: idBits(processors),
        ebx: processors,
        ecx: (levelType.core << 8) | level,
        edx: processor,
      };
    default:
      return { ...zeroLeaf, ecx: level, edx: processor };
  }
}

const eightWays = 6;

/** Leaf 80000006H: the second-level cache in KiB, its associativity as a code, and its line. */
export const secondLevelCache: CpuidResult = {
  ...zeroLeaf,
  ecx:
    (((secondLevel.ways * secondLevel.sets * lineBytes) / 1024) << 16) |
    (eightWays << 12) |
    lineBytes,
};
