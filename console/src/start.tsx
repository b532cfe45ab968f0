/** Shows the application, once the scripts and the data of its first page are there. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { newQueryClient } from './api/queryClient';
import { readFirstNeeds } from './firstData';
import { loadFirstPages } from './lazyPages';
import { placeAt } from './scripts';

/** Milliseconds after which data is waited for on the page, where its place says that it is missing. */
const PATIENCE = 400;

const client = newQueryClient();
const place = placeAt(location);

function show(): void {
  const root = document.getElementById('root');
  if (root) createRoot(root).render(<StrictMode><App client={client} /></StrictMode>);
}

const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
const data = Promise.race([readFirstNeeds(client, place), late]);
// A script that cannot be had is asked for again where it is shown, and says so there.
void Promise.allSettled([loadFirstPages(place), data]).then(show);
