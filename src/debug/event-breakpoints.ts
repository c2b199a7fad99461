/** Breakpoints on events, as the function breakpoints that VS Code keeps and shows. */
import * as vscode from 'vscode';

function existing(): readonly vscode.FunctionBreakpoint[] {
  return vscode.debug.breakpoints.filter(
    (breakpoint) => breakpoint instanceof vscode.FunctionBreakpoint,
  );
}

/** The function breakpoints that are set and enabled: text → condition, which may be empty. */
export function setEventBreakpoints(): ReadonlyMap<string, string> {
  return new Map(
    existing()
      .filter(({ enabled }) => enabled)
      .map(({ functionName, condition = '' }) => [functionName, condition]),
  );
}

/** Sets a breakpoint with a condition, in the place of what was set on the same event; an empty one always holds. */
export function setEventCondition(text: string, condition: string): void {
  const replaced = existing().filter(({ functionName }) => functionName === text);
  const [before] = replaced;
  vscode.debug.removeBreakpoints(replaced);
  const wanted = condition === '' ? undefined : condition;
  vscode.debug.addBreakpoints([
    new vscode.FunctionBreakpoint(text, true, wanted, before?.hitCondition, before?.logMessage),
  ]);
}

/** Sets the breakpoints `on` and takes away those in `off`; one with a condition is taken away with it. */
export function changeEventBreakpoints(on: Iterable<string>, off: ReadonlySet<string>): void {
  const wanted = new Set(on);
  const replaced = existing().filter(
    ({ functionName, enabled }) => off.has(functionName) || (!enabled && wanted.has(functionName)),
  );
  const present = setEventBreakpoints();
  const added = [...wanted].filter((text) => !present.has(text));
  vscode.debug.removeBreakpoints(replaced);
  vscode.debug.addBreakpoints(added.map((text) => new vscode.FunctionBreakpoint(text)));
}
