// Table: layouts of ACPI tables, ACPI specification 6.5, chapter 5.2.
import { structField as field, structLayout } from '../../support/struct-layout';

/** 5.2.5.3. */
export const rsdp = structLayout(
  'RSDP',
  [
    field('Signature', { bytes: 8 }, 0),
    field('Checksum', 'u8', 8),
    field('OEMID', { bytes: 6 }, 9),
    field('Revision', 'u8', 15),
    field('RsdtAddress', 'u32', 16),
    field('Length', 'u32', 20),
    field('XsdtAddress', 'u64', 24),
    field('Extended Checksum', 'u8', 32),
  ],
  36,
);

/** Bytes of the RSDP that its first checksum covers. */
export const rsdpFirstChecksumBytes = 20;

/** 5.2.6. */
export const tableHeader = structLayout(
  'table header',
  [
    field('Signature', { bytes: 4 }, 0),
    field('Length', 'u32', 4),
    field('Revision', 'u8', 8),
    field('Checksum', 'u8', 9),
    field('OEMID', { bytes: 6 }, 10),
    field('OEM Table ID', { bytes: 8 }, 16),
    field('OEM Revision', 'u32', 24),
    field('Creator ID', { bytes: 4 }, 28),
    field('Creator Revision', 'u32', 32),
  ],
  36,
);

/** A generic address structure (5.2.3.2) inside another structure. */
function genericAddress(name: string, at: number) {
  return [
    field(`${name}.Address Space ID`, 'u8', at),
    field(`${name}.Register Bit Width`, 'u8', at + 1),
    field(`${name}.Register Bit Offset`, 'u8', at + 2),
    field(`${name}.Access Size`, 'u8', at + 3),
    field(`${name}.Address`, 'u64', at + 4),
  ];
}

/** 5.2.9; the header comes first. */
export const fadt = structLayout(
  'FADT',
  [
    field('FIRMWARE_CTRL', 'u32', 36),
    field('DSDT', 'u32', 40),
    field('Preferred_PM_Profile', 'u8', 45),
    field('SCI_INT', 'u16', 46),
    field('SMI_CMD', 'u32', 48),
    field('PM1a_EVT_BLK', 'u32', 56),
    field('PM1a_CNT_BLK', 'u32', 64),
    field('PM_TMR_BLK', 'u32', 76),
    field('GPE0_BLK', 'u32', 80),
    field('PM1_EVT_LEN', 'u8', 88),
    field('PM1_CNT_LEN', 'u8', 89),
    field('PM_TMR_LEN', 'u8', 91),
    field('GPE0_BLK_LEN', 'u8', 92),
    field('P_LVL2_LAT', 'u16', 96),
    field('P_LVL3_LAT', 'u16', 98),
    field('CENTURY', 'u8', 108),
    field('IAPC_BOOT_ARCH', 'u16', 109),
    field('Flags', 'u32', 112),
    ...genericAddress('RESET_REG', 116),
    field('RESET_VALUE', 'u8', 128),
    field('FADT Minor Version', 'u8', 131),
    field('X_DSDT', 'u64', 140),
    ...genericAddress('X_PM1a_EVT_BLK', 148),
    ...genericAddress('X_PM1a_CNT_BLK', 172),
    ...genericAddress('X_PM_TMR_BLK', 208),
    ...genericAddress('X_GPE0_BLK', 220),
  ],
  276,
);

/** Address Space ID of I/O ports (5.2.3.2). */
export const systemIoSpace = 1;

/** IAPC_BOOT_ARCH (5.2.9.3). */
export const bootArchitecture = {
  LEGACY_DEVICES: 1 << 0,
  '8042': 1 << 1,
  'VGA Not Present': 1 << 2,
} as const;

/** Fixed feature flags (5.2.9, table 5.10). */
export const fixedFeature = {
  WBINVD: 1 << 0,
  PROC_C1: 1 << 2,
  SLP_BUTTON: 1 << 5,
  TMR_VAL_EXT: 1 << 8,
  RESET_REG_SUP: 1 << 10,
} as const;

/** P_LVL2_LAT and P_LVL3_LAT above these say that there are no such states. */
export const noPowerState = { P_LVL2_LAT: 101, P_LVL3_LAT: 1001 } as const;

/** 5.2.10. */
export const facs = structLayout(
  'FACS',
  [field('Signature', { bytes: 4 }, 0), field('Length', 'u32', 4), field('Version', 'u8', 32)],
  64,
);

/** 5.2.12; the header comes first, the entries follow. */
export const madt = structLayout(
  'MADT',
  [field('Local Interrupt Controller Address', 'u32', 36), field('Flags', 'u32', 40)],
  44,
);

