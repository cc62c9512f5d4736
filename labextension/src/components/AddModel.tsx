import { useEffect, useId, useState, type ReactElement } from 'react';

import type { DeclareRequest, DeclareResult, Problem } from '../wire';
import { BundleField } from './BundleField';
import { useServices } from './context';
import { Refused } from './Refused';
import { Shape } from './shapes';
import { facts } from './words';

/** A pause in typing after which the link is looked at. */
const TYPING_MS = 350;

interface IChoice {
  filename: string;
  size: number | null;
  /** A URI. */
  source: string;
}

type Looked =
  | { kind: 'nothing' }
  | { kind: 'asking' }
  | { kind: 'found'; result: DeclareResult }
  | { kind: 'refused'; error: unknown };

interface IAddModelProps {
  url: string;
  bundles: readonly string[];
  answer(value: DeclareRequest | null): void;
}

/** A link becomes a declaration: name, type, size, hash, licence, path, bundle. */
export function AddModel(props: IAddModelProps): ReactElement {
  const { trans, model } = useServices();
  const { answer, bundles } = props;
  const [link, setLink] = useState(props.url);
  /** The one of several files that was chosen, as a URI. */
  const [choice, setChoice] = useState<string | null>(null);
  const [choices, setChoices] = useState<readonly IChoice[]>([]);
  const [path, setPath] = useState<string | null>(null);
  const [bundle, setBundle] = useState('');
  const [looked, setLooked] = useState<Looked>({ kind: 'nothing' });
  const id = useId();
  const url = (choice ?? link).trim();

  useEffect(() => {
    let gone = false;
    const look = async () => {
      if (url === '') {
        setLooked({ kind: 'nothing' });
        return;
      }
      setLooked({ kind: 'asking' });
      try {
        const result = await model.look({ url });
        if (!gone) {
          setLooked({ kind: 'found', result });
        }
      } catch (error) {
        if (!gone) {
          const several = choicesOf(error);
          setChoices(known => (several.length > 0 ? several : known));
          setLooked(
            several.length > 0
              ? { kind: 'nothing' }
              : { kind: 'refused', error }
          );
        }
      }
    };
    const timer = setTimeout(() => void look(), TYPING_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [url, model]);

  const found = looked.kind === 'found' ? looked.result : null;
  const id_ = found?.id ?? null;
  useEffect(() => {
    answer(
      id_ === null
        ? null
        : { url, path: path?.trim() || null, bundle: bundle.trim() || null }
    );
  }, [answer, id_, url, path, bundle]);

  const proposed =
    typeof found?.model?.['path'] === 'string' ? found.model['path'] : '';
  return (
    <div className="jp-ComfyCockpit-form">
      <label htmlFor={`${id}-link`}>{trans.__('Link')}</label>
      <input
        id={`${id}-link`}
        className="jp-mod-styled"
        type="text"
        spellCheck={false}
        value={link}
        placeholder={trans.__('The page or the address of a model')}
        onChange={event => {
          setLink(event.target.value);
          setChoice(null);
          setChoices([]);
          setPath(null);
        }}
      />
      {choices.length > 0 && (
        <Choices choices={choices} chosen={choice} onChoose={setChoice} />
      )}
      <div role="status" className="jp-ComfyCockpit-found">
        {looked.kind === 'asking' && trans.__('Asking the host…')}
        {looked.kind === 'refused' && <Refused error={looked.error} />}
        {found && <Found result={found} />}
      </div>
      {found && (
        <>
          <label htmlFor={`${id}-path`}>{trans.__('Path')}</label>
          <input
            id={`${id}-path`}
            className="jp-mod-styled"
            type="text"
            spellCheck={false}
            value={path ?? proposed}
            onChange={event => setPath(event.target.value)}
          />
          <BundleField bundles={bundles} value={bundle} onChange={setBundle} />
        </>
      )}
    </div>
  );
}

function Choices(props: {
  choices: readonly IChoice[];
  chosen: string | null;
  onChoose(source: string): void;
}): ReactElement {
  const { trans, format } = useServices();
  const name = useId();
  return (
    <fieldset className="jp-ComfyCockpit-choices">
      <legend>{trans.__('Choose one of its files')}</legend>
      {props.choices.map(choice => (
        <label key={choice.source}>
          <input
            type="radio"
            name={name}
            checked={choice.source === props.chosen}
            onChange={() => props.onChoose(choice.source)}
          />
          <span className="jp-ComfyCockpit-name" title={choice.filename}>
            {choice.filename}
          </span>
          <span className="jp-ComfyCockpit-figures">
            {choice.size === null ? '' : format.bytes(choice.size)}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

function Found({ result }: { result: DeclareResult }): ReactElement {
  const { trans, format } = useServices();
  const field = (name: string) => result.model?.[name];
  const text = (name: string) => {
    const value = field(name);
    return typeof value === 'string' && value ? value : null;
  };
  const size = field('size_bytes');
  const hash = text('sha256');
  const { gate } = result;
  return (
    <>
      <div>
        <strong>
          {facts(text('display_name') ?? result.id, text('version'))}
        </strong>
      </div>
      <div className="jp-ComfyCockpit-figures">
        {facts(
          text('type'),
          typeof size === 'number' && format.bytes(size),
          result.licence
        )}
      </div>
      <div className="jp-ComfyCockpit-figures" title={hash ?? undefined}>
        {hash
          ? `SHA-256 ${hash.slice(0, 16)}…`
          : trans.__('The host publishes no hash.')}
      </div>
      {gate && (
        <div className="jp-ComfyCockpit-gate">
          <Shape name="warning" />
          <span>
            {gate.until
              ? trans.__('Early access until %1.', gate.until)
              : trans.__(
                  'The host gives it only to accounts that accepted its terms.'
                )}{' '}
            {gate.url && /^https?:\/\//.test(gate.url) && (
              <a href={gate.url} target="_blank" rel="noreferrer noopener">
                {trans.__('Open the licence page')}
              </a>
            )}
          </span>
        </div>
      )}
    </>
  );
}

/** The files that a problem says to choose from. */
function choicesOf(error: unknown): IChoice[] {
  if (!(error instanceof Error && 'problem' in error)) {
    return [];
  }
  const { code, args } = error.problem as Problem;
  const listed = code === 'source_ambiguous' ? args['choices'] : null;
  return Array.isArray(listed) ? listed.flatMap(choiceOf) : [];
}

function choiceOf(entry: unknown): IChoice | [] {
  if (typeof entry !== 'object' || entry === null) {
    return [];
  }
  const { filename, size_bytes, source } = entry as Record<string, unknown>;
  if (typeof source !== 'string') {
    return [];
  }
  return {
    filename: typeof filename === 'string' ? filename : source,
    size: typeof size_bytes === 'number' && size_bytes >= 0 ? size_bytes : null,
    source
  };
}
