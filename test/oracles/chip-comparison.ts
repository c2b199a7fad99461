// `npx tsx test/oracles/chip-comparison.ts [EPISODES] [SEED]`: random accesses to our chips and to QEMU's, read for read.
// Needs qemu-system-x86_64 (Debian and Ubuntu: apt-get install qemu-system-x86). Virtual time stands still on both sides.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { SeededRandom } from '../support/seeded-random';
import { textTable } from '../support/text-table';
import { PlatformRig } from '../unit/parent-partition/platform-rig';

type Action =
  | { readonly kind: 'out' | 'write'; readonly at: number; readonly value: number }
  | { readonly kind: 'in' | 'read'; readonly at: number; readonly mask?: number }
  | {
      readonly kind: 'wire';
      readonly path: string;
      readonly input: number;
      readonly level: boolean;
    };

/** A chip: how an episode begins, the same on both sides whatever was before, and what happens in it. */
interface Topic {
  readonly name: string;
  readonly begin: readonly Action[];
  act(random: SeededRandom): readonly Action[];
}

const out = (at: number, value: number): Action => ({ kind: 'out', at, value });
const read = (at: number): Action => ({ kind: 'in', at });
/** A read of which only some bits are compared. */
const readBits = (at: number, mask: number): Action => ({ kind: 'in', at, mask });
const outs = (...writes: readonly (readonly [number, number])[]): readonly Action[] =>
  writes.map(([at, value]) => out(at, value));

const masterPath = '/machine/unattached/device[6]';
const slavePath = '/machine/unattached/device[7]';
const ioApicPath = '/machine/i440fx/ioapic';

const wire = (request: number, level: boolean): Action => ({
  kind: 'wire',
  path: request < 8 ? masterPath : slavePath,
  input: request & 7,
  level,
});

/** Requests that nothing else in either machine drives. */
const freeRequests = [3, 5, 6, 7, 9, 10, 11, 13, 14, 15];

/** The halves apart: QEMU's master keeps a request that its slave has withdrawn, ours does not. */
function interruptController(name: string, half: number, other: readonly number[]): Topic {
  const isMaster = half === 0x20;
  const own = freeRequests.filter((request) => request < 8 === isMaster);
  const edgeLevel = isMaster ? 0x4d0 : 0x4d1;
  const busy = isMaster ? 0x13 : 0x11;
  return {
    name,
    begin: [
      ...freeRequests.map((request) => wire(request, false)),
      // Inputs 3, 6, 7 and 9, 13, 14 are level-triggered; a change while requests wait would be told apart.
      ...outs([0x4d0, 0xc8], [0x4d1, 0x62]),
      ...outs([0x20, 0x11], [0x21, 0x30], [0x21, 4], [0x21, 1], [0x21, 0x13]),
      ...outs([0xa0, 0x11], [0xa1, 0x38], [0xa1, 2], [0xa1, 1], [0xa1, 0x11]),
      ...outs(...other.map((value) => [isMaster ? 0xa1 : 0x21, value] as const)),
    ],
    act(random) {
      const kind = random.below(100);
      if (kind < 35) return [wire(random.pick(own), random.chance(60))];
      if (kind < 55) return [out(half, random.pick([0x0a, 0x0b])), read(half)];
      // Polling is the only acknowledgement without a processor.
      if (kind < 70) return [out(half, 0x0c), read(half)];
      if (kind < 75) return [out(half, 0x20 * random.pick([0, 2, 3, 4, 6, 7]) + random.below(8))];
      // In special mask mode QEMU ends masked interrupts, too; the data sheet does not.
      if (kind < 80) return [out(half, 0x48), out(half, random.pick([0x20, 0xa0]))];
      if (kind < 90) return [out(half + 1, random.below(256) | busy), read(half + 1)];
      if (kind < 94) return [out(half, random.pick([0x48, 0x68]))];
      return [read(edgeLevel)];
    },
  };
}

