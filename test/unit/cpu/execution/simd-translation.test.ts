// MMX and SSE instructions leave the same state in translated code as in the interpreter.
import assert from 'node:assert/strict';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { BareProcessor } from '../../../support/bare-processor';
import { machineCode } from '../../../support/machine-code';
import { readNativeCases, type NativeCase } from '../../../support/native-cases';
import { loadVectorState } from '../../../support/native-vector-state';

const codePage = 0x1000_0000n;
const dataPage = 0x2000_0000n;
const dataGpa = 0x10_0000;
const codeGpa = 0x10_1000;
const codeOffset = 0x800;
const steps = 40;
const rounds = 3;
/** One case of so many is taken. */
const stride = 23;

const cases = readNativeCases('test/native-cpu/simd.jsonl.gz').filter(
  ({ bits }, index) => bits === 64 && index % stride === 0,
);

function prepare(hotCount: number): BareProcessor {
  const processor = new BareProcessor({ hotCount });
  processor.map(codePage, codeGpa);
  processor.map(dataPage, dataGpa, { noExecute: true });
  processor.setField('EXCEPTION_BITMAP', 0xffffffffn);
  processor.setPrivilege(3);
  return processor;
}

/**
 * Runs the instruction of a case in an endless loop, and gives what it left. Each case has a page of its own: one that
 * is rewritten again and again is not translated for a while.
 */
function loop(processor: BareProcessor, { code, i }: NativeCase, page: number): unknown {
  const { state, memory, core } = processor;
  const instruction = machineCode(code);
  const jump = Uint8Array.of(0xeb, -(instruction.length + 2) & 0xff);
  const gpa = codeGpa + page * 4096;
  processor.map(codePage, gpa);
  memory.write(gpa + codeOffset, Uint8Array.of(...instruction, ...jump));
  memory.write(dataGpa, new Uint8Array(4096));
  for (const [address, hex] of i.mem) {
    const at = Number(BigInt(`0x${address}`) - dataPage);
    const bytes = machineCode(hex);
    if (at >= 0 && at + bytes.length <= 4096) memory.write(dataGpa + at, bytes);
  }
  i.g.forEach((value, index) => state.setGpr(index, BigInt(`0x${value}`)));
  state.rflags = Number.parseInt(i.rflags, 16);
  loadVectorState(state, i);
  state.rip = codePage + BigInt(codeOffset);
  state.writeU32(stateOffsets.exitPending, 0);
  const stops: string[] = [];
  while (stops.length < rounds && !stops.includes('vm-exit')) {
    stops.push(core.run(steps, 0).stop.kind);
  }
  const registers = state.architecturalBytes.slice(stateOffsets.fxsave, stateOffsets.ymmHigh);
  const general = Array.from({ length: 16 }, (_, index) => state.gpr(index));
  return {
    stops,
    rip: state.rip,
    flags: state.rflags,
    general,
    registers,
    data: memory.read(dataGpa, 4096),
  };
}

describe('MMX, SSE and SSE2 in translated code', () => {
  it(`${cases.length} recorded cases in a loop end as in the interpreter`, () => {
    const interpreted = prepare(0);
    const translated = prepare(1);
    cases.forEach((test, page) => {
      const expected = loop(interpreted, test, page);
      const found = loop(translated, test, page);
      assert.deepEqual(found, expected, `#${test.id} ${test.text} [${test.code}]`);
    });
    const count = translated.translatedSteps;
    assert.ok(count > (cases.length * steps * rounds) / 2, `${count} translated steps`);
  }).timeout(60_000);
});
