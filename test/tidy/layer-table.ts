// Table: which folder may import which, and the packages it may use; debug-adapter/ARCHITECTURE.md explains why.

export interface Layer {
  /** Folder, relative to the repository. The longest folder that holds a file is its layer. */
  readonly folder: string;
  /** Folders whose files may be imported, besides its own. */
  readonly mayImport: readonly string[];
  /** Packages that may be imported; a trailing `/` allows everything below. */
  readonly packages: readonly string[];
  /** True where `node:*` may be imported. */
  readonly node?: boolean;
  /** Packages that no file reached from here may import, however indirectly. */
  readonly neverReaches?: readonly string[];
}

const adapter = (name: string): string => `debug-adapter/${name}`;

function core(name: string, mayImport: readonly string[]): Layer {
  return { folder: adapter(name), mayImport: mayImport.map(adapter), packages: [] };
}

const contracts = ['support', 'spec', 'machine'];
const parts = ['cpu', 'hypervisor', 'parent-partition'];

export const layers: readonly Layer[] = [
  core('support', []),
  core('spec', ['support']),
  core('machine', ['support', 'spec']),
  core('backends', ['support']),
  core('cpu/wasm', ['support']),
  core('cpu', [...contracts, 'cpu/wasm']),
  core('hypervisor', contracts),
  core('parent-partition', [...contracts, 'backends']),
  core('system', [...contracts, 'backends', ...parts]),
  core('timeline', ['support', 'machine', 'system']),
  core('debugger', [...contracts, 'backends', 'cpu', 'system', 'timeline']),
  { folder: adapter('launch'), mayImport: [adapter('support')], packages: ['zod'] },
  { folder: adapter('protocol'), mayImport: [], packages: [] },
  {
    folder: adapter('dap'),
    mayImport: ['support', 'protocol', 'launch', 'debugger'].map(adapter),
    packages: ['@vscode/debugadapter', '@vscode/debugprotocol'],
  },
  {
    folder: adapter('command-line'),
    mayImport: ['support', 'launch', 'debugger', 'host'].map(adapter),
    packages: [],
    node: true,
  },
  {
    folder: adapter('host'),
    mayImport: ['support', 'backends', 'machine', 'cpu/wasm'].map(adapter),
    packages: ['iced-x86', 'fzstd'],
    node: true,
  },
  // The composition root of the adapter process.
  {
    folder: 'debug-adapter',
    mayImport: ['debug-adapter'],
    packages: ['@vscode/debugadapter'],
    node: true,
  },
  {
    folder: 'src',
    mayImport: [adapter('protocol'), adapter('launch')],
    packages: ['vscode', 'vscode-languageclient/', '@vscode/debugprotocol'],
    node: true,
  },
  {
    folder: 'src/language/server',
    mayImport: [adapter('spec')],
    packages: [
      'vscode-languageserver',
      'vscode-languageserver/',
      'vscode-languageserver-textdocument',
    ],
    node: true,
    neverReaches: ['vscode'],
  },
  {
    folder: 'src/webviews',
    mayImport: [adapter('protocol'), 'src/panels', 'src/presentation'],
    packages: ['lit', 'lit/'],
    neverReaches: ['vscode', 'node:'],
  },
  {
    folder: 'scripts',
    mayImport: ['scripts', 'debug-adapter', 'test'],
    packages: ['*'],
    node: true,
  },
  { folder: 'test', mayImport: ['debug-adapter', 'src', 'scripts'], packages: ['*'], node: true },
];

/** The layer a file belongs to. */
export function layerOf(path: string): Layer | undefined {
  return layers
    .filter((layer) => path.startsWith(`${layer.folder}/`))
    .sort((a, b) => b.folder.length - a.folder.length)[0];
}
