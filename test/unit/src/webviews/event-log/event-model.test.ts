// What the Event Log's page knows: kinds, rows, recording on demand, filters that take several answers.
import assert from 'node:assert/strict';
import type { EventsBody } from '../../../../../debug-adapter/protocol/event-log';
import type { ToExtension } from '../../../../../src/panels/event-log/event-log-messages';
import type { LogSource } from '../../../../../src/panels/log-messages';
import { EventModel } from '../../../../../src/webviews/event-log/event-model';
import { readPageState } from '../../../../../src/webviews/event-log/page-state';

const live: LogSource = { state: 'live', key: 's1', name: 'debian', running: false };

const row = (index: number) => ({
  ...{ id: `${index}.0`, kind: 'exits', position: index, timeNs: index, partition: 2 },
  ...{ processor: 0, text: `event ${index}` },
});

function body(total: number, { start = 0, isComplete = true, dropped = 0 } = {}): EventsBody {
  const rows = Array.from({ length: Math.min(200, total - start) }, (_, at) => row(start + at));
  // The sample's kind is one of the protocol's.
  return {
    total,
    kept: total,
    recorded: total + dropped,
    isComplete,
    rows,
  } as unknown as EventsBody;
}

describe('event model', () => {
  function bench() {
    const sent: ToExtension[] = [];
    const model = new EventModel(
      (message) => sent.push(message),
      () => undefined,
    );
    model.kinds = ['exits'];
    const fetches = () => sent.flatMap((each) => (each.type === 'fetchRows' ? [each] : []));
    const answer = (answered: EventsBody): void => {
      const request = fetches().at(-1)?.request ?? 0;
      model.receive({ type: 'rows', request, body: answered });
    };
    return { sent, model, fetches, answer };
  }

  it('asks for rows when there is a session, and for no recording that nobody wants', () => {
    const { sent, model, answer } = bench();
    model.setSource(live);
    assert.deepEqual(
      sent.map(({ type }) => type),
      ['fetchRows'],
    );
    answer(body(3));
    assert.equal(model.rowAt(2)?.text, 'event 2');
  });

  it('has kinds recorded while they are chosen, in every session', () => {
    const { sent, model } = bench();
    model.setSource(live);
    model.toggleKind('msrs');
    model.toggleKind('hypercalls');
    model.setSource({ ...live, key: 's2' });
    model.toggleKind('msrs');
    assert.deepEqual(
      sent.flatMap((each) => (each.type === 'record' ? [each.kinds] : [])),
      [['msrs'], ['msrs'], []],
    );
    assert.deepEqual(model.kinds, ['exits', 'hypercalls']);
  });

  it('asks again until a text has been looked for everywhere', () => {
    const { model, fetches, answer } = bench();
    model.setSource(live);
    answer(body(3));
    model.setText('vector=14');
    const before = fetches().length;
    answer(body(0, { isComplete: false }));
    answer(body(1, { isComplete: false }));
    answer(body(1));
    assert.equal(fetches().length, before + 2);
    assert.deepEqual(fetches().at(-1)?.filter, { kinds: ['exits'], text: 'vector=14' });
  });

  it('looks for a row of another log, and gives the text up where it hides it', () => {
    const { sent, model, answer } = bench();
    model.reveal('250.0');
    assert.equal(sent.length, 0, 'there is nobody to ask yet');
    model.text = 'vector=14';
    model.setSource(live);
    const places = () => sent.flatMap((each) => (each.type === 'fetchPlace' ? [each] : []));
    const place = (index?: number): void => {
      const { request = 0 } = places().at(-1) ?? {};
      const found = { total: 300, ...(index === undefined ? {} : { index }) };
      model.receive({ type: 'place', request, body: found });
    };
    place();
    assert.deepEqual(places().at(-1)?.filter, { kinds: ['exits'] });
    place(250);
    assert.equal(model.takeRevealed(), undefined, 'its page is on its way');
    answer(body(300, { start: 200 }));
    assert.deepEqual(model.takeRevealed(), { index: 250, isFilterCleared: true });
    assert.equal(model.takeRevealed(), undefined);
    model.reveal('999.0');
    place();
    assert.match(model.notice, /no longer kept/);
  });

  it('reads its rows anew when older ones were dropped', () => {
    const { model, answer } = bench();
    model.setSource(live);
    answer(body(150));
    model.traceChanged();
    answer(body(150, { dropped: 40 }));
    answer(body(150, { dropped: 40 }));
    assert.equal(model.recorded, 190);
    assert.equal(model.total, 150);
  });
});

describe('kept state of the Event Log', () => {
  it('is read where it fits', () => {
    const usual = readPageState(undefined);
    assert.ok(usual.kinds.includes('exits') && !usual.kinds.includes('msrs'));
    const kept = readPageState({ kinds: ['msrs', 'nosuch'], text: 'a', detailOpen: true });
    assert.deepEqual(kept, { kinds: ['msrs'], text: 'a', detailOpen: true });
    assert.deepEqual(readPageState({ kinds: 7, text: 7 }), { ...usual, text: '' });
  });
});
