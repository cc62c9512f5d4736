import { expect, it } from 'vitest';

import { pageOf } from '../src/pages';

it.each([
  [
    { kind: 'huggingface', repo_id: 'a/b', filename: 'c/d.safetensors' },
    'huggingface.co',
    'https://huggingface.co/a/b/blob/main/c/d.safetensors'
  ],
  [
    {
      kind: 'huggingface',
      repo_id: 'a/b',
      filename: 'x',
      repo_type: 'dataset'
    },
    'hf-mirror.com',
    'https://hf-mirror.com/datasets/a/b/blob/main/x'
  ],
  [
    'hf://a/b@v1/c.safetensors',
    null,
    'https://huggingface.co/a/b/blob/v1/c.safetensors'
  ],
  [
    { kind: 'civitai', model_id: 12, version_id: 34 },
    'civitai.com',
    'https://civitai.com/models/12?modelVersionId=34'
  ],
  ['civitai://12@34', null, 'https://civitai.com/models/12?modelVersionId=34'],
  ['civitai://models/34', null, 'https://civitai.com/model-versions/34'],
  [
    'urn:air:sdxl:checkpoint:civitai:12@34',
    null,
    'https://civitai.com/models/12?modelVersionId=34'
  ],
  [
    'https://huggingface.co/a/b/resolve/main/c.safetensors?download=true',
    'huggingface.co',
    'https://huggingface.co/a/b/blob/main/c.safetensors'
  ],
  ['https://example.com/c.safetensors', 'example.com', null],
  [{ kind: 'file', path: '/x' }, null, null]
])('of %j at %s is %s', (source, host, page) => {
  expect(pageOf(source, host)).toBe(page);
});
