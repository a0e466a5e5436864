// src/gen/openapi.json from the routes, src/gen/openapi.ts from that.
import { readFileSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import openapiTypescript, { astToString } from 'openapi-typescript';

register('./typescript-hooks.mjs', import.meta.url);
const { openApiDocument } = await import('../src/server/http/openapi-document.ts');

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const document = await openApiDocument(version);
writeFileSync('src/gen/openapi.json', `${JSON.stringify(document, null, 2)}\n`);

const types = astToString(await openapiTypescript(document, { alphabetize: false, defaultNonNullable: false }));
writeFileSync(
  'src/gen/openapi.ts',
  `// @generated from src/gen/openapi.json by openapi-typescript\n/* eslint-disable */\n${types}`,
);
