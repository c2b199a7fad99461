// What a boot translates reaches nothing but the processor's block and what the TLB leads to, shown on the emitted bytes.
import assert from 'node:assert/strict';
import { dataTlbEntriesMax } from '../../debug-adapter/cpu/memory-map';
import { proveModule } from '../support/emitted-code/access-proof';
import { readModule } from '../support/emitted-code/module-reader';
import { recordingCodeHost } from '../support/emitted-code/recording-code-host';
import { bootMachine } from './debian-guest';

/** Until the kernel runs in its upper half; more steps for when there is time: EMITTED_STEPS. */
const steps = Number(process.env['EMITTED_STEPS'] ?? 80_000_000);
/** Fewer jumps than are worth it, so that there is more to prove. */
const hotCount = 1000;

describe('addresses of code that a boot has emitted', () => {
  it(`regions of the first ${steps} steps`, () => {
    const codeHost = recordingCodeHost();
    bootMachine({ codeHost, hotCount }).run({ maxSteps: steps });
    let regions = 0;
    for (const module of codeHost.modules.map(readModule)) {
      if (module.functions.some(({ parameters }) => parameters.length !== 3)) continue;
      proveModule(module, dataTlbEntriesMax);
      regions += module.functions.length;
    }
    assert.ok(regions > 100, `${regions} regions`);
  }).timeout(240_000);
});
