/** The answer of one CPUID leaf. */

/** The four registers of a leaf, each unsigned. */
export interface CpuidResult {
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

/** What a leaf without information answers. */
export const zeroLeaf: CpuidResult = { eax: 0, ebx: 0, ecx: 0, edx: 0 };
