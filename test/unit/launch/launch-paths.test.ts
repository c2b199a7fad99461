// Which launch arguments are paths.
import assert from 'node:assert/strict';
import { resolveLaunchPaths } from '../../../debug-adapter/launch/launch-paths';

describe('paths of launch arguments', () => {
  const rows: readonly (readonly [title: string, given: object, resolved: object])[] = [
    ['of a guest', { program: 'a', memory: 4 }, { program: '/x/a', memory: 4 }],
    [
      'of a kernel',
      { initrd: 'b', symbols: ['c', 'd'] },
      { initrd: '/x/b', symbols: ['/x/c', '/x/d'] },
    ],
    [
      'of several guests',
      { guests: [{ program: 'a', name: 'a' }], stopOnEntry: true },
      { guests: [{ program: '/x/a', name: 'a' }], stopOnEntry: true },
    ],
    ['are not those of one session', { program: 'a', restore: 'r' }, { program: '/x/a' }],
    ['are left alone where they are none', { program: 7, guests: 'no' }, { program: 7 }],
  ];
  for (const [title, given, resolved] of rows) {
    it(title, () => {
      assert.deepEqual(
        resolveLaunchPaths(given, (path) => `/x/${path}`),
        resolved,
      );
    });
  }
});
