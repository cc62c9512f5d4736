/**
 * The page that people look at for a source of models.json; null where there is none.
 * @param host The host that the daemon asks: a mirror has the hub's pages too.
 */
export function pageOf(source: unknown, host: string | null): string | null {
  if (typeof source === 'string') {
    return pageOfUri(source, host);
  }
  if (typeof source !== 'object' || source === null) {
    return null;
  }
  const field = (name: string): string | null => {
    const value = (source as Record<string, unknown>)[name];
    return typeof value === 'string' || typeof value === 'number'
      ? String(value)
      : null;
  };
  switch (field('kind')) {
    case 'huggingface': {
      const repository = field('repo_id');
      return repository
        ? huggingFace(
            host,
            field('repo_type') ?? 'model',
            repository,
            field('revision') ?? 'main',
            field('filename')
          )
        : null;
    }
    case 'civitai':
      return civitai(host, field('model_id'), field('version_id'));
    case 'url':
      return pageOfUri(field('url') ?? '', host);
    default:
      return null;
  }
}

function pageOfUri(uri: string, host: string | null): string | null {
  const hf =
    /^(?:hf|huggingface):\/\/(?:(models|datasets|spaces)\/)?([^/]+\/[^/@?]+)(?:@([^/]+))?(?:\/([^?]*))?(?:\?rev=(.+))?$/.exec(
      uri
    );
  if (hf) {
    const type = (hf[1] ?? 'models').replace(/s$/, '');
    const revision = hf[3] ?? hf[5] ?? 'main';
    return huggingFace(host, type, hf[2] ?? '', revision, hf[4] ?? null);
  }
  const pair = /^civitai:\/\/(\d+)@(\d+)/.exec(uri);
  if (pair) {
    return civitai(host, pair[1] ?? null, pair[2] ?? null);
  }
  const air = /^urn:air:[^:]+:[^:]+:civitai:(\d+)(?:@(\d+))?/.exec(uri);
  if (air) {
    return civitai(host, air[1] ?? null, air[2] ?? null);
  }
  const version = /^civitai:\/\/(?:models|api\/download\/models)\/(\d+)/.exec(
    uri
  );
  if (version) {
    return civitai(host, null, version[1] ?? null);
  }
  if (/^https?:\/\/(?:www\.)?civitai\.com\/models\//.test(uri)) {
    return uri;
  }
  const file = /^(https?:\/\/[^/]+\/.+)\/(?:resolve|blob)\/(.+)$/.exec(uri);
  return file ? `${file[1]}/blob/${file[2]?.split('?')[0]}` : null;
}

function huggingFace(
  host: string | null,
  type: string,
  repository: string,
  revision: string,
  filename: string | null
): string {
  const folder = type === 'model' ? '' : `${type}s/`;
  const page = `${origin(host, 'huggingface.co')}/${folder}${repository}`;
  return filename ? `${page}/blob/${revision}/${filename}` : page;
}

function civitai(
  host: string | null,
  model: string | null,
  version: string | null
): string | null {
  const site = origin(host, 'civitai.com');
  if (model) {
    return `${site}/models/${model}${version ? `?modelVersionId=${version}` : ''}`;
  }
  // The hub leads from a version alone to the page of its model.
  return version ? `${site}/model-versions/${version}` : null;
}

function origin(host: string | null, official: string): string {
  const local = host !== null && /^(localhost|127\.|\[::1\])/.test(host);
  return `${local ? 'http' : 'https'}://${host ?? official}`;
}
