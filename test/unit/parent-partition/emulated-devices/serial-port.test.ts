// The 16550A: what Linux's driver looks for, causes of interrupts and their order, input with flow control.
import assert from 'node:assert/strict';
import { TimerQueue } from '../../../../debug-adapter/machine/timer-queue';
import { SerialPort } from '../../../../debug-adapter/parent-partition/emulated-devices/serial-port';

const [data, ier, iir, lcr, mcr, lsr, msr, scratch] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const ready = 0x0b;

type Write = readonly [offset: number, value: number];

class Rig {
  nowNs = 0;
  readonly queue = new TimerQueue();
  readonly sent: number[] = [];
  edges = 0;
  interrupt = false;
  readonly port = new SerialPort({
    name: 'COM1',
    timers: this.queue,
    nowNs: () => this.nowNs,
    interrupt: {
      set: (level) => {
        if (level && !this.interrupt) this.edges++;
        this.interrupt = level;
      },
    },
    transmit: (byte) => this.sent.push(byte),
  });

  constructor(...writes: readonly Write[]) {
    // 115,200 baud, 8N1.
    this.write([lcr, 0x83], [data, 1], [ier, 0], [lcr, 3], ...writes);
  }

  write(...writes: readonly Write[]): void {
    for (const [offset, value] of writes) this.port.writeByte(offset, value);
  }

  read(offset: number): number {
    return this.port.readByte(offset);
  }

  advance(ns: number): void {
    const end = this.nowNs + ns;
    for (let next = this.queue.nextDueNs; next <= end; next = this.queue.nextDueNs) {
      this.nowNs = next;
      this.queue.runDue(next);
    }
    this.nowNs = end;
  }

  /** Reads while there is data. */
  drain(): readonly number[] {
    const bytes: number[] = [];
    while (this.read(lsr) & 1) bytes.push(this.read(data));
    return bytes;
  }
}

const text = (value: string): Uint8Array =>
  Uint8Array.from(value, (letter) => letter.charCodeAt(0));
const characterNs = 86_805;

