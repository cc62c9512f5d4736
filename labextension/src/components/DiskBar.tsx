import type { ReactElement } from 'react';

import type { ISpace } from '../plan';
import { useServices } from './context';
import { Shape } from './shapes';

/** How much of a file system's free space is needed, and what would be left. */
export function DiskBar({ disk }: { disk: ISpace }): ReactElement {
  const { trans, format } = useServices();
  const part = disk.free > 0 ? Math.min(1, disk.needed / disk.free) : 1;
  const short = disk.shortfall > 0;
  const say = short
    ? trans.__('%1 too little', format.bytes(disk.shortfall))
    : trans.__('%1 left', format.bytes(disk.free - disk.needed));
  const label = trans.__(
    '%1 needed of %2 free',
    format.bytes(disk.needed),
    format.bytes(disk.free)
  );
  return (
    <div className={`jp-ComfyCockpit-disk${short ? ' jp-mod-short' : ''}`}>
      <div className="jp-ComfyCockpit-line">
        <span className="jp-ComfyCockpit-name" title={disk.path}>
          {disk.path}
        </span>
        <span className="jp-ComfyCockpit-say">
          {short && <Shape name="warning" />}
          {say}
        </span>
      </div>
      <div
        className="jp-ComfyCockpit-bar"
        role="meter"
        aria-label={disk.path}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(part * 100)}
        aria-valuetext={`${label}, ${say}`}
      >
        <span style={{ width: `${part * 100}%` }} />
      </div>
      <div className="jp-ComfyCockpit-figures">{label}</div>
    </div>
  );
}
