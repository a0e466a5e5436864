// The arrows of docs/architecture.md. A folder may import itself and what is listed; a change here is a change of the design.
const external =
  '(^|/)node_modules/|^node:|^(assert|buffer|child_process|crypto|dgram|events|fs|http|https|net|os|path|stream|timers|tls|tty|url|util|v8|vm|worker_threads|zlib)(/|$)';

/** Own folders that `from` may reach. */
const ALLOWED = {
  'core/base': [],
  'core/qos': ['core/base'],
  'core/rsvp/wire': ['core/base'],
  'core/rsvp/engine': ['core/base', 'core/qos', 'core/rsvp/wire'],
  'core/rsvp/recording': ['core/base', 'core/rsvp/engine'],
  'core/network': ['core/base'],
  'core/admission': ['core/base', 'core/qos', 'core/network'],
  'core/reservation': ['core/base', 'core/qos', 'core/network', 'core/admission'],
  'core/shaping': ['core/base', 'core/qos'],
  rpc: ['core', 'gen'],
  client: ['gen'],
  formats: ['core/base'],
  telemetry: ['core/base'],
  'server/records': ['core'],
  'server/control': ['core', 'formats', 'server/records', 'telemetry'],
  'server/store': ['core', 'server/control', 'server/records', 'gen', 'telemetry'],
  'server/auth': ['core', 'rpc', 'server/control', 'server/records', 'telemetry'],
  'server/jobs': ['core', 'server/control', 'telemetry'],
  'server/http': ['core', 'server/control', 'server/auth', 'formats', 'telemetry'],
  'server/grpc': ['core', 'server/control', 'server/auth', 'rpc', 'gen', 'telemetry'],
  agent: ['core', 'rpc', 'gen', 'telemetry'],
  cli: ['client', 'core', 'formats'],
  dashboard: ['client'],
  lab: ['core', 'formats'],
};

const arrows = Object.entries(ALLOWED).map(([from, to]) => ({
  name: `arrows-${from.replaceAll('/', '-')}`,
  comment: `${from} may import ${[from, ...to].join(', ')}`,
  severity: 'error',
  from: { path: `^src/${from}/` },
  to: { path: '^src/', pathNot: [from, ...to].map((folder) => `^src/${folder}/`) },
}));

module.exports = {
  forbidden: [
    ...arrows,
    {
      name: 'core-is-pure',
      comment: 'core only computes: no package, no Node module',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { pathNot: '^src/core/' },
    },
    {
      name: 'nobody-imports-bin',
      severity: 'error',
      from: { pathNot: '^src/bin/' },
      to: { path: '^src/bin/' },
    },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true, viaOnly: { pathNot: '^src/gen/' } } },
    {
      name: 'no-development-packages',
      comment: 'what runs is a dependency, what builds is a development dependency',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/gen/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'no-orphans',
      comment: 'dead code',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: ['^src/gen/', '\\.d\\.ts$'] },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: external },
    exclude: { path: '^src/gen/prisma/internal' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    },
  },
};
