import { LabIcon } from '@jupyterlab/ui-components';

import { NAME } from './tokens';

/** A crate that a model drops into, in one colour of the lab. */
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M11 3h2v7.2l2.6-2.6L17 9l-5 5-5-5 1.4-1.4L11 10.2z"/>
  <path class="jp-icon3" fill="#616161" d="M3 12h3v2H5v5h14v-5h-1v-2h3v9H3z"/>
</svg>`;

export const cockpitIcon = new LabIcon({ name: `${NAME}:icon`, svgstr: SVG });
