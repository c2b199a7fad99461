/** Gives expressions their values from a stopped processor, and from the VM exit it is at. */
import { vmcsWidthBits } from '../machine/processor-state';
import type { TraceEvent } from '../machine/trace';
import { msrByName } from '../spec/x86/msrs';
import { vmcsFields } from '../spec/x86/vmcs-fields';
import type { DebuggedThread } from './debugged-machine';
import { eventFields, valueNamed } from './event-fields';
import {
  evaluate,
  type Evaluation,
  type EvaluationContext,
  type FieldValue,
} from './expressions/evaluate';
import { parseExpression } from './expressions/parse-expression';
import { readLinearExactly } from './inspection/linear-memory';
import { registerByName } from './registers';
import type { SymbolIndex } from './symbols/symbol-index';

const vmcsFieldByName = new Map(vmcsFields.map((field) => [field.name, field]));

/** True for what {@link evaluationContext} takes for a register: registers, MSRs and VMCS fields. */
export function isRegisterName(name: string): boolean {
  const upper = name.toUpperCase();
  return (
    registerByName.has(name.toLowerCase()) || msrByName.has(upper) || vmcsFieldByName.has(upper)
  );
}

/** The values that a thread has now; fields come from `event`, by default from its pending exit. */
export function evaluationContext(
  thread: DebuggedThread,
  symbols: SymbolIndex,
  event: TraceEvent | undefined = thread.processor.pendingExit,
): EvaluationContext {
  const { state } = thread.processor.core;
  let fields: ReadonlyMap<string, FieldValue> | undefined;
  return {
    register: (name) => {
      const register = registerByName.get(name);
      if (register !== undefined) return { value: register.read(state), bits: register.bits };
      const msr = msrByName.get(name.toUpperCase());
      const msrValue = msr === undefined ? undefined : thread.readMsr(msr.number);
      if (msrValue !== undefined) return { value: msrValue, bits: 64 };
      const field = vmcsFieldByName.get(name.toUpperCase());
      if (field === undefined) return undefined;
      return { value: state.vmcs(field.encoding), bits: vmcsWidthBits(field.encoding) };
    },
    field: (name) => {
      if (event === undefined) return undefined;
      fields ??= eventFields(event);
      return fields.get(name);
    },
    valueNamed: (field, name) => event && valueNamed(event.kind, field, name),
    symbolAddress: (name) => symbols.addressOf(name),
    readMemory: (address, length) => readLinearExactly(thread, address, length),
  };
}

/** Parses and evaluates `text`; never throws. */
export function evaluateText(text: string, context: EvaluationContext): Evaluation {
  const parsed = parseExpression(text);
  if (parsed.kind === 'error') return { kind: 'error', message: parsed.message };
  return evaluate(parsed.expression, context);
}
