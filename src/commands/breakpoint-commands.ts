/** Commands that add and remove breakpoints of the hypervisor: hypercalls and VM exits by name. */
import * as vscode from 'vscode';
import {
  exitNames,
  hypercallNames,
  type NamedNumber,
} from '../../debug-adapter/protocol/breakpoint-names';

interface BreakpointChoice {
  readonly title: string;
  readonly placeHolder: string;
  /** Text before the name in a function breakpoint. */
  readonly prefix: 'hypercall' | 'exit';
  readonly everything: string;
  readonly names: readonly NamedNumber[];
  readonly numberDigits: number;
}

interface NameItem extends vscode.QuickPickItem {
  /** The function breakpoint's text; absent for separators. */
  readonly text?: string;
}

const hypercallChoice: BreakpointChoice = {
  title: 'Break on Hypercall',
  placeHolder: 'Stop before the hypervisor handles these hypercalls',
  prefix: 'hypercall',
  everything: 'Every hypercall',
  names: hypercallNames,
  numberDigits: 4,
};

const exitChoice: BreakpointChoice = {
  title: 'Break on VM Exit',
  placeHolder: 'Stop before the hypervisor handles exits with these reasons',
  prefix: 'exit',
  everything: 'Every VM exit',
  names: exitNames,
  numberDigits: 0,
};

export function breakOnHypercall(): Promise<void> {
  return chooseBreakpoints(hypercallChoice);
}

export function breakOnExit(): Promise<void> {
  return chooseBreakpoints(exitChoice);
}

/** Shows the names with those checked that have a breakpoint, and makes the breakpoints match the answer. */
async function chooseBreakpoints(choice: BreakpointChoice): Promise<void> {
  const existing = existingBreakpoints(choice.prefix);
  const items = itemsFor(choice, existing);
  const picked = await vscode.window.showQuickPick(items, {
    title: choice.title,
    placeHolder: choice.placeHolder,
    canPickMany: true,
    matchOnDescription: true,
    matchOnDetail: true,
  });
  if (picked === undefined) return;
  const wanted = new Set(picked.flatMap((item) => item.text ?? []));
  const offered = new Set(items.flatMap((item) => item.text ?? []));
  const gone = existing.filter(
    ({ functionName }) => offered.has(functionName) && !wanted.has(functionName),
  );
  const known = new Set(existing.map((breakpoint) => breakpoint.functionName));
  const added = [...wanted].filter((text) => !known.has(text));
  vscode.debug.removeBreakpoints(gone);
  vscode.debug.addBreakpoints(added.map((text) => new vscode.FunctionBreakpoint(text)));
  if (added.length > 0)
    void vscode.commands.executeCommand('workbench.debug.viewlet.action.viewBreakpoints');
}

function existingBreakpoints(prefix: string): readonly vscode.FunctionBreakpoint[] {
  return vscode.debug.breakpoints.filter(
    (breakpoint): breakpoint is vscode.FunctionBreakpoint =>
      breakpoint instanceof vscode.FunctionBreakpoint &&
      breakpoint.functionName.startsWith(`${prefix}:`),
  );
}

function itemsFor(
  choice: BreakpointChoice,
  existing: readonly vscode.FunctionBreakpoint[],
): NameItem[] {
  const set = new Set(existing.map((breakpoint) => breakpoint.functionName));
  const all = `${choice.prefix}:*`;
  return [
    { label: choice.everything, text: all, picked: set.has(all) },
    { label: 'By name', kind: vscode.QuickPickItemKind.Separator },
    ...choice.names.map(({ name, number, title }) => {
      const text = `${choice.prefix}:${name}`;
      const description = numberText(number, choice.numberDigits);
      return {
        label: name,
        description: title === '' ? description : `${description}  ${title}`,
        text,
        picked: set.has(text),
      };
    }),
  ];
}

/** Hypercall codes as the TLFS prints them (`0x005c`), exit reasons as the SDM does (`48`). */
function numberText(number: number, hexDigits: number): string {
  return hexDigits === 0 ? String(number) : `0x${number.toString(16).padStart(hexDigits, '0')}`;
}
