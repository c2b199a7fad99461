// Pacing: the limit follows real time, slips with a slow machine, and forgets the time of a stop.
import assert from 'node:assert/strict';
import { RealTimePace, unpaced } from '../../../debug-adapter/debugger/execution/pace';

const ms = 1_000_000;

describe('pace', () => {
  it('lets virtual time follow real time from where the machine is', () => {
    let now = 1000;
    const pace = new RealTimePace({ nowMs: () => now });
    assert.equal(pace.limitNs(5 * ms, false), 7 * ms);
    now += 7;
    assert.equal(pace.limitNs(5 * ms, false), 14 * ms);
    assert.equal(pace.limitNs(12 * ms, false), 14 * ms);
    now += 3;
    assert.equal(pace.limitNs(12 * ms, false), 17 * ms);
  });

  it('does not hurry a machine on that has fallen behind', () => {
    let now = 0;
    const pace = new RealTimePace({ nowMs: () => now });
    pace.limitNs(0, false);
    now = 10_000;
    assert.equal(pace.limitNs(100 * ms, false), 122 * ms);
    now += 5;
    assert.equal(pace.limitNs(110 * ms, false), 127 * ms);
  });

  it('lets an idle machine go on to the present', () => {
    let now = 0;
    const pace = new RealTimePace({ nowMs: () => now });
    pace.limitNs(0, false);
    now = 10_000;
    assert.equal(pace.limitNs(0, true), 10_002 * ms);
  });

  it('does not count the time of a stop', () => {
    let now = 0;
    const pace = new RealTimePace({ nowMs: () => now });
    pace.limitNs(0, false);
    now = 60_000;
    pace.restart();
    assert.equal(pace.limitNs(3 * ms, false), 5 * ms);
  });

  it('sets no limit where there is no pace', () => {
    assert.equal(unpaced.limitNs(1, false), undefined);
  });
});
