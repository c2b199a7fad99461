// PCI configuration: both mechanisms, the functions of the board, and how Linux convinces itself.
import assert from 'node:assert/strict';
import { PciConfiguration } from '../../../../debug-adapter/parent-partition/emulated-devices/pci-configuration';

class Rig {
  resets = 0;
  readonly pci = new PciConfiguration(() => this.resets++);

  /** By mechanism #1. */
  read(device: number, fn: number, register: number, sizeBytes = 4, bus = 0): number {
    this.select(device, fn, register, bus);
    return this.pci.readPort(4 + (register & 3), sizeBytes);
  }

  write(device: number, fn: number, register: number, value: number, sizeBytes = 4): void {
    this.select(device, fn, register, 0);
    this.pci.writePort(4 + (register & 3), sizeBytes, value);
  }

  private select(device: number, fn: number, register: number, bus: number): void {
    const address = 0x8000_0000 + bus * 0x1_0000 + device * 0x800 + fn * 0x100 + (register & ~3);
    this.pci.writePort(0, 4, address);
  }
}

describe('PCI configuration', () => {
  it('passes the check of Linux for mechanism #1', () => {
    const rig = new Rig();
    rig.pci.writePort(3, 1, 1);
    const saved = rig.pci.readPort(0, 4);
    rig.pci.writePort(0, 4, 0x8000_0000);
    assert.equal(rig.pci.readPort(0, 4), 0x8000_0000);
    rig.pci.writePort(0, 4, saved);
    assert.equal(rig.read(0, 0, 0x0a, 2), 0x0600, 'a host bridge');
  });

  const ids: readonly (readonly [string, number, number, number, number])[] = [
    ['host bridge', 0, 0, 0x7192_8086, 0x0600_0003],
    ['ISA bridge', 7, 0, 0x7110_8086, 0x0601_0001],
    ['power management', 7, 3, 0x7113_8086, 0x0680_0002],
  ];
  for (const [name, device, fn, id, classCode] of ids) {
    it(`has the ${name}`, () => {
      const rig = new Rig();
      assert.equal(rig.read(device, fn, 0), id);
      assert.equal(rig.read(device, fn, 8), classCode);
    });
  }

  it('finds nothing else on the bus', () => {
    const rig = new Rig();
    const found: string[] = [];
    for (let device = 0; device < 32; device++) {
      for (let fn = 0; fn < 8; fn++) {
        if (rig.read(device, fn, 0) !== 0xffff_ffff) found.push(`${device}.${fn}`);
      }
    }
    assert.deepEqual(found, ['0.0', '7.0', '7.3']);
    assert.equal(rig.read(0, 0, 0, 4, 1), 0xffff_ffff, 'bus 1');
  });

  it('says that device 7 has several functions', () => {
    assert.equal(new Rig().read(7, 0, 0x0e, 1), 0x80);
  });

  it('reads bytes and words within a register', () => {
    const rig = new Rig();
    assert.equal(rig.read(0, 0, 0x02, 2), 0x7192);
    assert.equal(rig.read(0, 0, 0x01, 1), 0x80);
  });

  it('answers with ones while it is not enabled', () => {
    const rig = new Rig();
    rig.pci.writePort(0, 4, 0);
    assert.equal(rig.pci.readPort(4, 4), 0xffff_ffff);
    assert.equal(rig.pci.readPort(5, 1), 0xff);
  });

  it('latches the address by double words only', () => {
    const rig = new Rig();
    rig.pci.writePort(0, 4, 0x8000_3800);
    rig.pci.writePort(0, 2, 0x1234);
    rig.pci.writePort(2, 2, 0x1234);
    rig.pci.writePort(0, 1, 0x10);
    assert.equal(rig.pci.readPort(0, 4), 0x8000_3800);
  });

  it('keeps what software may write, and nothing else', () => {
    const rig = new Rig();
    rig.write(7, 0, 0x60, 0xffff_ffff);
    assert.equal(rig.read(7, 0, 0x60), 0x8f8f_8f8f);
    rig.write(7, 3, 0x3c, 0x05, 1);
    assert.equal(rig.read(7, 3, 0x3c), 0x0105);
    for (const register of [0x00, 0x04, 0x08, 0x10, 0x24, 0x40]) {
      const before = rig.read(7, 3, register);
      rig.write(7, 3, register, 0xffff_ffff);
      assert.equal(rig.read(7, 3, register), before, `register ${register.toString(16)}`);
    }
  });

  it('opens device windows by mechanism #2 while its key is set', () => {
    const rig = new Rig();
    assert.equal(rig.pci.window.readPort(0x700, 4), 0xffff_ffff);
    rig.pci.writePort(0, 1, 0xf0);
    rig.pci.writePort(2, 1, 0);
    assert.equal(rig.pci.window.readPort(0x700, 4), 0x7110_8086);
    rig.pci.window.writePort(0x760, 1, 0x0a);
    assert.equal(rig.read(7, 0, 0x60, 1), 0x0a);
    rig.pci.writePort(0, 1, 0xf6);
    assert.equal(rig.pci.window.readPort(0x702, 2), 0x7113, 'function 3');
    rig.pci.writePort(2, 1, 1);
    assert.equal(rig.pci.window.readPort(0x700, 2), 0xffff, 'bus 1');
  });

  it('resets on a rising RCPU of the reset control register', () => {
    const rig = new Rig();
    for (const value of [0x02, 0x06, 0x06, 0x02, 0x04]) rig.pci.writePort(1, 1, value);
    assert.equal(rig.resets, 2);
  });
});
