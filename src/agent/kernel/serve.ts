import { err, type Result } from '../../core/base/result.ts';
import { loadLibc } from '../libc.ts';
import { ClassReader } from '../netlink/class-reader.ts';
import type { Answer, Request, WorkerSettings } from './calls.ts';
import { KernelDriver, type BatchResults, type FlowBatch } from './driver.ts';
import { probeFeatures } from './features.ts';
import { openNft } from './nft-session.ts';
import type { KernelFeatures, KernelProblem } from './problem.ts';
import type { Renumbering, SteeringChange } from './steering-keeper.ts';
import { TcSession } from './tc-session.ts';

/** The end of a message channel, as a worker's parent port is. */
export interface Port {
  postMessage(message: Answer): void;
  on(event: 'message', listener: (message: Request) => void): unknown;
  close(): void;
}

/** Opens the kernel's doors and answers requests, one after another. */
export async function serve(port: Port, settings: WorkerSettings): Promise<void> {
  const nft = await openNft(settings.nft);
  const features = await probeFeatures(nft);
  const needed = [features.htb, features.tbf, features.bfifo, features.classifier];
  const usable = nft !== null && features.tc && !needed.includes(false);
  const driver = usable
    ? new KernelDriver({
        tc: new TcSession(),
        nft,
        classes: await openClassReader(),
        guard: features.routerAlertGuard !== false,
        steering: settings.steering,
      })
    : null;
  let last: Promise<void> = Promise.resolve();
  port.on('message', (request) => {
    last = last.then(async () => {
      try {
        const value = driver ? await call(driver, request) : refuse(request, features);
        port.postMessage({ id: request.id, value });
      } catch (error) {
        port.postMessage({ id: request.id, error: error instanceof Error ? error.message : String(error) });
      }
      if (request.call === 'close') port.close();
    });
  });
  port.postMessage({ ready: features });
}

/** Without the library single classes are looked for among all. */
const openClassReader = (): Promise<ClassReader | null> =>
  loadLibc().then(
    (libc) => new ClassReader(libc),
    () => null,
  );

async function call(driver: KernelDriver, request: Request): Promise<unknown> {
  switch (request.call) {
    case 'setInterfaces':
      return driver.setInterfaces(request.argument as Parameters<KernelDriver['setInterfaces']>[0]);
    case 'apply':
      return driver.apply(request.argument as FlowBatch);
    case 'reconcile':
      return driver.reconcile(request.argument as Parameters<KernelDriver['reconcile']>[0]);
    case 'inspect':
      return driver.inspect(request.argument as Parameters<KernelDriver['inspect']>[0]);
    case 'elements':
      return driver.elements();
    case 'ports':
      return driver.ports();
    case 'steer':
      return driver.steer(request.argument as SteeringChange);
    case 'renumber':
      return driver.renumber(request.argument as Renumbering);
    case 'foreign':
      return driver.foreign();
    case 'stats':
      return driver.stats();
    case 'close':
      await driver.close(request.argument as { remove: boolean });
      return null;
  }
}

/** Without the means every change is refused with what is missing. */
function refuse(request: Request, features: KernelFeatures): unknown {
  const problem: KernelProblem = { code: 'unsupported', detail: features.missing.join('; ') };
  const refused: Result<never, KernelProblem> = err(problem);
  if (request.call === 'stats' || request.call === 'ports') return [];
  if (request.call === 'close') return null;
  if (request.call !== 'apply') return refused;
  const batch = request.argument as FlowBatch;
  const results: BatchResults = { install: batch.install.map(() => refused), remove: batch.remove.map(() => refused) };
  return results;
}
