/** How full the rings of an open channel are now, read from the guest's memory without side effects. */
import type { GuestMemory } from '../../machine/guest-memory';
import { pageSizeBytes } from '../../machine/addresses';
import { ringBytesUsed, ringHeader } from '../../spec/vmbus/ring';
import { readField } from '../../support/struct-layout';
import type { KnownChannel } from './channel-book';

/** One direction of a channel. */
export interface RingOccupancy {
  readonly usedBytes: number;
  readonly sizeBytes: number;
  /** The consumer does not want to be signalled. */
  readonly isMasked: boolean;
  /** Free bytes that the producer waits for; 0 where it does not. */
  readonly pendingSendBytes: number;
}

/** Both directions; a direction is undefined where its header cannot be read or cannot be right. */
export interface ChannelRings {
  readonly toParent: RingOccupancy | undefined;
  readonly toGuest: RingOccupancy | undefined;
}

const headerFieldsBytes = 128;

function readRing(
  memory: Pick<GuestMemory, 'read'>,
  page: number | undefined,
  pageCount: number,
): RingOccupancy | undefined {
  if (page === undefined || pageCount < 2) return undefined;
  const bytes = memory.read(page * pageSizeBytes, headerFieldsBytes);
  if (bytes === undefined) return undefined;
  const field = (name: string): number => Number(readField(ringHeader, bytes, name));
  const sizeBytes = (pageCount - 1) * pageSizeBytes;
  const writeIndex = field('WriteIndex');
  const readIndex = field('ReadIndex');
  if (writeIndex >= sizeBytes || readIndex >= sizeBytes) return undefined;
  return {
    usedBytes: ringBytesUsed(writeIndex, readIndex, sizeBytes),
    sizeBytes,
    isMasked: field('InterruptMask') !== 0,
    pendingSendBytes: field('PendingSendSize'),
  };
}

/** Reads both rings of a channel. */
export function channelRings(
  memory: Pick<GuestMemory, 'read'>,
  channel: KnownChannel,
): ChannelRings {
  const { ringPages: pages, downstreamPage } = channel;
  if (channel.state !== 'open') return { toParent: undefined, toGuest: undefined };
  return {
    toParent: readRing(memory, pages[0], downstreamPage),
    toGuest: readRing(memory, pages[downstreamPage], pages.length - downstreamPage),
  };
}
