/** Colours and shapes: banknote green on paper, and what every component looks like unless it says otherwise. */
import {
  createTheme, type ActionIconProps, type ButtonProps, type DrawerProps, type MantineColorsTuple, type MenuProps, type ModalProps,
  type NotificationProps, type PopoverProps, type SelectProps, type TooltipProps,
} from '@mantine/core';

const banknote: MantineColorsTuple = [
  '#e9f7f2', '#d2ece3', '#a6d8c7', '#76c4a9', '#4bb28f', '#2a9d79', '#138568', '#0b6b57', '#095848', '#064538',
];

/** Neutral greys with a little green in them; `dark` is Mantine's name for the night scheme's surfaces. */
const dark: MantineColorsTuple = [
  '#d5dcd9', '#b4bdb9', '#94a09b', '#67736e', '#3d4743', '#303936', '#242c29', '#191f1d', '#131816', '#0d1110',
];

const gray: MantineColorsTuple = [
  '#f6f8f7', '#eef2f0', '#e2e8e5', '#d2dad6', '#b9c4bf', '#98a59f', '#66736d', '#4b5752', '#2f3935', '#1b2320',
];

/** A dialog's head is no landmark of the page. */
const NO_BANNER = { header: { role: 'presentation' } };

const defaults = <Props,>(defaultProps: Partial<Props>) => ({ defaultProps });

export const theme = createTheme({
  primaryColor: 'banknote',
  primaryShade: { light: 7, dark: 6 },
  autoContrast: true,
  luminanceThreshold: 0.36,
  colors: { banknote, dark, gray },
  black: '#1b2320',
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily: '"Inter Variable", system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  headings: { fontWeight: '650', sizes: { h1: { fontSize: '1.6rem' }, h2: { fontSize: '1.15rem' }, h3: { fontSize: '1rem' } } },
  // By name: a component that no page shows yet is not loaded for its defaults.
  components: {
    // Locking the page's scroll would add a style element: styles.css does it instead.
    Drawer: defaults<DrawerProps>({ lockScroll: false, closeButtonProps: { 'aria-label': 'Close' }, attributes: NO_BANNER }),
    Modal: defaults<ModalProps>({ lockScroll: false, centered: true, closeButtonProps: { 'aria-label': 'Close' }, attributes: NO_BANNER }),
    Notification: defaults<NotificationProps>({ closeButtonProps: { 'aria-label': 'Close the message' } }),
    Tooltip: defaults<TooltipProps>({ openDelay: 250, withArrow: true }),
    Menu: defaults<MenuProps>({ shadow: 'md', width: 220, position: 'bottom-end' }),
    Popover: defaults<PopoverProps>({ shadow: 'md' }),
    ActionIcon: defaults<ActionIconProps>({ variant: 'subtle', color: 'gray' }),
    Button: defaults<ButtonProps>({ size: 'sm' }),
    Select: defaults<SelectProps>({ allowDeselect: false, checkIconPosition: 'right' }),
  },
});
