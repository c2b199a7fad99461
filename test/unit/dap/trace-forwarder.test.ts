/** Summaries of the trace's growth: when they are sent, and of what. */
import assert from 'node:assert/strict';
import { TraceForwarder } from '../../../debug-adapter/dap/trace-forwarder';

describe('summaries of the trace', () => {
  const bench = () => {
    const control = { exitsRecorded: 0, traffic: { recorded: 0 }, othersRecorded: 0 };
    const sent: string[] = [];
    const forwarder = new TraceForwarder(control, (name, body) => {
      sent.push(`${name} ${body.recorded}/${body.vmbusRecorded}/${body.othersRecorded}`);
    });
    return { control, sent, forwarder };
  };

  it('tell of exits, of VMBus and of other events, also where only one of them has grown', () => {
    const { control, sent, forwarder } = bench();
    forwarder.flush(0);
    control.traffic.recorded = 3;
    forwarder.flush(0);
    control.exitsRecorded = 2;
    forwarder.flush(0);
    control.othersRecorded = 1;
    forwarder.flush(0);
    forwarder.flush(0);
    const name = 'hyperscope/traceChanged';
    assert.deepEqual(sent, [`${name} 0/0/0`, `${name} 0/3/0`, `${name} 2/3/0`, `${name} 2/3/1`]);
  });

  it('come seldom while the guest runs', () => {
    const { control, sent, forwarder } = bench();
    for (let ms = 0; ms < 100; ms += 10) {
      control.exitsRecorded++;
      forwarder.sliceDone(ms);
    }
    assert.equal(sent.length, 2);
  });
});
