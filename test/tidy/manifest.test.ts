// package.json says what the code says: launch arguments, entry points, icons, sample configurations.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { launchArgumentsJsonSchema } from '../../debug-adapter/launch/launch-arguments';
import { debugType } from '../../debug-adapter/protocol/custom-requests';
import { expectNone } from './expect-none';
import { root } from './source-files';

interface MenuItem {
  readonly command?: string;
  readonly when?: string;
  readonly group?: string;
}

interface Manifest {
  readonly main: string;
  readonly engines: { readonly vscode: string };
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly contributes: {
    readonly debuggers: readonly {
      readonly type: string;
      readonly configurationAttributes: { readonly launch: unknown };
    }[];
    readonly commands: readonly { readonly command: string; readonly category?: string }[];
    readonly menus: Readonly<Record<string, readonly MenuItem[]>>;
  };
}

const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { contributes } = manifest;

/** Every string in a JSON value that names a file of the package. */
function namedFiles(value: unknown): readonly string[] {
  if (typeof value === 'string')
    return /^\.?\/?(media|syntaxes|guests)\/\S+\.\w+$/.test(value) ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(namedFiles);
}

describe('manifest', () => {
  it('describes the launch arguments as the code validates them', () => {
    const [contribution] = contributes.debuggers;
    assert.equal(contribution?.type, debugType);
    // Through JSON, as the file holds it: absent and undefined are the same there.
    const wanted: unknown = JSON.parse(JSON.stringify(launchArgumentsJsonSchema()));
    assert.deepEqual(
      contribution.configurationAttributes.launch,
      wanted,
      'run "npx tsx scripts/generate-manifest.ts"',
    );
  });

  it('names only files that exist', () => {
    expectNone(namedFiles(contributes).filter((file) => !existsSync(join(root, file))));
  });

  it('puts only known commands into menus', () => {
    const known = new Set(contributes.commands.map(({ command }) => command));
    const unknown = Object.entries(contributes.menus).flatMap(([menu, items]) =>
      items.flatMap(({ command }) =>
        command === undefined || known.has(command) ? [] : [`${menu}: ${command}`],
      ),
    );
    expectNone(unknown);
  });

  it('has every button of a row in its menu, too, which the keyboard reaches', () => {
    const items = contributes.menus['view/item/context'] ?? [];
    const placeOf = ({ command, when }: MenuItem): string => `${command} when ${when}`;
    const isInline = ({ group = '' }: MenuItem): boolean => group.startsWith('inline');
    const inMenu = new Set(items.filter((item) => !isInline(item)).map(placeOf));
    expectNone(
      items
        .filter(isInline)
        .map(placeOf)
        .filter((place) => !inMenu.has(place)),
    );
  });

  it('groups its commands under one name in the palette', () => {
    const others = contributes.commands.filter(({ category }) => category !== 'Hyperscope');
    expectNone(
      others.map(({ command }) => command),
      'give these the category Hyperscope',
    );
  });

  it('supports the VS Code that the tests run', () => {
    assert.equal(manifest.engines.vscode, '^1.100.0');
  });

  it('bundles what it needs instead of depending on it', () => {
    assert.ok(!('dependencies' in manifest), 'move them to devDependencies: esbuild bundles them');
  });
});
