/** Starts the page of the VMCS Inspector. */
import '../panel.css';
import './vmcs-inspector.css';
import { VmcsInspectorApp } from './vmcs-inspector-app';

customElements.define('vmcs-inspector-app', VmcsInspectorApp);
