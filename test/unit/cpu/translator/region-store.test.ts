// Translated code belongs to a page's contents: it is shared by processors, comes back with old bytes, and does not thrash.
import assert from 'node:assert/strict';
import { dataTlbEntriesMax } from '../../../../debug-adapter/cpu/memory-map';
import { webAssemblyCodeHost } from '../../../../debug-adapter/host/web-assembly-code-space';
import type { ArchivedRegion, CodeArchive } from '../../../../debug-adapter/machine/code-archive';
import type { CodeHost } from '../../../../debug-adapter/machine/code-space';
import { BareProcessor, type BareProcessorOptions } from '../../../support/bare-processor';
import { machineCode } from '../../../support/machine-code';

const page = 0x1000_0000n;
const gpa = 0x10_0000;
const patient = 4;
/** Everything is translated at the first jump to it. */
const eager = 1;
const steps = 200;

/** INC EAX, DEC ECX, or the reverse, in an endless loop. */
const upwards = 'ff c0 ff c9 eb fa';
const downwards = 'ff c8 ff c1 eb fa';

/** INC EAX; JMP behind the NOPs; INC EDX, in an endless loop that is begun with its last jump. */
const withInner = 'ff c0 eb 02 90 90 ff c2 eb f6';
const inner = 6n;
const lastJump = 8n;

/** A code host that counts the modules it installs, and their regions; the first one is the interpreter. */
class CountingHost implements CodeHost {
  modules = -1;
  regions = -1;
  released = 0;

  readonly createSpace: CodeHost['createSpace'] = (layout, imports) => {
    const space = webAssemblyCodeHost.createSpace(layout, imports);
    return {
      bytes: space.bytes,
      install: (module, slots) => {
        this.modules++;
        this.regions += slots.length;
        space.install(module, slots);
      },
      release: (slots) => {
        this.released += slots.length;
        space.release(slots);
      },
      run: (vpBase, budget) => space.run(vpBase, budget),
    };
  };
}

interface Lab {
  readonly host: CountingHost;
  readonly processor: BareProcessor;
}

function prepare(hotCount: number, options: BareProcessorOptions = {}): Lab {
  const host = new CountingHost();
  const processor = new BareProcessor({ ...options, hotCount, codeHost: host });
  processor.map(page, gpa);
  return { host, processor };
}

/** Runs from the start of the page; enough for what is waiting to be translated. */
function run({ processor }: Lab, index = 0): void {
  const core = processor.cores[index];
  assert.ok(core !== undefined);
  core.state.rip = page;
  core.state.setGpr(0, 0n);
  core.state.setGpr(1, 0n);
  // Hot places wait for a million steps, unless others join them.
  for (let steps = 0; steps < 1_500_000; steps += 300_000) core.run(300_000, steps);
}

/** Steps that one more stretch takes in translated code. */
function translatedStepsOf({ processor }: Lab): number {
  const before = processor.translatedSteps;
  processor.core.run(steps, 0);
  return processor.translatedSteps - before;
}

