/** Code of a partition that outlives the process: what comes from the archive for a page, and what is left there. */
import type { ArchivedPage, CodeArchive, RecordSource } from '../machine/code-archive';
import type { GuestMemory } from '../machine/guest-memory';
import { codeModes } from './decode/code-mode';
import type { CodeCache, CodePlace } from './interpreter/code-cache';
import type { Translator } from './translator/translator';

const nothing: ArchivedPage = { regions: [], records: [] };
/** Changes of pages whose code is left; what changes later is decoded again by later processes. */
const changesMax = 8192;

/** Code that is to be left: its page may change before. */
interface GoneCode {
  /** Name of the page, as the archive gives it. */
  readonly page: string;
  /** Index of the mode. */
  readonly mode: number;
  /** For {@link CodeCache.pack}. */
  readonly records: Int32Array;
}

export class KeptCode implements RecordSource {
  /** What has not been left yet: a kernel patches its code thousands of times while it boots, and to pack it can wait. */
  private gone: GoneCode[] = [];
  private changes = 0;

  /** @param archive undefined where nothing is kept */
  constructor(
    private readonly archive: CodeArchive | undefined,
    private readonly memory: GuestMemory,
    private readonly code: CodeCache,
    private readonly translator: Translator,
  ) {
    archive?.addSource(this);
  }

  /** Code of a frame is decoded for the first time since its contents are what they are. */
  frameIsNew(frame: number): void {
    const page = this.archive?.find(this.memory.frameBytes(frame)) ?? nothing;
    const { regions, records } = page;
    for (const { mode: index, packed } of records) {
      const mode = codeModes[index];
      if (mode !== undefined) this.code.unpackPage({ frame, mode }, packed);
    }
    this.translator.frameIsNew(frame, regions);
  }

  /** A page with records that have not been left is about to change. */
  pageWillChange(place: CodePlace, records: Int32Array): void {
    if (this.changes === changesMax) return;
    this.changes++;
    this.note(place, records);
  }

  /** Every record is about to go. */
  recordsWillGo(): void {
    for (const { page, mode, records } of this.gone) {
      this.archive?.addRecords(page, { mode, packed: this.code.pack(records) });
    }
    this.gone = [];
  }

  leaveRecords(): void {
    for (const place of this.code.decodedPlaces) this.note(place, this.code.takeRecords(place));
    this.recordsWillGo();
  }

  private note({ frame, mode }: CodePlace, records: Int32Array): void {
    if (this.archive === undefined) return;
    const page = this.archive.nameOf(this.memory.frameBytes(frame));
    this.gone.push({ page, mode: mode.index, records: records.slice() });
  }
}
