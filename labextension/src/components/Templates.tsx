import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import {
  memo,
  useDeferredValue,
  useEffect,
  useMemo,
  useRef,
  useState,
  type ReactElement
} from 'react';

import type { IState } from '../state';
import { categoriesOf, selectTemplates } from '../templates';
import type { Template } from '../wire';
import { useServices } from './context';
import { SkeletonRows } from './Models';
import { Shape, type ShapeName } from './shapes';
import { pressAction, VirtualList } from './VirtualList';
import { facts } from './words';

const PACKAGE = 'comfyui-workflow-templates-json';

const NONE: readonly Template[] = [];

/** ComfyUI's official templates: what each needs, and what of it is here. */
export function Templates({ state }: { state: IState }): ReactElement {
  const { trans, format, model } = useServices();
  const { templates, declaring } = state;
  const revision = state.status?.revision;
  const [text, setText] = useState('');
  const [category, setCategory] = useState('');
  const search = useRef<HTMLInputElement>(null);
  const asked = useDeferredValue(text);
  const all = templates?.templates ?? NONE;
  const categories = useMemo(() => categoriesOf(all), [all]);
  const chosen = useMemo(
    () => selectTemplates(all, asked, category),
    [all, asked, category]
  );
  const ids = useMemo(() => chosen.map(entry => entry.name), [chosen]);

  // What is here changes with the models.
  useEffect(() => {
    if (revision !== undefined) {
      void model.readTemplates(format.languageCode);
    }
  }, [model, format, revision]);

  const there = templates !== null && templates.source !== null;
  useEffect(() => {
    if (there) {
      search.current?.focus();
    }
  }, [there]);

  const narrowed = chosen.length < all.length;
  return (
    <section aria-label={trans.__('Official templates')}>
      <div className="jp-ComfyCockpit-back">
        <IconButton
          aria-label={trans.__('Back to the models')}
          title={trans.__('Back to the models')}
          onClick={() => model.show('sections')}
        >
          <Shape name="left" />
        </IconButton>
        <h3 className="jp-ComfyCockpit-heading">
          {trans.__('Official templates')}
          {there && (
            <span role="status">
              {narrowed
                ? trans.__(
                    '%1 of %2',
                    format.count(chosen.length),
                    format.count(all.length)
                  )
                : format.count(all.length)}
            </span>
          )}
        </h3>
      </div>
      {templates && !there && <NotInstalled />}
      {!templates && <SkeletonRows />}
      {there && (
        <>
          <div className="jp-ComfyCockpit-tools" role="search">
            <div className="jp-ComfyCockpit-searchLine">
              <input
                ref={search}
                type="search"
                className="jp-mod-styled"
                aria-label={trans.__('Search templates')}
                placeholder={trans.__('Search templates')}
                value={text}
                onChange={event => setText(event.target.value)}
              />
              <select
                className="jp-mod-styled"
                aria-label={trans.__('Category')}
                value={category}
                onChange={event => setCategory(event.target.value)}
              >
                <option value="">{trans.__('All categories')}</option>
                {categories.map(value => (
                  <option key={value} value={value}>
                    {value}
                  </option>
                ))}
              </select>
            </div>
          </div>
          <VirtualList
            ids={ids}
            label={trans.__('Official templates')}
            row={place => {
              const template = chosen[place.index];
              return template ? (
                <TemplateRow
                  key={place.id}
                  template={template}
                  declaring={declaring.has(place.id)}
                  position={place.index + 1}
                  count={place.count}
                  current={place.current}
                />
              ) : (
                <li key={place.id} />
              );
            }}
          />
        </>
      )}
    </section>
  );
}

function NotInstalled(): ReactElement {
  const { trans } = useServices();
  return (
    <p className="jp-ComfyCockpit-empty">
      {trans.__(
        'To see them here, install the package in the environment of JupyterLab and restart the server:'
      )}{' '}
      <code>{`pip install ${PACKAGE}`}</code>
    </p>
  );
}

interface ITemplateRowProps {
  template: Template;
  declaring: boolean;
  /** From 1. */
  position: number;
  count: number;
  current: boolean;
}

const TemplateRow = memo(function TemplateRow({
  template,
  declaring,
  position,
  count,
  current
}: ITemplateRowProps): ReactElement {
  const { trans, format, actions } = useServices();
  const { size_bytes: size, missing_bytes: missing } = template;
  const tab = current ? 0 : -1;
  const complete = size > 0 && missing === 0;
  const line = facts(
    template.category,
    size > 0 ? format.bytes(size) : trans.__('no model files listed'),
    !complete &&
      missing < size &&
      trans.__('%1 of it here', format.bytes(size - missing))
  );
  const state: [string, ShapeName] | null = declaring
    ? [trans.__('Asking the hosts…'), 'down']
    : complete
      ? [trans.__('Installed'), 'check']
      : null;
  return (
    <li
      className={`jp-ComfyCockpit-row${complete ? ' jp-mod-installed' : ''}`}
      data-model={template.name}
      aria-posinset={position}
      aria-setsize={count}
      tabIndex={tab}
      onKeyDown={pressAction}
    >
      <div className="jp-ComfyCockpit-line">
        <div
          className="jp-ComfyCockpit-name jp-mod-whole"
          title={[template.title, template.description].join('\n')}
        >
          {template.title}
        </div>
        <div className="jp-ComfyCockpit-action">
          {missing > 0 && (
            <Button
              tabIndex={tab}
              disabled={declaring}
              aria-label={trans.__('Install %1', template.title)}
              onClick={() => void actions.fromTemplate(template.name)}
            >
              {trans.__('Install')}
            </Button>
          )}
        </div>
      </div>
      <div className="jp-ComfyCockpit-line">
        <div className="jp-ComfyCockpit-facts">
          <span title={line}>{line}</span>
        </div>
        {state && (
          <div className="jp-ComfyCockpit-state">
            <Shape name={state[1]} />
            <span>{state[0]}</span>
          </div>
        )}
      </div>
    </li>
  );
});
