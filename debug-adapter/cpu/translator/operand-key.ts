/** Tells operands of memory apart that lie in different pages as a rule. */
import type { Expression, Statement } from '../ir/ir';
import type { RegionInstruction } from './region';
import { visitTree } from './variant-facts';

/** Equal for accesses that add constants to the same registers, for the same purpose. */
export function operandKey(
  { address, access }: Extract<Statement, { kind: 'translate' }>,
  { kind, offset, base, index, segmentBase }: RegionInstruction,
): string {
  const parts: (string | number)[] = [access.intent === 'read' ? 'read' : 'write'];
  const visit = (part: Expression): void => {
    if (part.kind === 'fixedRegister') parts.push('register', part.index);
    else if (part.kind === 'effectiveAddress') {
      parts.push(base, index, segmentBase);
    } else if (part.kind === 'local') {
      const values = kind.variant.statements.filter(
        (statement) => statement.kind === 'set' && statement.local.id === part.local.id,
      );
      const [value] = values;
      if (value?.kind === 'set' && values.length === 1) visitTree(value.value, visit);
      else parts.push('local', offset, part.local.id);
    }
  };
  visitTree(address, visit);
  return parts.join(' ');
}
