// A region has the ways that were gone often enough, of both that lead from a conditional jump.
import assert from 'node:assert/strict';
import type {
  ArchivedPage,
  ArchivedRecords,
  CodeArchive,
  RecordSource,
  RegionRecord,
} from '../../../../debug-adapter/machine/code-archive';
import { dataTlbEntriesMax } from '../../../../debug-adapter/cpu/memory-map';
import { BareProcessor } from '../../../support/bare-processor';
import { machineCode } from '../../../support/machine-code';

const page = 0x1000_0000n;
const gpa = 0x10_0000;
const hotCount = 64;

/** LOOP: inc eax; test eax, MASK; jnz LOOP; inc edx; jmp LOOP. */
const loop = (mask: string): Uint8Array => machineCode(`ff c0 a9 ${mask} 75 f7 ff c2 eb f3`);
const jump = 7;
const last = 11;

const rows = [
  { title: 'a way that one turn in two goes', mask: '01 00 00 00', to: last },
  { title: 'a way that one turn in eight goes', mask: '07 00 00 00', to: last },
  { title: 'a way that one turn in 1024 goes', mask: 'ff 03 00 00', to: jump },
  { title: 'a way that no turn goes', mask: 'ff ff ff ff', to: jump },
];

/** Keeps what one processor leaves, for the next one. */
class Archive implements CodeArchive {
  readonly regions: RegionRecord[] = [];
  records: ArchivedRecords[] = [];
  private source: RecordSource | undefined;

  find(): ArchivedPage {
    return { regions: [], records: this.records };
  }

  add(_module: Uint8Array, regions: readonly RegionRecord[]): void {
    this.regions.push(...regions);
  }

  nameOf(): string {
    return '';
  }

  addRecords(_page: string, records: ArchivedRecords): void {
    this.records.push(records);
  }

  addSource(source: RecordSource): void {
    this.source = source;
  }

  leaveRecords(): void {
    this.records = [];
    this.source?.leaveRecords();
  }
}

/** Runs a loop until it is translated, and leaves its records. @returns the page offset of the region's last instruction */
function translatedTo(mask: string, archive: Archive): number | undefined {
  // Archives are for TLBs of the usual size.
  const processor = new BareProcessor({ hotCount, archive, tlbEntries: dataTlbEntriesMax });
  processor.map(page, gpa);
  processor.memory.write(gpa, loop(mask));
  processor.state.rip = page;
  processor.state.setGpr(0, 0n);
  for (let position = 0; position < 60_000; position += 20_000)
    processor.core.run(20_000, position);
  assert.ok(processor.translatedSteps > 0);
  archive.leaveRecords();
  return archive.regions[0]?.to;
}

describe('ways that a region has', () => {
  for (const { title, mask, to } of rows) {
    it(`${title} is ${to === last ? 'among them' : 'left out'}`, () => {
      const archive = new Archive();
      assert.equal(translatedTo(mask, archive), to);
    });
  }

  it('that a way was gone often enough is known to later processes', () => {
    const archive = new Archive();
    // By the end also the rare way has been gone often.
    translatedTo('ff 03 00 00', archive);
    assert.ok(archive.records.length > 0);
    archive.regions.length = 0;
    assert.equal(translatedTo('ff 03 00 00', archive), last);
  });

  it('that it was not gone is not taken for the opposite', () => {
    const archive = new Archive();
    translatedTo('ff ff ff ff', archive);
    assert.ok(archive.records.length > 0);
    archive.regions.length = 0;
    assert.equal(translatedTo('ff ff ff ff', archive), jump);
  });
});
