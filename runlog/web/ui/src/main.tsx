import { render } from "preact";
import { App } from "./app";
import { startKeys } from "./state/keys";
import { startSession } from "./state/session";
import { startTheme } from "./state/theme";
import { startHistory } from "./state/url";

startTheme();
startSession(); // first of all takes the token out of the address
startHistory();
startKeys();

const root = document.getElementById("app");
if (root) render(<App />, root);
