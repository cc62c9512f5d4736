import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import { useId, useMemo, useState, type ReactElement } from 'react';

import { EVERYTHING, facetsOf, isNarrowed, type IQuery } from '../select';
import type { IModelRow } from '../state';
import type { BundleStatus } from '../wire';
import { useServices } from './context';
import { Shape } from './shapes';

interface IToolsProps {
  rows: readonly IModelRow[];
  bundles: readonly BundleStatus[];
  query: IQuery;
  onChange(query: IQuery): void;
}

/** A search box; filters and the order on opening. */
export function Tools(props: IToolsProps): ReactElement {
  const { trans } = useServices();
  const { rows, bundles, query, onChange } = props;
  const [open, setOpen] = useState(false);
  const id = useId();
  const facets = useMemo(() => facetsOf(rows), [rows]);
  const all = trans.__('all');
  const plain = (values: readonly string[]): [string, string][] => [
    ['', all],
    ...values.map((value): [string, string] => [value, value])
  ];
  const fields: [keyof IQuery, string, [string, string][]][] = [
    [
      'state',
      trans.__('State'),
      [
        ['', all],
        ['installed', trans.__('Installed')],
        ['missing', trans.__('Missing')],
        ['active', trans.__('Under way')],
        ['failed', trans.__('Failed')],
        ['differs', trans.__('Differs')]
      ]
    ],
    ['type', trans.__('Type'), plain(facets.types)],
    ['bundle', trans.__('Bundle'), plain(bundles.map(entry => entry.id))],
    ['host', trans.__('Host'), plain(facets.hosts)],
    [
      'sort',
      trans.__('Order'),
      [
        ['declared', trans.__('as declared')],
        ['name', trans.__('Name')],
        ['size', trans.__('Size')],
        ['state', trans.__('State')]
      ]
    ]
  ];
  return (
    <div className="jp-ComfyCockpit-tools" role="search">
      <div className="jp-ComfyCockpit-searchLine">
        <input
          type="search"
          className="jp-mod-styled"
          aria-label={trans.__('Search models')}
          placeholder={trans.__('Search models')}
          value={query.text}
          onChange={event => onChange({ ...query, text: event.target.value })}
        />
        {isNarrowed(query) && (
          <Button onClick={() => onChange({ ...EVERYTHING, sort: query.sort })}>
            {trans.__('Clear')}
          </Button>
        )}
        <IconButton
          aria-expanded={open}
          aria-controls={id}
          aria-label={trans.__('Filter and order')}
          title={trans.__('Filter and order')}
          onClick={() => setOpen(!open)}
        >
          <Shape name="funnel" />
        </IconButton>
      </div>
      <div id={id} className="jp-ComfyCockpit-filters" hidden={!open}>
        {fields.map(([name, label, options]) => (
          <label key={name}>
            <span>{label}</span>
            <select
              className="jp-mod-styled"
              value={query[name]}
              onChange={event =>
                onChange({ ...query, [name]: event.target.value })
              }
            >
              {options.map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </select>
          </label>
        ))}
      </div>
    </div>
  );
}
