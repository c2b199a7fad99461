/** Rings between a guest and its parent: indices, wrap, masks, room that is waited for, and what a hostile guest writes. */
import assert from 'node:assert/strict';
import { encodePacket } from '../../../../debug-adapter/parent-partition/vmbus/packet';
import {
  IncomingRing,
  OutgoingRing,
  type PutPacket,
} from '../../../../debug-adapter/parent-partition/vmbus/ring';
import { StateRecord } from '../../../../debug-adapter/support/state-record';
import { UserError } from '../../../../debug-adapter/support/user-error';
import { GuestRing } from './guest-ring';
import { SparseMemory } from './sparse-memory';

const page = 4096;
/** Not adjacent, so that every access must follow the page list. */
const pages = [7, 3, 9];
const dataBytes = 2 * page;
const headerAt = 7 * page;
const at = { write: headerAt, read: headerAt + 4, mask: headerAt + 8, pending: headerAt + 12 };
const featuresAt = headerAt + 64;

/** Behind the ring, before it, and crooked. */
const strayIndices = [dataBytes, dataBytes + 8, -8, 12];

const savedRing = (fields: Record<string, number>): StateRecord => new StateRecord(fields, 'open');

function assertRefused(
  ring: IncomingRing | OutgoingRing,
  fields: Record<string, number>,
  field: string,
): void {
  assert.throws(
    () => ring.restore(savedRing(fields)),
    (error) =>
      error instanceof UserError &&
      error.id === 'saved-state-mismatch' &&
      error.message.includes(`open.${field} is not `),
  );
}

/** The other side of a ring, which trusts nobody either: it uses the header in memory only. */
class Peer {
  readonly memory = new SparseMemory();
  readonly ring: GuestRing;

  constructor() {
    for (const number of pages) this.memory.map(number);
    this.ring = new GuestRing(this.memory, pages);
  }

  send(packet: Uint8Array): void {
    this.ring.send(packet);
  }

  receive(): { packet: Uint8Array; trailer: number } | undefined {
    return this.ring.receive();
  }
}

const inBand = (bytes: number, fill = 0x5a): Uint8Array =>
  encodePacket({ type: 'in-band', payload: new Uint8Array(bytes).fill(fill), transactionId: 5n });

function incoming(start = 0): { peer: Peer; ring: IncomingRing } {
  const peer = new Peer();
  peer.memory.setWord(at.write, start);
  peer.memory.setWord(at.read, start);
  const ring = new IncomingRing(peer.memory, pages);
  assert.ok(ring.open());
  return { peer, ring };
}

function outgoing(start = 0): { peer: Peer; ring: OutgoingRing } {
  const peer = new Peer();
  peer.memory.setWord(at.write, start);
  peer.memory.setWord(at.read, start);
  const ring = new OutgoingRing(peer.memory, pages);
  assert.ok(ring.open());
  return { peer, ring };
}

const signals = (put: PutPacket): boolean => put.kind === 'written' && put.silence === '';

describe('ring from a guest', () => {
  for (const start of [0, page - 8, dataBytes - 8, dataBytes - 16, dataBytes - 40]) {
    it(`gives up packets in order from index ${start}, wrapped where they wrap`, () => {
      const { peer, ring } = incoming(start);
      const sent = [inBand(0), inBand(3, 1), inBand(200, 2)];
      for (const packet of sent) peer.send(packet);
      for (const packet of sent) assert.deepEqual(ring.take(), { kind: 'packet', bytes: packet });
      assert.deepEqual(ring.take(), { kind: 'empty' });
      assert.equal(peer.memory.word(at.read), start, 'the guest sees nothing gone before release');
      assert.equal(ring.release(), false);
      assert.equal(peer.memory.word(at.read), peer.memory.word(at.write));
    });
  }

  it('keeps its own index: what the guest writes there is ignored', () => {
    const { peer, ring } = incoming();
    peer.send(inBand(8, 1));
    ring.take();
    peer.memory.setWord(at.read, 0x7ff0);
    peer.send(inBand(8, 2));
    assert.deepEqual(ring.take(), { kind: 'packet', bytes: inBand(8, 2) });
    ring.release();
    assert.equal(peer.memory.word(at.read), ring.readIndex);
  });

  for (const [name, wanted, features, expected] of [
    ['waits for what there is room for now', 8000, 1, true],
    ['waits for more than there is room for', 8192, 1, false],
    ['waits for less than there was room for', 100, 1, false],
    ['does not wait', 0, 1, false],
    ['does not speak of it', 8000, 0, false],
  ] as const) {
    it(`tells a guest that ${name}: ${expected}`, () => {
      const { peer, ring } = incoming();
      peer.send(inBand(4000));
      peer.memory.setWord(at.pending, wanted);
      peer.memory.setWord(featuresAt, features);
      ring.take();
      assert.equal(ring.release(), expected);
    });
  }

  it('sets and clears the mask for the guest', () => {
    const { peer, ring } = incoming();
    ring.maskInterrupts(true);
    assert.equal(peer.memory.word(at.mask), 1);
    ring.maskInterrupts(false);
    assert.equal(peer.memory.word(at.mask), 0);
  });

  const descriptor = (offset8: number, length8: number): Uint8Array =>
    Uint8Array.of(6, 0, offset8, offset8 >> 8, length8, length8 >> 8, 0, 0, ...new Uint8Array(8));

  for (const [name, spoil] of [
    ['a write index beyond the data', (peer: Peer) => peer.memory.setWord(at.write, dataBytes)],
    ['a write index of all ones', (peer: Peer) => peer.memory.setWord(at.write, 0xffff_ffff)],
    ['a crooked write index', (peer: Peer) => peer.memory.setWord(at.write, 28)],
    ['fewer bytes than a packet has', (peer: Peer) => peer.memory.setWord(at.write, 16)],
    ['a payload inside the descriptor', (peer: Peer) => peer.send(descriptor(1, 2))],
    ['a payload beyond the packet', (peer: Peer) => peer.send(descriptor(3, 2))],
    ['a packet longer than what is in use', (peer: Peer) => peer.send(descriptor(2, 3))],
    ['a packet of the longest length', (peer: Peer) => peer.send(descriptor(2, 0xffff))],
    ['a header page that is gone', (peer: Peer) => peer.memory.unmap(7)],
  ] as const) {
    it(`is faulty with ${name}, and takes nothing`, () => {
      const { peer, ring } = incoming();
      spoil(peer);
      assert.equal(ring.take().kind, 'fault');
      assert.equal(ring.readIndex, 0);
    });
  }

  it('is faulty with a data page that is gone', () => {
    const { peer, ring } = incoming();
    peer.send(inBand(8));
    peer.memory.unmap(3);
    assert.equal(ring.take().kind, 'fault');
  });

  for (const [name, field, value] of [
    ['read', at.read, dataBytes],
    ['read', at.read, 4],
    ['write', at.write, dataBytes + 8],
  ] as const) {
    it(`is not opened with ${name} index ${value}`, () => {
      const peer = new Peer();
      peer.memory.setWord(field, value);
      assert.equal(new IncomingRing(peer.memory, pages).open(), false);
      assert.equal(new OutgoingRing(peer.memory, pages).open(), false);
    });
  }

  it('takes a saved index in the ring, and refuses others by name', () => {
    const { ring } = incoming();
    for (const readIndex of strayIndices) assertRefused(ring, { readIndex }, 'readIndex');
    ring.restore(savedRing({ readIndex: dataBytes - 8 }));
    assert.equal(ring.readIndex, dataBytes - 8);
  });
});

