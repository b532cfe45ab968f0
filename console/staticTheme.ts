/**
 * Mantine's variables for our theme, as text.
 *
 * Mantine would write them into a style element while the page runs, which our content security policy forbids.
 */
import { DEFAULT_THEME, convertCssVariables, defaultCssVariablesResolver, mergeMantineTheme } from '@mantine/core';
import { theme } from './src/theme.ts';

export function themeCss(): string {
  const merged = mergeMantineTheme(DEFAULT_THEME, theme);
  const { variables, light, dark } = defaultCssVariablesResolver(merged);
  return convertCssVariables({
    variables,
    light: { ...light, '--mantine-color-scheme': 'light' },
    dark: { ...dark, '--mantine-color-scheme': 'dark' },
  });
}
