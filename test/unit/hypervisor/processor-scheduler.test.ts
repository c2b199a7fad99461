// The scheduler over a second of virtual time: weights, caps and reserves (TLFS 18), and that a saved one goes on alike.
import assert from 'node:assert/strict';
import { Lane } from '../../../debug-adapter/system/lane';
import {
  defaultShare,
  type ProcessorShare,
} from '../../../debug-adapter/hypervisor/processor-scheduler';
import type { GuestConfiguration } from '../../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { defaultCosts } from '../../../debug-adapter/system/virtual-time-costs';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import type { ScheduleSwitchEvent, TraceEvent } from '../../../debug-adapter/machine/trace';
import { ApicRegister } from '../../../debug-adapter/spec/x86/local-apic';
import { code, interruptGuest, startUpVector } from '../../support/interrupt-guest';
import { littleEndian, machineCode } from '../../support/machine-code';

const u32 = (value: number): string => littleEndian(value, 4);
/** Counts for ever. */
const spin = 'ff c9 eb fc';
const secondNs = 1_000_000_000;

interface Row {
  readonly title: string;
  readonly logicalProcessors: number;
  readonly guests: readonly Partial<ProcessorShare>[];
  /** Percent of one logical processor that each guest is to have run, and by how much it may miss that. */
  readonly percent: readonly number[];
  readonly within: number;
}

const rows: readonly Row[] = [
  {
    title: 'two of one weight',
    logicalProcessors: 1,
    guests: [{}, {}],
    percent: [50, 50],
    within: 1,
  },
  {
    title: 'weights of 100, 200 and 700',
    logicalProcessors: 1,
    guests: [{ weight: 100 }, { weight: 200 }, { weight: 700 }],
    percent: [10, 20, 70],
    within: 1,
  },
  {
    title: 'a cap of 25 % alone',
    logicalProcessors: 1,
    guests: [{ cap: 25 }],
    percent: [25],
    within: 0.5,
  },
  {
    title: 'a cap of 10 % beside another',
    logicalProcessors: 1,
    guests: [{ cap: 10 }, {}],
    percent: [10, 90],
    within: 0.2,
  },
  {
    title: 'caps that leave time unused',
    logicalProcessors: 1,
    guests: [{ cap: 30 }, { cap: 40 }],
    percent: [30, 40],
    within: 0.6,
  },
  {
    title: 'a reserve against a great weight',
    logicalProcessors: 1,
    guests: [{ weight: 1, reserve: 40 }, { weight: 10_000 }],
    percent: [40, 60],
    within: 1,
  },
  {
    title: 'three on two logical processors',
    logicalProcessors: 2,
    guests: [{}, {}, {}],
    percent: [66.7, 66.7, 66.7],
    within: 1,
  },
  {
    title: 'a cap where each has its own',
    logicalProcessors: 2,
    guests: [{ cap: 50 }, {}],
    percent: [50, 100],
    within: 0.5,
  },
];

type Shape = Pick<Row, 'guests' | 'logicalProcessors'>;

/** @param codes what each guest runs; the last one runs for those behind it too */
function machineOf({ guests, logicalProcessors }: Shape, codes = [`b9 ${u32(0)} ${spin}`]) {
  const images = codes.map((text) => ({ path: 'spin', bytes: machineCode(text) }));
  const configurations = guests.map((share, index): GuestConfiguration => ({
    name: `guest ${index}`,
    memoryBytes: 2 << 20,
    image: images[Math.min(index, images.length - 1)] ?? assert.fail('image'),
    commandLine: '',
    format: 'flat',
    flat: { address: 0x10000, mode: 'long' },
    share: { ...defaultShare, ...share },
  }));
  return new PhysicalMachine(
    { guests: configurations, costs: defaultCosts, logicalProcessors },
    { codeHost: webAssemblyCodeHost, hotCount: 1 },
  );
}

/** Caps hold within each window. */
const windowNs = 10_000_000;

/** More virtual processors than logical ones, for some windows. */
const large = [
  {
    logicalProcessors: 16,
    processors: 8,
    guests: [{ weight: 100 }, { weight: 100 }, { weight: 150 }],
    percent: [457, 457, 686],
    windows: 2,
  },
  {
    logicalProcessors: 64,
    processors: 64,
    guests: [{ cap: 25 }, {}],
    percent: [1600, 4800],
    windows: 1,
  },
];

/** The first processor starts the others, and each counts for ever. */
function manyProcessors(processorCount: number, share: ProcessorShare): GuestConfiguration {
  const realModeSpin = '49 eb fd';
  return interruptGuest({
    boot:
      code.writeApic(ApicRegister.SVR, 0x1ff) +
      code.writeApic(ApicRegister.ICR_LOW, 0xc4500) +
      code.writeApic(ApicRegister.ICR_LOW, 0xc4600 | startUpVector) +
      spin,
    startUp: realModeSpin,
    processorCount,
    options: { share },
  });
}

/** Enables hypercalls, then makes HvCallNotifyLongSpinWait for ever. */
const yields =
  code.writeMsr(0x40000000, 1n) +
  code.writeMsr(0x40000001, 0x60001n) +
  `b9 ${u32(0x10008)} ba ${u32(5)} 0f 01 c1 eb f1`;

function switchesOf(machine: PhysicalMachine): readonly ScheduleSwitchEvent[] {
  const heard: ScheduleSwitchEvent[] = [];
  const record = (event: TraceEvent): void => {
    if (event.kind === 'schedule-switch') heard.push(event);
  };
  machine.trace.forwardTo({ record }, ['schedule-switch']);
  return heard;
}

