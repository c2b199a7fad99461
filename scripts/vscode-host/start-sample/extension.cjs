// Does for `npm start` what a person would do first: opens the sample's source and presses F5.
const vscode = require('vscode');

const configurationName = 'hello-partition';
const sourceFile = 'hello-partition/hello-partition.s';

/** Opens the sample in the first workspace folder and starts its launch configuration. */
exports.activate = async () => {
  const folder = vscode.workspace.workspaceFolders?.[0];
  if (folder === undefined || vscode.debug.activeDebugSession !== undefined) return;
  const document = await vscode.workspace.openTextDocument(
    vscode.Uri.joinPath(folder.uri, sourceFile),
  );
  await vscode.window.showTextDocument(document, { preview: false });
  await vscode.debug.startDebugging(folder, configurationName);
};
