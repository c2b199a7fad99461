/** Instructions on memory of real devices, through hypervisor and parent: each effect once, however the run is cut up. */
import assert from 'node:assert/strict';
import { answersMost, stateOffsets } from '../../../debug-adapter/machine/processor-state';
import { decodeStateTree, encodeStateTree } from '../../../debug-adapter/support/state-tree';
import { UserError } from '../../../debug-adapter/support/user-error';
import type { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { Timeline, type Travel } from '../../../debug-adapter/timeline/timeline';
import { code, counterOf, interruptMachine, place, variable } from '../../support/interrupt-guest';
import { changed } from '../../support/hostile-tree';
import { littleEndian } from '../../support/machine-code';

const u32 = (value: number): string => littleEndian(value, 4);
const ioApic = 0xfec0_0000;
const localApic = 0xfee0_0000;
/** Nothing answers there: reads are all ones, writes are lost. */
const nothing = 0xd000_0000;
const [byMov, byMovs, byPush, copied] = [0xd000, 0xd008, 0xd010, 0xd020];

const into = {
  eax: (value: number): string => `b8 ${u32(value)}`,
  ecx: (value: number): string => `b9 ${u32(value)}`,
  ebx: (value: number): string => `bb ${u32(value)}`,
  esp: (value: number): string => `bc ${u32(value)}`,
  esi: (value: number): string => `be ${u32(value)}`,
  edi: (value: number): string => `bf ${u32(value)}`,
};

const breakpoint = 3;

const boot = [
  // The version of the I/O APIC, selected by STOSD; read by MOV, MOVSD and PUSH.
  into.eax(1),
  into.edi(ioApic),
  'ab',
  into.ebx(ioApic + 0x10),
  '8b 03',
  code.storeEax(byMov),
  into.esi(ioApic + 0x10),
  into.edi(byMovs),
  'a5',
  'ff 33',
  `8f 04 25 ${u32(byPush)}`,
  // POP selects register 0; REP MOVSD copies four registers of the local APIC, of which the second is the version.
  '6a 00',
  into.ebx(ioApic),
  '66 8f 03',
  '48 83 c4 06',
  into.esi(localApic + 0x2c),
  into.edi(copied),
  into.ecx(3),
  'f3 a5',
  // FNSTENV, FXSAVE64 and FXRSTOR (of all ones: #GP) of what is not there.
  into.ebx(nothing),
  'd9 33',
  '48 0f ae 03',
  '0f ae 0b',
].join(' ');

/** Of the #GP: onto a stack that is not there, whence the handler does not return. */
const handlers = new Map([
  [13, `${into.esp(nothing + 0x800)} ff 04 25 ${u32(counterOf(13))} cc`],
  [breakpoint, `${into.esp(place.stack)} ff 04 25 ${u32(counterOf(breakpoint))} ${code.exit(1)}`],
]);

const machineOf = (hotCount = 0): PhysicalMachine => interruptMachine({ boot, handlers }, hotCount);

function finish<Result>(travel: Travel<Result>): Result {
  for (;;) {
    const next = travel.next();
    if (next.done === true) return next.value;
  }
}

describe('memory of devices', () => {
  const whole = machineOf();
  const { stop } = whole.run({ maxSteps: 10_000 });
  const end = whole.position;

  it('is reached by instructions of every kind', () => {
    assert.equal(stop.kind, 'guest-exit');
    const version = variable(whole, byMov);
    assert.equal(version & 0xff, 0x20, 'the version of the I/O APIC');
    assert.deepEqual([variable(whole, byMovs), variable(whole, byPush)], [version, version]);
    assert.notEqual(variable(whole, copied + 4) & 0xff, 0, 'the version of the local APIC');
    assert.deepEqual(
      [variable(whole, counterOf(13)), variable(whole, counterOf(breakpoint))],
      [1, 1],
    );
  });

  it('is the same in single steps, translated, and restored again and again', () => {
    const single = machineOf();
    while (single.position < end) single.run({ maxSteps: 1 });
    const translated = machineOf(1);
    translated.run({ maxSteps: end });
    const restored = [machineOf(), machineOf()] as const;
    let [now, next] = restored;
    while (now.position < end) {
      now.run({ maxSteps: 3 });
      next.restore(now.save());
      [now, next] = [next, now];
    }
    assert.deepEqual(
      [single, translated, now].map((machine) => machine.stateHash()),
      Array.from({ length: 3 }, () => whole.stateHash()),
    );
  }).timeout(60_000);

  it('has answered no more than a saved processor can keep', () => {
    const path = ['guests', '0', 'guest', 'processors', '0', 'state'];
    const machine = machineOf();
    const damaged = changed(decodeStateTree(machine.save()), path, (node) => {
      assert(node instanceof Uint8Array);
      const state = node.slice();
      new DataView(state.buffer).setUint32(stateOffsets.answerCount, answersMost + 1, true);
      return state;
    });
    assert.throws(
      () => machine.restore(encodeStateTree(damaged)),
      (problem) => problem instanceof UserError && /at most 96 answers/.test(problem.message),
    );
    assert.equal(machine.run({ maxSteps: 10_000 }).stop.kind, 'guest-exit');
  });

  it('is the same when time has gone back', () => {
    const hashes: string[] = [];
    const machine = machineOf();
    while (machine.position < end) {
      hashes[machine.position] = machine.stateHash();
      machine.run({ maxSteps: 1 });
    }
    const timeline = new Timeline(machineOf());
    while (timeline.position < end) timeline.run({ maxSteps: end - timeline.position });
    for (let position = end - 1; position > 0; position -= 7) {
      finish(timeline.travelTo(position));
      assert.equal(timeline.stateHash(), hashes[position], `position ${position}`);
    }
  }).timeout(60_000);
});
