import type { TranslationBundle } from '@jupyterlab/translation';

import type { Formatter } from './format';
import { explain } from './problem';
import type { DoctorCheck } from './wire';

/** A check of the doctor as people read it. */
export interface ICheckWords {
  name: string;
  detail: string;
  /** What to do; null where there is nothing. */
  hint: string | null;
}

/** What a check found, by its code; one that is not known is told in the daemon's words. */
export function checkWords(
  check: DoctorCheck,
  trans: TranslationBundle,
  format: Formatter
): ICheckWords {
  const name = checkName(check.name, trans);
  const [detail, hint] = found(check, trans, format) ?? [
    check.detail,
    check.hint
  ];
  return { name, detail, hint: hint || null };
}

function checkName(name: string, trans: TranslationBundle): string {
  switch (name) {
    case 'version':
      return trans.__('Version');
    case 'root':
      return trans.__('Folder of the lab');
    case 'models_dir':
      return trans.__('Folder of the models');
    case 'disk':
      return trans.__('Disk');
    case 'auto_install':
      return trans.__('Installed at start');
    case 'settings':
      return trans.__('Settings');
    case 'proxy':
      return trans.__('Proxy');
    case 'certificates':
      return trans.__('Certificates');
    case 'clock':
      return trans.__('Clock');
    case 'java':
      return 'Java';
    case 'huggingface':
      return 'Hugging Face';
    case 'civitai':
      return 'Civitai';
    case 'gcs':
      return 'Google Cloud Storage';
    default:
      return name;
  }
}

function found(
  { code, args }: DoctorCheck,
  trans: TranslationBundle,
  format: Formatter
): readonly [string, string?] | null {
  const text = (key: string): string => String(args[key] ?? '');
  const count = (key: string): string => format.count(Number(args[key]));
  const free = (): string => {
    const bytes = trans.__('%1 free', format.bytes(Number(args['free_bytes'])));
    return args['lease'] === true
      ? trans.__('%1; a network volume, guarded by a lease', bytes)
      : bytes;
  };
  /** A problem, told as everywhere else, after what is said before it. */
  const problem = (...before: string[]): [string, string] => {
    const detail = text('detail');
    const told = explain(
      { code: text('problem'), title: detail, detail, hint: text('hint') },
      trans
    );
    const lines = [...before, told.summary, told.detail];
    return [lines.filter(Boolean).join('\n'), told.hint ?? ''];
  };
  const installed = (): string =>
    trans.__('%1 of %2 installed', count('installed'), count('models'));
  switch (code) {
    case 'version':
      return [`ComfyUI Cockpit ${text('version')}`];
    case 'java':
      return [text('java')];
    case 'root':
    case 'models_dir':
      return [text('path')];
    case 'root_not_writable':
      return [
        trans.__('%1 is not writable.', text('path')),
        trans.__(
          'models.json cannot be written from here; give this user the right to write there.'
        )
      ];
    case 'models_dir_to_make':
      return [trans.__('%1 (will be made)', text('path'))];
    case 'models_dir_not_writable':
      return [
        trans.__('%1 is not writable.', text('path')),
        trans.__(
          'Give this user the right to write there, or set models_dir in cockpit.json.'
        )
      ];
    case 'disk':
      return [free()];
    case 'disk_low':
      return [
        free(),
        trans.__('Models are large; free space or use a larger volume.')
      ];
    case 'declaration':
      return [
        [
          trans._n(
            '%2 model',
            '%2 models',
            Number(args['models']),
            count('models')
          ),
          trans._n(
            '%2 bundle',
            '%2 bundles',
            Number(args['bundles']),
            count('bundles')
          )
        ].join(' · ')
      ];
    case 'declaration_missing':
      return [
        trans.__('There is none.'),
        trans.__('Add a model, or start from a workflow or a template.')
      ];
    case 'declaration_invalid':
      return problem(
        trans._n(
          '%2 error in models.json',
          '%2 errors in models.json',
          Number(args['errors']),
          count('errors')
        )
      );
    case 'auto_install_none':
      return [trans.__('No enabled bundle has auto_install.')];
    case 'auto_install':
      return [installed()];
    case 'auto_install_active':
      return [[installed(), trans.__('Under way')].join(' · ')];
    case 'auto_install_missing':
      return [
        installed(),
        trans.__('Install the missing ones, or restart the daemon.')
      ];
    case 'auto_install_failed':
      return problem(installed());
    case 'disk_unknown':
    case 'gcs_wrong':
    case 'settings_invalid':
    case 'settings_warning':
      return problem();
    case 'settings':
      return [trans.__('cockpit.json and the environment are in order.')];
    case 'hub_with_token':
      return [trans.__('%1, %2 is set', text('address'), text('variable'))];
    case 'hub_without_token':
      return [trans.__('%1, no %2', text('address'), text('variable'))];
    case 'hub_elsewhere':
      return [
        trans.__('%1, %2 is set', text('address'), text('variable')),
        trans.__("The token goes to this address, which is not the hub's own.")
      ];
    case 'gcs_credentials':
      return [
        trans.__(
          '%1, credentials: %2 in %3',
          text('address'),
          text('type'),
          text('path')
        )
      ];
    case 'gcs_anonymous':
      return [
        trans.__(
          "%1, no credentials file: the account of a machine of Google's, else public objects only",
          text('address')
        )
      ];
    case 'proxy_none':
      return [trans.__('No proxy variable is set.')];
    case 'proxy':
      return [trans.__('Set: %1', text('variables'))];
    case 'certificates':
      return [trans.__("Java's own and the system's")];
    case 'certificates_own':
      return [trans.__("Java's own and %1", text('path'))];
    case 'clock':
      return [format.time(text('time'))];
    case 'clock_wrong':
      return [
        format.time(text('time')),
        trans.__(
          "Set the clock of this machine: with a wrong date every host's certificate is refused."
        )
      ];
    default:
      return null;
  }
}