describe('16550A serial port', () => {
  it('sends what is written, and is ready for more at once', () => {
    const rig = new Rig();
    assert.equal(rig.read(lsr), 0x60);
    rig.write([data, 0x48], [data, 0x69]);
    assert.deepEqual(rig.sent, [0x48, 0x69]);
    assert.equal(rig.read(lsr), 0x60);
  });

  it('sends as many bits as a word has', () => {
    const rig = new Rig([lcr, 0x02], [data, 0xff]);
    assert.deepEqual(rig.sent, [0x7f]);
  });

  it('looks like a 16550A to the probe of Linux, and like nothing newer', () => {
    const rig = new Rig([ier, 0xff]);
    assert.equal(rig.read(ier), 0x0f);
    rig.write([ier, 0], [iir, 0x01]);
    assert.equal(rig.read(iir) >> 6, 3);
    rig.write([iir, 0x21]);
    assert.equal(rig.read(iir) & 0x20, 0, 'no 64-byte FIFO');
    rig.write([lcr, 0xbf]);
    assert.notEqual(rig.read(iir), 0, 'no extended features register');
    rig.write([lcr, 0x03], [iir, 0]);
    assert.equal(rig.read(iir), 0x01);
    rig.write([scratch, 0xa5]);
    assert.equal(rig.read(scratch), 0xa5);
    rig.write([mcr, 0x1a]);
    assert.equal(rig.read(msr) & 0xf0, 0x90, 'loop test');
    rig.write([mcr, 0]);
    assert.equal(rig.read(msr) & 0xf0, 0xb0, 'a terminal is there');
  });

  it('keeps the divisor apart from data and interrupt enables', () => {
    const rig = new Rig([lcr, 0x83], [data, 0x34], [ier, 0x12], [lcr, 3]);
    assert.equal(rig.read(ier), 0);
    rig.write([lcr, 0x83]);
    assert.deepEqual([rig.read(data), rig.read(ier)], [0x34, 0x12]);
    assert.deepEqual(rig.sent, []);
  });

  it('interrupts when the transmitter is empty: on enabling, and again after each character', () => {
    const rig = new Rig([mcr, ready]);
    for (let round = 0; round < 3; round++) {
      rig.write([ier, 0], [ier, 2]);
      assert.equal(rig.read(iir), 0x02);
      assert.equal(rig.read(iir), 0x01, 'reading it is the acknowledgement');
    }
    assert.equal(rig.interrupt, false);
    const before = rig.edges;
    rig.write([data, 0x41], [data, 0x42]);
    assert.equal(rig.edges, before + 2);
  });

  it('interrupts only where OUT2 lets it, and never in loop mode', () => {
    for (const [control, expected] of [
      [0x03, false],
      [0x08, true],
      [0x18, false],
    ] as const) {
      const rig = new Rig([mcr, control], [ier, 2]);
      assert.equal(rig.interrupt, expected, `MCR ${control}`);
    }
  });

  it('receives what a person types once the guest has set DTR', () => {
    const rig = new Rig([ier, 1], [iir, 0x81]);
    rig.port.receive(text('ls\n'));
    rig.advance(10_000_000);
    assert.equal(rig.read(lsr) & 1, 0, 'the guest is not ready');
    rig.write([mcr, ready]);
    rig.advance(characterNs);
    assert.equal(rig.read(lsr) & 1, 1);
    assert.equal(rig.read(data), 0x6c);
    rig.advance(10 * characterNs);
    assert.deepEqual(rig.drain(), [...text('s\n')]);
  });

  it('asks for service at the trigger level, and four characters after the last below it', () => {
    const rig = new Rig([mcr, ready], [ier, 1], [iir, 0x81]);
    rig.port.receive(text('12345678'));
    rig.advance(7 * characterNs);
    assert.equal(rig.interrupt, false);
    rig.advance(characterNs);
    assert.equal(rig.read(iir), 0xc4);
    rig.read(data);
    assert.equal(rig.read(iir), 0xc1);
    rig.advance(4 * characterNs - 1);
    assert.equal(rig.read(iir), 0xc1);
    rig.advance(1);
    assert.equal(rig.read(iir), 0xcc);
    assert.equal(rig.interrupt, true);
    rig.read(data);
    assert.equal(rig.interrupt, false, 'a read ends the time-out');
  });

  it('loses nothing of a long paste that is read slowly', () => {
    const rig = new Rig([mcr, ready], [iir, 0xc1]);
    const paste = Uint8Array.from({ length: 1000 }, (_, index) => index & 0xff);
    rig.port.receive(paste);
    const got: number[] = [];
    for (let round = 0; got.length < paste.length && round < 1000; round++) {
      rig.advance(50 * characterNs);
      assert.equal(rig.read(lsr) & 0x0e, 0, 'no errors');
      got.push(...rig.drain());
    }
    assert.deepEqual(got, [...paste]);
    assert.equal(rig.queue.nextDueNs, Infinity);
  });

  it('refuses more input than it keeps, and keeps the rest', () => {
    const rig = new Rig();
    rig.port.receive(new Uint8Array(65_000));
    assert.throws(() => rig.port.receive(new Uint8Array(1000)), /65000 bytes/);
    rig.port.receive(new Uint8Array(536));
  });

  it('loops characters back, reports an overrun, and forgets the error when it is read', () => {
    const rig = new Rig([mcr, 0x10], [iir, 0x01]);
    for (let count = 0; count < 17; count++) rig.write([data, count]);
    assert.equal(rig.read(lsr), 0x63);
    assert.equal(rig.read(lsr), 0x61);
    assert.deepEqual(
      rig.drain(),
      Array.from({ length: 16 }, (_, index) => index),
    );
    assert.deepEqual(rig.sent, []);
  });

  it('names causes by priority: line status, data, transmitter, modem', () => {
    const rig = new Rig([mcr, 0x10], [ier, 0x0f]);
    rig.write([data, 1], [data, 2], [mcr, 0x12]);
    assert.equal(rig.read(iir), 0x06);
    rig.read(lsr);
    assert.equal(rig.read(iir), 0x04);
    rig.read(data);
    assert.equal(rig.read(iir), 0x02);
    assert.equal(rig.read(iir), 0x00);
    // CTS, DSR and DCD came and went as the loop was closed; RTS is CTS again.
    assert.equal(rig.read(msr), 0x1b);
    assert.equal(rig.read(iir), 0x01);
    assert.equal(rig.read(msr), 0x10, 'changes are reported once');
  });

  it('reports the ring indicator only where it falls', () => {
    const rig = new Rig([mcr, 0x10]);
    rig.read(msr);
    rig.write([mcr, 0x14]);
    assert.equal(rig.read(msr) & 0x0f, 0);
    rig.write([mcr, 0x10]);
    assert.equal(rig.read(msr) & 0x0f, 0x04);
  });

  it('empties the FIFO when it is cleared, enabled or disabled', () => {
    for (const control of [0x03, 0x00]) {
      const rig = new Rig([mcr, 0x10], [iir, 0x01], [data, 1], [data, 2], [iir, control]);
      assert.equal(rig.read(lsr) & 1, 0, `FCR ${control}`);
    }
  });
});
