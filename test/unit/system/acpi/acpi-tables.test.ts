// ACPI tables: checksums and pointers by our own reading, everything else by the reference implementation, ACPICA.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AcpiConfiguration } from '../../../../debug-adapter/system/acpi/acpi-configuration';
import { buildAcpiTables } from '../../../../debug-adapter/system/acpi/build-acpi-tables';

const gibibyte = 2 ** 30;
const lowMemory = { start: 0, end: 0xa0000 };
const small: AcpiConfiguration = {
  processorCount: 1,
  lowMemoryEnd: gibibyte / 2,
  memory: [lowMemory, { start: 0x100000, end: gibibyte / 2 }],
};
const large: AcpiConfiguration = {
  processorCount: 64,
  lowMemoryEnd: 3.5 * gibibyte,
  memory: [lowMemory, { start: 0x100000, end: 3.5 * gibibyte }],
  apicIds: Array.from({ length: 64 }, (_, index) => 200 + index),
};

/** Guest memory that holds the tables, and the tables by signature, found as a guest finds them. */
function readTables(configuration: AcpiConfiguration) {
  const { rsdpGpa, pages } = buildAcpiTables(configuration);
  const memory = new Uint8Array(2 ** 20);
  for (const { gpa, bytes } of pages) memory.set(bytes, gpa);
  const view = new DataView(memory.buffer);
  const pointer = (at: number): number => Number(view.getBigUint64(at, true));
  const tableAt = (at: number): Uint8Array => memory.slice(at, at + view.getUint32(at + 4, true));
  const xsdt = pointer(rsdpGpa + 24);
  const found = new Map<string, Uint8Array>([['XSDT', tableAt(xsdt)]]);
  for (let at = xsdt + 36; at < xsdt + view.getUint32(xsdt + 4, true); at += 8) {
    const table = tableAt(pointer(at));
    found.set(text(table, 0, 4), table);
    if (text(table, 0, 4) !== 'FACP') continue;
    const fadt = new DataView(table.buffer);
    found.set('DSDT', tableAt(fadt.getUint32(40, true)));
    found.set('FACS', tableAt(fadt.getUint32(36, true)));
    assert.equal(fadt.getUint32(40, true), Number(fadt.getBigUint64(140, true)), 'X_DSDT');
    assert.equal(fadt.getUint32(36, true) % 64, 0, 'alignment of the FACS');
  }
  return { rsdpGpa, pages, memory, tables: found };
}

const text = (bytes: Uint8Array, at: number, count: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + count));
const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => total + byte, 0) & 0xff;

function tableOf(configuration: AcpiConfiguration, signature: string): Uint8Array {
  const table = readTables(configuration).tables.get(signature);
  assert.ok(table, signature);
  return table;
}

/** Entries of a table as [type, …bytes]. */
function entriesOf(
  configuration: AcpiConfiguration,
  signature: string,
  firstAt: number,
): readonly (readonly number[])[] {
  const table = tableOf(configuration, signature);
  const rows: number[][] = [];
  for (let at = firstAt; at < table.length; at += table[at + 1] ?? 1) {
    rows.push([...table.subarray(at, at + (table[at + 1] ?? 1))]);
  }
  return rows;
}

const madtEntries = (configuration: AcpiConfiguration) => entriesOf(configuration, 'APIC', 44);
const sratEntries = (configuration: AcpiConfiguration) => entriesOf(configuration, 'SRAT', 48);

