// Filters, kept state, kinds of reasons and the text of exits.
import assert from 'node:assert/strict';
import { exitNames } from '../../../../../debug-adapter/protocol/breakpoint-names';
import {
  restricts,
  withoutProcessor,
  withProcessor,
  withReasonToggled,
  withText,
} from '../../../../../src/webviews/exit-log/exit-filter';
import { detailText, rowSpeech, rowText } from '../../../../../src/webviews/exit-log/exit-text';
import { readPageState } from '../../../../../src/webviews/exit-log/page-state';
import { reasonCategory } from '../../../../../src/webviews/exit-log/reason-category';
import { SampleLog, sampleRow } from '../../../../webview/sample-exits';

describe('exit filter', () => {
  it('has no field for what does not restrict', () => {
    assert.deepEqual(withText({ text: 'a' }, '  '), {});
    assert.deepEqual(withReasonToggled({ reasons: [12] }, 12), {});
    assert.deepEqual(withoutProcessor(withProcessor({ text: 'a' }, 2, 0)), { text: 'a' });
    assert.equal(restricts({}), false);
    assert.equal(restricts({ partition: 0 }), true);
  });

  it('keeps reasons in order', () => {
    assert.deepEqual(withReasonToggled({ reasons: [30] }, 10), { reasons: [10, 30] });
  });
});

describe('readPageState', () => {
  const usual = readPageState(undefined);
  for (const [kept, expected] of [
    [null, usual],
    ['text', usual],
    [{ detailOpen: 'yes', detailPixels: -5, filter: 7 }, usual],
    [
      { detailOpen: true, detailPixels: 300 },
      { ...usual, detailOpen: true, detailPixels: 300 },
    ],
    [
      { filter: { text: 'a', reasons: [1, 'x'] } },
      { ...usual, filter: { text: 'a', reasons: [1] } },
    ],
    [{ filter: { partition: 2, processor: 0 } }, usual],
  ] as const) {
    it(JSON.stringify(kept), () => assert.deepEqual(readPageState(kept), expected));
  }
});

describe('reasonCategory', () => {
  const expected: Readonly<Record<string, string>> = {
    CPUID: 'instruction',
    VMCALL: 'hypercall',
    IO_INSTRUCTION: 'port',
    MSR_READ: 'msr',
    MSR_WRITE: 'msr',
    EPT_VIOLATION: 'memory',
    EPT_MISCONFIG: 'memory',
    EXCEPTION_NMI: 'fault',
    TRIPLE_FAULT: 'fault',
    EXTERNAL_INTERRUPT: 'interrupt',
    INTERRUPT_WINDOW: 'interrupt',
    HLT: 'idle',
    MSR_LOAD_FAIL: 'fault',
    CR_ACCESS: 'instruction',
  };
  for (const [name, category] of Object.entries(expected)) {
    it(`${name} is ${category}`, () => {
      const reason = exitNames.find((each) => each.name === name);
      assert.ok(reason, `${name} is no exit reason`);
      assert.equal(reasonCategory(reason.number), category);
    });
  }

  it('has a kind for reasons that no specification names', () => {
    assert.equal(reasonCategory(9999), 'instruction');
  });
});

describe('exit text', () => {
  it('is a line with tabs for a row', () => {
    assert.equal(
      rowText(sampleRow(0)),
      '1\t0.000 000 041 s\tpartition 2 VP 0\tCPUID\tleaf 0x40000000\t0x100000 <detect_hypervisor+0x4>',
    );
  });

  it('speaks reason, detail and place', () => {
    assert.equal(
      rowSpeech(sampleRow(0)),
      'Exit 1, CPUID, leaf 0x40000000, at detect_hypervisor+0x4',
    );
  });

  it('lists every value of the details', () => {
    const log = new SampleLog(1);
    const text = detailText(log.detail(sampleRow(0).id));
    assert.match(text, /^ {2}RAX +0x[0-9a-f]{16}$/m);
    assert.match(text, /^ {2}RFLAGS +0x0000000000000046 {2}ZF PF$/m);
  });
});
