// The console of a run: the text that a run waits for is found wherever turns cut it.
import assert from 'node:assert/strict';
import { GuestConsole } from '../../../debug-adapter/command-line/guest-console';
import type { HeadlessRun } from '../../../debug-adapter/debugger/headless-run';

describe('console of a run', () => {
  function shownIn(pieces: readonly string[]): readonly boolean[] {
    const waiting = [...pieces];
    const machine = {
      takeConsole: () => {
        const bytes = new TextEncoder().encode(waiting.shift());
        return [{ partition: 2, bytes, droppedBytes: 0 }];
      },
    } as unknown as HeadlessRun; // all that a console asks of a run
    const output = { writeConsole: () => {}, writeConsoleBytes: () => {} };
    const names = new Map([[2, 'guest']]);
    const guest = new GuestConsole(output, false, 'READY', names, true);
    return pieces.map(() => guest.show(machine, () => {}).matched);
  }

  it('finds a text within a turn', () => {
    assert.deepEqual(shownIn(['booting\n', 'it is READY now\n']), [false, true]);
  });

  it('finds a text that turns have cut', () => {
    assert.deepEqual(shownIn(['booting R', 'EA', 'DY\n']), [false, false, true]);
  });

  it('does not find what only looks like it', () => {
    assert.deepEqual(shownIn(['READ', 'REA', 'DIES\n']), [false, false, false]);
  });
});
