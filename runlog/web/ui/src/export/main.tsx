import { render } from "preact";
import { fetchAhead } from "../parts/lazy";
import { startKeys } from "../state/keys";
import { startTheme } from "../state/theme";
import { startHistory } from "../state/url";
import { ExportedPage } from "./ExportedPage";

startTheme();
startHistory();
startKeys();
fetchAhead();

const root = document.getElementById("app");
if (root) render(<ExportedPage />, root);
