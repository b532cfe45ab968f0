/** Starts the console in the page. */
import 'virtual:mantine.css';
import '@mantine/notifications/styles.css';
import 'virtual:theme.css';
import '@fontsource-variable/inter/wght.css';
import './styles.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';

const root = document.getElementById('root');
if (root) createRoot(root).render(<StrictMode><App /></StrictMode>);
