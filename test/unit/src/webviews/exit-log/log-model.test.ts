// The page's model: what it asks for, and what it keeps.
import assert from 'node:assert/strict';
import type { ToExtension } from '../../../../../src/panels/exit-log/exit-log-messages';
import { LogModel } from '../../../../../src/webviews/exit-log/log-model';
import { SampleLog } from '../../../../webview/sample-exits';

class Bench {
  readonly sent: ToExtension[] = [];
  readonly model = new LogModel(
    (message) => this.sent.push(message),
    () => undefined,
  );

  constructor(public log: SampleLog) {
    this.model.setSource({ state: 'live', key: 's', name: 'guest', running: false });
  }

  /** Answers everything asked so far; returns the starts of the ranges asked for. */
  answer(): number[] {
    const starts: number[] = [];
    for (const message of this.sent.splice(0)) {
      if (message.type === 'fetchRows') {
        const { request, start, count, filter } = message;
        starts.push(start);
        this.model.receive({
          type: 'rows',
          request,
          body: this.log.exits(start, count, filter),
        });
      }
      if (message.type === 'fetchDetail') {
        const { request, id } = message;
        this.model.receive({ type: 'detail', request, body: this.log.detail(id) });
      }
    }
    return starts;
  }
}

describe('LogModel', () => {
  it('asks for the first page, then only for pages that are shown', () => {
    const bench = new Bench(new SampleLog(10_000));
    assert.deepEqual(bench.answer(), [0]);
    assert.equal(bench.model.total, 10_000);
    bench.model.need(4990, 5010);
    bench.model.need(4990, 5010);
    assert.deepEqual(bench.answer(), [4800, 5000]);
    bench.model.need(4990, 5010);
    assert.deepEqual(bench.answer(), []);
    assert.equal(bench.model.rowAt(5000)?.exitNumber, 5001);
    assert.equal(bench.model.rowAt(9000), undefined);
  });

  it('asks for the page that grew, and for nothing else', () => {
    const bench = new Bench(new SampleLog(450));
    bench.answer();
    bench.model.need(0, 450);
    bench.answer();
    bench.log.grow(10);
    bench.model.traceChanged();
    assert.deepEqual(bench.answer(), [400]);
    assert.equal(bench.model.rowAt(459)?.exitNumber, 460);
  });

  it('asks once more when the log grew while an answer was on its way', () => {
    const bench = new Bench(new SampleLog(10));
    bench.model.traceChanged();
    assert.equal(bench.sent.length, 1);
    bench.answer();
    assert.equal(bench.sent.length, 1);
  });

  it('ignores answers to questions of another filter', () => {
    const bench = new Bench(new SampleLog(100));
    const stale = bench.sent.splice(0);
    bench.model.setFilter({ reasons: [12] });
    bench.sent.push(...stale.filter(() => false));
    const [first] = stale;
    assert.ok(first?.type === 'fetchRows');
    bench.model.receive({
      type: 'rows',
      request: first.request,
      body: bench.log.exits(0, 200, {}),
    });
    assert.equal(bench.model.loaded, false);
    bench.answer();
    assert.equal(bench.model.total, bench.log.exits(0, 0, { reasons: [12] }).total);
  });

  it('moves the selection when older rows are dropped', () => {
    const bench = new Bench(new SampleLog(100, 0));
    bench.answer();
    bench.model.select(50);
    bench.model.needDetail();
    bench.answer();
    const id = bench.model.selection?.row?.id;
    bench.log = new SampleLog(130, 30);
    bench.model.traceChanged();
    bench.answer();
    assert.equal(bench.model.selection?.index, 20);
    assert.equal(bench.model.rowAt(20)?.id, id);
  });

  it('starts over when fewer exits are recorded than before', () => {
    const bench = new Bench(new SampleLog(100));
    bench.answer();
    bench.model.select(5);
    bench.log = new SampleLog(3);
    bench.model.traceChanged();
    bench.answer();
    assert.equal(bench.model.total, 3);
    assert.equal(bench.model.selection, undefined);
  });

  it('does not repeat a failing question until something changes', () => {
    const bench = new Bench(new SampleLog(1000));
    bench.answer();
    bench.model.need(400, 410);
    const [question] = bench.sent.splice(0);
    assert.ok(question?.type === 'fetchRows');
    bench.model.receive({ type: 'failed', request: question.request, message: 'no' });
    bench.model.need(400, 410);
    assert.equal(bench.sent.length, 0);
    assert.equal(bench.model.failure, 'no');
    bench.model.traceChanged();
    bench.model.need(400, 410);
    assert.deepEqual(bench.answer(), [1000, 400]);
  });

  it('asks nobody after the end, and keeps its rows', () => {
    const bench = new Bench(new SampleLog(1000));
    bench.answer();
    bench.model.setSource({ state: 'ended', key: 's', name: 'guest', running: false });
    bench.model.need(0, 1000);
    bench.model.select(3);
    bench.model.needDetail();
    assert.equal(bench.sent.length, 0);
    assert.equal(bench.model.rowAt(3)?.exitNumber, 4);
    assert.match(bench.model.failure ?? '', /ended/);
  });

  it('asks for the details of the row it rests on', () => {
    const bench = new Bench(new SampleLog(20));
    bench.answer();
    bench.model.select(1);
    bench.model.needDetail();
    bench.model.select(2);
    bench.model.needDetail();
    bench.answer();
    assert.equal(bench.model.detail?.row.exitNumber, 3);
  });
});
