import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerSettings } from './calls.ts';
import { serve } from './serve.ts';

if (!parentPort) throw new Error('this file is the entry of a worker thread');
await serve(parentPort, workerData as WorkerSettings);
