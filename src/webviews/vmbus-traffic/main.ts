/** Starts the page of VMBus Traffic. */
import '../panel.css';
import '../log-panel/log-panel.css';
import './vmbus-traffic.css';
import { VmbusTrafficApp } from './traffic-app';

customElements.define('vmbus-traffic-app', VmbusTrafficApp);
