// `node --import ./scripts/register-typescript.mjs FILE.ts` runs a TypeScript file on a Node that cannot by itself.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
