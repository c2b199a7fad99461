// Does for `npm start` what a person would do first: opens the sample's source and presses F5.
const vscode = require('vscode');

const configurationName = 'hello-partition';
const sourceFile = 'hello-partition/hello-partition.s';

/**
 * The sample's launch configuration. VS Code reads launch.json in its own time after a start.
 * @param {import('vscode').WorkspaceFolder} folder
 * @returns {Promise<import('vscode').DebugConfiguration | undefined>}
 */
async function findConfiguration(folder) {
  for (let attempt = 0; attempt < 100; attempt++) {
    const launch = vscode.workspace.getConfiguration('launch', folder.uri);
    /** @type {import('vscode').DebugConfiguration[]} */
    const configurations = launch.get('configurations', []);
    const found = configurations.find(({ name }) => name === configurationName);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return undefined;
}

/** Opens the sample in the first workspace folder and starts its launch configuration. */
exports.activate = async () => {
  const folder = vscode.workspace.workspaceFolders?.[0];
  if (folder === undefined || vscode.debug.activeDebugSession !== undefined) return;
  const file = vscode.Uri.joinPath(folder.uri, sourceFile);
  const document = await vscode.workspace.openTextDocument(file);
  await vscode.window.showTextDocument(document, { preview: false });
  const configuration = await findConfiguration(folder);
  if (configuration !== undefined) await vscode.debug.startDebugging(folder, configuration);
};
