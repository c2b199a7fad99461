// An esbuild plugin: a package is loaded when something of it is first used, not when the bundle is.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const namespace = 'load-when-used';

/**
 * @param {string} name of a package that exports a fixed set of names, as CommonJS
 * @returns {import('esbuild').Plugin}
 */
export function loadWhenUsed(name) {
  /** @type {Readonly<Record<string, unknown>>} */
  const exported = createRequire(import.meta.url)(name);
  const quoted = JSON.stringify(name);
  const getters = Object.keys(exported).map((key) => {
    const getter = `{ enumerable: true, get: () => require(${quoted}).${key} }`;
    return `Object.defineProperty(exports, ${JSON.stringify(key)}, ${getter});`;
  });
  return {
    name: `${namespace}-${name}`,
    setup(build) {
      const filter = new RegExp(`^${name}$`);
      build.onResolve({ filter }, ({ namespace: importer }) =>
        // What stands in for the package imports the package itself.
        importer === namespace ? undefined : { path: name, namespace },
      );
      build.onLoad({ filter, namespace }, () => ({
        contents: getters.join('\n'),
        resolveDir: fileURLToPath(new URL('.', import.meta.url)),
      }));
    },
  };
}
