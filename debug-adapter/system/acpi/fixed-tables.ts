/** The ACPI tables that are plain structures: FADT, FACS, MADT, SRAT, WAET (ACPI 6.5, chapter 5.2). */
import {
  affinityEnabled,
  allProcessors,
  bootArchitecture,
  facs,
  fadt,
  firstX2ApicOnlyId,
  fixedFeature,
  intiFlags,
  localApicEnabled,
  madt,
  madtEntry,
  noPowerState,
  pcatCompat,
  srat,
  sratEntry,
  sratTableRevision,
  systemIoSpace,
  waet,
  waetPmTimerGood,
} from '../../spec/pc/acpi';
import {
  centuryIndex,
  intervalTimerGsi,
  ioApic,
  irq,
  localApicGpa,
  port,
  powerManagement,
  resetPortValue,
} from '../../spec/pc/board';
import { structWriter, type StructLayout } from '../../support/struct-layout';
import { encodeUtf8 } from '../../support/utf8';
import { processorUid, type AcpiConfiguration } from './acpi-configuration';

function structure(
  layout: StructLayout,
  values: Readonly<Record<string, number | bigint>>,
): Uint8Array {
  const bytes = new Uint8Array(layout.sizeBytes);
  const write = structWriter(layout, bytes);
  for (const [name, value] of Object.entries(values)) write(name, BigInt(value));
  return bytes;
}

/** A register block among the I/O ports, as a generic address structure and as the older field. */
function registerBlock(name: string, address: number, bits: number) {
  return {
    [name]: address,
    [`X_${name}.Address Space ID`]: systemIoSpace,
    [`X_${name}.Register Bit Width`]: bits,
    // 1 byte, 2 word, 3 double word.
    [`X_${name}.Access Size`]: Math.min(bits, 32) === 32 ? 3 : 2,
    [`X_${name}.Address`]: address,
  };
}

/** Without a header, as {@link finishTable} wants it: its place is there, empty. */
export function fadtBody(facsGpa: number, dsdtGpa: number): Uint8Array {
  const at = (offset: number): number => port.powerManagement + offset;
  const { LEGACY_DEVICES, '8042': keyboardController, 'VGA Not Present': noVga } = bootArchitecture;
  const { WBINVD, PROC_C1, SLP_BUTTON, TMR_VAL_EXT, RESET_REG_SUP } = fixedFeature;
  return structure(fadt, {
    FIRMWARE_CTRL: facsGpa,
    DSDT: dsdtGpa,
    X_DSDT: dsdtGpa,
    SCI_INT: irq.systemControlInterrupt,
    // No SMI_CMD: the machine is always in ACPI mode.
    ...registerBlock('PM1a_EVT_BLK', at(powerManagement.pm1Status), 32),
    ...registerBlock('PM1a_CNT_BLK', at(powerManagement.pm1Control), 16),
    ...registerBlock('PM_TMR_BLK', at(powerManagement.timer), 32),
    ...registerBlock('GPE0_BLK', at(powerManagement.gpe0Status), 32),
    PM1_EVT_LEN: 4,
    PM1_CNT_LEN: 2,
    PM_TMR_LEN: 4,
    GPE0_BLK_LEN: 4,
    P_LVL2_LAT: noPowerState.P_LVL2_LAT,
    P_LVL3_LAT: noPowerState.P_LVL3_LAT,
    CENTURY: centuryIndex,
    IAPC_BOOT_ARCH: LEGACY_DEVICES | keyboardController | noVga,
    Flags: WBINVD | PROC_C1 | SLP_BUTTON | TMR_VAL_EXT | RESET_REG_SUP,
    'RESET_REG.Address Space ID': systemIoSpace,
    'RESET_REG.Register Bit Width': 8,
    'RESET_REG.Access Size': 1,
    'RESET_REG.Address': at(powerManagement.reset),
    RESET_VALUE: resetPortValue,
  });
}

/** The firmware's own structure; it has no table header. */
export function facsTable(): Uint8Array {
  const bytes = structure(facs, { Length: facs.sizeBytes, Version: 2 });
  bytes.set(encodeUtf8('FACS'));
  return bytes;
}

interface TableEntry {
  readonly type: number;
  readonly layout: StructLayout;
}

function tableRow(
  { type, layout }: TableEntry,
  values: Readonly<Record<string, number>>,
): Uint8Array {
  return structure(layout, { Type: type, Length: layout.sizeBytes, ...values });
}

function apicIdsOf({ processorCount, apicIds }: AcpiConfiguration): readonly number[] {
  return Array.from({ length: processorCount }, (_, index) => apicIds?.[index] ?? index);
}

/** Ids ascend, as on Hyper-V: guests look for the first processor that an I/O APIC cannot reach. */
function processorRows(configuration: AcpiConfiguration): readonly Uint8Array[] {
  return apicIdsOf(configuration).map((id, index) => {
    const common = { 'ACPI Processor UID': processorUid(index), Flags: localApicEnabled };
    return id < firstX2ApicOnlyId
      ? tableRow(madtEntry.localApic, { ...common, 'APIC ID': id })
      : tableRow(madtEntry.localX2Apic, { ...common, 'X2APIC ID': id });
  });
}

/** Processors, the I/O APIC, the two inputs that are not wired as ISA says, and NMI at LINT1 of everyone. */
export function madtBody(configuration: AcpiConfiguration): Uint8Array {
  const rows = [
    ...processorRows(configuration),
    tableRow(madtEntry.ioApic, {
      'I/O APIC ID': ioApic.id,
      'I/O APIC Address': ioApic.gpa,
      'Global System Interrupt Base': 0,
    }),
    tableRow(madtEntry.interruptSourceOverride, {
      Source: irq.intervalTimer,
      'Global System Interrupt': intervalTimerGsi,
    }),
    tableRow(madtEntry.interruptSourceOverride, {
      Source: irq.systemControlInterrupt,
      'Global System Interrupt': irq.systemControlInterrupt,
      Flags: intiFlags.activeHigh | intiFlags.levelTriggered,
    }),
    tableRow(madtEntry.localApicNmi, {
      'ACPI Processor UID': allProcessors.localApic,
      'Local APIC LINT#': 1,
    }),
  ];
  const first = structure(madt, {
    'Local Interrupt Controller Address': localApicGpa,
    Flags: pcatCompat,
  });
  return concatenate([first, ...rows]);
}

/** Every processor and all RAM, near each other: a guest has one proximity domain, 0. */
export function sratBody(configuration: AcpiConfiguration): Uint8Array {
  const processors = apicIdsOf(configuration).map((id) =>
    id < firstX2ApicOnlyId
      ? tableRow(sratEntry.localApic, { 'APIC ID': id, Flags: affinityEnabled })
      : tableRow(sratEntry.localX2Apic, { 'X2APIC ID': id, Flags: affinityEnabled }),
  );
  const memory = configuration.memory.map(({ start, end }) =>
    tableRow(sratEntry.memory, {
      'Base Address': start,
      'Memory Length': end - start,
      Flags: affinityEnabled,
    }),
  );
  const first = structure(srat, { 'Table Revision': sratTableRevision });
  return concatenate([first, ...processors, ...memory]);
}

export function waetBody(): Uint8Array {
  return structure(waet, { 'Emulated Device Flags': waetPmTimerGood });
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