/** MADT flag: there are two 8259s. */
export const pcatCompat = 1;

const entry = [field('Type', 'u8', 0), field('Length', 'u8', 1)];

/** Entries of the MADT with their types (5.2.12.2 and on). */
export const madtEntry = {
  localApic: {
    type: 0,
    layout: structLayout(
      'Processor Local APIC',
      [
        ...entry,
        field('ACPI Processor UID', 'u8', 2),
        field('APIC ID', 'u8', 3),
        field('Flags', 'u32', 4),
      ],
      8,
    ),
  },
  ioApic: {
    type: 1,
    layout: structLayout(
      'I/O APIC',
      [
        ...entry,
        field('I/O APIC ID', 'u8', 2),
        field('I/O APIC Address', 'u32', 4),
        field('Global System Interrupt Base', 'u32', 8),
      ],
      12,
    ),
  },
  interruptSourceOverride: {
    type: 2,
    layout: structLayout(
      'Interrupt Source Override',
      [
        ...entry,
        field('Bus', 'u8', 2),
        field('Source', 'u8', 3),
        field('Global System Interrupt', 'u32', 4),
        field('Flags', 'u16', 8),
      ],
      10,
    ),
  },
  localApicNmi: {
    type: 4,
    layout: structLayout(
      'Local APIC NMI',
      [
        ...entry,
        field('ACPI Processor UID', 'u8', 2),
        field('Flags', 'u16', 3),
        field('Local APIC LINT#', 'u8', 5),
      ],
      6,
    ),
  },
  localX2Apic: {
    type: 9,
    layout: structLayout(
      'Processor Local x2APIC',
      [
        ...entry,
        field('X2APIC ID', 'u32', 4),
        field('Flags', 'u32', 8),
        field('ACPI Processor UID', 'u32', 12),
      ],
      16,
    ),
  },
  localX2ApicNmi: {
    type: 10,
    layout: structLayout(
      'Local x2APIC NMI',
      [
        ...entry,
        field('Flags', 'u16', 2),
        field('ACPI Processor UID', 'u32', 4),
        field('Local x2APIC LINT#', 'u8', 8),
      ],
      12,
    ),
  },
} as const;

/** Local APIC flag: the processor can be used. */
export const localApicEnabled = 1;

/** From this id on an entry for a local APIC must be one for an x2APIC (5.2.12.12). */
export const firstX2ApicOnlyId = 255;

/** A UID that means every processor: of a local APIC, and of an x2APIC. */
export const allProcessors = { localApic: 0xff, localX2Apic: 0xffff_ffff } as const;

/** MPS INTI flags (table 5.26). */
export const intiFlags = { activeHigh: 1, levelTriggered: 3 << 2 } as const;

/** 5.2.16; the header comes first, the entries follow. */
export const srat = structLayout(
  'SRAT',
  [field('Table Revision', 'u32', 36), field('Reserved', { bytes: 8 }, 40)],
  48,
);

/** The only table revision that guests accept today (5.2.16). */
export const sratTableRevision = 1;

/** Entries of the SRAT with their types (5.2.16.1 to 5.2.16.3); a proximity domain is a node of memory. */
export const sratEntry = {
  localApic: {
    type: 0,
    layout: structLayout(
      'Processor Local APIC Affinity',
      [
        ...entry,
        field('Proximity Domain [7:0]', 'u8', 2),
        field('APIC ID', 'u8', 3),
        field('Flags', 'u32', 4),
        field('Local SAPIC EID', 'u8', 8),
        field('Proximity Domain [31:8]', { bytes: 3 }, 9),
        field('Clock Domain', 'u32', 12),
      ],
      16,
    ),
  },
  memory: {
    type: 1,
    layout: structLayout(
      'Memory Affinity',
      [
        ...entry,
        field('Proximity Domain', 'u32', 2),
        field('Base Address', 'u64', 8),
        field('Memory Length', 'u64', 16),
        field('Flags', 'u32', 28),
      ],
      40,
    ),
  },
  localX2Apic: {
    type: 2,
    layout: structLayout(
      'Processor Local x2APIC Affinity',
      [
        ...entry,
        field('Proximity Domain', 'u32', 4),
        field('X2APIC ID', 'u32', 8),
        field('Flags', 'u32', 12),
        field('Clock Domain', 'u32', 16),
      ],
      24,
    ),
  },
} as const;

/** Flag of every SRAT entry: it counts. */
export const affinityEnabled = 1;

/** Windows ACPI Emulated devices Table; the header comes first. */
export const waet = structLayout('WAET', [field('Emulated Device Flags', 'u32', 36)], 40);

/** WAET flag: one read of the PM timer is enough. */
export const waetPmTimerGood = 1 << 1;
