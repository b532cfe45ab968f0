/** Shows the application, once the scripts of its first page are there. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { loadFirstPages } from './lazyPages';

function show(): void {
  const root = document.getElementById('root');
  if (root) createRoot(root).render(<StrictMode><App /></StrictMode>);
}

// One that cannot be had is asked for again where it is shown, and says so there.
loadFirstPages(location.pathname).then(show, show);
