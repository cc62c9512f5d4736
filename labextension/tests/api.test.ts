import { readFile } from 'node:fs/promises';

import openapiTS, { astToString, COMMENT_HEADER } from 'openapi-typescript';
import { expect, it } from 'vitest';

it('has the types of the OpenAPI document as it is now (else: jlpm run build:api)', async () => {
  const document = new URL(
    '../../sidecar/src/main/resources/openapi.json',
    import.meta.url
  );
  const types = await openapiTS(document, { defaultNonNullable: false });
  const current = await readFile(
    new URL('../src/api.ts', import.meta.url),
    'utf8'
  );
  expect(current).toBe(COMMENT_HEADER + astToString(types));
});
