// The PC platform as a whole: placement, wires, and what must hold for every chip whatever a guest does to it.
import assert from 'node:assert/strict';
import { irq, port } from '../../../debug-adapter/spec/pc/board';
import { SeededRandom, seedOf } from '../../support/seeded-random';
import { PlatformRig } from './platform-rig';

const seed = seedOf(20_261_128);

/** Puts chips into states from which random accesses reach more: controllers, timer, clock, UART as a driver leaves them. */
function setUp(rig: PlatformRig): void {
  const writes: readonly (readonly [number, number])[] = [
    ...[
      [0x20, 0x11],
      [0x21, 0x30],
      [0x21, 4],
      [0x21, 1],
      [0x21, 0],
    ],
    ...[
      [0xa0, 0x11],
      [0xa1, 0x38],
      [0xa1, 2],
      [0xa1, 1],
      [0xa1, 0],
    ],
    ...[
      [0x43, 0x34],
      [0x40, 0xa5],
      [0x40, 0x12],
    ],
    ...[
      [0x70, 0x0b],
      [0x71, 0x72],
    ],
    ...[
      [0x3f9, 0x0f],
      [0x3fa, 0x87],
      [0x3fc, 0x0b],
    ],
  ].map(([first = 0, value = 0]) => [first, value] as const);
  for (const [at, value] of writes) rig.out(at, value);
}

/** One random thing that a guest, a person or time does. */
function act(rig: PlatformRig, random: SeededRandom, ports: readonly number[]): void {
  const { platform } = rig;
  const at = random.pick(ports);
  const sizeBytes = random.pick([1, 1, 1, 1, 2, 4]);
  const value = random.chance(60) ? random.below(256) : random.next();
  const kind = random.below(100);
  if (kind < 35) rig.log.push(`in ${at} ${sizeBytes} ${rig.in(at, sizeBytes)}`);
  else if (kind < 75) rig.out(at, sizeBytes === 4 ? value : value % 256 ** sizeBytes, sizeBytes);
  else if (kind < 85) rig.advanceTo(rig.nowNs + random.below(random.pick([300, 100_000, 3e8])));
  else if (kind < 88) rig.log.push(`acknowledged ${platform.acknowledgeInterrupt()}`);
  else if (kind < 90) platform.endOfInterrupt(random.below(256));
  else if (kind < 92)
    platform.receiveConsoleInput(
      random.pick([port.com1, port.com2]),
      random.bytes(random.below(20)),
    );
  else {
    const { device } = platform.memory[0] ?? assert.fail('I/O APIC');
    const offset = random.pick([0, 0, 0x10, 0x10, 0x40, random.below(0x1000)]);
    const bytes = random.pick([4, 4, 4, 1, 2, 8, 16]);
    if (random.chance(40)) rig.log.push(`read ${offset} ${device.read(offset, bytes)}`);
    else device.write(offset, bytes, BigInt(offset === 0 ? random.below(0x40) : random.next()));
  }
}

describe('PC platform', () => {
  it('places no two chips at one port', () => {
    const { platform } = new PlatformRig();
    const owners = new Map<number, string>();
    for (const { first, count, device } of platform.ports) {
      for (let at = first; at < first + count; at++) {
        assert.equal(owners.get(at), undefined, `port 0x${at.toString(16)}: ${device.name}`);
        owners.set(at, device.name);
      }
    }
  });

  it('leaves ports that only cost time to nobody: 80h, DMA, VGA, further serial ports', () => {
    const rig = new PlatformRig();
    for (const at of [0x00, 0x80, 0x87, 0xc0, 0xed, 0x3c0, 0x3d4, 0x2e8, 0x3e8]) {
      assert.equal(rig.placed(at), undefined, `port 0x${at.toString(16)}`);
    }
  });

  it('wires IRQ 0 to input 2 of the I/O APIC and IRQ 0 of the 8259', () => {
    const rig = new PlatformRig();
    const apic = rig.platform.memory[0]?.device ?? assert.fail('I/O APIC');
    apic.write(0, 4, 0x14n);
    apic.write(0x10, 4, 0x31n);
    setUp(rig);
    rig.log.length = 0;
    rig.advanceTo(10_000_000);
    assert.ok(rig.log.includes('vector 49 to 0'));
    assert.equal(rig.platform.acknowledgeInterrupt(), 0x30 + irq.intervalTimer);
  });

  it('ends the guest at the exit port as test kernels expect, and when it turns itself off', () => {
    const rig = new PlatformRig();
    rig.out(port.debugExit, 3, 4);
    rig.out(port.powerManagement + 4, 0x2000, 2);
    assert.deepEqual(rig.log, ['end 7', 'end 0']);
  });

  it('resets at each of the places where guests try', () => {
    const rig = new PlatformRig();
    rig.out(0x64, 0xfe);
    rig.out(0x92, 1);
    rig.out(0xcf9, 2);
    rig.out(0xcf9, 6);
    rig.out(port.powerManagement + 0x33, 1);
    assert.deepEqual(rig.log.filter((line) => line === 'reset').length, 4);
  });

  it('refuses input for a console that is not there', () => {
    assert.throws(
      () => new PlatformRig().platform.receiveConsoleInput(0xe9, Uint8Array.of(1)),
      /0xe9/,
    );
  });

  const { ports } = new PlatformRig().platform;
  const groups = new Map<string, number[]>();
  for (const { first, count, device } of ports) {
    const all = Array.from({ length: count }, (_, index) => first + index);
    groups.set(device.name, [...(groups.get(device.name) ?? []), ...all]);
  }
  groups.set(
    'everything',
    [...groups.values()].flat().filter((at) => at < 0xc000),
  );

  for (const [name, own] of groups) {
    it(`${name}: random accesses never throw, and a restored copy goes on the same way (seed ${seed})`, function () {
      this.timeout(60_000);
      const random = new SeededRandom(seed);
      const rig = new PlatformRig();
      setUp(rig);
      for (let step = 0; step < 3000; step++) act(rig, random, own);
      const copy = new PlatformRig();
      copy.nowNs = rig.nowNs;
      copy.restore(rig.save());
      const before = rig.save();
      for (const chip of rig.platform.inspectables) chip.inspect();
      assert.deepEqual(rig.save(), before, 'looking changes nothing');
      rig.log.length = 0;
      copy.log.length = 0;
      const again = random.next();
      for (const side of [rig, copy]) {
        const same = new SeededRandom(again);
        for (let step = 0; step < 2000; step++) act(side, same, own);
      }
      assert.deepEqual(copy.log, rig.log);
      assert.deepEqual(copy.save(), rig.save());
    });
  }

  it('is after a reset as it was at power-on, but for time, CMOS memory and what is on its way', () => {
    const rig = new PlatformRig();
    setUp(rig);
    rig.platform.reset();
    const fresh = new PlatformRig();
    const chipsOf = ({ platform }: PlatformRig) =>
      new Map(platform.inspectables.map((chip) => [chip.name, chip.inspect()]));
    assert.deepEqual(chipsOf(rig), chipsOf(fresh));
    assert.equal(rig.queue.nextDueNs, Infinity);
  });
});
