import { lazy } from "../parts/lazy";
import { Empty } from "../parts/states";
import type { Route } from "../state/url";

const RunsPage = lazy(async () => (await import("../runs/RunsPage")).RunsPage);
const RunPage = lazy(async () => (await import("../run/RunPage")).RunPage);
const LogsPage = lazy(async () => (await import("../logs/LogsPage")).LogsPage);
const ErrorsPage = lazy(async () => (await import("../errors/ErrorsPage")).ErrorsPage);
const PluginsPage = lazy(async () => (await import("../plugins/PluginsPage")).PluginsPage);
const OpenApiPage = lazy(async () => (await import("../openapi/OpenApiPage")).OpenApiPage);

export function CurrentView({ route: { view, id = "" } }: { route: Route }) {
  switch (view) {
    case "runs":
      return <RunsPage />;
    case "run":
      return <RunPage key={id} id={id} />;
    case "logs":
      return <LogsPage />;
    case "errors":
      return <ErrorsPage />;
    case "error":
      return <ErrorsPage key={id} id={id} />;
    case "plugins":
      return <PluginsPage />;
    case "openapi":
      return <OpenApiPage />;
    case "missing":
      return <Empty title="There is no such page" />;
  }
}
