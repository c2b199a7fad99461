// What the core may not use, with the reason; read by the linter and by test/tidy.

/** Folders of debug-adapter/ that form the core: deterministic, synchronous, without a host. */
export const coreFolders = [
  'support',
  'spec',
  'machine',
  'backends',
  'cpu',
  'hypervisor',
  'parent-partition',
  'system',
  'timeline',
  'debugger',
];

/** Global names that the core may not mention, and what to do instead. */
export const bannedGlobals = {
  Date: 'guest-visible time comes from virtual time (D1)',
  Promise: 'the core is synchronous; waiting belongs to dap/ or host/',
  setTimeout: 'the core is synchronous; timers are the machine’s timer queue',
  setInterval: 'the core is synchronous; timers are the machine’s timer queue',
  setImmediate: 'the core is synchronous; slices are run by dap/ or command-line/',
  queueMicrotask: 'the core is synchronous; waiting belongs to dap/ or host/',
  console: 'report through the trace sink or a UserError',
  Intl: 'locale-dependent text differs between hosts (D20)',
  WeakRef: 'collection order is not deterministic (D20)',
  FinalizationRegistry: 'collection order is not deterministic (D20)',
  WebAssembly: 'use the port machine/code-space.ts; only host/ loads code (D21)',
  Buffer: 'use Uint8Array and DataView',
  process: 'the core knows no Node; put it into host/ behind a port',
  performance: 'the core reads no clock (invariant 2)',
  fetch: 'the core performs no I/O (invariant 2)',
  globalThis: 'the core reaches its surroundings only through ports',
  eval: 'generated code enters through machine/code-space.ts',
};

/** Members that the core may not use: `object.member`. */
export const bannedMembers = {
  'Math.random': 'use support/seeded-random',
  ...Object.fromEntries(
    [
      ...['sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'atan2', 'sinh', 'cosh', 'tanh'],
      ...[
        'asinh',
        'acosh',
        'atanh',
        'exp',
        'expm1',
        'log',
        'log10',
        'log1p',
        'log2',
        'pow',
        'cbrt',
      ],
    ].map((name) => [
      `Math.${name}`,
      'its result is not bit-specified and differs between hosts (D20)',
    ]),
  ),
};

/** Methods whose result depends on the host's locale. */
export const bannedMethods = /^toLocale|^localeCompare$/;