const serialPort: Topic = {
  name: '16550A',
  begin: [
    ...outs([0x3fb, 0x83], [0x3f8, 1], [0x3f9, 0], [0x3fb, 3], [0x3f9, 0]),
    ...outs([0x3fa, 7], [0x3fa, 0], [0x3fc, 0x10], [0x3fc, 0], [0x3ff, 0]),
    out(0x3fc, 0x1b),
    ...[0x3f8, 0x3fd, 0x3fe, 0x3fa].map(read),
  ],
  act(random) {
    const at = 0x3f8 + random.below(8);
    if (random.chance(20)) return [out(0x3fb, 3), out(0x3f8, random.below(256)), read(0x3f8)];
    // What RBR holds where there is no character differs.
    if (random.chance(55)) return at === 0x3f8 ? [] : [read(at)];
    // FCR without the bits that later chips have, and none without the enable bit, which QEMU obeys and the data sheet
    // does not. QEMU does not report how modem inputs change with the loop.
    const value = random.below(256);
    // QEMU reports an empty transmitter again when its FIFO is switched: IER starts from 0 then.
    if (at === 0x3fa) return [out(at, value & 1 ? value & 0xc7 : 0), out(0x3f9, 0)];
    // Eight bits: QEMU loops all bits of shorter words back.
    if (at === 0x3fb) return [out(at, value | 3)];
    return at >= 0x3fc && at <= 0x3fe ? [] : [out(at, value)];
  },
};

/** QEMU's "last write was a command" is constant, and its system flag comes with the self-test only. */
const comparedStatus = 0x21;

const keyboardController: Topic = {
  name: 'i8042',
  begin: [
    ...outs([0x64, 0x60], [0x60, 0x45], [0x60, 0xff]),
    ...[0x60, 0x60, 0x60, 0x60].map(read),
    ...outs([0x64, 0xd4], [0x60, 0xff]),
    ...[0x60, 0x60, 0x60, 0x60].map(read),
  ],
  act(random) {
    const kind = random.below(100);
    if (kind < 35)
      return [readBits(0x64, comparedStatus), read(0x60), readBits(0x64, comparedStatus)];
    if (kind < 60) {
      const commands = [0x20, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xad, 0xae];
      return [out(0x64, random.pick(commands)), read(0x60)];
    }
    if (kind < 70)
      return [
        out(0x64, random.pick([0xd2, 0xd3])),
        out(0x60, random.below(256)),
        readBits(0x64, comparedStatus),
        read(0x60),
      ];
    const toMouse = kind >= 85;
    const send = (byte: number): readonly Action[] =>
      toMouse ? [out(0x64, 0xd4), out(0x60, byte)] : [out(0x60, byte)];
    const answers = [0x60, 0x60, 0x60, 0x60].map(read);
    if (random.chance(30)) {
      const command = random.pick(toMouse ? [0xe8, 0xf3] : [0xed, 0xf0, 0xf3]);
      return [...send(command), read(0x60), ...send(random.below(4)), ...answers];
    }
    const commands = toMouse ? [0xe6, 0xe7, 0xe9, 0xea, 0xf2] : [0xee, 0xf2];
    return [...send(random.pick([...commands, 0xf4, 0xf5, 0xf6, 0xff])), ...answers];
  },
};

const select = (index: number): Action => ({ kind: 'write', at: 0xfec0_0000, value: index });
const pins = [3, 5, 6, 7, 10, 11, 14, 15, 16, 20, 23];

