// An esbuild plugin: a package that is a bundle of its own is loaded when something of it is first used.
import { createRequire } from 'node:module';

const namespace = 'load-when-used';

/**
 * @param {string} name of a package that exports a fixed set of names, as CommonJS; its own bundle is `<name>.cjs`
 * @returns {import('esbuild').Plugin}
 */
export function loadWhenUsed(name) {
  /** @type {Readonly<Record<string, unknown>>} */
  const exported = createRequire(import.meta.url)(name);
  const bundle = `./${name}.cjs`;
  const quoted = JSON.stringify(bundle);
  const getters = Object.keys(exported).map((key) => {
    const getter = `{ enumerable: true, get: () => require(${quoted}).${key} }`;
    return `Object.defineProperty(exports, ${JSON.stringify(key)}, ${getter});`;
  });
  return {
    name: `${namespace}-${name}`,
    setup(build) {
      const filter = new RegExp(`^${name}$`);
      build.onResolve({ filter }, () => ({ path: name, namespace }));
      build.onResolve({ filter: /./, namespace }, () => ({ path: bundle, external: true }));
      build.onLoad({ filter, namespace }, () => ({ contents: getters.join('\n') }));
    },
  };
}
