/** Starts the page of the Event Log. */
import '../panel.css';
import '../log-panel/log-panel.css';
import './event-log.css';
import { EventLogApp } from './event-log-app';

customElements.define('event-log-app', EventLogApp);
