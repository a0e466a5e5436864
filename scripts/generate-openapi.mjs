// src/gen/openapi.json from the routes, src/gen/openapi.ts from that. Argument: the tree to do it in (default: this folder).
import { readFileSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import openapiTypescript, { astToString } from 'openapi-typescript';

const at = process.argv[2] ?? '.';
register('./typescript-hooks.mjs', import.meta.url);
const { openApiDocument } = await import(pathToFileURL(join(at, 'src/server/http/openapi-document.ts')).href);

const { version } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8'));
const document = await openApiDocument(version);
writeFileSync(join(at, 'src/gen/openapi.json'), `${JSON.stringify(document, null, 2)}\n`);

const types = astToString(await openapiTypescript(document, { alphabetize: false, defaultNonNullable: false }));
writeFileSync(
  join(at, 'src/gen/openapi.ts'),
  `// @generated from src/gen/openapi.json by openapi-typescript\n/* eslint-disable */\n${types}`,
);
