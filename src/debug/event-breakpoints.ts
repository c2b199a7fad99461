/** Breakpoints on events, as the function breakpoints that VS Code keeps and shows. */
import * as vscode from 'vscode';

function existing(): readonly vscode.FunctionBreakpoint[] {
  return vscode.debug.breakpoints.filter(
    (breakpoint) => breakpoint instanceof vscode.FunctionBreakpoint,
  );
}

/** Texts of the function breakpoints that are set and enabled. */
export function setEventBreakpoints(): ReadonlySet<string> {
  return new Set(
    existing()
      .filter(({ enabled }) => enabled)
      .map(({ functionName }) => functionName),
  );
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
