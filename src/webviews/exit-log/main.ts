/** Starts the page of the VM Exit Log. */
import '../panel.css';
import '../log-panel/log-panel.css';
import './exit-log.css';
import { ExitLogApp } from './exit-log-app';

customElements.define('exit-log-app', ExitLogApp);
