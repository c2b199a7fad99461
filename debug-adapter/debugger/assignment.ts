/** Assignments: which host inputs give a register or a piece of memory a new value. */
import type { HostInput } from '../machine/host-input';
import { msrByName } from '../spec/x86/msrs';
import { vmcsFields } from '../spec/x86/vmcs-fields';
import type { DebuggedThread } from './debugged-machine';
import { evaluate, type EvaluationContext } from './expressions/evaluate';
import { parseExpression } from './expressions/parse-expression';
import type { Expression } from './expressions/syntax-tree';
import { linearWriteInputs } from './inspection/linear-memory';
import { registerByName } from './registers';
import { hex } from './value-format';

/** Inputs to accept, or why there are none. */
export type Assignment =
  | { readonly kind: 'inputs'; readonly inputs: readonly HostInput[] }
  | { readonly kind: 'error'; readonly message: string };

function failure(message: string): Assignment {
  return { kind: 'error', message };
}

function assignName(name: string, value: bigint, thread: DebuggedThread): Assignment {
  const at = { partition: thread.partition.id, processor: thread.processor.index };
  const register = registerByName.get(name.toLowerCase());
  if (register !== undefined) {
    if (register.edit === undefined) return failure(`${register.title} cannot be set`);
    const input = register.edit(thread.processor.core.state, value, at);
    return { kind: 'inputs', inputs: [input] };
  }
  const msr = msrByName.get(name.toUpperCase());
  if (msr !== undefined) {
    return { kind: 'inputs', inputs: [{ kind: 'edit-msr', ...at, msr: msr.number, value }] };
  }
  const field = vmcsFields.find((candidate) => candidate.name === name.toUpperCase());
  if (field === undefined) return failure(`"${name}" is no register, MSR or VMCS field`);
  if (field.group === 'exitInformation')
    return failure(`${field.name} is read-only: the processor writes it`);
  return {
    kind: 'inputs',
    inputs: [{ kind: 'edit-vmcs', ...at, encoding: field.encoding, value }],
  };
}

function littleEndian(value: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) =>
    Number((value >> BigInt(index * 8)) & 0xffn),
  );
}

function assignMemory(
  expression: Extract<Expression, { kind: 'memory' }>,
  value: bigint,
  thread: DebuggedThread,
  context: EvaluationContext,
): Assignment {
  const address = evaluate(expression.address, context);
  if (address.kind === 'error') return failure(address.message);
  const data = littleEndian(value, expression.size);
  const { inputs, writtenBytes } = linearWriteInputs(thread, address.value, data);
  if (writtenBytes < data.length) {
    return failure(`cannot write ${data.length} bytes at ${hex(address.value)}: not mapped`);
  }
  return { kind: 'inputs', inputs };
}

/** Plans `target = value`; never throws. */
export function planAssignment(
  target: string,
  value: bigint,
  thread: DebuggedThread,
  context: EvaluationContext,
): Assignment {
  const parsed = parseExpression(target);
  if (parsed.kind === 'error') return failure(parsed.message);
  const { expression } = parsed;
  if (expression.kind === 'name') return assignName(expression.name, value, thread);
  if (expression.kind === 'memory') return assignMemory(expression, value, thread, context);
  return failure(`"${target}" cannot be set; name a register, a VMCS field or memory in brackets`);
}