const ioApic: Topic = {
  name: 'I/O APIC',
  begin: pins.flatMap((pin): readonly Action[] => [
    { kind: 'wire', path: ioApicPath, input: pin, level: false },
    select(0x10 + 2 * pin),
    { kind: 'write', at: 0xfec0_0010, value: 0x1_0000 },
    select(0x11 + 2 * pin),
    { kind: 'write', at: 0xfec0_0010, value: 0 },
  ]),
  act(random) {
    const pin = random.pick(pins);
    const kind = random.below(100);
    if (kind < 35)
      return [{ kind: 'wire', path: ioApicPath, input: pin, level: random.chance(60) }];
    if (kind < 70) return [select(0x10 + 2 * pin), { kind: 'read', at: 0xfec0_0010 }];
    if (kind < 75) return [select(random.below(3)), { kind: 'read', at: 0xfec0_0010 }];
    // Fixed or lowest priority, active high; a vector that can be delivered; to a processor that is not there.
    const value =
      0x20 + random.below(0xd0) + random.pick([0, 0x100, 0x8000, 0x8100, 0x1_8000, 0x1_0000]);
    // QEMU does not know the level of a wire that rose while its entry was edge-triggered.
    return [
      { kind: 'wire', path: ioApicPath, input: pin, level: false },
      select(0x11 + 2 * pin),
      { kind: 'write', at: 0xfec0_0010, value: 0x4000_0000 },
      select(0x10 + 2 * pin),
      { kind: 'write', at: 0xfec0_0010, value },
    ];
  },
};

const intervalTimer: Topic = {
  name: '8254',
  begin: outs(
    [0x43, 0x34],
    [0x40, 0],
    [0x40, 1],
    [0x43, 0x74],
    [0x41, 0],
    [0x41, 1],
    [0x43, 0xb4],
    [0x42, 0],
    [0x42, 1],
  ),
  act(random) {
    const counter = random.below(3);
    const kind = random.below(100);
    if (kind < 45) return [read(0x40 + counter), read(0x40 + counter)];
    if (kind < 65) return [out(0x43, counter << 6), read(0x40 + counter), read(0x40 + counter)];
    if (kind < 80) return [out(0x43, 0xe0 | (2 << counter)), readBits(0x40 + counter, 0x3f)];
    // Programmed in whole: between the bytes of a count the two differ in when it is loaded.
    const access = random.pick([1, 2, 3]);
    const word = (counter << 6) | (access << 4) | (random.pick([0, 2, 3, 4]) << 1);
    // Even: of an odd count in mode 3 QEMU reads what the data sheet says is never there.
    const even = 2 * (1 + random.below(127));
    const bytes = access === 3 ? [even, 1 + random.below(255)] : [even];
    return [out(0x43, word), ...bytes.map((byte) => out(0x40 + counter, byte))];
  },
};

const realTimeClock: Topic = {
  name: 'MC146818',
  begin: outs([0x70, 0x0b], [0x71, 0x82], [0x70, 0x0a], [0x71, 0x26]).concat(
    outs(
      [0x70, 0],
      [0x71, 0x30],
      [0x70, 2],
      [0x71, 0x45],
      [0x70, 4],
      [0x71, 0x12],
      [0x70, 7],
      [0x71, 0x15],
    ),
    outs(
      [0x70, 8],
      [0x71, 0x06],
      [0x70, 9],
      [0x71, 0x24],
      [0x70, 0x32],
      [0x71, 0x20],
      [0x70, 0x0b],
      [0x71, 0x02],
    ),
    [out(0x70, 0x0c), read(0x71)],
  ),
  act(random) {
    const index = random.pick([
      0, 1, 2, 3, 4, 5, 7, 8, 9, 0x0a, 0x0b, 0x0c, 0x0d, 0x10, 0x40, 0x7f,
    ]);
    if (random.chance(60)) return [out(0x70, index), read(0x71)];
    switch (index) {
      case 0x0a:
        return [out(0x70, index), out(0x71, 0x20 | random.below(16))];
      case 0x0b:
        return [out(0x70, index), out(0x71, random.pick([0x00, 0x02, 0x04, 0x06]))];
      case 1:
      case 3:
      case 5:
      case 0x40:
      case 0x7f:
        return [out(0x70, index), out(0x71, random.below(256))];
      default:
        return [];
    }
  },
};

const topics = [
  interruptController('8259A, master', 0x20, [0xff]),
  interruptController('8259A, slave', 0xa0, []),
  serialPort,
  keyboardController,
  ioApic,
  intervalTimer,
  realTimeClock,
];