describe('ring to a guest', () => {
  for (const start of [0, dataBytes - 8, dataBytes - 32, page - 16]) {
    it(`carries packets with their trailers from index ${start}`, () => {
      const { peer, ring } = outgoing(start);
      const sent = [inBand(1, 3), inBand(100, 4)];
      for (const packet of sent) assert.equal(ring.put(packet).kind, 'written');
      let index = start;
      for (const packet of sent) {
        assert.deepEqual(peer.receive(), { packet, trailer: index });
        index = (index + packet.length + 8) % dataBytes;
      }
    });
  }

  it('signals a guest whose ring was empty, and no other', () => {
    const { ring } = outgoing();
    assert.deepEqual([signals(ring.put(inBand(8))), signals(ring.put(inBand(8)))], [true, false]);
  });

  it('does not signal a guest that has masked interrupts', () => {
    const { peer, ring } = outgoing();
    peer.memory.setWord(at.mask, 1);
    const put = ring.put(inBand(8));
    assert.match(put.kind === 'written' ? put.silence : '', /masked/);
  });

  it('never fills up to the last byte, asks for room, and withdraws that once it has written', () => {
    const { peer, ring } = outgoing();
    const whole = inBand(dataBytes - 16 - 8 - 8);
    assert.ok(ring.holds(whole.length));
    assert.ok(!ring.holds(whole.length + 8));
    assert.equal(ring.put(whole).kind, 'written');
    assert.deepEqual(ring.put(inBand(0)), { kind: 'full' });
    assert.equal(peer.memory.word(at.pending), 24);
    peer.receive();
    assert.ok(signals(ring.put(inBand(0))));
    assert.equal(peer.memory.word(at.pending), 0);
  });

  it('keeps its own index: what the guest writes there is ignored', () => {
    const { peer, ring } = outgoing();
    peer.memory.setWord(at.write, 0x1000);
    ring.put(inBand(8));
    assert.equal(peer.memory.word(at.write), ring.state.writeIndex);
    assert.equal(ring.state.writeIndex, 32);
  });

  for (const [name, spoil] of [
    ['a read index beyond the data', (peer: Peer) => peer.memory.setWord(at.read, dataBytes)],
    ['a crooked read index', (peer: Peer) => peer.memory.setWord(at.read, 3)],
    ['a header page that is gone', (peer: Peer) => peer.memory.unmap(7)],
    ['a data page that is read-only', (peer: Peer) => peer.memory.map(3, 1, 'read-only')],
  ] as const) {
    it(`is faulty with ${name}`, () => {
      const { peer, ring } = outgoing();
      spoil(peer);
      assert.equal(ring.put(inBand(8)).kind, 'fault');
    });
  }

  it('takes a saved index in the ring, and refuses others by name', () => {
    const { ring } = outgoing();
    for (const writeIndex of strayIndices) {
      assertRefused(ring, { writeIndex, wanted: 0 }, 'writeIndex');
    }
    assertRefused(ring, { writeIndex: 16 }, 'wanted');
    ring.restore(savedRing({ writeIndex: 16, wanted: 24 }));
    assert.deepEqual(ring.state, { writeIndex: 16, wanted: 24 });
  });
});
