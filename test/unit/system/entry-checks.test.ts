// What guests do by themselves never makes a VMCS that VM entry would refuse: at every exit, and anywhere in between.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import { configureSingleGuest } from '../../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const memoryBytes = 64 << 20;
const stepsInAll = 60_000;

describe('VM-entry checks of running guests (SDM vol. 3, 27.3)', () => {
  for (const name of ['hello-partition', 'page-fault-lab', 'exit-loop', 'string-io']) {
    it(`${name} passes them at any position`, () => {
      const path = `guests/${name}/${name}.elf`;
      const image = { path, bytes: new Uint8Array(readFileSync(root + path)) };
      const machine = new PhysicalMachine(
        configureSingleGuest({ name, memoryBytes, image, commandLine: '' }),
        { codeHost: webAssemblyCodeHost },
      );
      const problem = (): string | undefined => machine.guests[0]?.processors[0]?.entryProblem;
      const check = (): boolean => {
        assert.equal(problem(), undefined, `position ${machine.position}`);
        return false;
      };
      for (let turn = 0; machine.position < stepsInAll; turn++) {
        check();
        const { steps } = machine.run({ maxSteps: 1 + ((turn * 37) % 211), stopAtExit: check });
        if (steps === 0) break;
      }
      assert(machine.position > 300);
    });
  }
});
