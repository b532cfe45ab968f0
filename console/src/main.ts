/** Begins: small, so that data and scripts are on their way before the application is read. */
import 'virtual:mantine.css';
import '@mantine/notifications/styles.css';
import 'virtual:theme.css';
import '@fontsource-variable/inter/wght.css';
import './styles.css';
import { askForFirstNeeds, loadFirstScripts } from './firstNeeds';
import { placeAt } from './scripts';

const place = placeAt(location);
void import('./start');
loadFirstScripts(place);
askForFirstNeeds(place);
