// The interpreter's run before the first guest: once, with the module that guests will use, and nothing else of theirs.
import assert from 'node:assert/strict';
import { warmUpInterpreter } from '../../../debug-adapter/cpu/interpreter-warm-up';
import {
  createPartitionCores,
  interpreterModule,
} from '../../../debug-adapter/cpu/processor-core-factory';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import type { CodeHost, CodeSpace } from '../../../debug-adapter/machine/code-space';

/** Notes what is installed. */
class NotingHost implements CodeHost {
  readonly modules: Uint8Array[] = [];

  createSpace(...parameters: Parameters<CodeHost['createSpace']>): CodeSpace {
    const space = webAssemblyCodeHost.createSpace(...parameters);
    return {
      bytes: space.bytes,
      install: (module, slots) => {
        this.modules.push(module);
        space.install(module, slots);
      },
      release: (slots) => space.release(slots),
      run: (vpBase, budget) => space.run(vpBase, budget),
    };
  }
}

describe('interpreter warm-up', () => {
  before('emit the interpreter', function () {
    this.timeout(30_000);
    interpreterModule(64);
  });

  it('runs the very module that partitions get, so that the engine has one copy of it', () => {
    const host = new NotingHost();
    warmUpInterpreter(host, 64);
    createPartitionCores(host, { memoryBytes: 4096, processorCount: 1, tlbEntries: 64 });
    assert.equal(host.modules.length, 2);
    assert.equal(host.modules[0], host.modules[1]);
  });

  it('makes so many steps that the engine notices', () => {
    assert.equal(warmUpInterpreter(new NotingHost(), 64), 4000);
  });

  it('is left out where the engine has optimized the module already', () => {
    const asked: Uint8Array[] = [];
    const host = Object.assign(new NotingHost(), {
      isOptimized: (module: Uint8Array) => asked.push(module) > 0,
    });
    assert.equal(warmUpInterpreter(host, 64), 0);
    createPartitionCores(host, { memoryBytes: 4096, processorCount: 1, tlbEntries: 64 });
    assert.deepEqual(host.modules, asked);
  });

  it('happens once for each host', () => {
    const host = new NotingHost();
    warmUpInterpreter(host, 64);
    assert.equal(warmUpInterpreter(host, 64), 0);
    assert.equal(host.modules.length, 1);
  });
});
