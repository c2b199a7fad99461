/** CPUID leaves 0x40000000 to 0x4FFFFFFF: what the hypervisor says of itself and of the partition (TLFS 2.4). */
import { physicalAddressBits } from '../spec/x86/address-widths';
import {
  featureBits,
  hardwareFeatureBits,
  hypervisorInterfaceWord,
  HypervisorLeaf,
  hypervisorVendorWords,
  recommendationBits,
} from '../spec/tlfs/cpuid-leaves';
import type { PrivilegeName } from '../spec/tlfs/privileges';
import { maskOf } from '../support/bit-field';
import { zeroLeaf, type CpuidResult } from './cpuid-result';
import type { Partition } from './partition';

const highestHypervisorLeaf = HypervisorLeaf.nestedFeatures;

/** Features that every partition has. */
const commonFeatures = maskOf(featureBits, [
  'hypercall input in XMM registers',
  'guest crash MSRs',
  'hypercall MSR lock',
]);

/** Features that come with a privilege: the privilege alone says that the registers may be accessed. */
const featuresByPrivilege: readonly (readonly [PrivilegeName, string])[] = [
  ['AccessFrequencyRegs', 'timer frequencies'],
  ['AccessSynicRegs', 'SINT polling mode'],
  ['AccessSyntheticTimerRegs', 'direct synthetic timers'],
  ['AccessGuestIdleReg', 'virtual guest idle state'],
];

/** What guests should use where they have the choice; no watchdog of their own. The flush calls need no privilege. */
const commonRecommendations = maskOf(recommendationBits, [
  'hypercall for remote TLB flush',
  'relaxed timing',
  'deprecate AutoEOI',
  'extended processor masks',
]);

const recommendationsByPrivilege: readonly (readonly [PrivilegeName, string])[] = [
  ['AccessIntrCtrlRegs', 'MSRs for APIC registers'],
  ['AccessIntrCtrlRegs', 'hypercall for synthetic cluster IPI'],
  ['AccessResetReg', 'MSR for system reset'],
];

const hardwareFeatures = maskOf(hardwareFeatureBits, [
  'MSR bitmaps',
  'second level address translation',
  'unrestricted guest',
]);

/** Spin count before HvCallNotifyLongSpinWait: the call is never worth while, every processor has a lane of its own. */
const neverNotify = 0xffffffff;
const version = { build: 1, majorMinor: (10 << 16) >>> 0 };

function maskFor(
  partition: Partition,
  common: number,
  rows: readonly (readonly [PrivilegeName, string])[],
  bits: typeof featureBits,
): number {
  const names = rows.filter(([privilege]) => partition.holds(privilege)).map(([, name]) => name);
  return (common | maskOf(bits, names)) >>> 0;
}

/** Leaves of the range that are not listed answer zeros: no processor ever uses them (SDM vol. 2, CPUID). */
export function answerHypervisorLeaf(leaf: number, partition: Partition): CpuidResult {
  switch (leaf) {
    case HypervisorLeaf.vendor: {
      const [ebx, ecx, edx] = hypervisorVendorWords;
      return { eax: highestHypervisorLeaf, ebx, ecx, edx };
    }
    case HypervisorLeaf.interface:
      return { ...zeroLeaf, eax: hypervisorInterfaceWord };
    case HypervisorLeaf.version:
      return { ...zeroLeaf, eax: version.build, ebx: version.majorMinor };
    case HypervisorLeaf.features:
      return {
        eax: Number(partition.privileges & 0xffffffffn),
        ebx: Number(partition.privileges >> 32n),
        ecx: 0,
        edx: maskFor(partition, commonFeatures, featuresByPrivilege, featureBits),
      };
    case HypervisorLeaf.recommendations:
      return {
        eax: maskFor(
          partition,
          commonRecommendations,
          recommendationsByPrivilege,
          recommendationBits,
        ),
        ebx: neverNotify,
        ecx: physicalAddressBits,
        edx: 0,
      };
    case HypervisorLeaf.limits:
      return { ...zeroLeaf, eax: partition.processors.length, ebx: partition.processors.length };
    case HypervisorLeaf.hardwareFeatures:
      return { ...zeroLeaf, eax: hardwareFeatures };
    default:
      return zeroLeaf;
  }
}
