import type { Template } from './wire';

/** The categories, in the order of the index. */
export function categoriesOf(templates: readonly Template[]): string[] {
  return [...new Set(templates.map(template => template.category))].filter(
    category => category !== ''
  );
}

/** The templates that have every word in name, title, category or description. */
export function selectTemplates(
  templates: readonly Template[],
  text: string,
  category: string
): readonly Template[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0 && category === '') {
    return templates;
  }
  return templates.filter(template => {
    if (category !== '' && template.category !== category) {
      return false;
    }
    const { name, title, description } = template;
    const searched =
      `${name} ${title} ${template.category} ${description}`.toLowerCase();
    return words.every(word => searched.includes(word));
  });
}
