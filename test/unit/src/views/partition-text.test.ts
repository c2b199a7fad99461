// Labels of the Partitions view.
import assert from 'node:assert/strict';
import type {
  PartitionInfo,
  ProcessorInfo,
} from '../../../../debug-adapter/protocol/custom-requests';
import {
  partitionContext,
  partitionDescription,
  partitionFacts,
  processorDescription,
  processorSpeech,
} from '../../../../src/views/partition-text';

const processor: ProcessorInfo = {
  index: 0,
  threadId: 513,
  state: 'stopped',
  rip: '0x0000000000100010',
  symbol: '_start+0x10',
  retired: 1234,
  exits: 1,
};
const guest: PartitionInfo = {
  id: 2,
  kind: 'guest',
  name: 'hello-partition',
  memoryBytes: 64 * 2 ** 20,
  guestOs: '',
  isPaused: false,
  isDeleted: false,
  processors: [processor],
};

describe('processorDescription', () => {
  for (const [change, expected] of [
    [{}, '0x100010 _start+0x10 · 1 exit'],
    [{ symbol: '' }, '0x100010 · 1 exit'],
    [{ state: 'running' }, 'running · 1 exit'],
    [{ state: 'halted', exits: 2000 }, 'halted · 0x100010 _start+0x10 · 2,000 exits'],
    [{ state: 'paused' }, 'paused · 0x100010 _start+0x10 · 1 exit'],
    [{ threadId: 0, state: 'running' }, 'running'],
  ] as const) {
    it(expected, () => assert.equal(processorDescription({ ...processor, ...change }), expected));
  }
});

describe('partitionDescription', () => {
  for (const [change, expected] of [
    [{}, '64 MiB'],
    [{ kind: 'parent', memoryBytes: 0 }, 'owns the devices'],
    [{ isPaused: true }, '64 MiB · paused'],
    [{ isDeleted: true }, 'deleted'],
  ] as const) {
    it(expected, () => assert.equal(partitionDescription({ ...guest, ...change }), expected));
  }
});

describe('partitionContext', () => {
  const ended = [{ ...processor, state: 'ended' }] as const;
  for (const [change, expected] of [
    [{}, 'guestPartition'],
    [{ isPaused: true }, 'pausedGuestPartition'],
    [{ processors: ended }, 'endedGuestPartition'],
    [{ isDeleted: true, processors: ended }, 'deletedGuestPartition'],
    [{ kind: 'parent' }, 'parentPartition'],
    [{ kind: 'parent', isPaused: true }, 'pausedParentPartition'],
  ] as const) {
    it(expected, () => assert.equal(partitionContext({ ...guest, ...change }), expected));
  }
});

it('the tooltip of a guest tells whether it said who it is', () => {
  const osIds = ['', '0x8100'].map((guestOs) =>
    new Map(partitionFacts({ ...guest, guestOs })).get('Guest OS id'),
  );
  assert.deepEqual(osIds, ['not reported yet', '0x8100']);
});

it('a processor is spoken in full', () => {
  assert.equal(
    processorSpeech(processor),
    'Virtual processor 0, stopped, 0x100010 _start+0x10, 1 exit',
  );
});
