import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

const SOURCE = fileURLToPath(new URL('../src', import.meta.url));

/** Every string that the source gives to the translator: the key of a catalogue, and its plural. */
export async function sourceStrings(): Promise<Map<string, string | null>> {
  const found = new Map<string, string | null>();
  const files = await readdir(SOURCE, { recursive: true });
  for (const file of files.filter(name => /\.tsx?$/.test(name))) {
    const text = await readFile(join(SOURCE, file), 'utf8');
    const tree = ts.createSourceFile(
      file,
      text,
      ts.ScriptTarget.Latest,
      true,
      file.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS
    );
    const visit = (node: ts.Node): void => {
      if (
        ts.isCallExpression(node) &&
        ts.isPropertyAccessExpression(node.expression) &&
        /\b_?trans$/.test(node.expression.expression.getText())
      ) {
        const [first, second] = node.arguments;
        const method = node.expression.name.text;
        if (method === '__' || method === '_n') {
          if (!first || !ts.isStringLiteralLike(first)) {
            throw new Error(`Not a literal: ${node.getText()}`);
          }
          const plural =
            method === '_n' && second && ts.isStringLiteralLike(second)
              ? second.text
              : null;
          found.set(first.text, plural);
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(tree);
  }
  return found;
}
