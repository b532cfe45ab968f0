/**
 * The styles of the Mantine components that the console uses, in Mantine's own order, as one file.
 *
 * All of them would be three times as much. A build fails that has a component in it whose styles are not listed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Plugin } from 'vite';

const STYLES = createRequire(import.meta.url).resolve('@mantine/core/styles.css').replace(/\.css$/, '');

/** Their variables are those of our theme: staticTheme.ts. */
const USED = [
  'baseline', 'global', 'ScrollArea', 'UnstyledButton', 'VisuallyHidden', 'Paper', 'Overlay', 'Popover', 'Loader', 'ActionIcon',
  'CloseButton', 'Group', 'ModalBase', 'Input', 'FloatingIndicator', 'Text', 'Anchor', 'Combobox', 'InlineInput', 'CheckboxCard', 'CheckboxIndicator',
  'Checkbox', 'Burger', 'Button', 'Drawer', 'Menu', 'Modal', 'Pill', 'PillsInput', 'Notification', 'NumberInput', 'Progress', 'Tooltip',
  'SegmentedControl', 'Skeleton', 'Stack', 'Switch', 'Tabs',
];

const ID = 'virtual:mantine.css';

export function mantineStyles(): Plugin {
  return {
    name: 'mantine-styles',
    resolveId: (source) => (source === ID ? `\0${ID}` : null),
    load: (resolved) => (resolved === `\0${ID}` ? USED.map((name) => readFileSync(`${STYLES}/${name}.css`, 'utf8')).join('\n') : null),
    generateBundle(_, bundle) {
      const modules = Object.values(bundle).flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
      const built = new Set(modules.flatMap((id) => /@mantine\/core\/.*\/(\w+)\.module\.mjs/.exec(id)?.[1] ?? []));
      const unlisted = [...built].filter((name) => !USED.includes(name) && existsSync(`${STYLES}/${name}.css`));
      if (unlisted.length > 0) this.error(`mantineStyles.ts does not list the styles of ${unlisted.join(', ')}`);
    },
  };
}
