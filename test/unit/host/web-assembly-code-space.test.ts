/** Code that no slot leads to is given back to the engine, also while a run goes on without a pause. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  codeOf,
  optimize,
  provideCode,
  webAssemblyCodeHost,
} from '../../../debug-adapter/host/web-assembly-code-space';
import { FunctionBody } from '../../../debug-adapter/cpu/wasm/function-body';
import { buildModule } from '../../../debug-adapter/cpu/wasm/module-builder';

const mappings = '/proc/self/maps';

function moduleThatReturns(value: number): Uint8Array {
  const body = new FunctionBody(['i32', 'i32'], ['i32']);
  body.i32(value);
  return buildModule([], [body], [0]);
}

/** The engine's collector, which a process can ask for at any time. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  setFlagsFromString('--no-expose-gc');
}

const mappingCount = (): number => readFileSync(mappings, 'latin1').split('\n').length;

describe('a code space', () => {
  it('runs what is in slot 0', () => {
    const space = webAssemblyCodeHost.createSpace({ memoryBytes: 65536 }, {});
    space.install(moduleThatReturns(7), [0]);
    assert.equal(space.run(0, 1), 7);
  });

  it('gives modules back that have left their slots', function () {
    // Linux grants a process 65,530 mappings, and ends the engine at the next.
    if (!existsSync(mappings)) this.skip();
    const modules = 2000;
    const space = webAssemblyCodeHost.createSpace({ memoryBytes: 65536 }, {});
    const before = mappingCount();
    for (let index = 0; index < modules; index++) {
      space.install(moduleThatReturns(index), [1]);
      if (index % 500 === 499) collectGarbage();
    }
    const added = mappingCount() - before;
    assert.ok(added < modules / 2, `${added} mappings for ${modules} modules, one of them alive`);
  });

  it('has no machine code of a module that has not run', () => {
    const space = webAssemblyCodeHost.createSpace({ memoryBytes: 65536 }, {});
    const module = moduleThatReturns(1);
    space.install(module, [0]);
    assert.equal(codeOf(module), undefined);
  });

  it('has that of a module that was optimized, and runs it in place of compiling', () => {
    const module = moduleThatReturns(3);
    optimize(module);
    const code = codeOf(module);
    assert.ok(code !== undefined);
    // Another process has other bytes, which are equal.
    const again = moduleThatReturns(3);
    provideCode(again, code);
    const space = webAssemblyCodeHost.createSpace({ memoryBytes: 65536 }, {});
    space.install(again, [0]);
    assert.equal(space.run(0, 1), 3);
    assert.ok(codeOf(again) !== undefined);
  });
});
