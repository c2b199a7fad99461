/** Which instruction variants have retired: a stream is run step by step, and each step's instruction is looked up. */
import type { CodeMode } from '../../debug-adapter/cpu/decode/code-mode';
import { decodeInstruction, instructionBytesMax } from '../../debug-adapter/cpu/decode/decoder';
import { variantTable } from '../../debug-adapter/cpu/processor-core-factory';
import type { VirtualProcessorCore } from '../../debug-adapter/cpu/processor-core';
import { stateOffsets } from '../../debug-adapter/machine/processor-state';
import type { BareProcessor } from '../support/bare-processor';

const pageBytes = 4096;

/** Counts the variants that retired on a processor, by name. */
export class FormCoverage {
  readonly retired = new Map<string, number>();

  /** Names of all variants, of which {@link retired} has some. */
  get all(): readonly string[] {
    return variantTable()
      .groups.flat()
      .map(({ name }) => name);
  }

  /** Name of the variant at RIP, or undefined where there is none. */
  variantAt(processor: BareProcessor): string | undefined {
    // Test processors are made by the factory, whose cores are of this class.
    const { mode } = (processor.core as VirtualProcessorCore).context;
    const result = decodeInstruction(this.bytesAt(processor, mode), mode);
    if (result.kind !== 'instruction') return undefined;
    const { instruction } = result;
    return variantTable().meaningOf(instruction, instruction.addressing)?.name;
  }

  /** Instructions retired so far: what tells that a step ended an instruction. */
  retiredCount(processor: BareProcessor): bigint {
    return processor.state.readU64(stateOffsets.retired);
  }

  count(name: string): void {
    this.retired.set(name, (this.retired.get(name) ?? 0) + 1);
  }

  private bytesAt(processor: BareProcessor, mode: CodeMode): Uint8Array {
    const base = mode.codeSize === 64 ? 0n : processor.field('GUEST_CS_BASE');
    const linear = BigInt.asUintN(mode.codeSize === 64 ? 64 : 32, base + processor.state.rip);
    const first = Math.min(instructionBytesMax, pageBytes - Number(linear & 0xfffn));
    const bytes = this.read(processor, linear, first);
    if (bytes.length < first || first === instructionBytesMax) return bytes;
    const rest = this.read(processor, linear + BigInt(first), instructionBytesMax - first);
    return Uint8Array.of(...bytes, ...rest);
  }

  private read(processor: BareProcessor, linear: bigint, length: number): Uint8Array {
    const translation = processor.core.translate(linear, 'execute');
    if (translation.kind !== 'mapped') return new Uint8Array();
    return processor.memory.read(translation.gpa, length) ?? new Uint8Array();
  }
}
