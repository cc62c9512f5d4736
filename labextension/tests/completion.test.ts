import { readFile } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';

import {
  BUNDLE_KEYS,
  MODEL_KEYS,
  propose,
  SOURCE_KEYS
} from '../src/editor/completion';

/** The proposals where `|` stands, and the text after the first one is taken. */
function at(marked: string): { labels: string[]; taken: string } {
  const offset = marked.indexOf('|');
  const text = marked.replace('|', '');
  const found = propose(text, offset);
  const [first] = found?.items ?? [];
  return {
    labels: found?.items.map(item => item.label) ?? [],
    taken:
      found && first
        ? text.slice(0, found.start) + first.insertText + text.slice(found.end)
        : text
  };
}

describe('In models.json', () => {
  it('keys are proposed that are not there yet', () => {
    expect(at('{"|').labels).toEqual(['models', 'bundles']);
    expect(at('{"models": {}, "|"}')).toEqual({
      labels: ['bundles'],
      taken: '{"models": {}, "bundles": }'
    });
    const { labels } = at('{"models": {"a": {"source": "x", "pa|": "y"}}}');
    expect(labels).toContain('path');
    expect(labels).not.toContain('source');
  });

  it('a key that has its colon gets no second one', () => {
    expect(at('{"models": {"a": {"|": "x"}}}').taken).toBe(
      '{"models": {"a": {"source": "x"}}}'
    );
  });

  it('types, folders and ways to name a source are proposed', () => {
    expect(at('{"models": {"a": {"type": "|').labels).toContain('lora');
    expect(at('{"models": {"a": {"path": "|"').taken).toBe(
      '{"models": {"a": {"path": "checkpoints/"'
    );
    expect(at('{"models": {"a": {"source": "h|').labels).toContain('hf://');
    expect(at('{"models": {"a": {"source": {"kind": "|"}').labels).toEqual(
      Object.keys(SOURCE_KEYS)
    );
    expect(
      at('{"models": {"a": {"source": {"kind": "gcs", "|"').labels
    ).toEqual(['bucket', 'object', 'generation']);
  });

  it('members of a bundle are proposed: the ids of the document, each once', () => {
    const text =
      '{"bundles": {"b": {"models": ["a", "|"]}}, "models": {"a": {"x": 1}, "c": {}}}';
    expect(at(text)).toEqual({
      labels: ['c'],
      taken: text.replace('|', 'c')
    });
  });

  it('nothing is proposed outside of a string, or where anything may stand', () => {
    expect(at('{"models": {}, |}').labels).toEqual([]);
    expect(at('{"models": {"a": {"display_name": "|"').labels).toEqual([]);
    expect(at('{"models": {"|"').labels).toEqual([]);
  });

  it('the keys are those of the schema', async () => {
    const schema = JSON.parse(
      await readFile(
        new URL('../../schemas/models.schema.json', import.meta.url),
        'utf8'
      )
    ).properties;
    const model = schema.models.additionalProperties.properties;
    const keys = (of: object) => Object.keys(of).sort();
    expect([...MODEL_KEYS].sort()).toEqual(keys(model));
    expect([...BUNDLE_KEYS].sort()).toEqual(
      keys(schema.bundles.additionalProperties.properties)
    );
    const sources = (
      model.source.oneOf as {
        type: string;
        properties: Record<string, { const?: string }>;
      }[]
    ).filter(entry => entry.type === 'object');
    expect(
      Object.fromEntries(
        sources.map(({ properties: { kind, ...rest } }) => [
          kind?.const,
          keys(rest)
        ])
      )
    ).toEqual(
      Object.fromEntries(
        Object.entries(SOURCE_KEYS).map(([kind, rest]) => [
          kind,
          [...rest].sort()
        ])
      )
    );
  });
});
