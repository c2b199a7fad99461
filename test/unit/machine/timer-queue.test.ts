// The timer queue: order, setting anew while running, saving.
import assert from 'node:assert/strict';
import { TimerQueue } from '../../../debug-adapter/machine/timer-queue';
import { StateRecord } from '../../../debug-adapter/support/state-record';

function queueWithLog(): { readonly queue: TimerQueue; readonly log: string[] } {
  return { queue: new TimerQueue(), log: [] };
}

describe('timer queue', () => {
  it('runs what is due by moment, then in the order in which timers were made', () => {
    const { queue, log } = queueWithLog();
    for (const [name, due] of [
      ['a', 20],
      ['b', 10],
      ['c', 10],
      ['d', 31],
    ] as const) {
      queue.createTimer(name, (dueNs) => log.push(`${name}@${dueNs}`)).setDue(due);
    }
    assert.equal(queue.nextDueNs, 10);
    queue.runDue(30);
    assert.deepEqual(log, ['b@10', 'c@10', 'a@20']);
    assert.equal(queue.nextDueNs, 31);
  });

  it('runs what a timer sets anew within the span', () => {
    const { queue, log } = queueWithLog();
    const timer = queue.createTimer('periodic', (dueNs) => {
      log.push(String(dueNs));
      timer.setDue(dueNs + 10);
    });
    timer.setDue(5);
    queue.runDue(29);
    assert.deepEqual(log, ['5', '15', '25']);
    assert.equal(timer.dueNs, 35);
  });

  it('puts off what has been missed for long, and nothing else', () => {
    const { queue, log } = queueWithLog();
    for (const [name, due] of [
      ['a', 1_000],
      ['b', 50],
      ['c', 990],
    ] as const) {
      queue.createTimer(name, (dueNs) => log.push(`${name}@${dueNs}`)).setDue(due);
    }
    queue.putOff(990);
    queue.runDue(995);
    assert.deepEqual(log, ['b@990', 'c@990']);
    assert.equal(queue.nextDueNs, 1_000);
  });

  it('forgets a cancelled timer', () => {
    const { queue, log } = queueWithLog();
    const timer = queue.createTimer('once', () => log.push('run'));
    timer.setDue(5);
    timer.cancel();
    queue.runDue(100);
    assert.deepEqual(log, []);
    assert.equal(queue.nextDueNs, Infinity);
  });

  it('saves which timers are set', () => {
    const { queue } = queueWithLog();
    queue.createTimer('set', () => undefined).setDue(7);
    const idle = queue.createTimer('idle', () => undefined);
    const saved = queue.save();
    idle.setDue(3);
    queue.restore(new StateRecord(saved, 'timers'));
    assert.equal(queue.nextDueNs, 7);
    assert.equal(idle.dueNs, undefined);
  });

  it('refuses a state with a timer that is not there', () => {
    const { queue } = queueWithLog();
    queue.createTimer('mine', () => undefined).setDue(7);
    const other = new TimerQueue();
    assert.throws(() => other.restore(new StateRecord(queue.save(), 'timers')), /"mine"/);
  });
});
