/** Builds a guest's ACPI tables and says where in its memory they go. */
import { pageSizeBytes } from '../../machine/addresses';
import { rsdp, rsdpFirstChecksumBytes, tableHeader } from '../../spec/pc/acpi';
import { assert } from '../../support/assert';
import { structWriter } from '../../support/struct-layout';
import { encodeUtf8 } from '../../support/utf8';
import type { AcpiConfiguration } from './acpi-configuration';
import { encodeDsdt } from './dsdt';
import { concatenate, facsTable, fadtBody, madtBody, sratBody, waetBody } from './fixed-tables';

/** Bytes to be put into guest memory before it runs. */
export interface AcpiPage {
  readonly gpa: number;
  readonly bytes: Uint8Array;
}

/** The tables; they belong into memory that the guest's memory map calls reserved. */
export interface AcpiTables {
  readonly rsdpGpa: number;
  /** Whole pages, ascending. */
  readonly pages: readonly AcpiPage[];
}

/** The read-only area of the BIOS, whose start guests search for the RSDP; SMBIOS has the upper half. */
const areaGpa = 0xe_0000;
const areaBytes = 0x1_0000;

/** Enough for each table, and for the FACS, which must be on a 64-byte boundary (ACPI 6.5, 5.2.10). */
const alignmentBytes = 64;

const oemId = 'VRTUAL';
const oemTableId = 'MICROSFT';
const creatorId = 'HYSC';

function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

/** Fills in the header whose place `body` begins with. */
function finishTable(signature: string, revision: number, body: Uint8Array): Uint8Array {
  const write = structWriter(tableHeader, body);
  const text = (name: string, value: string): void =>
    body.set(encodeUtf8(value), tableHeader.byName.get(name)?.offset ?? 0);
  text('Signature', signature);
  text('OEMID', oemId);
  text('OEM Table ID', oemTableId);
  text('Creator ID', creatorId);
  write('Length', BigInt(body.length));
  write('Revision', BigInt(revision));
  write('OEM Revision', 1n);
  write('Creator Revision', 1n);
  write('Checksum', BigInt(checksum(body)));
  return body;
}

function buildXsdt(tables: readonly number[]): Uint8Array {
  const body = new Uint8Array(tableHeader.sizeBytes + 8 * tables.length);
  const view = new DataView(body.buffer);
  tables.forEach((gpa, index) => {
    view.setBigUint64(tableHeader.sizeBytes + 8 * index, BigInt(gpa), true);
  });
  return finishTable('XSDT', 1, body);
}

function buildRsdp(xsdtGpa: number): Uint8Array {
  const bytes = new Uint8Array(rsdp.sizeBytes);
  const write = structWriter(rsdp, bytes);
  bytes.set(encodeUtf8('RSD PTR '));
  bytes.set(encodeUtf8(oemId), rsdp.byName.get('OEMID')?.offset);
  write('Revision', 2n);
  write('Length', BigInt(rsdp.sizeBytes));
  write('XsdtAddress', BigInt(xsdtGpa));
  write('Checksum', BigInt(checksum(bytes.subarray(0, rsdpFirstChecksumBytes))));
  write('Extended Checksum', BigInt(checksum(bytes)));
  return bytes;
}

/** Hands out the area from its start. */
class Area {
  private readonly bytes = new Uint8Array(areaBytes);
  private used = 0;

  /** @returns where the bytes are in guest memory */
  place(content: Uint8Array): number {
    const at = this.used;
    assert(at + content.length <= areaBytes, 'the ACPI tables fit below 0xf0000');
    this.bytes.set(content, at);
    this.used = Math.ceil((at + content.length) / alignmentBytes) * alignmentBytes;
    return areaGpa + at;
  }

  put(gpa: number, content: Uint8Array): void {
    this.bytes.set(content, gpa - areaGpa);
  }

  pages(): readonly AcpiPage[] {
    return Array.from({ length: Math.ceil(this.used / pageSizeBytes) }, (_, index) => ({
      gpa: areaGpa + index * pageSizeBytes,
      bytes: this.bytes.slice(index * pageSizeBytes, (index + 1) * pageSizeBytes),
    }));
  }
}

/** RSDP, XSDT, FADT, FACS, DSDT, MADT, SRAT and WAET of a guest, with the RSDP first. */
export function buildAcpiTables(configuration: AcpiConfiguration): AcpiTables {
  const area = new Area();
  const rsdpGpa = area.place(new Uint8Array(rsdp.sizeBytes));
  const facsGpa = area.place(facsTable());
  const header = new Uint8Array(tableHeader.sizeBytes);
  const dsdt = concatenate([header, encodeDsdt(configuration)]);
  const dsdtGpa = area.place(finishTable('DSDT', 2, dsdt));
  const tables = [
    finishTable('FACP', 6, fadtBody(facsGpa, dsdtGpa)),
    finishTable('APIC', 5, madtBody(configuration)),
    finishTable('SRAT', 3, sratBody(configuration)),
    finishTable('WAET', 1, waetBody()),
  ].map((table) => area.place(table));
  area.put(rsdpGpa, buildRsdp(area.place(buildXsdt(tables))));
  return { rsdpGpa, pages: area.pages() };
}
