/** Tells the person what went wrong. */
import * as vscode from 'vscode';
import { errorText } from '../presentation/error-text';

/** @param before what was tried, where the error does not say it */
export function showError(error: unknown, before = ''): void {
  void vscode.window.showErrorMessage(`${before}${errorText(error)}`);
}

/** Does something for the person, and says why where it fails. */
export async function reportingErrors(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    showError(error);
  }
}