describe('translated regions and the contents of pages', function () {
  this.timeout(60_000);

  it('a page that has earlier contents again has its regions again', () => {
    const lab = prepare(patient);
    const { memory } = lab.processor;
    memory.write(gpa, machineCode(upwards));
    run(lab);
    assert.equal(lab.host.modules, 1);
    assert.ok(translatedStepsOf(lab) > steps / 2);
    const frame = memory.frameOf(gpa / 4096);
    const content = memory.contentOf(frame);
    const bytes = memory.read(gpa, 4096);
    const map = memory.captureMap();
    memory.write(gpa, machineCode(downwards));
    run(lab);
    assert.equal(lab.host.modules, 2);
    memory.restoreFrame(frame, content, bytes);
    memory.restoreMap(map);
    lab.processor.state.rip = page;
    lab.processor.state.setGpr(0, 0n);
    assert.ok(translatedStepsOf(lab) > steps / 2, 'the first run after the return is translated');
    assert.equal(lab.host.modules, 2);
    assert.equal(lab.processor.state.gpr(0), BigInt(Math.ceil(steps / 3)));
  });

  it('a page that is written and executed in turn is interpreted most of the time', () => {
    const lab = prepare(eager);
    const { core, state, memory } = lab.processor;
    for (let round = 0; round < 60; round++) {
      memory.write(gpa, machineCode(round % 2 === 0 ? upwards : downwards));
      state.rip = page;
      state.setGpr(0, 0n);
      core.run(30, 0);
      const expected = round % 2 === 0 ? 10n : BigInt.asUintN(32, -10n);
      assert.equal(state.gpr(0), expected, `round ${round}`);
    }
    assert.ok(lab.host.modules < 30, `${lab.host.modules} modules`);
    core.run(2000, 0);
    assert.ok(translatedStepsOf(lab) > steps / 2, 'it is translated again once it stays as it is');
  });

  it('where too many modules are alive the oldest go, whatever contents they belong to', () => {
    const modulesMax = 4;
    const contents = 20;
    const lab = prepare(eager, { modulesMax, changesOfUnstablePage: contents });
    const { core, state, memory } = lab.processor;
    for (let round = 0; round < contents; round++) {
      // ADD EAX, round; JMP back: a module of one region for each.
      memory.write(gpa, machineCode(`83 c0 ${round.toString(16).padStart(2, '0')} eb fb`));
      state.rip = page;
      state.setGpr(0, 0n);
      core.run(steps, 0);
      assert.equal(state.gpr(0), BigInt((round * steps) / 2), `round ${round}`);
      const alive = lab.host.modules - lab.host.released;
      assert.ok(alive <= modulesMax, `${alive} modules alive in round ${round}`);
    }
    assert.equal(lab.host.modules, contents);
  });

  it('a place is translated once, whoever has left its region, however often the interpreter comes to it', () => {
    const archived: ArchivedRegion[] = [];
    const archive: CodeArchive = {
      find: () => ({ regions: archived, records: [] }),
      add: (module, regions) => {
        archived.push(...regions.map((region, index) => ({ ...region, module, index })));
      },
      nameOf: () => '',
      addRecords: () => undefined,
      addSource: () => undefined,
    };
    for (const origin of ['this run', 'an earlier run']) {
      // Archives are for TLBs of the usual size.
      const lab = prepare(patient, { archive, tlbEntries: dataTlbEntriesMax });
      lab.processor.memory.write(gpa, machineCode(upwards));
      run(lab);
      for (let times = 0; times < 3 * patient; times++) {
        lab.processor.state.rip = page;
        lab.processor.core.run(steps, 0);
      }
      run(lab);
      assert.equal(lab.host.modules, 1, origin);
      assert.equal(archived.length, 1, origin);
    }
  });

  it('a place inside a region has one of its own only if it is entered from elsewhere as well', () => {
    const lab = prepare(patient);
    const { core, state, memory } = lab.processor;
    memory.write(gpa, machineCode(withInner));
    // JMP to the inner place.
    const elsewhere = 0x20n;
    memory.write(gpa + Number(elsewhere), machineCode('eb e4'));
    state.rip = page + lastJump;
    core.run(100_000, 0);
    assert.equal(lab.host.regions, 1, 'both became hot together');
    assert.ok(translatedStepsOf(lab) > steps / 2);
    for (let times = 0; times < patient; times++) {
      state.rip = page + elsewhere;
      core.run(1, 0);
      assert.equal(state.rip, page + inner);
    }
    core.run(100_000, 0);
    state.rip = page + elsewhere;
    core.run(1_000_000, 0);
    assert.equal(lab.host.regions, 2, 'it is hot in its own right');
  });

  it('processors of a partition run one copy of the code', () => {
    const lab = prepare(patient, { processorCount: 3 });
    lab.processor.memory.write(gpa, machineCode(upwards));
    for (const index of [0, 1, 2]) {
      run(lab, index);
      assert.equal(lab.processor.cores[index]?.state.gpr(0), 500_000n);
    }
    assert.equal(lab.host.modules, 1);
  });
});
