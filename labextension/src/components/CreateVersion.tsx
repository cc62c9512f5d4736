import { useEffect, useId, useState, type ReactElement } from 'react';

import {
  BACKENDS,
  EMPTY_FORM,
  isId,
  requestOf,
  type IVersionForm
} from '../versionForm';
import type { CreateRequest } from '../wire';
import { useServices } from './context';

interface ICreateVersionProps {
  answer(value: CreateRequest | null): void;
}

/** What a ComfyUI is made of, in a form; the spec that it becomes is the user's to edit. */
export function CreateVersion({ answer }: ICreateVersionProps): ReactElement {
  const { trans } = useServices();
  const [form, setForm] = useState(EMPTY_FORM);
  const id = useId();
  useEffect(() => {
    answer(requestOf(form));
  }, [answer, form]);
  const field = (name: keyof IVersionForm, label: string, example = '') => (
    <div>
      <label htmlFor={`${id}-${name}`}>{label}</label>
      <input
        id={`${id}-${name}`}
        className="jp-mod-styled"
        type="text"
        spellCheck={false}
        autoComplete="off"
        list={name === 'backend' ? `${id}-backends` : undefined}
        value={form[name]}
        placeholder={example}
        onChange={event => setForm({ ...form, [name]: event.target.value })}
      />
    </div>
  );
  const area = (name: keyof IVersionForm, label: string, example: string) => (
    <div>
      <label htmlFor={`${id}-${name}`}>{label}</label>
      <textarea
        id={`${id}-${name}`}
        className="jp-mod-styled"
        rows={2}
        spellCheck={false}
        value={form[name]}
        placeholder={example}
        onChange={event => setForm({ ...form, [name]: event.target.value })}
      />
    </div>
  );
  const wrong = form.id.trim() !== '' && !isId(form.id.trim());
  return (
    <div className="jp-ComfyCockpit-form">
      {field('id', trans.__('Name'), 'demo')}
      {wrong && (
        <div role="status" className="jp-ComfyCockpit-muted">
          {trans.__('Letters, digits, “.”, “_” and “-” only.')}
        </div>
      )}
      <div className="jp-ComfyCockpit-pair jp-mod-uneven">
        {field('repo', trans.__('Repository of ComfyUI'))}
        {field(
          'ref',
          trans.__('Branch, tag or commit'),
          trans.__('the default branch')
        )}
      </div>
      <div className="jp-ComfyCockpit-pair">
        {field('python', 'Python', '3.12')}
        {field(
          'backend',
          trans.__('Index of PyTorch'),
          trans.__('the usual one')
        )}
      </div>
      <datalist id={`${id}-backends`}>
        {BACKENDS.map(backend => (
          <option key={backend} value={backend} />
        ))}
      </datalist>
      {area(
        'nodes',
        trans.__('Custom nodes, one a line'),
        'https://github.com/owner/node@main'
      )}
      {area(
        'models',
        trans.__('Models, one a line: source and folder'),
        'hf://owner/name/file.safetensors vae'
      )}
      {area(
        'packages',
        trans.__('Python packages besides, one a line'),
        'requests>=2.32'
      )}
    </div>
  );
}
