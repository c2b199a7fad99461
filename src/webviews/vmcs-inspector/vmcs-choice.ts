/** What the page keeps while it is hidden. */
import { initialChoice, type VmcsChoice } from './vmcs-model';

function texts(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : undefined;
}

/** Reads a kept choice; whatever does not fit, of an older version for example, becomes the initial value. */
export function readChoice(kept: unknown): VmcsChoice {
  if (typeof kept !== 'object' || kept === null) return initialChoice;
  const fields = new Map<string, unknown>(Object.entries(kept));
  const text = (name: 'filter' | 'comparedWith'): string => {
    const value = fields.get(name);
    return typeof value === 'string' ? value : initialChoice[name];
  };
  return {
    filter: text('filter'),
    comparedWith: text('comparedWith'),
    changedOnly: fields.get('changedOnly') === true,
    collapsed: texts(fields.get('collapsed')) ?? initialChoice.collapsed,
    expanded: texts(fields.get('expanded')) ?? initialChoice.expanded,
  };
}
