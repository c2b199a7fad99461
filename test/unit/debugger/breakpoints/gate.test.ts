// Conditions, hit counts and log messages.
import assert from 'node:assert/strict';
import { BreakpointGate } from '../../../../debug-adapter/debugger/breakpoints/breakpoint-gate';
import { parseHitCondition } from '../../../../debug-adapter/debugger/breakpoints/hit-condition';
import { LogMessage } from '../../../../debug-adapter/debugger/breakpoints/log-message';
import type { EvaluationContext } from '../../../../debug-adapter/debugger/expressions/evaluate';

const context: EvaluationContext = {
  register: (name) => (name === 'rax' ? { value: 42n, bits: 64 } : undefined),
  field: () => undefined,
  valueNamed: () => undefined,
  symbolAddress: () => undefined,
  readMemory: () => undefined,
};

describe('hit counts', () => {
  const rows: readonly (readonly [text: string, hits: readonly number[]])[] = [
    ['3', [3]],
    ['= 3', [3]],
    ['==3', [3]],
    ['>=3', [3, 4, 5, 6]],
    ['> 3', [4, 5, 6]],
    ['<3', [1, 2]],
    ['<=3', [1, 2, 3]],
    ['%2', [2, 4, 6]],
  ];
  for (const [text, hits] of rows) {
    it(`${text} stops at ${hits.join(', ')}`, () => {
      const condition = parseHitCondition(text);
      assert.ok(typeof condition !== 'string');
      assert.deepEqual([1, 2, 3, 4, 5, 6].filter(condition), hits);
    });
  }
  for (const text of ['', 'x', '%0', '>=', '1.5', '-1', '>>1']) {
    it(`${JSON.stringify(text)} is refused`, () => {
      assert.match(String(parseHitCondition(text)), /no hit count/);
    });
  }
});

describe('log messages', () => {
  const rendered: readonly (readonly [text: string, result: string])[] = [
    ['plain', 'plain'],
    ['rax={rax}', 'rax=0x2a'],
    ['{{rax}}', '{rax}'],
    ['{nosuch}', '<"nosuch" is no register, symbol or field>'],
  ];
  for (const [text, result] of rendered) {
    it(`${text} becomes ${result}`, () => {
      const message = LogMessage.parse(text);
      assert.ok(message instanceof LogMessage);
      assert.equal(message.render(context), result);
    });
  }
  for (const text of ['{', 'a}', '{rax +}', '{}']) {
    it(`${text} is refused`, () => assert.equal(typeof LogMessage.parse(text), 'string'));
  }
});

describe('breakpoint gate', () => {
  const decide = (options: object, times: number): readonly string[] => {
    const gate = BreakpointGate.parse(options);
    assert.ok(gate instanceof BreakpointGate);
    return Array.from({ length: times }, () => gate.decide(context).kind);
  };

  it('stops, passes and logs', () => {
    assert.deepEqual(decide({}, 2), ['stop', 'stop']);
    assert.deepEqual(decide({ condition: 'rax == 42' }, 1), ['stop']);
    assert.deepEqual(decide({ condition: 'rax == 41' }, 1), ['pass']);
    assert.deepEqual(decide({ hitCondition: '2' }, 3), ['pass', 'stop', 'pass']);
    assert.deepEqual(decide({ logMessage: 'x' }, 1), ['log']);
    assert.deepEqual(decide({ condition: ' ', hitCondition: '', logMessage: '' }, 1), ['stop']);
  });

  it('counts only hits that meet the condition', () => {
    const gate = BreakpointGate.parse({ condition: 'rax == 42', hitCondition: '1' });
    assert.ok(gate instanceof BreakpointGate);
    const other: EvaluationContext = { ...context, register: () => ({ value: 0n, bits: 64 }) };
    assert.equal(gate.decide(other).kind, 'pass');
    assert.equal(gate.decide(context).kind, 'stop');
    gate.reset();
    assert.equal(gate.decide(context).kind, 'stop');
  });

  it('stops where the condition has no value', () => {
    const gate = BreakpointGate.parse({ condition: 'nosuch', hitCondition: '9' });
    assert.ok(gate instanceof BreakpointGate);
    const decision = gate.decide(context);
    assert.match(decision.kind === 'stop' ? (decision.note ?? '') : '', /nosuch/);
  });
});
