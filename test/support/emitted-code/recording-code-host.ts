/** A code host that keeps the bytes of every module that is installed. */
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import type { CodeHost } from '../../../debug-adapter/machine/code-space';

export interface RecordingCodeHost extends CodeHost {
  readonly modules: readonly Uint8Array[];
}

export function recordingCodeHost(): RecordingCodeHost {
  const modules: Uint8Array[] = [];
  return {
    modules,
    createSpace: (layout, imports) => {
      const space = webAssemblyCodeHost.createSpace(layout, imports);
      return {
        bytes: space.bytes,
        install: (module, slots) => {
          modules.push(module.slice());
          space.install(module, slots);
        },
        release: (slots) => space.release(slots),
        run: (vpBase, budget) => space.run(vpBase, budget),
      };
    },
  };
}
