// Runs in a network namespace of its own: `node session.mjs <built kernel.js> <options as JSON>`. Each line of standard input is
// `{"id", "call", "argument"}`; each line of standard output the answer. The end of the input closes the kernel.
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [, , module, options] = process.argv;
const { openKernel } = await import(pathToFileURL(module).href);
const kernel = await openKernel(JSON.parse(options));
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
say({ id: 0, value: kernel.features() });
const calls = {
  setInterfaces: (a) => kernel.setInterfaces(a),
  apply: (a) => kernel.apply(a),
  reconcile: (a) => kernel.reconcile(a),
  stats: () => kernel.stats(),
  close: (a) => kernel.close(a),
  installEach: (flows) => Promise.all(flows.map((flow) => kernel.install(flow))),
  removeEach: (keys) => Promise.all(keys.map((key) => kernel.remove(key))),
  steerEach: (flows) => Promise.all(flows.map((flow) => kernel.steer(flow))),
  unsteerEach: (keys) => Promise.all(keys.map((key) => kernel.unsteer(key))),
  // Milliseconds of each of a sequence of installations.
  installTimed: async (flows) => {
    const times = [];
    for (const flow of flows) {
      const start = performance.now();
      const result = await kernel.install(flow);
      if (!result.ok) throw new Error(JSON.stringify(result.error));
      times.push(performance.now() - start);
    }
    return times;
  },
};
for await (const line of createInterface({ input: process.stdin })) {
  const { id, call, argument } = JSON.parse(line);
  const value = await calls[call](argument).then(
    (value) => ({ id, value: value ?? null }),
    (error) => ({ id, error: String(error) }),
  );
  say(value);
  if (call === 'close') process.exit(0);
}