describe('ACPI tables', () => {
  for (const [name, configuration] of [
    ['one processor', small],
    ['64 processors', large],
  ] as const) {
    it(`${name}: the RSDP leads to every table, and every checksum is right`, () => {
      const { rsdpGpa, memory, tables } = readTables(configuration);
      assert.equal(rsdpGpa, 0xe0000);
      const root = memory.subarray(rsdpGpa, rsdpGpa + 36);
      assert.equal(text(root, 0, 8), 'RSD PTR ');
      assert.equal(sum(root.subarray(0, 20)), 0);
      assert.equal(sum(root), 0);
      const signatures = ['APIC', 'DSDT', 'FACP', 'FACS', 'SRAT', 'WAET', 'XSDT'];
      assert.deepEqual([...tables.keys()].sort(), signatures);
      for (const [signature, table] of tables) {
        assert.equal(text(table, 0, 4), signature);
        if (signature !== 'FACS') assert.equal(sum(table), 0, signature);
      }
    });
  }

  it('takes whole pages between 0xe0000 and 0xf0000', () => {
    for (const { gpa, bytes } of buildAcpiTables(large).pages) {
      assert.equal(gpa % 4096, 0);
      assert.equal(bytes.length, 4096);
      assert.ok(gpa >= 0xe0000 && gpa < 0xf0000);
    }
  });

  it('names processors with an id below 255 as local APICs, others as x2APICs (5.2.12.12)', () => {
    const rows = madtEntries(large);
    assert.deepEqual(rows[0], [0, 8, 1, 200, 1, 0, 0, 0]);
    assert.deepEqual(rows[54], [0, 8, 55, 254, 1, 0, 0, 0]);
    assert.deepEqual(rows[55], [9, 16, 0, 0, 255, 0, 0, 0, 1, 0, 0, 0, 56, 0, 0, 0]);
    assert.equal(rows.filter(([type]) => type === 0 || type === 9).length, 64);
  });

  it('has one I/O APIC, IRQ 0 at input 2, and a level-triggered SCI', () => {
    assert.deepEqual(madtEntries(small).slice(1), [
      [1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0],
      [2, 10, 0, 0, 2, 0, 0, 0, 0, 0],
      [2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0],
      [4, 6, 0xff, 0, 0, 1],
    ]);
  });

  it('says that every processor and all RAM are near each other (5.2.16)', () => {
    const zeros = (count: number) => Array<number>(count).fill(0);
    assert.deepEqual(sratEntries(small), [
      [0, 16, 0, 0, 1, ...zeros(11)],
      [1, 40, ...zeros(16), 0x0a, ...zeros(9), 1, ...zeros(11)],
      [1, 40, ...zeros(8), 0x10, ...zeros(7), 0xf0, 0x1f, ...zeros(8), 1, ...zeros(11)],
    ]);
    const types = sratEntries(large).map(([type]) => type);
    assert.deepEqual(types.slice(54, 56), [0, 2]);
    assert.equal(types.length, 66);
  });
});

const acpica = ['iasl', 'acpiexec'].every(
  (tool) => spawnSync(tool, ['-v'], { stdio: 'ignore' }).error === undefined,
);

it('ACPI tables have no VMBus device where the guest has no bus', () => {
  const has = (hasVmbus: boolean): boolean =>
    Buffer.from(tableOf({ ...small, hasVmbus }, 'DSDT')).includes('VMBS');
  assert.deepEqual([has(true), has(false)], [true, false]);
});

describe('ACPI tables, as ACPICA reads them', () => {
  let folder = '';
  before(function () {
    // Counted as skipped: ACPICA is not on this machine. Debian and Ubuntu: apt-get install acpica-tools.
    if (!acpica) this.skip();
    folder = mkdtempSync(join(tmpdir(), 'acpi-'));
  });
  after(() => {
    if (folder !== '') rmSync(folder, { recursive: true });
  });

  function run(tool: string, ...args: readonly string[]): string {
    return execFileSync(tool, args, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  for (const [name, configuration] of [
    ['one processor', small],
    ['64 processors', large],
  ] as const) {
    it(`${name}: the compiler takes the tables apart and compiles them again without error`, function () {
      this.timeout(60_000);
      for (const [signature, table] of readTables(configuration).tables) {
        writeFileSync(join(folder, `${signature}.aml`), table);
        run('iasl', '-d', `${signature}.aml`);
        // Error 6033 wants seven letters in a _HID; guests look for the five of "VMBus".
        run('iasl', '-ve', '-vw', '6033', '-p', `again-${signature}`, `${signature}.dsl`);
        const again = readFileSync(join(folder, `again-${signature}.aml`));
        assert.deepEqual([...again.subarray(36)], [...table.subarray(36)], signature);
      }
    });
  }

  it('the interpreter finds the VMBus device, its status and resources, and how to turn off', function () {
    this.timeout(60_000);
    writeFileSync(join(folder, 'DSDT.aml'), tableOf(small, 'DSDT'));
    const evaluate = (object: string): string =>
      run('acpiexec', '-b', `evaluate ${object}`, 'DSDT.aml');
    assert.match(evaluate('\\_SB.PCI0.VMBS._HID'), /"VMBus"/i);
    assert.match(evaluate('\\_SB.PCI0.VMBS._STA'), /0+F\b/);
    assert.match(evaluate('\\_S5'), /Package/);
    assert.match(run('acpiexec', '-b', 'resources \\_SB.PCI0', 'DSDT.aml'), /FEBFFFFF/i);
  });
});
