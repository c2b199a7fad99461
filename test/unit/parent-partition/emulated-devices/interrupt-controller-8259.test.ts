// The 8259A pair: initialization, priorities, ways to end an interrupt, and what Linux does to find it.
import assert from 'node:assert/strict';
import { InterruptControllerPair } from '../../../../debug-adapter/parent-partition/emulated-devices/interrupt-controller-pair';

type Write = readonly [port: number, value: number];

/** ICW1 to ICW4 of both, as Linux writes them: vectors 30h and 38h, 8086 mode. */
const initialization: readonly Write[] = [
  ...([
    [0x20, 0x11],
    [0x21, 0x30],
    [0x21, 0x04],
    [0x21, 0x01],
  ] as const),
  ...([
    [0xa0, 0x11],
    [0xa1, 0x38],
    [0xa1, 0x02],
    [0xa1, 0x01],
  ] as const),
];

class Rig {
  output = false;
  readonly pair = new InterruptControllerPair({ set: (level) => (this.output = level) });

  constructor(...writes: readonly Write[]) {
    for (const [port, value] of [...initialization, ...writes]) this.out(port, value);
  }

  out(port: number, value: number): void {
    if (port >= 0x4d0) this.pair.edgeLevelControl.writeByte(port - 0x4d0, value);
    else this.half(port).writeByte(port & 1, value);
  }

  in(port: number): number {
    if (port >= 0x4d0) return this.pair.edgeLevelControl.readByte(port - 0x4d0);
    return this.half(port).readByte(port & 1);
  }

  pulse(...requests: readonly number[]): void {
    for (const request of requests) {
      this.pair.setRequest(request, true);
      this.pair.setRequest(request, false);
    }
  }

  /** Vectors until the output falls, each ended by a nonspecific EOI. */
  drain(): readonly number[] {
    const vectors: number[] = [];
    while (this.output && vectors.length < 32) {
      const vector = this.pair.acknowledge();
      vectors.push(vector);
      if (vector >= 0x38) this.out(0xa0, 0x20);
      this.out(0x20, 0x20);
    }
    return vectors;
  }

  private half(port: number) {
    return port < 0xa0 ? this.pair.master : this.pair.slave;
  }
}

const readIrr = 0x0a;
const readIsr = 0x0b;

