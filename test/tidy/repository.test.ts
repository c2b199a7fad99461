// What is tracked belongs to everyone: no traces of one machine, no generated file out of step.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectNone } from './expect-none';
import { root } from './source-files';

/** Files that git tracks and that still exist. */
function trackedFiles(): readonly string[] {
  const list = (args: readonly string[]): readonly string[] =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean);
  const deleted = new Set(list(['ls-files', '-z', '--deleted']));
  return list(['ls-files', '-z']).filter((path) => !deleted.has(path));
}

/** Assembled at run time, so that this file does not match itself. */
const machinePaths = new RegExp(
  [
    '/wor' + 'k/',
    '/home/\\w+/',
    '/Use' + 'rs/\\w+/',
    '/ro' + 'ot/',
    '[A-Z]:\\\\Use' + 'rs\\\\',
  ].join('|'),
);
const registryHosts = new RegExp(
  [
    'registry[.]npm' + 'js',
    'registry[.]yarn' + 'pkg',
    'npm[.]pkg[.]git' + 'hub',
    'arti' + 'factory',
  ].join('|'),
);

describe('repository', () => {
  const tracked = trackedFiles();
  const textOf = (path: string): string => readFileSync(join(root, path), 'latin1');

  it('holds no path of a single machine', () => {
    const found = tracked.filter((path) => machinePaths.test(textOf(path)));
    expectNone(found, 'use relative paths; assemble guests with --debug-prefix-map');
  });

  it('holds no address of a package registry', () => {
    const found = tracked.filter((path) => registryHosts.test(textOf(path)));
    expectNone(found, 'packages come from whatever registry npm is configured for');
  });

  it('locks versions and checksums, not addresses', () => {
    const lock: {
      packages: Record<string, { resolved?: string; link?: boolean; integrity?: string }>;
    } = JSON.parse(textOf('package-lock.json'));
    const rows = Object.entries(lock.packages).filter(([name]) => name !== '');
    const addressed = rows.filter(([, entry]) => entry.resolved !== undefined);
    assert.deepEqual(
      addressed.map(([name]) => name),
      [],
      'run "npm install" with the omit-lockfile-registry-resolved of .npmrc',
    );
    const unchecked = rows.filter(([, entry]) => entry.integrity === undefined);
    assert.deepEqual(
      unchecked.map(([name]) => name),
      [],
    );
  });

  it('has only the planned folders and files at its root', () => {
    const top = [...new Set(tracked.map((path) => path.split('/')[0] ?? ''))].sort();
    const planned = [
      ...['.ci', '.editorconfig', '.gitattributes', '.gitignore', '.npmrc', '.prettierignore'],
      ...['.prettierrc', '.vscode', '.vscodeignore', 'CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE'],
      ...[
        'README.md',
        'debug-adapter',
        'eslint.config.mjs',
        'guests',
        'media',
        'package-lock.json',
      ],
      ...[
        'package.json',
        'scripts',
        'src',
        'syntaxes',
        'test',
        'tsconfig.base.json',
        'tsconfig.json',
      ],
      ...['language-configuration.json', 'package.nls.json', 'l10n'],
    ];
    assert.deepEqual(
      top.filter((name) => !planned.includes(name)),
      [],
    );
  });

  it('keeps shell scripts and the stand-in executable', () => {
    const modes = execFileSync(
      'git',
      ['ls-files', '-s', '.ci/run', 'scripts/vscode-host/stand-in-code.mjs'],
      {
        cwd: root,
        encoding: 'utf8',
      },
    );
    assert.deepEqual(
      modes
        .trim()
        .split('\n')
        .map((line) => line.slice(0, 6)),
      ['100755', '100755'],
    );
  });
});
