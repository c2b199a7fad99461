// The shell of a booted guest: what is typed is done, the guest ends as it is told, and every part of its state counts.
import assert from 'node:assert/strict';
import { PageStore } from '../../debug-adapter/machine/page-store';
import { UserError } from '../../debug-adapter/support/user-error';
import { decodeStateTree, encodeStateTree } from '../../debug-adapter/support/state-tree';
import type { RunStop } from '../../debug-adapter/system/run-types';
import { Timeline } from '../../debug-adapter/timeline/timeline';
import { changedTrees } from '../support/changed-trees';
import { SeededRandom, seedOf } from '../support/seeded-random';
import { bootMachine, GuestConsole, runUntilShown } from './debian-guest';

const prompt = '# ';
const pageBytes = 4096;

describe('the shell of a Debian kernel', function () {
  this.timeout(240_000);
  const seed = seedOf(47);
  let timeline: Timeline;
  let console: GuestConsole;
  let ready = 0;

  before(() => {
    timeline = new Timeline(bootMachine(), { interval: Infinity });
    console = new GuestConsole(timeline);
    const stop = runUntilShown(timeline, console, prompt);
    assert.equal(stop, undefined, `${stop?.kind} at ${timeline.position}:\n${console.end}`);
    ready = timeline.position;
  });

  beforeEach(() => {
    for (const travel = timeline.travelTo(ready); travel.next().done !== true;);
  });

  function type(text: string): void {
    const [{ id: partition } = { id: 0 }] = timeline.guests;
    timeline.accept({ kind: 'console-input', partition, data: new TextEncoder().encode(text) });
  }

  /** Types a line, and runs until the console shows `text` or the guest ends. */
  function shown(line: string, text: string): { stop: RunStop | undefined; output: string } {
    const from = console.text.length;
    type(`${line}\n`);
    const stop = runUntilShown(timeline, console, text, 1_000_000_000);
    return { stop, output: console.text.slice(from) };
  }

  it('echoes what is typed, and does it', () => {
    const { stop, output } = shown('echo $((6 * 7)) processors: $(nproc)', '42 processors: 1');
    assert.equal(stop, undefined, output);
    assert.match(output, /^echo \$\(\(6 \* 7\)\) processors: \$\(nproc\)\r\n42 processors: 1/);
  });

  it('says what it runs on', () => {
    const files = '/sys/devices/system/clocksource/clocksource0/current_clocksource';
    const { stop, output } = shown(`cat ${files} /sys/hypervisor/type; echo end.`, '\nend.');
    assert.equal(stop, undefined, output);
    assert.match(output, /\n(tsc|hyperv_clocksource_tsc_page)\r\n/);
  });

  it('ends with 0 at poweroff -f', () => {
    const { stop, output } = shown('poweroff -f', 'never shown');
    assert.equal(stop?.kind, 'guest-exit', output);
    assert.equal(stop.code, 0);
    assert.match(output, /reboot: Power down/);
  });

  it('starts again at reboot -f', () => {
    const { stop, output } = shown('reboot -f', 'never shown');
    assert.equal(stop?.kind, 'guest-restart', output);
    assert.match(output, /reboot: Restarting system/);
  });

  it('reports its crash, with the end of its log', () => {
    const { stop, output } = shown('echo c > /proc/sysrq-trigger', 'never shown');
    assert.equal(stop?.kind, 'guest-crash', output);
    assert.match(stop.message, /sysrq: Trigger a crash/);
    assert.match(stop.message, /Kernel panic - not syncing: sysrq triggered crash/);
  });

  it(`has another hash when any leaf of its state changes, seed ${seed}`, () => {
    const { machine } = timeline;
    const random = new SeededRandom(seed);
    const checkpoint = machine.takeCheckpoint(new PageStore());
    const before = machine.stateHash();
    const tree = decodeStateTree(checkpoint.components);
    let changes = 0;
    let refused = 0;
    const unnoticed: string[] = [];
    for (const [path, changed] of changedTrees(tree, random)) {
      changes++;
      try {
        const components = encodeStateTree(changed);
        machine.restoreCheckpoint({ ...checkpoint, components }, machine.inputs);
        if (machine.stateHash() === before) unnoticed.push(path);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        refused++;
      }
    }
    machine.restoreCheckpoint(checkpoint, machine.inputs);
    assert.equal(machine.stateHash(), before);
    assert.deepEqual(unnoticed, []);
    assert.ok(changes >= 300 && refused < changes / 4, `${refused} of ${changes} were refused`);
  });

  it(`has another hash when a byte of its memory changes, seed ${seed}`, () => {
    const random = new SeededRandom(seed);
    const [guest] = timeline.guests;
    assert.ok(guest);
    const before = timeline.stateHash();
    const reservedPages = 256;
    for (let count = 0; count < 200; count++) {
      const page = reservedPages + random.below(guest.memoryBytes / pageBytes - reservedPages);
      const gpa = page * pageBytes + random.below(pageBytes);
      const byte = guest.memory.read(gpa, 1)?.[0];
      assert.ok(byte !== undefined, `GPA ${gpa} is RAM`);
      guest.memory.write(gpa, Uint8Array.of(byte ^ (1 << random.below(8))));
      assert.notEqual(timeline.stateHash(), before, `GPA ${gpa}`);
      guest.memory.write(gpa, Uint8Array.of(byte));
    }
    assert.equal(timeline.stateHash(), before);
  });
});
