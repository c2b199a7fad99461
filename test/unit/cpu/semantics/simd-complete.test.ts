// Every instruction of MMX, SSE and SSE2 that iced-x86 knows, in every encoding, has a definition for both engines.
import assert from 'node:assert/strict';
import { Code, CpuidFeature, Decoder, DecoderOptions, Instruction } from 'iced-x86';
import { decodeInstruction } from '../../../../debug-adapter/cpu/decode/decoder';
import { flatCode, longCode } from '../../../../debug-adapter/cpu/decode/code-mode';
import { variantTable } from '../../../../debug-adapter/cpu/processor-core-factory';

const complete: ReadonlySet<string> = new Set(['MMX', 'SSE', 'SSE2']);
const slotBytes = 16;

/** Instructions that these features, and no others, give. */
function wantedCodes(): readonly Code[] {
  const instruction = new Instruction();
  const wanted = Object.values(Code).filter((code): code is Code => {
    if (typeof code !== 'number') return false;
    instruction.code = code;
    const features = [...instruction.cpuidFeatures()].map((number) => CpuidFeature[number] ?? '?');
    return features.some((feature) => complete.has(feature)) && features.every(isOfThem);
  });
  instruction.free();
  return wanted;
}

/** Some need 64-bit mode beside. */
function isOfThem(feature: string): boolean {
  return complete.has(feature) || feature === 'X64';
}

/** Every opcode of the 0F map with each form and value of ModR/M's `reg`, behind each prefix that chooses another. */
function* everyEncoding(): Generator<Uint8Array> {
  const code = new Uint8Array(slotBytes).fill(0x11);
  for (const prefix of [[], [0x66], [0xf2], [0xf3]]) {
    for (const rex of [[], [0x48]]) {
      for (let opcode = 0; opcode < 256; opcode++) {
        // Fences have all values of `rm`.
        for (let form = 0; form < (opcode === 0xae ? 72 : 16); form++) {
          const modrm = form < 8 ? (form << 3) | 3 : 0xc0 | registerForm(form - 8, opcode);
          code.set([...prefix, ...rex, 0x0f, opcode, modrm]);
          yield code;
        }
      }
    }
  }
}

function registerForm(number: number, opcode: number): number {
  return opcode === 0xae ? number : number << 3;
}

describe('MMX, SSE and SSE2 are complete', () => {
  const wanted = new Set(wantedCodes());
  const met = new Set<Code>();
  const variants = variantTable();
  const missing = new Map<string, string>();
  const instruction = new Instruction();
  for (const mode of [longCode, flatCode]) {
    for (const code of everyEncoding()) {
      const decoder = new Decoder(mode.codeSize, code, DecoderOptions.None);
      decoder.decodeOut(instruction);
      decoder.free();
      if (!wanted.has(instruction.code)) continue;
      const ours = decodeInstruction(code, mode);
      const isDefined =
        ours.kind === 'instruction' &&
        ours.instruction.length === instruction.length &&
        variants.meaningOf(ours.instruction, ours.instruction.addressing) !== undefined;
      if (isDefined) met.add(instruction.code);
      else missing.set(Code[instruction.code] ?? '?', Buffer.from(code).toString('hex'));
    }
  }
  instruction.free();

  it(`${wanted.size} instructions, all defined`, () => {
    assert.ok(wanted.size > 300, `${wanted.size}`);
    assert.deepEqual([...missing], []);
  });

  it('none was not met', () => {
    assert.deepEqual(
      [...wanted].filter((code) => !met.has(code)).map((code) => Code[code]),
      [],
    );
  });
});