function commandOf(action: Action): string {
  switch (action.kind) {
    case 'out':
      return `outb 0x${action.at.toString(16)} 0x${action.value.toString(16)}`;
    case 'in':
      return `inb 0x${action.at.toString(16)}`;
    case 'write':
      return `writel 0x${action.at.toString(16)} 0x${action.value.toString(16)}`;
    case 'read':
      return `readl 0x${action.at.toString(16)}`;
    case 'wire':
      return `set_irq_in ${action.path} unnamed-gpio-in ${action.input} ${Number(action.level)}`;
  }
}

/** What QEMU's reads found, in order. */
async function runQemu(actions: readonly Action[]): Promise<readonly number[]> {
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      '-machine',
      'pc',
      '-S',
      '-qtest',
      'stdio',
      '-display',
      'none',
      '-nodefaults',
      '-serial',
      'null',
      '-rtc',
      'base=2024-06-15,clock=vm',
    ],
    { stdio: ['pipe', 'pipe', 'ignore'] },
  );
  const values: number[] = [];
  let left = actions.length;
  qemu.stdin.write(actions.map((action) => `${commandOf(action)}\n`).join(''));
  for await (const line of createInterface({ input: qemu.stdout })) {
    if (!line.startsWith('OK')) throw new Error(`QEMU: ${line}`);
    if (line.length > 2) values.push(Number(line.slice(3)));
    if (--left === 0) break;
  }
  qemu.kill();
  return values;
}

function runOurs(rig: PlatformRig, action: Action): number | undefined {
  const apic = rig.platform.memory[0];
  switch (action.kind) {
    case 'out':
      rig.out(action.at, action.value);
      return undefined;
    case 'in':
      return rig.in(action.at);
    case 'write':
      apic?.device.write(action.at & 0xfff, 4, BigInt(action.value));
      return undefined;
    case 'read':
      return Number(apic?.device.read(action.at & 0xfff, 4));
    case 'wire':
      rig.setWire(
        action.path === ioApicPath,
        action.input + (action.path === slavePath ? 8 : 0),
        action.level,
      );
      return undefined;
  }
}

interface Comparison {
  readonly name: string;
  /** Episodes. */
  readonly different: number;
  readonly reads: number;
}

async function compare(topic: Topic, episodes: number, seed: number): Promise<Comparison> {
  const random = new SeededRandom(seed);
  const all = Array.from({ length: episodes }, () => [
    ...topic.begin,
    ...Array.from({ length: 30 }, () => topic.act(random)).flat(),
  ]);
  const theirs = await runQemu(all.flat());
  const rig = new PlatformRig();
  let at = 0;
  let reads = 0;
  let different = 0;
  for (const episode of all) {
    let isDifferent = false;
    episode.forEach((action, index) => {
      const ours = runOurs(rig, action);
      if (ours === undefined) return;
      const expected = theirs[at++];
      // What the first reads of an episode find depends on the one before.
      if (index < topic.begin.length || isDifferent) return;
      reads++;
      const mask = 'mask' in action ? action.mask : 0xffff_ffff;
      if (expected !== undefined && ((ours ^ expected) & mask) === 0) return;
      isDifferent = true;
      if (++different <= 3) {
        const before = episode
          .slice(Math.max(topic.begin.length, index - 14), index + 1)
          .map(commandOf);
        console.log(
          `${topic.name}: ours ${ours.toString(16)}, QEMU ${expected?.toString(16)} after\n  ${before.join('\n  ')}`,
        );
      }
    });
  }
  return { name: topic.name, different, reads };
}

const [episodes = '200', seed = '1'] = process.argv.slice(2);
const rows: Comparison[] = [];
for (const topic of topics) rows.push(await compare(topic, Number(episodes), Number(seed)));
const head = ['chip', 'episodes', 'with a difference', 'reads compared'];
const body = rows.map(({ name, different, reads }) => [name, episodes, `${different}`, `${reads}`]);
console.log(textTable([head, ...body]));
process.exitCode = rows.some(({ different }) => different > 0) ? 1 : 0;
