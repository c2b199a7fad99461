// Table: hypervisor CPUID leaves, TLFS 2.4.
import { bit, bits, type BitField } from '../../support/bit-field';

/** What one register of a leaf holds. */
export interface CpuidRegister {
  readonly register: 'EAX' | 'EBX' | 'ECX' | 'EDX';
  readonly description: string;
  readonly fields?: readonly BitField[];
}

/** One hypervisor leaf. */
export interface HypervisorCpuidLeaf {
  readonly leaf: number;
  readonly name: string;
  readonly section: string;
  readonly registers: readonly CpuidRegister[];
}

function register(
  name: CpuidRegister['register'],
  description: string,
  fields?: readonly BitField[],
): CpuidRegister {
  return fields === undefined
    ? { register: name, description }
    : { register: name, description, fields };
}

function leaf(number: number, name: string, ...registers: CpuidRegister[]): HypervisorCpuidLeaf {
  return { leaf: number, name, section: 'TLFS 2.4', registers };
}

/** Leaf 0x40000003, EDX. */
export const featureBits: readonly BitField[] = [
  bit(0, 'MWAIT available'),
  bit(1, 'guest debugging support'),
  bit(2, 'performance monitor support'),
  bit(3, 'physical CPU dynamic partitioning events'),
  bit(4, 'hypercall input in XMM registers'),
  bit(5, 'virtual guest idle state'),
  bit(6, 'hypervisor sleep state'),
  bit(7, 'NUMA distance query'),
  bit(8, 'timer frequencies'),
  bit(9, 'synthetic machine check injection'),
  bit(10, 'guest crash MSRs'),
  bit(11, 'debug MSRs'),
  bit(12, 'NPIEP'),
  bit(13, 'disable hypervisor'),
  bit(14, 'extended GVA ranges for flush virtual address list'),
  bit(15, 'hypercall output in XMM registers'),
  bit(17, 'SINT polling mode'),
  bit(18, 'hypercall MSR lock'),
  bit(19, 'direct synthetic timers'),
  bit(20, 'PAT register for VSM'),
  bit(21, 'BNDCFGS register'),
  bit(22, 'watchdog timer'),
  bit(23, 'synthetic time-unhalted timer'),
];

/** Leaf 0x40000004, EAX. */
export const recommendationBits: readonly BitField[] = [
  bit(0, 'hypercall for address space switch'),
  bit(1, 'hypercall for local TLB flush'),
  bit(2, 'hypercall for remote TLB flush'),
  bit(3, 'MSRs for APIC registers'),
  bit(4, 'MSR for system reset'),
  bit(5, 'relaxed timing'),
  bit(6, 'DMA remapping'),
  bit(7, 'interrupt remapping'),
  bit(8, 'x2APIC MSRs'),
  bit(9, 'deprecate AutoEOI'),
  bit(10, 'hypercall for synthetic cluster IPI'),
  bit(11, 'extended processor masks'),
  bit(12, 'nested hypervisor'),
  bit(13, 'INT for MBEC system calls'),
  bit(14, 'enlightened VMCS'),
  bit(15, 'synced timeline'),
  bit(17, 'direct local flush entire'),
  bit(18, 'no non-architectural core sharing'),
];

/** Leaf 0x40000006, EAX. */
export const hardwareFeatureBits: readonly BitField[] = [
  bit(0, 'APIC overlay assist'),
  bit(1, 'MSR bitmaps'),
  bit(2, 'architectural performance counters'),
  bit(3, 'second level address translation'),
  bit(4, 'DMA remapping'),
  bit(5, 'interrupt remapping'),
  bit(6, 'memory patrol scrubber'),
  bit(7, 'DMA protection'),
  bit(8, 'HPET requested'),
  bit(9, 'volatile synthetic timers'),
  bits(13, 10, 'hypervisor level'),
  bit(14, 'physical destination mode required'),
  bit(16, 'hardware memory zeroing'),
  bit(17, 'unrestricted guest'),
];

/** Leaf 0x4000000A, EAX. */
export const nestedFeatureBits: readonly BitField[] = [
  bits(7, 0, 'lowest enlightened VMCS version'),
  bits(15, 8, 'highest enlightened VMCS version'),
  bit(17, 'direct virtual flush'),
  bit(18, 'flush of guest physical address space'),
  bit(19, 'enlightened MSR bitmap'),
  bit(20, 'virtualization exceptions as page faults'),
  bit(21, 'non-zero GuestIa32DebugCtl'),
  bit(22, 'enlightened nested page tables'),
];

/** EBX, ECX and EDX of leaf 0x40000000: "Microsoft Hv". */
export const hypervisorVendorWords = [0x7263694d, 0x666f736f, 0x76482074] as const;

/** EAX of leaf 0x40000001: "Hv#1". */
export const hypervisorInterfaceWord = 0x31237648;

/** Leaf numbers by what they describe. */
export const HypervisorLeaf = {
  vendor: 0x40000000,
  interface: 0x40000001,
  version: 0x40000002,
  features: 0x40000003,
  recommendations: 0x40000004,
  limits: 0x40000005,
  hardwareFeatures: 0x40000006,
  nestedFeatures: 0x4000000a,
} as const;

/** The leaves, ascending. */
export const hypervisorCpuidLeaves: readonly HypervisorCpuidLeaf[] = [
  leaf(
    0x40000000,
    'Hypervisor vendor and maximum leaf',
    register('EAX', 'highest hypervisor leaf'),
    register('EBX', 'vendor, characters 0 to 3'),
    register('ECX', 'vendor, characters 4 to 7'),
    register('EDX', 'vendor, characters 8 to 11'),
  ),
  leaf(0x40000001, 'Hypervisor interface', register('EAX', 'interface signature, "Hv#1"')),
  leaf(
    0x40000002,
    'Hypervisor version',
    register('EAX', 'build number'),
    register('EBX', 'version', [bits(31, 16, 'major'), bits(15, 0, 'minor')]),
    register('ECX', 'service pack'),
    register('EDX', 'service', [bits(31, 24, 'branch'), bits(23, 0, 'number')]),
  ),
  leaf(
    0x40000003,
    'Hypervisor features',
    register('EAX', 'privileges, bits 31:0'),
    register('EBX', 'privileges, bits 63:32'),
    register('ECX', 'power management and others'),
    register('EDX', 'features', featureBits),
  ),
  leaf(
    0x40000004,
    'Implementation recommendations',
    register('EAX', 'recommendations', recommendationBits),
    register('EBX', 'spin count before HvCallNotifyLongSpinWait'),
    register('ECX', 'implemented physical address bits'),
  ),
  leaf(
    0x40000005,
    'Implementation limits',
    register('EAX', 'maximum virtual processors'),
    register('EBX', 'maximum logical processors'),
    register('ECX', 'maximum physical interrupt vectors for remapping'),
  ),
  leaf(
    0x40000006,
    'Hardware features in use',
    register('EAX', 'hardware features', hardwareFeatureBits),
  ),
  leaf(
    0x4000000a,
    'Nested virtualization features',
    register('EAX', 'enlightened VMCS versions and features', nestedFeatureBits),
    register('EBX', 'fields of the enlightened VMCS'),
  ),
];

/** Rows by leaf number. */
export const hypervisorCpuidLeafByNumber: ReadonlyMap<number, HypervisorCpuidLeaf> = new Map(
  hypervisorCpuidLeaves.map((row) => [row.leaf, row]),
);
