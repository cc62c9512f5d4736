import { version } from '../../package.json';

/** Of this page's part. */
export const VERSION: string = version;