describe('8259A interrupt controllers', () => {
  it('pass nothing before they are initialized', () => {
    let output = false;
    const pair = new InterruptControllerPair({ set: (level) => (output = level) });
    pair.setRequest(4, true);
    assert.equal(output, false);
  });

  it('are found by the probe of a guest that has no MADT flag to trust', () => {
    const rig = new Rig();
    rig.out(0xa1, 0xff);
    rig.out(0x21, 0xfb);
    assert.equal(rig.in(0x21), 0xfb);
  });

  const orders: readonly (readonly [string, readonly number[], readonly number[]])[] = [
    ['the lowest input first', [7, 3, 0, 5], [0x30, 0x33, 0x35, 0x37]],
    ['the slave’s inputs in the place of input 2', [3, 15, 8, 1], [0x31, 0x38, 0x3f, 0x33]],
    ['every input once, whatever the order', [12, 0, 9, 4], [0x30, 0x39, 0x3c, 0x34]],
  ];
  for (const [name, requests, expected] of orders) {
    it(`serve ${name}`, () => {
      const rig = new Rig();
      rig.pulse(...requests);
      assert.deepEqual(rig.drain(), expected);
      assert.equal(rig.output, false);
    });
  }

  it('keep lower priorities away while an input is in service, and let higher ones in', () => {
    const rig = new Rig();
    rig.pulse(4);
    assert.equal(rig.pair.acknowledge(), 0x34);
    rig.pulse(6);
    assert.equal(rig.output, false, 'IR6 waits');
    rig.pulse(1);
    assert.equal(rig.output, true, 'IR1 nests');
    assert.equal(rig.pair.acknowledge(), 0x31);
    rig.out(0x20, readIsr);
    assert.equal(rig.in(0x20), 0b0001_0010);
    rig.out(0x20, 0x20);
    assert.equal(rig.in(0x20), 0b0001_0000, 'a nonspecific EOI ends the highest');
    rig.out(0x20, 0x64);
    assert.equal(rig.in(0x20), 0, 'a specific EOI ends its own');
    rig.out(0x20, readIrr);
    assert.equal(rig.in(0x20), 0b0100_0000);
    assert.equal(rig.pair.acknowledge(), 0x36);
  });

  it('give vector 7 of the base for a request that has gone, without putting it in service', () => {
    const rig = new Rig([0x4d0, 0x10]);
    rig.pair.setRequest(4, true);
    rig.pair.setRequest(4, false);
    assert.equal(rig.output, false);
    assert.equal(rig.pair.acknowledge(), 0x37);
    rig.out(0x20, readIsr);
    assert.equal(rig.in(0x20), 0);
  });

  it('keep an edge while it is masked', () => {
    const rig = new Rig([0x21, 0x10]);
    rig.pulse(4);
    assert.equal(rig.output, false);
    rig.out(0x21, 0);
    assert.deepEqual(rig.drain(), [0x34]);
  });

  it('serve a level for as long as it lasts (ELCR)', () => {
    const rig = new Rig([0x4d1, 0x02]);
    rig.pair.setRequest(9, true);
    for (let round = 0; round < 3; round++) {
      assert.equal(rig.pair.acknowledge(), 0x39);
      rig.out(0xa0, 0x20);
      rig.out(0x20, 0x20);
      assert.equal(rig.output, true);
    }
    rig.pair.setRequest(9, false);
    assert.equal(rig.output, false);
  });

  it('cannot make the inputs of timer, keyboard, cascade, clock and FPU level-triggered', () => {
    const rig = new Rig([0x4d0, 0xff], [0x4d1, 0xff]);
    assert.equal(rig.in(0x4d0), 0xf8);
    assert.equal(rig.in(0x4d1), 0xde);
  });

  it('end by themselves in automatic EOI mode', () => {
    const rig = new Rig([0x20, 0x11], [0x21, 0x30], [0x21, 0x04], [0x21, 0x03], [0x20, readIsr]);
    rig.pulse(4, 6);
    assert.equal(rig.pair.acknowledge(), 0x34);
    assert.equal(rig.in(0x20), 0);
    assert.equal(rig.pair.acknowledge(), 0x36);
  });

  const rotations: readonly (readonly [string, readonly number[]])[] = [
    ['set priority: input 3 lowest', [0xc3]],
    ['rotate on specific EOI of input 3', [0xe3]],
  ];
  for (const [name, commands] of rotations) {
    it(`rotate priorities: ${name}`, () => {
      const rig = new Rig(...commands.map((command): Write => [0x20, command]));
      rig.pulse(0, 3, 4, 7);
      const vectors = [];
      while (rig.output) {
        vectors.push(rig.pair.acknowledge());
        rig.out(0x20, 0x20);
      }
      assert.deepEqual(vectors, [0x34, 0x37, 0x30, 0x33]);
    });
  }

  it('make an input the lowest when it is ended with rotation', () => {
    const rig = new Rig();
    rig.pulse(1, 5);
    assert.equal(rig.pair.acknowledge(), 0x31);
    rig.out(0x20, 0xa0);
    rig.pulse(1);
    assert.equal(rig.pair.acknowledge(), 0x35, 'IR1 is last now');
  });

  it('let lower priorities in where the one in service is masked, in special mask mode', () => {
    const rig = new Rig();
    rig.pulse(1);
    assert.equal(rig.pair.acknowledge(), 0x31);
    rig.pulse(5);
    rig.out(0x21, 0x02);
    assert.equal(rig.output, false);
    rig.out(0x20, 0x68);
    assert.equal(rig.output, true);
    assert.equal(rig.pair.acknowledge(), 0x35);
    rig.out(0x20, 0x48);
    rig.out(0x20, readIsr);
    assert.equal(rig.in(0x20), 0b0010_0010);
  });

  it('answer a poll with the input, and take it into service', () => {
    const rig = new Rig([0x20, 0x0c]);
    assert.equal(rig.in(0x20), 0, 'nothing');
    rig.pulse(5);
    rig.out(0x20, 0x0c);
    assert.equal(rig.in(0x20), 0x85);
    rig.out(0x20, readIsr);
    assert.equal(rig.in(0x20), 0b0010_0000);
  });

  it('serve a second request of the slave after the first has been ended', () => {
    const rig = new Rig();
    rig.pulse(8, 12);
    assert.equal(rig.pair.acknowledge(), 0x38);
    assert.equal(rig.output, false);
    rig.out(0xa0, 0x20);
    rig.out(0x20, 0x20);
    assert.deepEqual(rig.drain(), [0x3c]);
  });

  it('lose no interrupt that the slave withdraws: the master’s request goes with it', () => {
    const rig = new Rig();
    rig.pulse(12);
    rig.out(0xa1, 0x10);
    assert.equal(rig.output, false);
    rig.out(0xa1, 0);
    assert.deepEqual(rig.drain(), [0x3c]);
  });
});
