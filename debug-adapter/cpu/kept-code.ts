/** Code of a partition that outlives the process: what comes from the archive for a page, and what is left there. */
import type { ArchivedPage, CodeArchive, RecordSource } from '../machine/code-archive';
import type { GuestMemory } from '../machine/guest-memory';
import { codeModes } from './decode/code-mode';
import type { CodeCache } from './interpreter/code-cache';
import type { Translator } from './translator/translator';

const nothing: ArchivedPage = { regions: [], records: [] };

export class KeptCode implements RecordSource {
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

  /** The contents of a frame are about to change. */
  frameWillChange(frame: number): void {
    const { archive } = this;
    if (archive === undefined) return;
    for (const mode of this.code.decodedModes(frame)) {
      const packed = this.code.packPage({ frame, mode });
      archive.addRecords(this.memory.frameBytes(frame), { mode: mode.index, packed });
    }
  }

  leaveRecords(): void {
    for (const frame of this.code.decodedFrames) this.frameWillChange(frame);
  }
}