function runUntil(machine: PhysicalMachine, timeNs: number): void {
  while (machine.run({ maxSteps: 5_000_000, maxTimeNs: timeNs }).stop.kind === 'budget');
}

describe('the scheduler', () => {
  for (const row of rows) {
    it(`divides a second among ${row.title}`, () => {
      const machine = machineOf(row);
      runUntil(machine, secondNs);
      machine.guests.forEach(({ processors }, index) => {
        const percent = ((processors[0]?.runNs ?? 0) / secondNs) * 100;
        const wanted = row.percent[index] ?? 0;
        assert.ok(
          Math.abs(percent - wanted) <= row.within,
          `guest ${index} ran ${percent} %, not ${wanted} %`,
        );
      });
    }).timeout(60_000);
  }

  for (const { logicalProcessors, guests, processors, percent, windows } of large) {
    it(`divides ${logicalProcessors} logical processors among guests with ${processors} each`, () => {
      const machine = new PhysicalMachine(
        {
          guests: guests.map((share) => manyProcessors(processors, { ...defaultShare, ...share })),
          costs: defaultCosts,
          logicalProcessors,
        },
        { codeHost: webAssemblyCodeHost, hotCount: 1 },
      );
      runUntil(machine, windows * windowNs);
      machine.guests.forEach((guest, index) => {
        const ranNs = guest.processors.reduce((sum, { runNs }) => sum + runNs, 0);
        const share = (ranNs / (windows * windowNs)) * 100;
        const wanted = percent[index] ?? 0;
        const miss = Math.abs(share - wanted) / wanted;
        assert.ok(miss <= 0.05, `guest ${index} ran ${share} %, not ${wanted} %`);
      });
    }).timeout(120_000);
  }

  it('does the same however a run is cut, saved and restored', () => {
    const row = { logicalProcessors: 1, guests: [{ cap: 20 }, { weight: 300 }, {}] };
    const [whole, cut] = [machineOf(row), machineOf(row)];
    const end = 4_000_000;
    while (whole.position < end) whole.run({ maxSteps: end - whole.position });
    let machine = cut;
    while (machine.position < end) {
      machine.run({ maxSteps: Math.min(333_331, end - machine.position) });
      const next = machineOf(row);
      next.restore(machine.save());
      machine = next;
    }
    assert.equal(machine.stateHash(), whole.stateHash());
  }).timeout(60_000);

  it('tells of each run, and the runs add up', () => {
    const machine = machineOf({ logicalProcessors: 1, guests: [{ cap: 20 }, {}] });
    const heard = switchesOf(machine);
    runUntil(machine, 100_000_000);
    machine.guests.forEach(({ id, processors }) => {
      const own = heard.filter(({ partition }) => partition === id);
      assert.ok(own.length > 4, `${own.length} rows`);
      // The first run may have begun before anybody listened.
      const isFirst = own[0]?.begins === true;
      own.forEach(({ begins }, index) => assert.equal(begins, (index % 2 === 0) === isFirst));
      const ended = own.reduce((sum, { ranNs }) => sum + ranNs, 0);
      const whole = processors[0]?.runNs ?? 0;
      const last = own.at(-1) ?? assert.fail('row');
      if (last.begins) assert.ok(ended <= whole);
      else assert.deepEqual([ended, last.partitionRunNs], [whole, whole]);
    });
    const reasons = new Set(heard.map(({ reason }) => reason));
    assert.deepEqual(reasons, new Set(['runnable', 'cap used up', 'slice over']));
  }).timeout(60_000);

  it('does the same whether somebody hears of it or not', () => {
    const shape = { logicalProcessors: 1, guests: [{ cap: 20 }, {}] };
    const [heard, quiet] = [machineOf(shape), machineOf(shape)];
    assert.equal(switchesOf(heard).length, 0);
    for (const machine of [heard, quiet]) runUntil(machine, 30_000_000);
    assert.equal(heard.stateHash(), quiet.stateHash());
    assert.ok(heard.trace.scheduleSwitches.recorded > 0);
    assert.equal(quiet.trace.scheduleSwitches.recorded, 0);
  }).timeout(60_000);

  it('a processor that has spun for long lets the others go first (HvCallNotifyLongSpinWait)', () => {
    const machine = machineOf({ logicalProcessors: 1, guests: [{}, {}] }, [yields, spin]);
    const heard = switchesOf(machine);
    runUntil(machine, 50_000_000);
    const [yielder, other] = machine.guests.map(({ processors }) => processors[0]?.runNs ?? 0);
    assert.ok((yielder ?? 0) * 20 < (other ?? 0), `${yielder} ns beside ${other} ns`);
    const ends = heard.filter(({ partition, begins }) => partition === 2 && !begins);
    assert.ok(ends.length > 10);
    assert.deepEqual(new Set(ends.map(({ reason }) => reason)), new Set(['yielded']));
    const alone = machineOf({ logicalProcessors: 1, guests: [{}] }, [yields]);
    runUntil(alone, 1_000_000);
    assert.equal(alone.guests[0]?.processors[0]?.runNs, alone.timeNs);
  }).timeout(60_000);

  it('leaves no lane without a turn where nobody has to share', () => {
    const machine = machineOf({ logicalProcessors: 2, guests: [{}, {}] });
    runUntil(machine, 1_000_000);
    for (const { processors } of machine.guests) assert.equal(processors[0]?.runNs, 1_000_000);
    const [guest] = machine.guests;
    const [first] = guest?.processors ?? [];
    assert.ok(first !== undefined && guest !== undefined);
    assert.ok(new Lane(first, guest.time).hasTurn);
  });
});
